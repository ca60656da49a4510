//! How the node stands.

use crate::context::Context;
use crate::exit::Outcome;
use crate::node::read;
use crate::output::{Cell, Style, faint};
use chartmesh_protocol::federation::view::ExpelledView;
use chartmesh_protocol::peer::StatusView;
use chartmesh_protocol::time::{MINUTE_MS, SECOND_MS, Timestamp};
use serde_json::Value;

/// Say how the node stands, and where it can be reached
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  chartmesh status --json")]
pub(crate) struct Args {}

impl Args {
    pub(crate) async fn run(self, context: &Context) -> Outcome {
        let node = context.node()?;
        let answer = node.client.get("/v1/status").await?;
        let status: StatusView = read(answer.clone())?;
        let machine: Machine = read(answer.clone())?;
        node.out.answer(&answer, |out| {
            let federation = match (&status.federation, status.member) {
                _ if status.expelled.is_some() => {
                    let expelled = status.expelled.as_ref().map(ExpelledView::sentence);
                    Cell::new(expelled.unwrap_or_default(), Style::Bad)
                }
                (Some(name), true) => Cell::new(format!("{name}, a member"), Style::Good),
                (Some(name), false) => Cell::new(format!("{name}, not a member"), Style::Waiting),
                (None, _) => faint("none"),
            };
            let mut facts = vec![
                ("name", Cell::new(&status.name, Style::Strong)),
                ("role", status.role.name().into()),
                ("institution", status.institution.to_string().into()),
                ("node", status.node.to_string().into()),
                ("federation", federation),
                ("messages waiting", status.waiting.to_string().into()),
                ("transfers", status.transfers.to_string().into()),
            ];
            facts.extend(machine.ahead(status.time));
            for clock in &status.clock_lowered {
                let text = format!("to {}, from {}", clock.to.utc_text(), clock.from.utc_text());
                facts.push(("clock set back", text.into()));
            }
            facts.extend(machine.facts());
            out.facts(&facts);
            if machine.ahead_ms >= AHEAD_MS {
                out.next(
                    "set this machine's clock right; if it is right, and was wrong before, restart with `chartmesh run --accept-clock`: until then permissions end early here",
                );
            }
        });
        Ok(())
    }
}

/// Clocks that are slewed differ a little for a while; that is not worth a word.
const AHEAD_MS: u64 = 10 * SECOND_MS;

/// What the running program says beside the protocol's view.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
struct Machine {
    version: String,
    ahead_ms: u64,
    doors: Doors,
    connected: Vec<Value>,
    data_dir: String,
}

/// Where it can be reached.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
struct Doors {
    network: Vec<String>,
    announced: Vec<String>,
    api: String,
}

impl Machine {
    /// The time that counts, when it is not the machine's.
    fn ahead(&self, now: Timestamp) -> Option<(&'static str, Cell)> {
        let minutes = self.ahead_ms / MINUTE_MS;
        let text = format!(
            "{}, {minutes} minutes ahead of this machine's clock, which was set back",
            now.utc_text()
        );
        (self.ahead_ms >= AHEAD_MS).then(|| ("time", Cell::new(text, Style::Bad)))
    }

    fn facts(&self) -> Vec<(&'static str, Cell)> {
        let mut facts = vec![("connected nodes", self.connected.len().to_string().into())];
        facts.extend(self.doors.network.iter().map(|door| ("listens on", door.as_str().into())));
        let others = self.doors.announced.iter().filter(|door| !self.doors.network.contains(door));
        facts.extend(others.map(|door| ("known as", door.as_str().into())));
        facts.push(("local API", self.doors.api.as_str().into()));
        facts.push(("data", self.data_dir.as_str().into()));
        facts.push(("version", self.version.as_str().into()));
        facts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_door_is_shown_once() {
        let machine: Machine = serde_json::from_value(json!({
            "version": "1", "uptime_ms": 5, "data_dir": "/d", "connected": [{}],
            "doors": {"network": ["/ip4/1.2.3.4/tcp/1"], "api": "/d/api.sock",
                "announced": ["/ip4/1.2.3.4/tcp/1", "/dns4/alder/tcp/1"]},
        }))
        .unwrap();
        let facts = machine.facts();
        let names: Vec<&str> = facts.iter().map(|(name, _)| *name).collect();
        assert_eq!(
            names,
            ["connected nodes", "listens on", "known as", "local API", "data", "version"]
        );
    }
}

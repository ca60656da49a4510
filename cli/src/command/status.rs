//! How the node stands.

use crate::Context;
use crate::exit::Outcome;
use crate::node::read;
use crate::output::{Cell, Style, faint};
use chartmesh_protocol::peer::StatusView;
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
        node.out.answer(&answer, |out| {
            let federation = match (&status.federation, status.member) {
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
            facts.extend(beside(&answer));
            out.facts(&facts);
        });
        Ok(())
    }
}

/// What the node says of itself beside the protocol's view: doors and the like, as far as it is
/// plain values.
fn beside(answer: &Value) -> Vec<(&str, Cell)> {
    const SHOWN: &[&str] =
        &["name", "role", "institution", "node", "federation", "member", "waiting", "transfers"];
    let mut found = Vec::new();
    for (name, value) in answer.as_object().into_iter().flatten() {
        if !SHOWN.contains(&name.as_str()) {
            flatten(name, value, &mut found);
        }
    }
    found
}

fn flatten<'a>(name: &'a str, value: &'a Value, found: &mut Vec<(&'a str, Cell)>) {
    match value {
        Value::Null => {}
        Value::String(text) => found.push((name, text.as_str().into())),
        Value::Array(items) => items.iter().for_each(|item| flatten(name, item, found)),
        Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| flatten(name, value, found));
        }
        other => found.push((name, other.to_string().into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn doors_are_shown_whatever_they_are_called() {
        let answer = json!({"name": "Alder", "addresses": ["/ip4/1.2.3.4/tcp/1", "/ip4/1.2.3.4/udp/1"],
            "doors": {"api": "/run/api.sock"}, "fhir": null});
        let names: Vec<&str> = beside(&answer).iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["addresses", "addresses", "api"]);
    }
}

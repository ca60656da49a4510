//! How the node stands.

use crate::context::Context;
use crate::exit::Outcome;
use crate::node::read;
use crate::output::{Cell, Style, bytes, counted, faint};
use chartmesh_node::api::{DiskView, DoorsView, NodeStatusView, SecretsView};
use chartmesh_protocol::federation::view::ExpelledView;
use chartmesh_protocol::identity::Role;
use chartmesh_protocol::limits;
use chartmesh_protocol::peer::{OwnKeyView, PutBackClaimView, PutBackView, StatusView};
use chartmesh_protocol::time::{MINUTE_MS, SECOND_MS};

/// Say how the node stands, and where it can be reached
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  chartmesh status --json")]
pub(crate) struct Args {}

impl Args {
    pub(crate) async fn run(self, context: &Context) -> Outcome {
        let node = context.node()?;
        let answer = node.client.get("/v1/status").await?;
        let machine: NodeStatusView = read(answer.clone())?;
        node.out.answer(&answer, |out| {
            let status = &machine.status;
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
                ("key", key(&status.key)),
                ("node", status.node.to_string().into()),
                ("federation", federation),
                ("messages waiting", status.waiting.to_string().into()),
                ("transfers", status.transfers.to_string().into()),
            ];
            facts.extend(unkept(status.unkept));
            facts.extend(undone(status));
            facts.extend(ahead(&machine));
            for clock in &status.clock_lowered {
                let text = format!("to {}, from {}", clock.to.utc_text(), clock.from.utc_text());
                facts.push(("clock set back", text.into()));
            }
            if let Some(back) = &status.put_back {
                facts.push(("put back", Cell::new(put_back(back), Style::Bad)));
            }
            let claims = status.put_back_claims.iter();
            facts.extend(claims.map(|claim| ("put back?", Cell::new(claimed(claim), Style::Waiting))));
            facts.push(("connected nodes", machine.connected.len().to_string().into()));
            facts.extend(doors(&machine.doors));
            facts.extend(secrets(&machine.secrets));
            facts.extend(machine.disk.as_ref().map(disk));
            facts.push(("data", machine.data_dir.to_string_lossy().into_owned().into()));
            facts.push(("version", machine.version.as_str().into()));
            out.facts(&facts);
            if status.unkept > 0 {
                out.next("`chartmesh backup list --unkept` says which entries, and why");
            }
            if let Some(back) = &status.put_back {
                let since = back.since.utc_text();
                out.next(match status.role {
                    Role::Patient => format!("what was permitted or revoked here since {since} may be forgotten: look at `chartmesh consent grants`, and at `chartmesh patient treated-by`; once its patients' hospitals have been connected (`chartmesh peers`), which bring back what was revoked and announce what they recorded, rotate the patients' keys with `chartmesh patient rotate`"),
                    Role::Hospital => format!("entries recorded here since {since} that are missing come back with `chartmesh backup restore HOLDER`; keys and permissions come by themselves, permissions once their patients' keys are unlocked"),
                    Role::Backup => format!("what was deposited here since {since} may be gone: depositors hear of it (`chartmesh backup list --unkept` there), and have it kept again with `chartmesh backup keep`"),
                });
            }
            if machine.ahead_ms >= AHEAD_MS {
                out.next(
                    "set this machine's clock right; if it is right, and was wrong before, restart with `chartmesh run --accept-clock`: until then permissions end early here",
                );
            }
        });
        Ok(())
    }
}

/// That the store was put back, as whom says.
fn put_back(back: &PutBackView) -> String {
    let noticed = back.noticed.utc_text();
    let theirs =
        |by: &[String]| format!("{} had more from this node than its store knows", by.join(", "));
    let counted = "this store is older than the count of starts beside it";
    match (back.counted, &back.by[..]) {
        (_, []) => format!("{counted}; noticed {noticed}"),
        (true, by) => format!("{counted}, and {}; noticed {noticed}", theirs(by)),
        (false, by) => format!("{}; noticed {noticed}", theirs(by)),
    }
}

/// That one party says so.
fn claimed(claim: &PutBackClaimView) -> String {
    format!(
        "{} alone says, by its numbers, that this store was put back from an older copy; said {}. It was asked to tell again what it has; nothing else follows unless another says so, too",
        claim.name,
        claim.at.utc_text()
    )
}

/// What is not finished of what was begun here.
fn undone(status: &StatusView) -> Vec<(&'static str, Cell)> {
    let more = |count: usize| if count >= limits::LISTED_MAX { " or more" } else { "" };
    let entries = |count: usize| format!("{}{}", counted(count, "entry", "entries"), more(count));
    let mut facts = Vec::new();
    if status.to_seal_anew > 0 {
        let text = format!(
            "{} of undone enrolments: `chartmesh patient undo CHART` goes on with it",
            entries(status.to_seal_anew)
        );
        facts.push(("to be sealed anew", Cell::new(text, Style::Waiting)));
    }
    if status.unannounced > 0 {
        let text =
            format!("{}: a patient's relay has no room for them", entries(status.unannounced));
        facts.push(("not announced", Cell::new(text, Style::Waiting)));
    }
    if status.untaken > 0 {
        let text = format!(
            "{}, which a patient's relay did not take: the node's log says why",
            entries(status.untaken)
        );
        facts.push(("not taken", Cell::new(text, Style::Bad)));
    }
    facts
}

/// The institution's signing key.
fn key(key: &OwnKeyView) -> Cell {
    let number = format!("number {}", key.number);
    let since = key.since.map(|at| format!(", since {}", at.utc_text())).unwrap_or_default();
    match key.in_view {
        Some(known) if known > key.number => {
            Cell::new(format!("{number}{since}; {}", newer(known)), Style::Bad)
        }
        Some(known) if known != key.number => Cell::new(
            format!(
                "{number}{since}; the members are about to take it up, and know number {known}"
            ),
            Style::Waiting,
        ),
        _ => format!("{number}{since}").into(),
    }
}

/// That the members know a key which this node has not.
pub(super) fn newer(known: u32) -> String {
    format!(
        "the members know number {known}: it was rotated at another node, or here before this one's data were put back from a copy. Take that key over (`chartmesh key rotate --keys FILE`); nobody hears this node with the older one"
    )
}

/// Clocks that are slewed differ a little for a while; that is not worth a word.
const AHEAD_MS: u64 = 10 * SECOND_MS;

/// The time that counts, when it is not the machine's.
fn ahead(machine: &NodeStatusView) -> Option<(&'static str, Cell)> {
    let minutes = machine.ahead_ms / MINUTE_MS;
    let text = format!(
        "{}, {minutes} minutes ahead of this machine's clock, which was set back",
        machine.status.time.utc_text()
    );
    (machine.ahead_ms >= AHEAD_MS).then(|| ("time", Cell::new(text, Style::Bad)))
}

/// Entries that a backup provider did not keep.
fn unkept(count: usize) -> Option<(&'static str, Cell)> {
    let more = if count >= limits::LISTED_MAX { " or more" } else { "" };
    let text = format!("{}{more}", counted(count, "entry", "entries"));
    (count > 0).then(|| ("not kept elsewhere", Cell::new(text, Style::Bad)))
}

/// The room on the disk of the data.
fn disk(disk: &DiskView) -> (&'static str, Cell) {
    let text = format!("{} free of {}", bytes(disk.free), bytes(disk.of));
    let mark = bytes(disk.mark);
    let cell = match disk.low {
        true => Cell::new(
            format!(
                "{text}: ALMOST FULL, nothing more is taken in before there is a quarter more than {mark}; what is here can be read and deleted"
            ),
            Style::Bad,
        ),
        false => format!("{text}; nothing more is taken in below {mark}").into(),
    };
    ("disk", cell)
}

/// Where it can be reached.
fn doors(doors: &DoorsView) -> Vec<(&'static str, Cell)> {
    let mut facts: Vec<(&str, Cell)> =
        doors.network.iter().map(|door| ("listens on", door.as_str().into())).collect();
    let others = doors.announced.iter().filter(|door| !doors.network.contains(door));
    facts.extend(others.map(|door| ("known as", door.as_str().into())));
    facts.push(("local API", doors.api.to_string_lossy().into_owned().into()));
    facts
}

/// What guards the keys, and what does not.
pub(super) fn secrets(secrets: &SecretsView) -> [(&'static str, Cell); 2] {
    let key = secrets.key_file.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
    let keys = match secrets.unlock.as_str() {
        "key-file" if secrets.unprotected => Cell::new(
            format!(
                "NO PASSPHRASE: whoever gets this disk or a backup of it opens them with {key}"
            ),
            Style::Waiting,
        ),
        "key-file" => format!("sealed under the key file {key}, on another disk").into(),
        unlock => format!("sealed under a {unlock}").into(),
    };
    let memory = match secrets.memory_locked {
        true => "locked".into(),
        false => Cell::new("may be written to swap, keys and all", Style::Waiting),
    };
    [("keys", keys), ("memory", memory)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_door_is_shown_once() {
        let view: DoorsView = serde_json::from_value(json!({
            "network": ["/ip4/1.2.3.4/tcp/1"], "api": "/d/api.sock",
            "announced": ["/ip4/1.2.3.4/tcp/1", "/dns4/alder/tcp/1"],
        }))
        .unwrap();
        let names: Vec<&str> = doors(&view).iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["listens on", "known as", "local API"]);
    }
}

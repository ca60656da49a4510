//! Entries as a table.

use chartmesh_node::api::NodeStatusView;
use chartmesh_protocol::id::PartyId;
use chartmesh_protocol::identity::{Fingerprint, Role};
use chartmesh_protocol::peer::ask;
use chartmesh_protocol::record::EntryStanding;
use chartmesh_protocol::record::view::EntryView;
use serde_json::json;
use std::collections::BTreeMap;

use crate::exit::Outcome;
use crate::node::{Node, id, short};
use crate::output::{self, Cell, Output, Style, counted, day, faint, row, size};

pub(super) async fn list(node: &Node, subject: &str, find: Option<String>) -> Outcome {
    let subject = node.subject(subject).await?;
    let entries = node.entries_with(&subject, find).await?;
    let gone = match node.out.json {
        true => Vec::new(),
        false => node.all(ask::Misfiled::of(id(&subject)?)).await?,
    };
    node.out.answer(&json!(entries), |out| {
        show_list(out, &entries);
        if !gone.is_empty() {
            out.note(format!(
                "{} left this record, filed under the wrong patient by their authors: chartmesh record list {} --misfiled",
                counted(gone.len(), "entry", "entries"),
                short(&subject)
            ));
        }
    });
    if entries.iter().any(|entry| entry.title.is_none()) && !node.out.json {
        node.out.note(why_sealed(&node.machine().await?, &subject));
    }
    Ok(())
}

/// What left a record, since its authors had filed it under the wrong patient.
pub(super) async fn misfiled(node: &Node, subject: &str) -> Outcome {
    let subject = node.subject(subject).await?;
    let gone = node.all(ask::Misfiled::of(id(&subject)?)).await?;
    node.out.answer(&json!(gone), |out| {
        let rows: Vec<_> = gone
            .iter()
            .map(|one| {
                row![
                    output::id(one.entry),
                    day(one.recorded),
                    one.author_name.as_str(),
                    one.at.utc_text(),
                ]
            })
            .collect();
        let heads = ["ENTRY", "RECORDED (UTC)", "AUTHOR", "TAKEN BACK (UTC)"];
        out.table(&heads, &rows, "nothing left this record");
    });
    Ok(())
}

/// Why some titles are not shown.
fn why_sealed(machine: &NodeStatusView, subject: &str) -> &'static str {
    let unlocked = machine.unlocked.iter().any(|patient| patient.to_string() == subject);
    match machine.status.role {
        Role::Patient if unlocked => {
            "some titles do not open with the patient's keys, which are unlocked: `chartmesh record verify` says which entries were sealed wrongly"
        }
        Role::Patient => "some titles are sealed here; `chartmesh patient unlock` shows them",
        Role::Hospital | Role::Backup => "some titles are sealed to keys that are not here",
    }
}

/// Whether an entry stands apart from its patient's record.
pub(super) fn is_apart(entry: &EntryView) -> bool {
    entry.standing == Some(EntryStanding::Unlisted)
}

/// Entries as a table; those that do not belong to the record apart, with the fingerprints of who made them.
pub(super) fn show_list(out: &Output, entries: &[EntryView]) {
    let (apart, record): (Vec<_>, Vec<_>) = entries.iter().partition(|entry| is_apart(entry));
    let rows: Vec<_> = record.iter().map(|entry| row_of(entry)).collect();
    let heads =
        ["ENTRY", "DATE (UTC)", "KIND", "AUTHOR", "SIZE", "HERE", "LISTED", "ADDS TO", "TITLE"];
    out.table(&heads, &rows, "no entries");
    let unconfirmed = |entry: &&&EntryView| entry.standing == Some(EntryStanding::Unconfirmed);
    let waiting = record.iter().filter(unconfirmed).count();
    if waiting > 0 {
        out.note(format!(
            "{} not yet confirmed by the patient's relay",
            match waiting {
                1 => "1 entry is".to_owned(),
                many => format!("{many} entries are"),
            }
        ));
    }
    if !apart.is_empty() {
        show_apart(out, &apart);
    }
}

fn row_of(entry: &EntryView) -> Vec<Cell> {
    let author = match entry.author_role {
        Some(Role::Backup) => format!("{} (backup provider)", entry.author_name),
        _ => entry.author_name.clone(),
    };
    row![
        output::id(entry.entry),
        day(entry.effective.unwrap_or(entry.recorded)),
        entry.kind.map_or("", |kind| kind.name()),
        author,
        size(entry.sealed_bytes),
        if entry.whole { Cell::new("yes", Style::Good) } else { faint("no") },
        match entry.standing {
            Some(EntryStanding::Listed) => Cell::new("yes", Style::Good),
            Some(EntryStanding::Unconfirmed) => Cell::new("not yet", Style::Waiting),
            Some(EntryStanding::Unlisted) => Cell::new("no", Style::Bad),
            None => faint(""),
        },
        entry.adds_to.map_or_else(|| faint(""), output::id),
        entry.title.as_deref().map_or_else(|| faint("(sealed)"), Cell::from),
    ]
}

/// What anybody may have made up: by whom is told by fingerprint, since names prove nothing.
fn show_apart(out: &Output, apart: &[&EntryView]) {
    out.line("");
    out.styled(
        format!(
            "apart from the record: {} whose authors do not treat the patient, by the patient's word",
            counted(apart.len(), "entry", "entries")
        ),
        Style::Bad,
    );
    let mut words: BTreeMap<PartyId, String> = BTreeMap::new();
    let rows: Vec<_> = apart
        .iter()
        .map(|entry| {
            let author = entry.author;
            let words =
                words.entry(author).or_insert_with(|| Fingerprint::of(author).words().to_string());
            row![
                output::id(entry.entry),
                day(entry.recorded),
                entry.author_name.as_str(),
                words.as_str(),
                entry.title.as_deref().map_or_else(|| faint("(sealed)"), Cell::from),
            ]
        })
        .collect();
    let heads = ["ENTRY", "SAYS IT IS OF (UTC)", "CALLS ITSELF", "FINGERPRINT", "TITLE"];
    out.table(&heads, &rows, "");
    out.note("conclude nothing from these, nor from what they leave out; they are in no export");
}

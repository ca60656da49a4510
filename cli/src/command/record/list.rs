//! Entries as a table.

use chartmesh_protocol::record::view::EntryView;
use serde_json::json;

use crate::exit::Outcome;
use crate::node::Node;
use crate::output::{self, Cell, Output, Style, day, faint, row, size};

pub(super) async fn list(node: &Node, subject: &str, find: Option<String>) -> Outcome {
    let subject = node.subject(subject).await?;
    let entries = node.entries_with(&subject, find).await?;
    node.out.answer(&json!(entries), |out| {
        show_list(out, &entries);
        if entries.iter().any(|entry| entry.title.is_none()) {
            out.note(
                "some titles are sealed here; at a relay, `chartmesh patient unlock` shows them",
            );
        }
    });
    Ok(())
}

/// Entries as a table.
pub(super) fn show_list(out: &Output, entries: &[EntryView]) {
    let rows: Vec<_> = entries.iter().map(row_of).collect();
    let heads = ["ENTRY", "DATE (UTC)", "KIND", "AUTHOR", "SIZE", "HERE", "ADDS TO", "TITLE"];
    out.table(&heads, &rows, "no entries");
}

fn row_of(entry: &EntryView) -> Vec<Cell> {
    row![
        output::id(entry.entry),
        day(entry.effective.unwrap_or(entry.recorded)),
        entry.kind.map_or("", |kind| kind.name()),
        entry.author_name.as_str(),
        size(entry.sealed_bytes),
        if entry.whole { Cell::new("yes", Style::Good) } else { faint("no") },
        entry.adds_to.map_or_else(|| faint(""), output::id),
        entry.title.as_deref().map_or_else(|| faint("(sealed)"), Cell::from),
    ]
}

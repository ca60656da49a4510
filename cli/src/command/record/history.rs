//! An original and all that was added to it.

use std::collections::{BTreeMap, BTreeSet};

use chartmesh_protocol::id::EntryId;
use chartmesh_protocol::record::view::EntryView;
use serde_json::json;

use super::list::{is_apart, show_list};
use crate::exit::Outcome;
use crate::node::{Node, id};

pub(super) async fn run(node: &Node, subject: &str, entry: &str) -> Outcome {
    let subject = node.subject(subject).await?;
    let entry: EntryId = id(&node.entry(&subject, entry).await?)?;
    let mut entries = node.entries(&subject).await?;
    // What stands apart adds to nothing.
    entries.retain(|view| view.entry == entry || !is_apart(view));
    let history = history(entry, &entries);
    node.out.answer(&json!(history), |out| {
        show_list(out, &history);
        let missing = history.first().and_then(|original| original.adds_to);
        if let Some(missing) = missing {
            out.note(format!("the original {} is not here", missing.short()));
        }
    });
    Ok(())
}

/// The original first, then its additions in the order in which they were recorded.
fn history(entry: EntryId, entries: &[EntryView]) -> Vec<EntryView> {
    let by_id: BTreeMap<EntryId, &EntryView> =
        entries.iter().map(|view| (view.entry, view)).collect();
    let original = original(entry, &by_id);
    let mut inside = BTreeSet::from([original]);
    // An addition may be listed before what it adds to.
    loop {
        let before = inside.len();
        let more =
            entries.iter().filter(|view| view.adds_to.is_some_and(|to| inside.contains(&to)));
        let more: Vec<EntryId> = more.map(|view| view.entry).collect();
        inside.extend(more);
        if inside.len() == before {
            break;
        }
    }
    let mut found: Vec<EntryView> =
        inside.iter().filter_map(|id| by_id.get(id)).map(|view| (*view).clone()).collect();
    found.sort_by_key(|view| (view.entry != original, view.recorded, view.entry));
    found
}

/// As far up as the entries here tell. Entries that add to each other in a circle, which only a
/// faulty author makes, end the search.
fn original(entry: EntryId, by_id: &BTreeMap<EntryId, &EntryView>) -> EntryId {
    let mut seen = BTreeSet::new();
    let mut at = entry;
    while seen.insert(at) {
        match by_id.get(&at).and_then(|view| view.adds_to) {
            Some(above) if by_id.contains_key(&above) => at = above,
            _ => break,
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(n: u8, adds_to: Option<u8>, recorded: u64) -> EntryView {
        let id = |n: u8| format!("{n:02x}").repeat(16);
        serde_json::from_value(json!({
            "entry": id(n), "subject": "00".repeat(32), "kind": null, "title": null,
            "effective": null, "recorded": recorded, "author": "11".repeat(32), "author_name": "A",
            "user": null, "adds_to": adds_to.map(id), "contents": 1, "sealed_bytes": 1,
            "whole": true, "from": null, "holders": [], "label": "22".repeat(32),
        }))
        .unwrap()
    }

    fn numbers(of: u8, entries: &[EntryView]) -> Vec<u8> {
        history(EntryId([of; 16]), entries).iter().map(|view| view.entry.0[0]).collect()
    }

    #[test]
    fn additions_follow_their_original_in_order() {
        // 3 adds to 2, which adds to 1; 4 adds to 1 later; 9 stands alone.
        let entries = [
            entry(3, Some(2), 30),
            entry(9, None, 5),
            entry(4, Some(1), 40),
            entry(2, Some(1), 20),
            entry(1, None, 10),
        ];
        for from in 1..=4 {
            assert_eq!(numbers(from, &entries), [1, 2, 3, 4], "from {from}");
        }
        assert_eq!(numbers(9, &entries), [9]);
    }

    #[test]
    fn a_missing_original_and_a_circle_come_to_an_end() {
        assert_eq!(numbers(2, &[entry(2, Some(1), 20), entry(3, Some(2), 30)]), [2, 3]);
        let circle = [entry(1, Some(2), 10), entry(2, Some(1), 20)];
        assert_eq!(numbers(1, &circle).len(), 2);
    }
}

//! Sorts the resources of a Bundle into entries.

use std::collections::HashMap;

use chartmesh_protocol::record::Kind;

use super::reference::Target;
use crate::content::limits::GROUP_ITEMS_MAX;
use crate::content::{Draft, Group, joined_title};

/// What resources of one kind have in common to become one entry.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) enum Together {
    /// The same encounter.
    Encounter(Target),
    /// The same calendar day at their source.
    Day(String),
    /// Nothing but the kind: they carry no date.
    Undated,
}

/// Groups drafts by kind and by what brings them together, in the order of their first item.
pub(super) fn group(drafts: impl IntoIterator<Item = (Together, Draft)>) -> Vec<Group> {
    let mut order: Vec<Vec<Draft>> = Vec::new();
    let mut open: HashMap<(Kind, Together), usize> = HashMap::new();
    for (together, draft) in drafts {
        let key = (draft.kind, together);
        match open.get(&key).and_then(|index| order.get_mut(*index)) {
            Some(items) if items.len() < GROUP_ITEMS_MAX => items.push(draft),
            _ => {
                open.insert(key, order.len());
                order.push(vec![draft]);
            }
        }
    }
    order.into_iter().filter_map(summed_up).collect()
}

fn summed_up(items: Vec<Draft>) -> Option<Group> {
    Some(Group {
        kind: items.first()?.kind,
        effective: items.iter().filter_map(|draft| draft.effective).min(),
        title: joined_title(items.iter().map(|draft| draft.title.as_str())),
        items,
    })
}

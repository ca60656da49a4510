//! What was heard of one round: a slot for each member, whatever it sends.

use super::wire::{Endorsement, Speech};
use crate::id::ViewId;
use crate::limits;
use crate::statement::Signed;
use std::collections::BTreeMap;

/// Signatures for successors, by place.
///
/// A member has one word in a round. Of one that gives several, two are kept: others may count the one that was not
/// heard first here, and two are the proof that it lies.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Slots {
    by_place: BTreeMap<u16, Vec<(ViewId, [u8; 64])>>,
}

impl Slots {
    /// Whether a word would be taken.
    pub(super) fn has_room(&self, place: u16, successor: ViewId) -> bool {
        self.by_place.get(&place).is_none_or(|words| {
            words.len() < limits::WORDS_OF_ROUND_MAX
                && words.iter().all(|(known, _)| *known != successor)
        })
    }

    pub(super) fn put(&mut self, place: u16, successor: ViewId, signature: [u8; 64]) {
        if self.has_room(place, successor) {
            self.by_place.entry(place).or_default().push((successor, signature));
        }
    }

    /// Who gave its word for a successor.
    pub fn of(&self, successor: ViewId) -> impl Iterator<Item = Endorsement> {
        self.by_place.iter().flat_map(move |(place, words)| {
            let place = *place;
            let words = words.iter().filter(move |(known, _)| *known == successor);
            words.map(move |(_, signature)| Endorsement { place, signature: *signature })
        })
    }

    /// The successor that a quorum is for, with as many signatures as it takes.
    pub(super) fn quorum(&self, quorum: usize) -> Option<(ViewId, Vec<Endorsement>)> {
        let mut counts: BTreeMap<ViewId, usize> = BTreeMap::new();
        for (successor, _) in self.by_place.values().flatten() {
            *counts.entry(*successor).or_default() += 1;
        }
        let (successor, _) = counts.into_iter().find(|(_, count)| *count >= quorum)?;
        Some((successor, self.of(successor).take(quorum).collect()))
    }

    /// Members that gave two words where they have one.
    pub fn liars(&self) -> impl Iterator<Item = u16> {
        self.by_place.iter().filter(|(_, words)| words.len() > 1).map(|(place, _)| *place)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (ViewId, Endorsement)> {
        self.by_place.iter().flat_map(|(place, words)| {
            let place = *place;
            words.iter().map(move |(successor, signature)| {
                (*successor, Endorsement { place, signature: *signature })
            })
        })
    }
}

/// What was heard of a round.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Round {
    /// The speaker's speech; two of one that lies.
    pub speeches: Vec<Signed<Speech>>,
    /// Who prepared what.
    pub prepares: Slots,
    /// Who committed to what.
    pub commits: Slots,
    /// Who gave it up.
    pub nexts: BTreeMap<u16, [u8; 64]>,
}

impl Round {
    pub(super) fn left(&self, quorum: usize) -> Option<Vec<Endorsement>> {
        (self.nexts.len() >= quorum).then(|| {
            let nexts = self.nexts.iter().take(quorum);
            nexts
                .map(|(place, signature)| Endorsement { place: *place, signature: *signature })
                .collect()
        })
    }
}

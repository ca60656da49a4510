//! What faults and dishonest parties remember of a run.

use crate::result::{Fired, Mark};
use crate::scenario::Hostility;
use crate::tier::Chance;
use chartmesh_protocol::capability::Chain;
use chartmesh_protocol::consent::Message as Consent;
use chartmesh_protocol::id::StatementId;
use chartmesh_protocol::peer::Body;
use std::collections::{BTreeMap, VecDeque};

/// Faults by chance, and what has fired.
pub(super) struct Faults {
    pub(super) chance: Chance,
    pub(super) fired: BTreeMap<&'static str, u64>,
    pub(super) marks: BTreeMap<usize, Mark>,
}

impl Faults {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            chance: Chance::of(seed, "faults", "fire"),
            fired: BTreeMap::new(),
            marks: BTreeMap::new(),
        }
    }

    pub(super) fn fired(&self) -> Vec<Fired> {
        self.fired.iter().map(|(fault, times)| Fired { fault, times: *times }).collect()
    }

    pub(super) fn marks(&self, end_us: u64) -> Vec<Mark> {
        let open = |mark: &Mark| mark.until_us == u64::MAX;
        self.marks
            .values()
            .map(|mark| Mark {
                until_us: if open(mark) { end_us } else { mark.until_us },
                ..mark.clone()
            })
            .collect()
    }
}

/// Things that a dishonest party keeps to use again.
pub(super) const KEPT_MAX: usize = 64;

/// How something that a peer knows nothing of is said.
#[derive(Clone, Copy)]
pub(super) struct Lie {
    /// The fault that it counts as; none where it is only what a lie needs.
    pub(super) fault: Option<&'static str>,
    /// Whether honest parties may take it.
    pub(super) may_pass: bool,
}

impl Lie {
    pub(super) const fn of(fault: &'static str) -> Self {
        Self { fault: Some(fault), may_pass: false }
    }
}

/// Something to be said.
pub(super) enum Speech {
    /// What a message says, with a proof of possession for a permission.
    Body(Box<Body>, Option<StatementId>),
    /// A whole message, as it was.
    Bytes(Vec<u8>),
}

/// What dishonest parties remember.
pub(super) struct Hostile {
    pub(super) chance: Chance,
    /// What each said before, and to whom.
    pub(super) said: BTreeMap<u32, VecDeque<(u32, Vec<u8>)>>,
    /// What relays said to each.
    pub(super) heard: BTreeMap<u32, VecDeque<Body>>,
    /// Attempts so far, by party and what it does.
    pub(super) attempts: BTreeMap<(u32, Hostility), u64>,
    /// What is said once a greeting was answered: by whom, to whom.
    pub(super) pending: BTreeMap<(u32, u32), Vec<(Lie, Speech)>>,
}

impl Hostile {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            chance: Chance::of(seed, "hostile", "choice"),
            said: BTreeMap::new(),
            heard: BTreeMap::new(),
            attempts: BTreeMap::new(),
            pending: BTreeMap::new(),
        }
    }

    /// The permissions that a party received.
    pub(super) fn chains(&self, at: u32) -> Vec<Chain> {
        let heard = self.heard.get(&at).into_iter().flatten();
        heard
            .filter_map(|body| match body {
                Body::Consent(Consent::Permission(given)) => Some(&given.grants),
                _ => None,
            })
            .flat_map(|grants| grants.iter().map(|grant| grant.chain.clone()))
            .collect()
    }
}

/// Keeps one more, and no more than the newest.
pub(super) fn keep<T>(kept: &mut VecDeque<T>, one: T) {
    if kept.len() == KEPT_MAX {
        kept.pop_front();
    }
    kept.push_back(one);
}

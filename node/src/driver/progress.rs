//! How far pulls have come, for people.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chartmesh_protocol::holdings::Transfer;
use chartmesh_protocol::id::{ObjectId, TransferId};

use super::limits::ENDED_KEPT;

/// How far a pull has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransferProgress {
    /// The object.
    pub object: ObjectId,
    /// Its length in bytes.
    pub length: u64,
    /// Bytes that are here and verified.
    pub have: u64,
    /// Bytes that were here already when this run of the node took the pull up.
    pub resumed_from: u64,
    /// Whether the pull has ended; ended ones are told of for a while, see [`ENDED_KEPT`].
    pub ended: bool,
}

/// The pulls of this run of which something was asked for.
#[derive(Debug, Default)]
pub(super) struct Progress(Mutex<Pulls>);

#[derive(Debug, Default)]
struct Pulls {
    under_way: BTreeMap<TransferId, TransferProgress>,
    ended: VecDeque<(TransferId, TransferProgress)>,
}

impl Progress {
    pub(super) fn all(&self) -> Vec<(TransferId, TransferProgress)> {
        let pulls = self.lock();
        let under_way = pulls.under_way.iter().map(|(id, now)| (*id, *now));
        under_way.chain(pulls.ended.iter().copied()).collect()
    }

    /// Notes where a transfer goes on; the first time, that is where it resumed.
    pub(super) fn begin(&self, id: TransferId, transfer: &Transfer, have: u64) {
        let mut pulls = self.lock();
        let begun = pulls.under_way.entry(id).or_insert(TransferProgress {
            object: transfer.object,
            length: transfer.length,
            have,
            resumed_from: have,
            ended: false,
        });
        begun.have = have;
    }

    pub(super) fn advance(&self, id: TransferId, have: u64) {
        if let Some(now) = self.lock().under_way.get_mut(&id) {
            now.have = have;
        }
    }

    /// Moves a pull to those that have ended.
    pub(super) fn end(&self, id: TransferId) {
        let mut pulls = self.lock();
        let Some(progress) = pulls.under_way.remove(&id) else { return };
        pulls.ended.push_back((id, TransferProgress { ended: true, ..progress }));
        if pulls.ended.len() > ENDED_KEPT {
            pulls.ended.pop_front();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Pulls> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

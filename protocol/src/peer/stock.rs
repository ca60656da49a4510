//! What ought to be here, for the node to compare with what is.

use super::Peer;
use crate::id::{EntryId, ObjectId, PartyId};
use crate::objects::{self, Stocked};
use crate::store::{ReadTxn, StoreError};

impl Peer {
    /// Up to `limit` objects that ought to be here, in order, after one; only those of a subject's
    /// entries if one is given. What is not, the node tells by [`super::Event::Stock`].
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn stock(
        &self,
        txn: &dyn ReadTxn,
        subject: Option<PartyId>,
        after: Option<ObjectId>,
        limit: usize,
    ) -> Result<Vec<Stocked>, StoreError> {
        objects::stock(txn, subject, after, limit)
    }

    /// For which owners' entries an object is held.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn held_by(
        &self,
        txn: &dyn ReadTxn,
        object: ObjectId,
    ) -> Result<Vec<(PartyId, EntryId)>, StoreError> {
        objects::holders(txn, object)
    }
}

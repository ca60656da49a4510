//! What ought to be here, for the node to compare with what is.

use super::itself::Peer;
use crate::entries;
use crate::holdings::{self, HeldObject};
use crate::id::{EntryId, ObjectId, PartyId};
use crate::store::{ReadTxn, StoreError};

impl Peer {
    /// Up to `limit` objects that ought to be here, in order, after one; only those of a subject's
    /// entries if one is given. What is not, the node tells by [`super::Event::Checked`].
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn held_objects(
        &self,
        txn: &dyn ReadTxn,
        subject: Option<PartyId>,
        after: Option<ObjectId>,
        limit: usize,
    ) -> Result<Vec<HeldObject>, StoreError> {
        let found = match subject {
            Some(subject) => entries::objects_of(txn, subject, after, limit)?,
            None => holdings::held_after(txn, after, limit)?,
        };
        let found = found.into_iter();
        found
            .map(|(object, length)| {
                Ok(HeldObject { object, length, lost: holdings::lost(txn, object)? })
            })
            .collect()
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
        holdings::holders(txn, object)
    }
}

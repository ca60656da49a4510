//! Objects that are on their way in and must not be removed meanwhile.
//!
//! A pull may find its object in the folder already, left by an owner whose hold just went. The
//! removal then waits until the pull's own row is committed, and asks again.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chartmesh_protocol::id::ObjectId;

/// Objects in use, how often, and whether one is to be looked at afterwards.
#[derive(Debug, Default)]
pub(super) struct InUse(Mutex<HashMap<ObjectId, (usize, bool)>>);

impl InUse {
    fn lock(&self) -> MutexGuard<'_, HashMap<ObjectId, (usize, bool)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it is on its way in.
    pub(super) fn is_used(&self, object: ObjectId) -> bool {
        self.lock().contains_key(&object)
    }

    /// It is used once more.
    pub(super) fn begin(&self, object: ObjectId) {
        self.lock().entry(object).or_default().0 += 1;
    }

    /// It is used once less; gives whether it is to be looked at now.
    pub(super) fn end(&self, object: ObjectId) -> bool {
        let mut uses = self.lock();
        let Some((count, again)) = uses.get_mut(&object) else { return false };
        *count -= 1;
        let look = *count == 0 && *again;
        if *count == 0 {
            uses.remove(&object);
        }
        look
    }

    /// True: nobody uses it now. Otherwise it will be looked at again.
    pub(super) fn may_go(&self, object: ObjectId) -> bool {
        match self.lock().get_mut(&object) {
            Some((_, again)) => {
                *again = true;
                false
            }
            None => true,
        }
    }
}

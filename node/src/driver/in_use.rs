//! Objects that are on their way in and must not be removed meanwhile.
//!
//! A pull may find its object in the folder already, left by an owner whose hold just went. The
//! removal then waits until the pull's own row is committed, and asks again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chartmesh_protocol::id::ObjectId;

use super::shared::{Shared, on_pool};

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

    /// True: nobody uses it now. Otherwise it will be looked at again.
    fn may_go(&self, object: ObjectId) -> bool {
        match self.lock().get_mut(&object) {
            Some((_, again)) => {
                *again = true;
                false
            }
            None => true,
        }
    }
}

/// Keeps an object from being removed while it lives.
pub(super) struct Using {
    shared: Arc<Shared>,
    object: ObjectId,
}

impl Using {
    pub(super) fn new(shared: &Arc<Shared>, object: ObjectId) -> Self {
        shared.in_use.lock().entry(object).or_default().0 += 1;
        Self { shared: Arc::clone(shared), object }
    }

    /// Nothing may hold the object in the end: look afterwards.
    pub(super) fn in_doubt(&self) {
        let _used = self.shared.in_use.may_go(self.object);
    }
}

impl Drop for Using {
    fn drop(&mut self) {
        let mut uses = self.shared.in_use.lock();
        let Some((count, again)) = uses.get_mut(&self.object) else {
            return;
        };
        *count -= 1;
        if *count > 0 {
            return;
        }
        let again = *again;
        uses.remove(&self.object);
        drop(uses);
        if again {
            remove_unless_held(&self.shared, self.object);
        }
    }
}

/// Removes an object's bytes, unless something holds or uses it after all.
pub(super) fn remove_unless_held(shared: &Arc<Shared>, object: ObjectId) {
    if !shared.in_use.may_go(object) {
        return;
    }
    let task = Arc::clone(shared);
    shared.spawn(async move {
        let removed = on_pool(move || {
            let held = task.read(|peer, txn, _| peer.is_held(txn, object));
            match held {
                Ok(false) => task.objects.remove(object).map(drop).map_err(|e| e.to_string()),
                Ok(true) => Ok(()),
                Err(error) => Err(error.to_string()),
            }
        });
        if let Some(Err(error)) = removed.await {
            tracing::error!(%error, "an object could not be removed; the next start tries again");
        }
    });
}

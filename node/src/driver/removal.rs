//! Removing the bytes of objects that nothing holds.

use std::sync::Arc;

use chartmesh_protocol::id::ObjectId;

use super::running::{Running, on_pool};

/// Keeps an object from being removed while it lives.
pub(super) struct Using {
    running: Arc<Running>,
    object: ObjectId,
}

impl Using {
    pub(super) fn new(running: &Arc<Running>, object: ObjectId) -> Self {
        running.in_use.begin(object);
        Self { running: Arc::clone(running), object }
    }

    /// Nothing may hold the object in the end: look afterwards.
    pub(super) fn in_doubt(&self) {
        let _used = self.running.in_use.may_go(self.object);
    }
}

impl Drop for Using {
    fn drop(&mut self) {
        if self.running.in_use.end(self.object) {
            remove_unless_held(&self.running, self.object);
        }
    }
}

/// Removes an object's bytes, unless something holds or uses it after all.
pub(super) fn remove_unless_held(running: &Arc<Running>, object: ObjectId) {
    if !running.in_use.may_go(object) {
        return;
    }
    let task = Arc::clone(running);
    running.spawn(async move {
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

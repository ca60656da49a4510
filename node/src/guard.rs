//! How a process guards the secrets in it, as far as the system allows: no core dumps, nobody of the same user who
//! looks into its memory, and no part of that on the disk's swap space.
//!
//! What this does not do: hold off the machine's administrator, who may do all of this to any process; or a copy of a
//! whole virtual machine's memory, or of a laptop that hibernates.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::mm::{MlockAllFlags, mlockall};
use rustix::process::{
    DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit,
};
use rustix::thread::{CapabilitySet, capabilities};

/// Whether [`lock_memory`] did it.
static LOCKED: AtomicBool = AtomicBool::new(false);

/// From here on no core is dumped, and only an administrator may trace this process or read its memory. For
/// every command, before it reads a passphrase, words or a keystore.
///
/// # Errors
/// When the system does not allow to give up a right, which it always does.
pub fn close_process() -> io::Result<()> {
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    Ok(set_dumpable_behavior(DumpableBehavior::NotDumpable)?)
}

/// Keeps all of this process's memory, as it comes into use, out of the swap space. All, because the secrets do not
/// stand in one place: the network's keys are in its library, and each use leaves its trace on a stack.
///
/// Where the system bounds what may be locked, nothing is, and the log says so: at the bound a node would end in the
/// middle of its work.
pub fn lock_memory() {
    let limit = getrlimit(Resource::Memlock);
    if limit.maximum.is_none() && limit.current.is_some() {
        // An error shows in what follows.
        let _bounded = setrlimit(Resource::Memlock, Rlimit { current: None, maximum: None });
    }
    let unbounded = getrlimit(Resource::Memlock).current.is_none();
    let allowed =
        || capabilities(None).is_ok_and(|of| of.effective.contains(CapabilitySet::IPC_LOCK));
    let all = MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT;
    let locked = (unbounded || allowed()) && mlockall(all).is_ok();
    LOCKED.store(locked, Ordering::Relaxed);
    if !locked {
        tracing::warn!(
            "this node's memory may be written to swap, keys and all: let it lock memory (LimitMEMLOCK=infinity), or encrypt the swap space"
        );
    }
}

/// Whether this process's memory stays out of the swap space.
#[must_use]
pub fn memory_is_locked() -> bool {
    LOCKED.load(Ordering::Relaxed)
}

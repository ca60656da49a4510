//! The object folder: sealed objects as files, each named by the hash of its bytes.
//!
//! ```text
//! objects/ab/<id>          a sealed object, whole, verified and synced; id in 64 hex digits
//! objects/ab/<id>.obao4    its outboard (see `tree`), for objects of more than 16 KiB
//! incoming/new-<n>         what a writer has not finished; junk after a crash
//! incoming/<transfer>      a partial object that a peer is sending; transfer in 32 hex digits
//! incoming/<transfer>.obao4, .progress
//! damaged/<id>             an object that was found damaged, set aside until a good one is here
//! ```
//!
//! An object is there when its file has its name under `objects`, and that happens in one rename
//! after all its bytes, its outboard and the outboard's name are durable: no half object can be
//! seen, whatever fails. `finish` returns when the object's own name is durable too; then, and
//! not before, may anyone be told that it is kept.
//!
//! | order of a finish | because otherwise, after a power cut |
//! |---|---|
//! | sync object and outboard | the names are there, the bytes are not |
//! | sync `objects` after making `objects/ab` | the directory is gone with all that is in it |
//! | rename the outboard, sync `objects/ab` | the object is there without its outboard |
//! | rename the object, sync `objects/ab` | an acknowledged object is gone |
//!
//! Every call blocks: use a blocking thread. Handles are cheap to clone.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chartmesh_protocol::id::{ObjectId, TransferId};

use crate::disk::{AnyDisk, Disk};

mod arriving;
mod damaged;
mod error;
mod list;
mod partial;
mod progress;
mod publish;
mod reader;
pub mod tree;
mod verify;
mod writer;

pub(crate) use arriving::{State as PartialState, checkpoint_meanwhile};
pub use error::ObjectError;
use error::cannot;
pub use partial::Partial;
pub use reader::ObjectReader;
pub(crate) use verify::batch;
pub use verify::{BATCH, NotTheObject, Shape, Verified, Verifier};
pub use writer::{ObjectWriter, Written};

/// A partial object's progress is made durable at least this often, in bytes: what a power cut
/// costs a transfer at most, against three syncs each time.
pub const CHECKPOINT: u64 = 16 * 1024 * 1024;

/// A folder of objects on a disk.
#[derive(Clone, Debug)]
pub struct ObjectFolder<D: Disk = AnyDisk> {
    inner: Arc<Inner<D>>,
}

#[derive(Debug)]
struct Inner<D> {
    disk: D,
    objects: PathBuf,
    incoming: PathBuf,
    damaged: PathBuf,
    checkpoint: u64,
    next_new: AtomicU64,
    /// Files under `incoming` that someone is writing now.
    busy: Mutex<BTreeSet<String>>,
    /// Held while names in a directory under `objects` change, so that removing an object and
    /// receiving the same one again do not take each other's outboard away.
    names: [Mutex<()>; 256],
    /// Whether the removal of some record of progress is not synced yet.
    unsettled: Mutex<bool>,
    /// Which of the 256 directories this process knows to be durable.
    durable: [AtomicBool; 256],
}

impl<D: Disk> ObjectFolder<D> {
    /// Opens the folder `root`, which is made when its parent is there and it is not.
    ///
    /// # Errors
    /// [`ObjectError::Disk`].
    pub fn open(disk: D, root: &Path) -> Result<Self, ObjectError> {
        Self::open_with(disk, root, CHECKPOINT)
    }

    /// [`ObjectFolder::open`], where partial objects become durable every so many bytes.
    ///
    /// # Errors
    /// [`ObjectError::Disk`].
    pub fn open_with(disk: D, root: &Path, checkpoint: u64) -> Result<Self, ObjectError> {
        let (objects, incoming) = (root.join("objects"), root.join("incoming"));
        let make = |dir: &Path| disk.create_dir(dir).map_err(cannot("make directory", dir));
        make(root)?;
        make(&objects)?;
        let incoming_is_new = make(&incoming)?;
        // Even when they were there: whoever made them may have died before syncing.
        for dir in root.parent().into_iter().chain([root]) {
            disk.sync_dir(dir).map_err(cannot("sync directory", dir))?;
        }
        let inner = Inner {
            disk,
            objects,
            incoming,
            damaged: root.join("damaged"),
            checkpoint,
            next_new: AtomicU64::new(0),
            busy: Mutex::default(),
            names: [const { Mutex::new(()) }; 256],
            unsettled: Mutex::new(!incoming_is_new),
            durable: [const { AtomicBool::new(false) }; 256],
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Starts an object whose id is not known yet.
    #[must_use]
    pub fn writer(&self) -> ObjectWriter<D> {
        ObjectWriter::new(self.clone())
    }

    /// Opens an object.
    ///
    /// # Errors
    /// [`ObjectError::Missing`]; [`ObjectError::Damaged`] when its outboard is not there;
    /// [`ObjectError::Disk`].
    pub fn open_object(&self, id: ObjectId) -> Result<ObjectReader<D>, ObjectError> {
        ObjectReader::open(&self.inner.disk, id, &self.object_path(id), &self.outboard_path(id))
    }

    /// Whether the object is here, whole.
    ///
    /// # Errors
    /// [`ObjectError::Disk`].
    pub fn has(&self, id: ObjectId) -> Result<bool, ObjectError> {
        let path = self.object_path(id);
        self.inner.disk.exists(&path).map_err(cannot("look for", &path))
    }

    /// Takes up the object `id` of `len` bytes where the transfer left off, or begins it.
    ///
    /// # Errors
    /// [`ObjectError::Busy`] while another [`Partial`] of this transfer lives;
    /// [`ObjectError::Disk`].
    pub fn partial(
        &self,
        transfer: TransferId,
        id: ObjectId,
        len: u64,
    ) -> Result<Partial<D>, ObjectError> {
        Partial::open(self, transfer, id, len)
    }

    /// Throws away what was received of a transfer. Nothing when there is nothing.
    ///
    /// # Errors
    /// [`ObjectError::Busy`] while a [`Partial`] of this transfer lives; [`ObjectError::Disk`].
    pub fn discard(&self, transfer: TransferId) -> Result<(), ObjectError> {
        let name = transfer.to_string();
        let _busy = self.occupy(&name).ok_or(ObjectError::Busy(transfer))?;
        self.remove_incoming(&name)
    }

    /// Reads the whole object and compares it with its id and its outboard.
    ///
    /// # Errors
    /// [`ObjectError::Damaged`]; [`ObjectError::Missing`]; [`ObjectError::Disk`].
    pub fn scrub(&self, id: ObjectId) -> Result<(), ObjectError> {
        self.open_object(id)?.scrub()
    }

    fn object_path(&self, id: ObjectId) -> PathBuf {
        self.shard_path(id).join(id.to_string())
    }

    fn outboard_path(&self, id: ObjectId) -> PathBuf {
        self.shard_path(id).join(format!("{id}.obao4"))
    }

    fn shard_path(&self, id: ObjectId) -> PathBuf {
        self.inner.objects.join(&id.to_string()[..2])
    }

    fn incoming_path(&self, name: &str) -> PathBuf {
        self.inner.incoming.join(name)
    }

    /// The right to change names in the directory of all objects whose ids begin with this byte.
    fn names_of(&self, shard: u8) -> MutexGuard<'_, ()> {
        self.inner.names[usize::from(shard)].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Claims a name under `incoming` for as long as the value lives.
    fn occupy(&self, name: &str) -> Option<Occupied<D>> {
        let mut busy = self.busy();
        busy.insert(name.to_owned())
            .then(|| Occupied { folder: self.clone(), name: name.to_owned() })
    }

    fn busy(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.inner.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A name under `incoming` that nobody used yet.
    fn new_name(&self) -> String {
        format!("new-{}", self.inner.next_new.fetch_add(1, Ordering::Relaxed))
    }
}

/// A claimed name under `incoming`.
#[derive(Debug)]
struct Occupied<D: Disk> {
    folder: ObjectFolder<D>,
    name: String,
}

impl<D: Disk> Drop for Occupied<D> {
    fn drop(&mut self) {
        self.folder.busy().remove(&self.name);
    }
}

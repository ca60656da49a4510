//! The node's tables: redb on a file that nobody can read without the storage key.
//!
//! # The file
//!
//! ```text
//! byte 0        4096       8192                               end
//!      | header | page 0   | page 1 | page 2 | ...              |
//!      | ours   | redb's,  | redb's, each page AES-256-XTS      |
//!      | clear  | clear    | under its own number               |
//! ```
//!
//! The header (`header.rs`) holds a magic, a version, a random salt and a value that only
//! the right storage key makes, so that a wrong key is told as such before redb sees a byte. It is
//! written once. The XTS keys derive from the storage key and the salt, so two files never share
//! them.
//!
//! # Why redb's page 0 stays clear
//!
//! redb 4.4 keeps in the first 320 bytes of its page 0 (`DB_HEADER_SIZE` in its `header.rs`, and
//! "Database layout" in its `docs/design.md`): a magic number, the "god byte", page and region
//! sizes, and two commit slots of 128 bytes, each with two root page numbers, the XXH3-128
//! checksums of those pages, lengths, a transaction number and its own checksum. The rest of the
//! page is zeros. A commit ends by flipping one bit of the god byte, and redb asks of the disk
//! only that a single byte is written whole or not at all. Under a block cipher that one byte
//! would be sixteen, and the promise gone. So page 0 passes through as it is, and the backend
//! refuses to write anything but zeros beyond those 320 bytes: should a later redb put data there,
//! the node stops instead of writing it in clear.
//!
//! What page 0 tells a thief: how large the store is, how many transactions it saw, and checksums
//! that are of use only to someone who can guess every byte of a root page.
//!
//! # What the encryption does, and what not
//!
//! It hides content. It does not hide which pages change, it does not authenticate, and it does
//! not notice a file put back from an older copy; what must not be forged is signed a layer above.
//!
//! XTS works on 16-byte blocks that do not depend on each other, so a write torn by the disk at a
//! sector leaves exactly what it would leave in a clear file: some sectors old, some new. Space
//! that was never written reads as zeros, as redb expects, because an all-zero sector is taken as
//! zeros and not decrypted (a written sector is all zeros with a probability of 2^-4096). Together
//! these make every crash of the encrypted file equal to a crash of a clear one; a property test
//! in `encrypt.rs` says so, and `scripts/crash-images` opens the images that a crash could leave.
//!
//! # Transactions
//!
//! [`Store::begin_read`] gives a [`Snapshot`]. [`Store::batch`] gives the one [`Batch`] that may
//! be open at a time; each event of the batch writes to an overlay that is merged when the
//! event ends well and dropped otherwise. [`Batch::commit`] returns when the batch is on the disk
//! (two-phase: data, sync, god byte, sync).

mod batch;
mod below;
mod encrypt;
mod error;
mod fault;
mod file;
mod header;
mod snapshot;
mod xts;

#[cfg(test)]
mod at_rest;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use chartmesh_protocol::store::StoreError;
use rand_core::CryptoRng;
use redb::{Database, ReadableDatabase};

/// What a store is kept on: a file, or what a test puts in its place to lose what it was not asked to
/// keep.
pub use redb::StorageBackend;

pub use batch::Batch;
pub use error::{CreateError, OpenError};
pub use header::{STORAGE_KEY_LEN, StorageKey};
pub use snapshot::Snapshot;

use below::Below;
use encrypt::{EncryptingBackend, PAGE_LEN};
use error::OpenFault;
use fault::fault;
use header::HEADER_LEN;

/// How a store uses the machine.
#[derive(Clone, Copy, Debug)]
pub struct StoreOptions {
    /// Bytes of decrypted pages that redb may keep in memory.
    pub cache_bytes: usize,
}

impl Default for StoreOptions {
    /// 32 MiB: an idle node is to stay under 60 MiB, and redb's own default is 1 GiB.
    fn default() -> Self {
        Self { cache_bytes: 32 << 20 }
    }
}

/// The tables of one node, in one encrypted file that no other process can open meanwhile.
#[derive(Debug)]
pub struct Store {
    database: Database,
}

impl Store {
    /// Makes an empty store at `path`, with the default options.
    ///
    /// The file appears under its name only when it is complete and on the disk.
    ///
    /// # Errors
    /// [`CreateError::Exists`] when there is a file at `path`; it is left as it is.
    pub fn create(
        path: &Path,
        key: &StorageKey,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, CreateError> {
        Self::create_with(path, key, rng, &StoreOptions::default())
    }

    /// As [`Store::create`], with options.
    ///
    /// # Errors
    /// As [`Store::create`].
    pub fn create_with(
        path: &Path,
        key: &StorageKey,
        rng: &mut impl CryptoRng,
        options: &StoreOptions,
    ) -> Result<Self, CreateError> {
        let draft = file::Draft::beside(path)?;
        let store = Self::create_on(Box::new(draft.backend()?), path, key, rng, options)?;
        draft.publish()?;
        Ok(store)
    }

    /// Makes an empty store on anything that stores bytes; it must be empty. `name` is what errors
    /// call it.
    ///
    /// # Errors
    /// [`CreateError::Fault`].
    pub fn create_on(
        disk: Box<dyn StorageBackend>,
        name: &Path,
        key: &StorageKey,
        rng: &mut impl CryptoRng,
        options: &StoreOptions,
    ) -> Result<Self, CreateError> {
        let fault = |source| CreateError::Fault { path: name.to_owned(), source };
        let (header, keys) = header::new(key, rng);
        let begun = disk.set_len(HEADER_LEN).and_then(|()| disk.write(0, &header));
        begun.map_err(|error| fault(error.into()))?;
        let backend = EncryptingBackend::new(Below(disk), &keys);
        let database = builder(options).create_with_backend(backend);
        Ok(Self { database: database.map_err(|error| fault(error.into()))? })
    }

    /// Opens the store at `path`, with the default options. After a crash redb first repairs it.
    ///
    /// # Errors
    /// See [`OpenError`]; a store that does not exist is never made here, because an empty store
    /// in the place of a lost one would look like a node without patients.
    pub fn open(path: &Path, key: &StorageKey) -> Result<Self, OpenError> {
        Self::open_with(path, key, &StoreOptions::default())
    }

    /// As [`Store::open`], with options.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_with(
        path: &Path,
        key: &StorageKey,
        options: &StoreOptions,
    ) -> Result<Self, OpenError> {
        Self::open_on(Box::new(file::open(path)?), path, key, options)
    }

    /// Opens the store that is on anything that stores bytes, for this process alone. `name` is what
    /// errors call it.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_on(
        disk: Box<dyn StorageBackend>,
        name: &Path,
        key: &StorageKey,
        options: &StoreOptions,
    ) -> Result<Self, OpenError> {
        Self::try_open(Below(disk), key, options).map_err(|fault| fault.at(name))
    }

    /// A consistent view of what is committed now; later commits do not change it.
    ///
    /// # Errors
    /// [`StoreError::Fault`] when the storage failed, now or earlier.
    pub fn begin_read(&self) -> Result<Snapshot, StoreError> {
        Ok(Snapshot::new(self.database.begin_read().map_err(fault)?))
    }

    /// Opens the batch that the next events go into. Waits while another batch is open.
    ///
    /// # Errors
    /// [`StoreError::Fault`] when the storage failed, now or earlier.
    pub fn batch(&self) -> Result<Batch, StoreError> {
        // The order matters: from here on nobody else can commit, so the snapshot is the newest
        // state for as long as the batch lives.
        let mut transaction = self.database.begin_write().map_err(fault)?;
        transaction.set_two_phase_commit(true);
        Ok(Batch::new(transaction, self.begin_read()?))
    }

    /// Walks every page and compares the checksums. False when something was wrong and repaired.
    ///
    /// # Errors
    /// [`StoreError::Fault`] when the damage cannot be repaired.
    pub fn verify(&mut self) -> Result<bool, StoreError> {
        self.database.check_integrity().map_err(fault)
    }

    /// Opens the store that the bytes below hold.
    fn try_open(disk: Below, key: &StorageKey, options: &StoreOptions) -> Result<Self, OpenFault> {
        let len = disk.len()?;
        // The smallest redb file is longer, but redb says that better than we could.
        if len <= HEADER_LEN || !len.is_multiple_of(PAGE_LEN) {
            return Err(OpenFault::Length(len));
        }
        let mut header = vec![0; header::PAGE];
        disk.read(0, &mut header)?;
        let keys = header::check(&header, key)?;
        let backend = EncryptingBackend::new(disk, &keys);
        // A page that something else than a crash has altered decrypts to noise, and redb takes
        // some noise (a table name that is no UTF-8) for a bug of its own and panics.
        let opened =
            catch_unwind(AssertUnwindSafe(|| builder(options).create_with_backend(backend)));
        let database = opened.map_err(|_| OpenFault::Noise)?;
        Ok(Self { database: database.map_err(redb::Error::from)? })
    }
}

fn builder(options: &StoreOptions) -> redb::Builder {
    let mut builder = Database::builder();
    builder.set_cache_size(options.cache_bytes).set_repair_callback(|session| {
        tracing::info!(
            progress = session.progress(),
            "the store was not closed cleanly; checking it"
        );
    });
    builder
}

#[cfg(test)]
mod tests;

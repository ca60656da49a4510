//! The node's tables: packs that nobody can read without the storage key, and redb to find things in them.
//!
//! # The files
//!
//! ```text
//! store.redb                                                   redb, in one file
//! byte 0        4096       8192                               end
//!      | header | page 0   | page 1 | page 2 | ...              |
//!      | ours   | redb's,  | redb's, each page AES-256-XTS      |
//!      | clear  | clear    | under its own number               |
//!
//! store.packs/00000001.pack, ...                               the log, and all that is large
//! byte 0        4096                                          some 64 MiB
//!      | header | group | group | ...                           |    group: head | value | value | ... | rows
//!      | clear  | each at a page; its records AES-256-GCM       |
//! ```
//!
//! The header of the store (`header.rs`) holds a magic, a version, a random salt and a value that only
//! the right storage key makes, so that a wrong key is told as such before redb sees a byte. It is
//! written once. The XTS keys derive from the storage key and the salt, so two files never share
//! them. Those of packs (`pack/format.rs`) are alike, and derive from both salts: a pack opens in its
//! own store, under its own number.
//!
//! # Log first
//!
//! What a batch of events writes is one GROUP (`pack/group.rs`). It is appended to the open pack, and one
//! `fdatasync` makes it durable; then redb has it, in memory, and it is acknowledged. redb's own pages are made
//! durable every 64 groups, 32 MiB or two seconds, and with the first group of a pack. So an acknowledgement costs one sync, and opening reads from the log
//! what redb has not (`recover.rs`), which is bounded. Large values of tables of bodies stand in the pack only, and redb has
//! their places; what is small stands in redb, and its bytes in the log are dead once redb has it durably.
//!
//! A group begins at a page of its own, only when all before it are durable, and says its number. So opening can tell
//! what a crash left (a last group that is not whole, with nothing behind it: it was not acknowledged, and is cut off) from
//! damage (a group that is not whole, with a later one behind it), which it reports. No place in a pack is written twice
//! under one key: each opening begins a new pack, and so does every fault.
//!
//! # Erasing, and packs that are mostly dead
//!
//! [`Store::tidy`] copies what lives out of a pack that is more than half dead, a slice at a time, as groups like any others,
//! and takes the pack away once redb has that durably and nobody reads from before. [`Store::erase`] overwrites deleted values
//! where they are, and [`Store::is_erased`] says whether any is left. redb's pages, and the log's rows until their pack
//! goes, may still hold small rows that were deleted: what must be erased belongs in a table of bodies.
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
//! It hides content. In packs it authenticates, too: a value is only taken where it was written, as that of its table and
//! key; an altered one is reported as damage. redb's pages are not authenticated, and nothing notices files put back from
//! an older copy; what must not be forged is signed a layer above (decision 0029).
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
//! event ends well and dropped otherwise. [`Batch::commit`] returns when the batch is on the disk.

mod accounts;
mod batch;
mod below;
mod encrypt;
mod error;
mod fault;
mod file;
mod header;
mod limits;
mod log;
mod options;
mod pack;
mod pins;
mod recover;
mod snapshot;
mod tidy;
mod xts;

#[cfg(test)]
mod at_rest;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use chartmesh_protocol::store::StoreError;
use rand_core::CryptoRng;
use redb::{Database, ReadableDatabase};

/// What a store is kept on: a file, or what a test puts in its place to lose what it was not asked to
/// keep.
pub use redb::StorageBackend;

pub use batch::Batch;
pub use error::{CreateError, OpenError};
pub use header::{STORAGE_KEY_LEN, StorageKey};
pub use options::{StoreFiles, StoreOptions, StoreUse};
pub use snapshot::Snapshot;
pub use tidy::Erasure;

use below::Below;
use encrypt::{EncryptingBackend, PAGE_LEN};
use error::OpenFault;
use fault::fault;
use header::HEADER_LEN;
use log::Shared;
use pack::{Packs, Secret};
use recover::recover;

/// The tables of one node, in encrypted files that no other process can open meanwhile.
#[derive(Debug)]
pub struct Store {
    database: Database,
    shared: Arc<Shared>,
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
        let files = StoreFiles::beside(path, Box::new(draft.backend()?));
        let store = Self::create_on(files, path, key, rng, options)?;
        draft.publish()?;
        Ok(store)
    }

    /// Makes an empty store on anything that stores bytes; it must be empty. `name` is what errors
    /// call it. Packs that are there already are of a store that is gone: they are set aside.
    ///
    /// # Errors
    /// [`CreateError::Fault`].
    pub fn create_on(
        files: StoreFiles,
        name: &Path,
        key: &StorageKey,
        rng: &mut impl CryptoRng,
        options: &StoreOptions,
    ) -> Result<Self, CreateError> {
        let StoreFiles { store, disk, packs } = files;
        let fault = |source| CreateError::Fault { path: name.to_owned(), source };
        let (page, header) = header::new(key, rng);
        let packs = Packs::new(disk, packs, Secret::new(key, header.salt));
        let begun = packs.make_folder().and_then(|()| packs.set_aside());
        let begun =
            begun.and_then(|()| store.set_len(HEADER_LEN)).and_then(|()| store.write(0, &page));
        begun.map_err(|error| fault(error.into()))?;
        let backend = EncryptingBackend::new(Below(store), &header.xts);
        let database = builder(options).create_with_backend(backend);
        let database = database.map_err(|error| fault(error.into()))?;
        let (accounts, found) = recover(&database, &packs)
            .map_err(|error| fault(redb::Error::Io(std::io::Error::other(error.to_string()))))?;
        let shared = Shared::new(packs, accounts, found, *options);
        Ok(Self { database, shared: Arc::new(shared) })
    }

    /// Opens the store at `path`, with the default options. After a crash, what redb had not durably is read from
    /// the log.
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
        Self::open_on(StoreFiles::beside(path, Box::new(file::open(path)?)), path, key, options)
    }

    /// Opens the store that is on anything that stores bytes, for this process alone. `name` is what
    /// errors call it.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_on(
        files: StoreFiles,
        name: &Path,
        key: &StorageKey,
        options: &StoreOptions,
    ) -> Result<Self, OpenError> {
        Self::try_open(files, key, options).map_err(|fault| fault.at(name))
    }

    /// A consistent view of what is committed now; later commits do not change it.
    ///
    /// # Errors
    /// [`StoreError::Fault`] when the storage failed, now or earlier.
    pub fn begin_read(&self) -> Result<Snapshot, StoreError> {
        Snapshot::new(&self.shared, || self.database.begin_read().map_err(fault))
    }

    /// Opens the batch that the next events go into. Waits while another batch is open.
    ///
    /// # Errors
    /// [`StoreError::Fault`] when the storage failed, now or earlier.
    pub fn batch(&self) -> Result<Batch, StoreError> {
        // The order matters: from here on nobody else can commit, so the snapshot is the newest
        // state for as long as the batch lives.
        let transaction = self.database.begin_write().map_err(fault)?;
        self.shared.log().usable()?;
        Ok(Batch::new(transaction, self.begin_read()?, Arc::clone(&self.shared)))
    }

    /// Walks every page and every pack, and compares checksums and tags. False when something was wrong and repaired.
    ///
    /// # Errors
    /// [`StoreError`] when the damage cannot be repaired.
    pub fn verify(&mut self) -> Result<bool, StoreError> {
        self.verify_packs()?;
        self.database.check_integrity().map_err(fault)
    }

    /// What it takes up, and what it did.
    #[must_use]
    pub fn usage(&self) -> StoreUse {
        self.shared.log().usage()
    }

    /// Opens the store that the bytes below hold.
    fn try_open(
        files: StoreFiles,
        key: &StorageKey,
        options: &StoreOptions,
    ) -> Result<Self, OpenFault> {
        let StoreFiles { store, disk, packs } = files;
        let store = Below(store);
        let len = store.len()?;
        // The smallest redb file is longer, but redb says that better than we could.
        if len <= HEADER_LEN || !len.is_multiple_of(PAGE_LEN) {
            return Err(OpenFault::Length(len));
        }
        let mut page = vec![0; header::PAGE];
        store.read(0, &mut page)?;
        let header = header::check(&page, key)?;
        let packs = Packs::new(disk, packs, Secret::new(key, header.salt));
        let backend = EncryptingBackend::new(store, &header.xts);
        // A page that something else than a crash has altered decrypts to noise, and redb takes
        // some noise (a table name that is no UTF-8) for a bug of its own and panics.
        let opened = catch_unwind(AssertUnwindSafe(|| {
            let database = builder(options).create_with_backend(backend);
            let database = database.map_err(redb::Error::from)?;
            let (accounts, found) = recover(&database, &packs)?;
            Ok((database, accounts, found))
        }));
        let (database, accounts, found) = opened.unwrap_or(Err(OpenFault::Noise))?;
        Ok(Self { database, shared: Arc::new(Shared::new(packs, accounts, found, *options)) })
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

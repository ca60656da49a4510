//! What a store is kept on and how it uses the machine, and what it then takes up.

use std::path::{Path, PathBuf};
use std::time::Duration;

use redb::StorageBackend;

use super::limits::{GROUPS_UNTIL_DURABLE_MAX, PACK_BYTES_MAX, UNTIL_DURABLE_MAX};
use crate::disk::AnyDisk;

/// How a store uses the machine.
#[derive(Clone, Copy, Debug)]
pub struct StoreOptions {
    /// Bytes of decrypted pages that redb may keep in memory.
    pub cache_bytes: usize,
    /// Bytes of a pack, after which another is begun.
    pub pack_bytes: u64,
    /// Groups after which redb's pages are made durable, at the latest.
    pub groups_until_durable: u64,
    /// How long after they were the next group makes them durable.
    pub until_durable: Duration,
}

impl Default for StoreOptions {
    /// A cache of 32 MiB: an idle node is to stay under 60 MiB, and redb's own default is 1 GiB.
    fn default() -> Self {
        Self {
            cache_bytes: 32 << 20,
            pack_bytes: PACK_BYTES_MAX,
            groups_until_durable: GROUPS_UNTIL_DURABLE_MAX,
            until_durable: UNTIL_DURABLE_MAX,
        }
    }
}

/// What a store is kept on, when it is not the machine's files.
pub struct StoreFiles {
    /// redb's file.
    pub store: Box<dyn StorageBackend>,
    /// Where the packs are.
    pub disk: AnyDisk,
    /// The folder of the packs there.
    pub packs: PathBuf,
}

impl StoreFiles {
    /// On the machine's disk, redb's file at `path` and the packs in a folder beside it.
    pub(super) fn beside(path: &Path, store: Box<dyn StorageBackend>) -> Self {
        let packs = path.with_extension("packs");
        Self { store, disk: AnyDisk::default(), packs }
    }
}

/// What a store takes up, and what it did since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreUse {
    /// Packs.
    pub packs: u64,
    /// Their bytes.
    pub pack_bytes: u64,
    /// Bytes of them that rows name.
    pub live_bytes: u64,
    /// Groups that were made durable, by a sync each.
    pub groups: u64,
    /// How often redb's own pages were.
    pub durable: u64,
    /// Bytes of those groups.
    pub log_bytes: u64,
}

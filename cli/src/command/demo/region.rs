//! Everybody in the story.

use super::process::Node;
use chartmesh_protocol::id::PartyId;
use chartmesh_protocol::time::Timestamp;
use std::path::PathBuf;

/// Everybody in the story.
pub(super) struct Region {
    pub(super) a: Node,
    pub(super) b: Node,
    pub(super) provider: Node,
    pub(super) relay: Node,
    pub(super) work: PathBuf,
    pub(super) patient: PartyId,
    pub(super) words: String,
}

pub(super) const PASSPHRASE: &str = "demo only: seven salmon swim upstream";

pub(super) fn now() -> Timestamp {
    let since =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

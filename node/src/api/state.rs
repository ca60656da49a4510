//! What all requests share.

use std::path::PathBuf;
use std::time::Instant;

use tokio_util::sync::CancellationToken;

use super::changes::Changes;
use super::import::Imports;
use super::open::Opens;
use super::unlocked::Unlocked;
use crate::config::UnlockWith;
use crate::driver::Handle;
use crate::net::Net;

/// What all requests share.
pub(super) struct ApiState {
    pub(super) handle: Handle,
    pub(super) net: Net,
    pub(super) data_dir: PathBuf,
    pub(super) socket: PathBuf,
    pub(super) unlock: UnlockWith,
    pub(super) started: Instant,
    pub(super) unlocked: Unlocked,
    pub(super) imports: Imports,
    pub(super) opens: Opens,
    pub(super) changes: Changes,
    pub(super) stopping: CancellationToken,
}

//! How a driver, or one event of it, comes to nothing.

use chartmesh_protocol::refusal::Failure;
use chartmesh_protocol::store::StoreError;
use tokio::sync::watch;

use crate::object_store::ObjectError;

/// Why the driver did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The tables cannot be read or written.
    #[error("the store cannot be used: {0}; check the disk and its free space")]
    Store(#[from] StoreError),
    /// The object folder cannot be read.
    #[error("the object folder cannot be used: {0}")]
    Objects(#[from] ObjectError),
    /// The system gives no thread, or the runtime is ending.
    #[error("no thread could be started: {0}")]
    Thread(String),
}

/// Why a driver ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Ended {
    /// It was told to.
    #[error("the node was stopped")]
    Stopped,
    /// The storage failed, again and again.
    #[error(
        "the storage failed: {0}; check the disk and its free space, then start the node again"
    )]
    Storage(String),
    /// A bug in the driver itself.
    #[error("the writing thread panicked; this is a bug, please report it with the log")]
    Bug,
}

/// Why an event came to nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Undone {
    #[error("this node is stopping")]
    Stopping,
    #[error("{0}")]
    Storage(String),
    #[error("the disk is full: nothing can be written, deletions included; make room on it")]
    Full,
    #[error("this request set off a bug of the node; see its log")]
    Bug,
}

impl From<Undone> for Failure {
    fn from(undone: Undone) -> Self {
        Self::Store(StoreError::Fault(undone.to_string()))
    }
}

/// Waits until a driver ended.
pub(super) async fn ended(mut ended: watch::Receiver<Option<Ended>>) -> Ended {
    match ended.wait_for(Option::is_some).await {
        Ok(ended) => ended.clone().unwrap_or(Ended::Stopped),
        Err(_) => Ended::Stopped,
    }
}

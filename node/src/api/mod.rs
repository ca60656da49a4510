//! The local API: HTTP/1.1 on a Unix socket, in the data directory unless configured, for the command line and other
//! tools of the same user. The socket's mode is 0600, and that is all of its access control.
//!
//! JSON in and out, ids in lower-case hexadecimal, times in UTC milliseconds, bytes in base64. A
//! request that fails is answered with the protocol's refusal, `{"code": ..., "text": ...}`, under
//! a status of 4xx; 5xx means the node's own trouble, and that nobody knows whether it was done.
//!
//! | route | what it does |
//! |---|---|
//! | `GET /v1/status` | how the node stands, its doors, who is connected |
//! | `POST /v1/command` | `{command, patient?, passphrase?}`: asks the protocol for something |
//! | `POST /v1/query` | `{query, patient?, passphrase?}`: reads; discloses no content |
//! | `GET /v1/changes` | server-sent events: each time that something became durable, for whoever would ask again and again |
//! | `POST /v1/patients` | `{name, passphrase}`: makes a patient; tells the 24 words, once |
//! | `POST /v1/patients/{id}/unlock` | `{passphrase, minutes?}`: keeps the keys in memory for a while |
//! | `POST /v1/patients/{id}/lock` | forgets them |
//! | `POST /v1/patients/{id}/rotate` | `{words, passphrase, drop?}`: new keys |
//! | `POST /v1/imports` | `{subject, user, adds_to?, kind?, title?}`: begins an import |
//! | `PUT /v1/imports/{id}/files?name=N` | a file's bytes as the body, of any size |
//! | `POST /v1/imports/{id}/commit` | records the entries |
//! | `DELETE /v1/imports/{id}` | gives the import up |
//! | `POST /v1/open` | `{subject, entry, user, purpose, export?}`: opens an entry, which is logged first |
//! | `GET /v1/open/{open}/{index}` | the bytes of one content, in the clear |
//! | `GET /v1/proof/{subject}/{entry}` | what proves the entry to anyone, without Chartmesh |
//! | `POST /v1/check` | `{subject?, after?, deep?}`: looks whether the objects that ought to be here are, some at a time |
//! | `GET /v1/transfers` | objects on their way here, with bytes |
//! | `POST /v1/shutdown` | stops the node |

mod changes;
mod check;
mod command;
mod import;
mod json;
mod limits;
mod open;
mod patient;
mod problem;
mod proof;
mod request;
mod shared;
mod socket;
mod status;
#[cfg(test)]
mod tests;
mod transfers;
mod unlocked;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::routing::{delete, get, post, put};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::run::Node;
pub use limits::IMPORT_FILES_MAX;
use limits::{STOP_TIMEOUT, SWEEP_EVERY};
use problem::Problem;
use shared::Shared;

pub use check::{CheckView, LostView};
pub use import::{FileView, ImportView, PersonView};
pub use open::OpenView;
pub use patient::NewPatientView;
pub use proof::ProofView;
pub use status::{ConnectedView, DoorsView, NodeStatusView, QueueView};
pub use transfers::TransferProgressView;

/// The local API while it runs. Dropped, it takes no further requests.
#[derive(Debug)]
pub struct Api {
    socket: PathBuf,
    stopping: CancellationToken,
    serving: JoinHandle<()>,
}

/// Why the local API did not start.
#[derive(Debug, thiserror::Error)]
#[error("the local API cannot listen on {}: {source}; name another place with `--socket`", .path.display())]
pub struct StartError {
    path: PathBuf,
    source: io::Error,
}

impl Api {
    /// Opens the node's socket and answers from now on, until it is stopped or the node ends.
    /// Called on the node's runtime.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn start(node: &Node) -> Result<Self, StartError> {
        let socket = node.config().socket.clone();
        let listener = socket::listen(&socket)
            .map_err(|source| StartError { path: socket.clone(), source })?;
        let stopping = CancellationToken::new();
        let shared = Arc::new(Shared {
            handle: node.handle(),
            net: node.net().clone(),
            data_dir: node.config().data_dir.clone(),
            socket: socket.clone(),
            started: Instant::now(),
            unlocked: unlocked::Unlocked::default(),
            imports: import::Imports::default(),
            opens: open::Opens::default(),
            changes: changes::Changes::default(),
            stopping: stopping.clone(),
        });
        let serving = tokio::spawn(serve(listener, shared));
        Ok(Self { socket, stopping, serving })
    }

    /// Where it listens.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Takes no further requests, and gives those under way a moment to end.
    pub async fn stop(mut self) {
        self.stopping.cancel();
        // An error means that it panicked, which it has told already.
        let _ended = (&mut self.serving).await;
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        self.stopping.cancel();
    }
}

async fn serve(listener: tokio::net::UnixListener, shared: Arc<Shared>) {
    let (socket, stopping) = (shared.socket.clone(), shared.stopping.clone());
    let sweeping = tokio::spawn(sweep(Arc::clone(&shared)));
    let ended = {
        let (handle, stopping) = (shared.handle.clone(), stopping.clone());
        async move {
            tokio::select! {
                () = stopping.cancelled() => {}
                _ = handle.ended() => stopping.cancel(),
            }
        }
    };
    let server = axum::serve(listener, router(Arc::clone(&shared))).with_graceful_shutdown(ended);
    let patience = async {
        stopping.cancelled().await;
        tokio::time::sleep(STOP_TIMEOUT).await;
    };
    tokio::select! {
        result = server => if let Err(error) = result {
            tracing::error!(%error, "the local API ended");
        },
        () = patience => tracing::warn!("some requests to the local API did not end in time"),
    }
    sweeping.abort();
    shared.unlocked.clear();
    shared.opens.clear();
    // The next start replaces it in any case.
    let _removed = std::fs::remove_file(socket);
}

/// Forgets what has expired.
async fn sweep(shared: Arc<Shared>) {
    loop {
        tokio::time::sleep(SWEEP_EVERY).await;
        let now = Instant::now();
        shared.unlocked.sweep(now);
        shared.opens.sweep(now);
        for import in shared.imports.expired(now) {
            import.discard(&shared.handle).await;
        }
    }
}

fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/v1/status", get(status::status))
        .route("/v1/command", post(command::command))
        .route("/v1/query", post(command::query))
        .route("/v1/changes", get(changes::changes))
        .route("/v1/patients", post(patient::make))
        .route("/v1/patients/{id}/unlock", post(patient::unlock))
        .route("/v1/patients/{id}/lock", post(patient::lock))
        .route("/v1/patients/{id}/rotate", post(patient::rotate))
        .route("/v1/imports", post(import::begin))
        .route("/v1/imports/{id}/files", put(import::file))
        .route("/v1/imports/{id}/commit", post(import::commit))
        .route("/v1/imports/{id}", delete(import::discard))
        .route("/v1/open", post(open::open))
        .route("/v1/open/{open}/{index}", get(open::content))
        .route("/v1/proof/{subject}/{entry}", get(proof::proof))
        .route("/v1/check", post(check::check))
        .route("/v1/transfers", get(transfers::transfers))
        .route("/v1/shutdown", post(status::shutdown))
        .fallback(async || Problem::not_found("no such door; see the API's documentation"))
        .with_state(shared)
}

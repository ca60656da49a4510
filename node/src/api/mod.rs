//! The local API: HTTP/1.1 on a Unix socket, in the data directory unless configured, for the command line and other
//! tools of the same user. The socket's mode is 0600, and that is all of its access control.
//!
//! A listing takes `limit` and `after`, and is answered `{"items": [...], "next": ...}`: `next` is the `after` of the
//! page behind.
//!
//! JSON in and out, ids in lower-case hexadecimal, times in UTC milliseconds. A
//! request that fails is answered with a refusal, `{"code": ..., "reason": ..., "name": ..., "args": [...],
//! "text": ...}`: the protocol's (SPEC.md has its reasons) or, from 60000 on, the door's own. Its status is one
//! of 4xx; 5xx means the node's own trouble, and that nobody knows whether it was done.
//!
//! Every route stands in [`doors`]. `openapi.json` describes them for programs: it is made of the handlers' and the
//! protocol's own types by a test, and `GET /v1/openapi.json` gives it.

mod changes;
mod check;
mod command;
#[cfg(test)]
mod describe;
mod document;
mod door;
mod import;
mod json;
mod limits;
mod open;
mod patient;
mod plain;
mod problem;
mod proof;
mod reasons;
mod request;
mod socket;
mod state;
mod status;
#[cfg(test)]
mod tests;
mod transfers;
mod undo;
mod unlocked;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::run::Node;
use door::{Door, router};
use limits::{STOP_TIMEOUT, SWEEP_EVERY};
use state::ApiState;

pub use check::{CheckView, LostView};
pub use import::{FileView, ImportView, PersonView};
pub use limits::IMPORT_FILES_MAX;
pub use open::OpenView;
pub use patient::NewPatientView;
pub use proof::ProofView;
pub use status::{ConnectedView, DiskView, DoorsView, NodeStatusView, QueueView, SecretsView};
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
        let api = Arc::new(ApiState {
            handle: node.handle(),
            net: node.net().clone(),
            data_dir: node.config().data_dir.clone(),
            socket: socket.clone(),
            unlock: node.config().unlock.clone(),
            started: Instant::now(),
            unlocked: unlocked::Unlocked::default(),
            imports: import::Imports::default(),
            opens: open::Opens::default(),
            changes: changes::Changes::default(),
            stopping: stopping.clone(),
        });
        let serving = tokio::spawn(serve(listener, api));
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

async fn serve(listener: tokio::net::UnixListener, api: Arc<ApiState>) {
    let (socket, stopping) = (api.socket.clone(), api.stopping.clone());
    let sweeping = tokio::spawn(sweep(Arc::clone(&api)));
    let ended = {
        let (handle, stopping) = (api.handle.clone(), stopping.clone());
        async move {
            tokio::select! {
                () = stopping.cancelled() => {}
                _ = handle.ended() => stopping.cancel(),
            }
        }
    };
    let server =
        axum::serve(listener, router(doors(), Arc::clone(&api))).with_graceful_shutdown(ended);
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
    api.unlocked.clear();
    api.opens.clear();
    // The next start replaces it in any case.
    let _removed = std::fs::remove_file(socket);
}

/// Forgets what has expired.
async fn sweep(api: Arc<ApiState>) {
    loop {
        tokio::time::sleep(SWEEP_EVERY).await;
        let now = Instant::now();
        api.unlocked.sweep(now);
        api.opens.sweep(now, &api.unlocked);
        for import in api.imports.expired(now) {
            import.discard(&api.handle).await;
        }
    }
}

/// All that can be asked of a node.
fn doors() -> Vec<Door> {
    let mut doors = vec![
        Door::get("/v1/openapi.json", "This document", document::document),
        Door::get("/v1/status", "How the node stands, its doors, who is connected", status::status),
        Door::get(
            "/v1/changes",
            "Server-sent events, one each time that something became durable: for whoever would ask again and again",
            changes::changes,
        ),
        Door::get("/v1/transfers", "Objects on their way here, with bytes", transfers::transfers),
        Door::post(
            "/v1/patients",
            "Makes a patient at a relay; tells the 24 words, once",
            patient::make,
        ),
        Door::post(
            "/v1/patients/{id}/unlock",
            "Keeps the patient's keys in memory for a while",
            patient::unlock,
        ),
        Door::post("/v1/patients/{id}/lock", "Forgets the patient's keys", patient::lock),
        Door::post(
            "/v1/patients/{id}/rotate",
            "New keys for the patient, by the 24 words",
            patient::rotate,
        ),
        Door::post("/v1/imports", "Begins an import", import::begin),
        Door::put(
            "/v1/imports/{id}/files",
            "A file's bytes as the body, of any size",
            import::file,
        ),
        Door::post("/v1/imports/{id}/commit", "Records what was sent as entries", import::commit),
        Door::delete("/v1/imports/{id}", "Gives the import up", import::discard),
        Door::post(
            "/v1/charts/{id}/undo",
            "Undoes the enrolment in a chart; to be asked again while entries are left to be sealed anew",
            undo::undo,
        ),
        Door::post("/v1/open", "Opens an entry, which is logged first", open::open),
        Door::get(
            "/v1/open/{open}/{index}",
            "The bytes of one content, in the clear",
            open::content,
        ),
        Door::get(
            "/v1/proof/{subject}/{entry}",
            "What proves the entry to anyone, without Chartmesh",
            proof::proof,
        ),
        Door::post(
            "/v1/check",
            "Looks whether the objects that ought to be here are, some at a time",
            check::check,
        ),
        Door::post("/v1/shutdown", "Stops the node", status::shutdown),
    ];
    doors.extend(command::doors());
    doors
}

//! How the node stands, and stopping it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use axum::Json;
use axum::extract::State;
use chartmesh_protocol::id::{NodeId, PartyId};
use chartmesh_protocol::peer::{Done, StatusView, ask};
use chartmesh_protocol::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::command;
use super::problem::Outcome;
use super::request::on_pool;
use super::state::ApiState;
use crate::config::UnlockWith;
use crate::guard;
use crate::room::Free;
use crate::run::on_one_disk;

/// How the node stands: the protocol's view, and the machine's.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct NodeStatusView {
    /// The protocol's part.
    #[serde(flatten)]
    pub status: StatusView,
    /// The program's version.
    pub version: String,
    /// Milliseconds since the API opened.
    pub uptime_ms: u64,
    /// Milliseconds that the time that counts is ahead of this machine's clock: 0, unless that was
    /// set back. What has expired stays expired meanwhile; `chartmesh run --accept-clock` ends it.
    pub ahead_ms: u64,
    /// Where the node listens.
    pub doors: DoorsView,
    /// How this node's keys are guarded.
    pub secrets: SecretsView,
    /// At a relay: the patients whose keys are unlocked now.
    #[serde(default)]
    pub unlocked: Vec<PartyId>,
    /// The nodes that are connected now.
    pub connected: Vec<ConnectedView>,
    /// How busy the driver is.
    pub queue: QueueView,
    /// The data directory.
    pub data_dir: PathBuf,
    /// The room that is left on its disk.
    #[serde(default)]
    pub disk: Option<DiskView>,
}

/// The room that is left on the disk of the data.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct DiskView {
    /// Bytes that this node may still write.
    pub free: u64,
    /// Bytes of the whole disk.
    pub of: u64,
    /// Below so many free bytes nothing more is taken in.
    pub mark: u64,
    /// Whether nothing more is taken in now. It stays so until there is a quarter more than the mark.
    pub low: bool,
}

/// The address of every door.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct DoorsView {
    /// Where other nodes come in: libp2p multiaddresses.
    pub network: Vec<String>,
    /// What is told to others in invites and codes.
    pub announced: Vec<String>,
    /// The Unix socket of the local API.
    pub api: PathBuf,
}

/// How this node's keys are guarded.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SecretsView {
    /// What opens the keystore: `passphrase`, `key-file` or `credential`.
    pub unlock: String,
    /// The key file.
    pub key_file: Option<PathBuf>,
    /// Whether the key file is on the disk of the data: then whoever gets that disk, or a backup of it, opens the node.
    pub unprotected: bool,
    /// Whether memory stays out of the swap space.
    pub memory_locked: bool,
}

impl SecretsView {
    /// How the keys of a node that runs so are guarded, and this process's memory.
    #[must_use]
    pub fn of(unlock: &UnlockWith, data: &Path) -> Self {
        let (name, key_file) = match unlock {
            UnlockWith::Passphrase => ("passphrase", None),
            UnlockWith::KeyFile(path) => ("key-file", Some(path)),
            UnlockWith::Credential => ("credential", None),
        };
        Self {
            unlock: name.to_owned(),
            key_file: key_file.cloned(),
            unprotected: key_file.is_some_and(|key| on_one_disk(key, data)),
            memory_locked: guard::memory_is_locked(),
        }
    }
}

/// A connected node.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ConnectedView {
    /// Which.
    pub node: NodeId,
    /// Its end of each connection.
    pub addresses: Vec<String>,
    /// How it is carried: `Tcp` or `Quic`.
    pub transport: String,
    /// Since when.
    pub since: Timestamp,
    /// Whether it was let in beyond `hello`.
    pub admitted: bool,
}

/// How busy the driver is.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct QueueView {
    /// Events that wait now.
    pub waiting: usize,
    /// Microseconds from being queued to being durable, for the newest transaction.
    pub lag_us: u64,
    /// Events handled since the start.
    pub events: u64,
    /// Transactions they took.
    pub batches: u64,
    /// Transactions that the storage failed.
    pub faults: u64,
}

/// `GET /v1/status`
pub(super) async fn status(State(api): State<Arc<ApiState>>) -> Outcome<Json<NodeStatusView>> {
    let status = api.handle.query(ask::Status, None).await?;
    let driver = api.handle.status();
    let connected = api.net.connected().into_iter().map(|peer| ConnectedView {
        node: peer.node,
        addresses: peer.addrs.iter().map(ToString::to_string).collect(),
        transport: format!("{:?}", peer.transport),
        since: Timestamp(millis(peer.since.duration_since(UNIX_EPOCH).unwrap_or_default())),
        admitted: peer.gate_open,
    });
    Ok(Json(NodeStatusView {
        status,
        ahead_ms: api.handle.clock_ahead_ms(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        uptime_ms: millis(api.started.elapsed()),
        doors: DoorsView {
            network: api.net.listeners().iter().map(ToString::to_string).collect(),
            announced: command::addresses(&api),
            api: api.socket.clone(),
        },
        secrets: SecretsView::of(&api.unlock, &api.data_dir),
        unlocked: api.unlocked.patients(),
        connected: connected.collect(),
        queue: QueueView {
            waiting: driver.waiting,
            lag_us: u64::try_from(driver.lag.as_micros()).unwrap_or(u64::MAX),
            events: driver.events,
            batches: driver.batches,
            faults: driver.faults,
        },
        data_dir: api.data_dir.clone(),
        disk: room(&api).await?,
    }))
}

async fn room(api: &ApiState) -> Outcome<Option<DiskView>> {
    let handle = api.handle.clone();
    let free = on_pool(move || handle.room()).await?;
    Ok(free.map(|Free { bytes, of, mark, low, .. }| DiskView { free: bytes, of, mark, low }))
}

/// `POST /v1/shutdown`: answered before the node stops; the socket is gone when the API has ended.
pub(super) async fn shutdown(State(api): State<Arc<ApiState>>) -> Json<Done> {
    tracing::info!("asked to stop by the local API");
    let handle = api.handle.clone();
    // Not waited for: the queue may be full, and the answer is to go out.
    tokio::spawn(async move { handle.shutdown().await });
    Json(Done { done: true })
}

fn millis(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

//! A node as a process of its own, and what people at it ask, by the local API alone.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use chartmesh_node::client::{Asking, By, Client, ClientError};
use chartmesh_protocol::id::PartyId;
use chartmesh_protocol::identity::Role;
use chartmesh_protocol::peer::Listing;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::process::{Child, Command};
use tokio::sync::mpsc::UnboundedSender;

use crate::trail::{FILTER, Told, follow};

/// How long a node may take to start, or a step of the founding to be seen, on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);
/// Between two looks.
pub(crate) const LOOK: Duration = Duration::from_millis(20);

/// What opens the patients' keys: they exist for the length of a run.
pub(crate) const PASSPHRASE: &str = "simulated patients only: seven salmon";

/// A node. Its process is killed with it.
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) id: PartyId,
    /// Where it listens: its own door, which only the relay knows.
    pub(crate) listens: SocketAddr,
    pub(crate) process: u32,
    pub(crate) api: LocalApi,
    child: Child,
}

/// Where a node is asked; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct LocalApi {
    client: Client,
    /// A folder for files that are imported.
    files: PathBuf,
}

/// Where a node is made.
pub(crate) struct Place<'a> {
    /// The program that makes and runs it.
    pub(crate) program: &'a Path,
    /// Below which its data are.
    pub(crate) root: &'a Path,
    /// Where its log goes.
    pub(crate) logs: &'a Path,
    /// What it tells others of itself.
    pub(crate) door: SocketAddr,
    /// The party's number.
    pub(crate) at: usize,
}

impl Node {
    /// Makes a node with the very commands that a person uses, and starts it.
    pub(crate) async fn start(
        place: Place<'_>,
        name: &str,
        role: Role,
        told: UnboundedSender<Told>,
    ) -> anyhow::Result<Self> {
        let dir = place.root.join(name);
        let announce = format!("/ip4/{}/tcp/{}", place.door.ip(), place.door.port());
        let made = Command::new(place.program)
            .arg("--dir")
            .arg(&dir)
            .args(["init", "--role", word(role), "--name", name, "--no-passphrase", "--no-mdns"])
            .args(["--listen", "/ip4/127.0.0.1/tcp/0", "--announce", &announce])
            .env_clear()
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .context("cannot run `chartmesh init`")?;
        if !made.status.success() {
            bail!("`chartmesh init` of {name} failed: {}", String::from_utf8_lossy(&made.stderr));
        }
        let mut child = Command::new(place.program)
            .arg("--dir")
            .arg(&dir)
            .args(["run", "--log", FILTER, "--log-format", "json"])
            // What is set for the one who simulates is not meant for the nodes.
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("cannot run `chartmesh run`")?;
        let log = place.logs.join(format!("{name}.log"));
        let lines = child.stderr.take().context("the log is piped")?;
        let file = log.clone();
        tokio::spawn(async move { follow(lines, &file, place.at, told).await });
        let api =
            LocalApi { client: Client::new(&dir.join("api.sock")), files: dir.join("imports") };
        tokio::fs::create_dir_all(&api.files).await?;
        let begun = Instant::now();
        let status = loop {
            match api.get("/v1/status").await {
                Ok(status) => break status,
                Err(_) if child.try_wait()?.is_none() && begun.elapsed() < PATIENCE => {
                    tokio::time::sleep(LOOK).await;
                }
                Err(error) => {
                    bail!("{name} does not start: {error}; its log is {}", log.display())
                }
            }
        };
        let id = serde_json::from_value(status["institution"].clone()).context("no id")?;
        let listens = port(&status).context("the node does not listen")?;
        let process = child.id().context("the node ended")?;
        Ok(Self { name: name.to_owned(), id, listens, process, api, child })
    }
}

impl Node {
    /// Kills the process, and waits until it is gone.
    pub(crate) async fn end(mut self) {
        // It may have ended by itself.
        let _gone = self.child.kill().await;
    }
}

/// The role, as `chartmesh init` takes it.
const fn word(role: Role) -> &'static str {
    match role {
        Role::Hospital => "hospital",
        Role::Backup => "backup",
        Role::Patient => "patient",
    }
}

/// The TCP port of a status.
fn port(status: &Value) -> Option<SocketAddr> {
    let door = status["doors"]["network"].get(0)?.as_str()?;
    address(door)
}

/// An address of the form `/ip4/A/tcp/P`, whatever follows.
pub(crate) fn address(text: &str) -> Option<SocketAddr> {
    let mut parts = text.split('/').skip(1);
    let (ip4, ip) = (parts.next()?, parts.next()?);
    let (tcp, port) = (parts.next()?, parts.next()?);
    let ip: Ipv4Addr = ip.parse().ok()?;
    (ip4 == "ip4" && tcp == "tcp").then_some(SocketAddr::new(ip.into(), port.parse().ok()?))
}

impl LocalApi {
    pub(crate) async fn all<L>(
        &self,
        listing: L,
        patient: Option<PartyId>,
    ) -> Result<Vec<L::Item>, ClientError>
    where
        L: Listing<Item: DeserializeOwned> + Serialize,
    {
        self.client.all(listing, By { patient, ..By::default() }).await
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Value, ClientError> {
        self.client.get(path).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Value, ClientError> {
        self.client.post(path, body).await
    }

    /// A command of the protocol; `patient` names whose unlocked keys it needs.
    pub(crate) async fn command(
        &self,
        command: &Value,
        patient: Option<PartyId>,
    ) -> Result<Value, ClientError> {
        let patient = patient.map(|patient| patient.to_string());
        self.client.ask(&Asking::command(command, patient.as_deref())).await
    }

    /// Makes a patient on a relay and keeps the keys open; gives the id and the words.
    pub(crate) async fn new_patient(&self, name: &str) -> Result<(PartyId, String), ClientError> {
        let made =
            self.post("/v1/patients", &json!({"name": name, "passphrase": PASSPHRASE})).await?;
        let id: PartyId = serde_json::from_value(made["patient"]["patient"].clone())?;
        self.unlock(id).await?;
        Ok((id, made["words"].as_str().unwrap_or_default().to_owned()))
    }

    async fn unlock(&self, patient: PartyId) -> Result<(), ClientError> {
        let body = json!({"passphrase": PASSPHRASE, "minutes": 720});
        self.post(&format!("/v1/patients/{patient}/unlock"), &body).await.map(drop)
    }

    /// The patient takes a new key with the words.
    pub(crate) async fn rotate(&self, patient: PartyId, words: &str) -> Result<(), ClientError> {
        let body = json!({"words": words, "passphrase": PASSPHRASE, "drop": []});
        self.post(&format!("/v1/patients/{patient}/rotate"), &body).await?;
        self.unlock(patient).await
    }

    /// Records an entry with a content of so many bytes, of nothing in particular.
    pub(crate) async fn import(
        &self,
        subject: PartyId,
        kind: &str,
        bytes: u64,
    ) -> Result<Value, ClientError> {
        let file = self.files.join(format!("{bytes}.bin"));
        if !file.exists() {
            let content = vec![0x5a; usize::try_from(bytes).unwrap_or(usize::MAX)];
            let written = tokio::fs::write(&file, content).await;
            written.map_err(|error| ClientError::File {
                doing: "write",
                path: file.clone(),
                error,
            })?;
        }
        let begin = json!({
            "subject": subject, "user": "Dr. Sim", "kind": kind, "title": "simulated",
        });
        let import = self.post("/v1/imports", &begin).await?;
        let import = import["import"].as_str().unwrap_or_default();
        let path = format!("/v1/imports/{import}/files?name=simulated");
        self.client.put_file(&path, &file, |_| ()).await?;
        self.post(&format!("/v1/imports/{import}/commit"), &json!({})).await
    }

    /// The far ends of the node's connections.
    pub(crate) async fn far_ends(&self) -> Result<Vec<String>, ClientError> {
        let status = self.get("/v1/status").await?;
        let connected = status["connected"].as_array().cloned().unwrap_or_default();
        let addresses = connected.iter().filter_map(|one| one["addresses"].as_array());
        Ok(addresses.flatten().filter_map(Value::as_str).map(str::to_owned).collect())
    }
}

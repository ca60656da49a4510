//! A node as a process of its own, and what people at it ask, by the local API alone.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use chartmesh_protocol::id::PartyId;
use chartmesh_protocol::identity::Role;
use serde_json::{Value, json};
use tokio::process::{Child, Command};
use tokio::sync::mpsc::UnboundedSender;

use super::trail::{FILTER, Told, follow};
use crate::client::Client;
use crate::exit::Failure;

/// How long a node may take to start, or a step of the founding to be seen, on a busy machine.
pub(super) const PATIENCE: Duration = Duration::from_secs(120);
/// Between two looks.
pub(super) const LOOK: Duration = Duration::from_millis(20);

/// What opens the patients' keys: they exist for the length of a run.
pub(super) const PASSPHRASE: &str = "simulated patients only: seven salmon";

/// A node. Its process is killed with it.
pub(super) struct Node {
    pub(super) name: String,
    pub(super) id: PartyId,
    /// Where it listens: its own door, which only the relay knows.
    pub(super) listens: SocketAddr,
    pub(super) process: u32,
    pub(super) desk: Desk,
    child: Child,
}

/// Where a node is asked; cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Desk {
    client: Client,
    /// A folder for files that are imported.
    files: PathBuf,
}

/// Where a node is made.
pub(super) struct Place<'a> {
    /// Below which its data are.
    pub(super) root: &'a Path,
    /// Where its log goes.
    pub(super) logs: &'a Path,
    /// What it tells others of itself.
    pub(super) door: SocketAddr,
    /// The party's number.
    pub(super) at: usize,
}

impl Node {
    /// Makes a node with the very commands that a person uses, and starts it.
    pub(super) async fn start(
        place: Place<'_>,
        name: &str,
        role: Role,
        told: UnboundedSender<Told>,
    ) -> anyhow::Result<Self> {
        let dir = place.root.join(name);
        let program = std::env::current_exe().context("cannot find this program")?;
        let announce = format!("/ip4/{}/tcp/{}", place.door.ip(), place.door.port());
        let made = Command::new(&program)
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
        let mut child = Command::new(&program)
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
        let desk = Desk { client: Client::new(&dir.join("api.sock")), files: dir.join("imports") };
        tokio::fs::create_dir_all(&desk.files).await?;
        let begun = Instant::now();
        let status = loop {
            match desk.get("/v1/status").await {
                Ok(status) => break status,
                Err(_) if child.try_wait()?.is_none() && begun.elapsed() < PATIENCE => {
                    tokio::time::sleep(LOOK).await;
                }
                Err(failure) => {
                    bail!("{name} does not start: {}; its log is {}", failure.text, log.display())
                }
            }
        };
        let id = serde_json::from_value(status["institution"].clone()).context("no id")?;
        let listens = port(&status).context("the node does not listen")?;
        let process = child.id().context("the node ended")?;
        Ok(Self { name: name.to_owned(), id, listens, process, desk, child })
    }
}

impl Node {
    /// Kills the process, and waits until it is gone.
    pub(super) async fn end(mut self) {
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
pub(super) fn address(text: &str) -> Option<SocketAddr> {
    let mut parts = text.split('/').skip(1);
    let (ip4, ip) = (parts.next()?, parts.next()?);
    let (tcp, port) = (parts.next()?, parts.next()?);
    let ip: Ipv4Addr = ip.parse().ok()?;
    (ip4 == "ip4" && tcp == "tcp").then_some(SocketAddr::new(ip.into(), port.parse().ok()?))
}

impl Desk {
    pub(super) async fn get(&self, path: &str) -> Result<Value, Failure> {
        self.client.get(path).await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.client.post(path, body).await
    }

    /// A command of the protocol; `patient` names whose unlocked keys it needs.
    pub(super) async fn command(
        &self,
        command: &Value,
        patient: Option<PartyId>,
    ) -> Result<Value, Failure> {
        self.post("/v1/command", &json!({ "command": command, "patient": patient })).await
    }

    /// Makes a patient on a relay and keeps the keys open; gives the id and the words.
    pub(super) async fn new_patient(&self, name: &str) -> Result<(PartyId, String), Failure> {
        let made =
            self.post("/v1/patients", &json!({"name": name, "passphrase": PASSPHRASE})).await?;
        let id: PartyId = crate::node::read(made["patient"]["patient"].clone())?;
        self.unlock(id).await?;
        Ok((id, made["words"].as_str().unwrap_or_default().to_owned()))
    }

    async fn unlock(&self, patient: PartyId) -> Result<(), Failure> {
        let body = json!({"passphrase": PASSPHRASE, "minutes": 720});
        self.post(&format!("/v1/patients/{patient}/unlock"), &body).await.map(drop)
    }

    /// The patient takes a new key with the words.
    pub(super) async fn rotate(&self, patient: PartyId, words: &str) -> Result<(), Failure> {
        let body = json!({"words": words, "passphrase": PASSPHRASE, "drop": []});
        self.post(&format!("/v1/patients/{patient}/rotate"), &body).await?;
        self.unlock(patient).await
    }

    /// Records an entry with a content of so many bytes, of nothing in particular.
    pub(super) async fn import(
        &self,
        subject: PartyId,
        kind: &str,
        bytes: u64,
    ) -> Result<Value, Failure> {
        let file = self.files.join(format!("{bytes}.bin"));
        if !file.exists() {
            let content = vec![0x5a; usize::try_from(bytes).unwrap_or(usize::MAX)];
            let written = tokio::fs::write(&file, content).await;
            written.map_err(|error| Failure::file("write", &file, &error))?;
        }
        let begin = json!({
            "subject": subject, "user": "Dr. Sim", "kind": kind, "title": "simulated",
        });
        let import = self.post("/v1/imports", &begin).await?;
        let import = import["import"].as_str().unwrap_or_default();
        let path = format!("/v1/imports/{import}/files?name=simulated");
        let silent = indicatif::ProgressBar::hidden();
        self.client.put_file(&path, &file, &silent).await?;
        self.post(&format!("/v1/imports/{import}/commit"), &json!({})).await
    }

    /// The far ends of the node's connections.
    pub(super) async fn far_ends(&self) -> Result<Vec<String>, Failure> {
        let status = self.get("/v1/status").await?;
        let connected = status["connected"].as_array().cloned().unwrap_or_default();
        let addresses = connected.iter().filter_map(|one| one["addresses"].as_array());
        Ok(addresses.flatten().filter_map(Value::as_str).map(str::to_owned).collect())
    }
}

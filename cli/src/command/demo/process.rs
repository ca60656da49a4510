//! A node as a process of its own, and how the demo talks to it: through the local API only.

use anyhow::{Context, bail};
use chartmesh_node::client::{By, Client, ClientError, escape};
use chartmesh_protocol::access_log::view::LogView;
use chartmesh_protocol::id::{EntryId, PartyId};
use chartmesh_protocol::limits::LISTED_MAX;
use chartmesh_protocol::peer::{self, Listing, Part, Question, ask};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long the demo waits for anything: long enough for a disk that is busy with something else.
pub(super) const PATIENCE: Duration = Duration::from_secs(180);
/// How often it looks.
const LOOK: Duration = Duration::from_millis(20);

/// A node of the demo. Its process ends with the demo, unless it is let go.
pub(super) struct Node {
    pub(super) name: &'static str,
    pub(super) dir: PathBuf,
    pub(super) id: PartyId,
    child: Option<Child>,
}

/// What a node said, or why it could not be asked.
pub(super) type Asked<T> = Result<T, anyhow::Error>;

impl Node {
    /// Makes a node's data directory with the very command that a person uses, and starts it.
    pub(super) async fn create(
        root: &Path,
        role: &str,
        folder: &str,
        name: &'static str,
    ) -> anyhow::Result<Self> {
        let dir = root.join(folder);
        let made = Command::new(std::env::current_exe()?)
            .arg("--dir")
            .arg(&dir)
            .args(["init", "--role", role, "--name", name, "--no-mdns", "--no-passphrase"])
            .args(["--listen", "/ip4/127.0.0.1/tcp/0", "--listen", "/ip4/127.0.0.1/udp/0/quic-v1"])
            .stdin(Stdio::null())
            .output()
            .context("cannot run `chartmesh init`")?;
        if !made.status.success() {
            bail!("`chartmesh init` of {name} failed: {}", String::from_utf8_lossy(&made.stderr));
        }
        let mut node = Self { name, dir, id: PartyId([0; 32]), child: None };
        node.start().await?;
        let status = node.get("/v1/status").await?;
        node.id = serde_json::from_value(status["institution"].clone())
            .context("status has no institution")?;
        Ok(node)
    }

    /// Starts the node's process and waits until it answers.
    pub(super) async fn start(&mut self) -> anyhow::Result<()> {
        std::fs::create_dir_all(&self.dir)?;
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.dir.join("node.log"))
            .context("cannot open the node's log")?;
        let child = Command::new(std::env::current_exe()?)
            .arg("--dir")
            .arg(&self.dir)
            .args(["run", "--log", "info,chartmesh_node=debug"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .context("cannot run `chartmesh run`")?;
        self.child = Some(child);
        let begun = Instant::now();
        while self.get("/v1/status").await.is_err() {
            if let Some(child) = &mut self.child
                && let Some(status) = child.try_wait()?
            {
                bail!(
                    "the node {} ended at once ({status}); its log is {}",
                    self.name,
                    self.dir.join("node.log").display()
                );
            }
            if begun.elapsed() > PATIENCE {
                bail!(
                    "the node {} does not answer; its log is {}",
                    self.name,
                    self.dir.join("node.log").display()
                );
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }

    /// Kills the node's process as a power cut would: SIGKILL, nothing is told to it.
    pub(super) fn kill(&mut self) -> anyhow::Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }

    /// Lets the process run on after the demo.
    pub(super) fn let_go(&mut self) -> Option<u32> {
        self.child.take().map(|child| child.id())
    }

    fn client(&self) -> Client {
        Client::new(&self.dir.join("api.sock"))
    }

    pub(super) async fn get(&self, path: &str) -> Asked<Value> {
        Ok(self.client().get(path).await?)
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Asked<Value> {
        Ok(self.client().post(path, body).await?)
    }

    /// A command of the protocol; `patient` names whose unlocked keys it needs.
    pub(super) async fn command<A>(&self, act: A, patient: Option<PartyId>) -> Asked<A::Answer>
    where
        A: peer::Asked<Answer: DeserializeOwned>,
    {
        Ok(self.client().command(act, By { patient, ..By::default() }).await?)
    }

    /// A query of the protocol.
    pub(super) async fn query<Q>(&self, query: Q) -> Asked<Q::Answer>
    where
        Q: Question<Answer: DeserializeOwned> + Serialize,
    {
        Ok(self.client().query(query, By::default()).await?)
    }

    /// The access log that it keeps about a patient, as long as the largest page.
    pub(super) async fn log(&self, subject: PartyId) -> Asked<LogView> {
        let part = Part { after: None, limit: Some(LISTED_MAX) };
        self.query(ask::AccessLog { subject, part }).await
    }

    /// All of a listing; `patient` names whose unlocked keys it needs.
    pub(super) async fn all<L>(&self, listing: L, patient: Option<PartyId>) -> Asked<Vec<L::Item>>
    where
        L: Listing<Item: DeserializeOwned> + Serialize,
    {
        Ok(self.client().all(listing, By { patient, ..By::default() }).await?)
    }

    /// Imports files into a record; gives the new entries, and the files that were refused with why.
    pub(super) async fn import(
        &self,
        subject: PartyId,
        files: &[PathBuf],
        extra: Value,
    ) -> Asked<(Vec<EntryId>, Vec<String>)> {
        let mut begin = json!({ "subject": subject, "user": "Dr. Sato" });
        if let (Some(begin), Value::Object(extra)) = (begin.as_object_mut(), extra) {
            begin.extend(extra);
        }
        let import = self.post("/v1/imports", &begin).await?;
        let import = import["import"].as_str().context("no import id")?.to_owned();
        let mut refused = Vec::new();
        for file in files {
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let path = format!("/v1/imports/{import}/files?name={}", escape(&name));
            if let Err(error) = self.client().put_file(&path, file, |_| ()).await {
                refused.push(format!("{name}: {error}"));
            }
        }
        let recorded = self.post(&format!("/v1/imports/{import}/commit"), &json!({})).await?;
        let entries = serde_json::from_value(recorded["entries"].clone());
        Ok((entries.context("no entries were recorded")?, refused))
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

/// Looks until `look` finds something.
pub(super) async fn until<T, F>(what: &str, mut look: impl FnMut() -> F) -> anyhow::Result<T>
where
    F: Future<Output = Asked<Option<T>>>,
{
    let begun = Instant::now();
    loop {
        if let Some(found) = look().await? {
            return Ok(found);
        }
        if begun.elapsed() > PATIENCE {
            bail!("waited in vain for {what}");
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// The words with which a node refused; anything else is not what the demo wants.
pub(super) fn refusal<T>(asked: Asked<T>, what: &str) -> anyhow::Result<String> {
    match asked {
        Ok(_) => bail!("{what} was not refused"),
        Err(error) => match error.downcast::<ClientError>() {
            Ok(error) => Ok(error.to_string()),
            Err(error) => Err(error.context(format!("{what} failed in another way"))),
        },
    }
}

//! The local API, spoken by hand: HTTP/1.1 over the node's socket, one connection a request.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chartmesh_node::client::Asking;
use serde_json::{Value, json};

use crate::document;

/// An answer that takes longer is none.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);

/// Why there is no answer.
#[derive(Debug, Clone)]
pub enum Refusal {
    /// The node refused; nothing was done.
    Refused {
        /// HTTP's status.
        status: u16,
        /// The node's words.
        text: String,
    },
    /// The node is not there, or went away: nothing was acknowledged, and it may have been done.
    Broken(String),
}

impl Refusal {
    /// The node's words.
    ///
    /// # Panics
    /// When there are none.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Refused { text, .. } => text,
            Self::Broken(error) => panic!("the node broke off: {error}"),
        }
    }
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Self::Broken(error.to_string())
    }
}

/// What a node said.
pub type Asked<T> = Result<T, Refusal>;

/// The way to one node's local API; the node may come and go.
#[derive(Debug, Clone)]
pub struct Api {
    socket: PathBuf,
}

impl Api {
    /// Of the node with this data directory.
    #[must_use]
    pub fn new(dir: &Path) -> Self {
        Self { socket: dir.join("api.sock") }
    }

    /// Asks for JSON.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn get(&self, path: &str) -> Asked<Value> {
        self.send("GET", path, "application/json", &[])
    }

    /// Sends JSON.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn post(&self, path: &str, body: &Value) -> Asked<Value> {
        self.send("POST", path, "application/json", body.to_string().as_bytes())
    }

    /// Sends a file as it is.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn put(&self, path: &str, bytes: &[u8]) -> Asked<Value> {
        self.send("PUT", path, "application/octet-stream", bytes)
    }

    /// Gives up what the path names.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn delete(&self, path: &str) -> Asked<Value> {
        self.send("DELETE", path, "application/json", &[])
    }

    /// A command of the protocol; `patient` names whose unlocked keys it needs.
    ///
    /// # Errors
    /// [`Refusal`].
    #[expect(clippy::needless_pass_by_value, reason = "callers write `json!` in place")]
    pub fn command(&self, command: Value, patient: Option<&str>) -> Asked<Value> {
        let Asking { path, body } = Asking::command(&command, patient);
        self.post(&path, &body)
    }

    /// A query of the protocol.
    ///
    /// # Errors
    /// [`Refusal`].
    #[expect(clippy::needless_pass_by_value, reason = "callers write `json!` in place")]
    pub fn query(&self, query: Value, patient: Option<&str>) -> Asked<Value> {
        let Asking { path, body } = Asking::query(&query, patient);
        self.post(&path, &body)
    }

    /// All of a listing, page after page.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn list(&self, mut query: Value, patient: Option<&str>) -> Asked<Vec<Value>> {
        let mut all = Vec::new();
        loop {
            let page = self.query(query.clone(), patient)?;
            all.extend(page["items"].as_array().cloned().unwrap_or_default());
            if page["next"].is_null() {
                return Ok(all);
            }
            for asked in query.as_object_mut().into_iter().flat_map(|query| query.values_mut()) {
                asked["after"] = page["next"].clone();
            }
        }
    }

    /// Imports one file; gives the new entries.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn import(
        &self,
        subject: &str,
        name: &str,
        bytes: &[u8],
        extra: Value,
    ) -> Asked<Vec<String>> {
        let mut begin = json!({ "subject": subject, "user": "Dr. Sato" });
        if let (Some(begin), Value::Object(extra)) = (begin.as_object_mut(), extra) {
            begin.extend(extra);
        }
        let begun = self.post("/v1/imports", &begin)?;
        let import = begun["import"].as_str().unwrap_or_default();
        let path = format!("/v1/imports/{import}/files?name={name}");
        self.put(&path, bytes)?;
        let recorded = self.post(&format!("/v1/imports/{import}/commit"), &json!({}))?;
        let entries = recorded["entries"].as_array().cloned().unwrap_or_default();
        Ok(entries.iter().filter_map(|entry| entry.as_str().map(str::to_owned)).collect())
    }

    /// Both what is said and what is answered must be as the node's own document has it.
    fn send(&self, method: &str, path: &str, media: &str, body: &[u8]) -> Asked<Value> {
        let (status, value) = self.exchange(method, path, media, body)?;
        let said =
            if media == "application/json" { serde_json::from_slice(body).ok() } else { None };
        document::check(method, path, said.as_ref(), status, &value);
        match status {
            200..400 => Ok(value),
            // The node's own trouble: as unknown as a broken connection.
            500.. => Err(Refusal::Broken(value.to_string())),
            _ => {
                let text = value["text"].as_str().map_or_else(|| value.to_string(), str::to_owned);
                Err(Refusal::Refused { status, text })
            }
        }
    }

    fn exchange(&self, method: &str, path: &str, media: &str, body: &[u8]) -> Asked<(u16, Value)> {
        let mut stream = UnixStream::connect(&self.socket)?;
        stream.set_read_timeout(Some(ANSWER_WITHIN))?;
        stream.set_write_timeout(Some(ANSWER_WITHIN))?;
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: chartmesh\r\ncontent-type: {media}\r\n\
             content-length: {}\r\nconnection: close\r\n\r\n",
            body.len()
        );
        let sent = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
        let mut answer = Vec::new();
        // A node that answers without reading a needless body resets the connection behind its
        // answer, which is whole all the same.
        let ended = sent.and(stream.read_to_end(&mut answer));
        match (parse(&answer), ended) {
            (Some(answer), _) => Ok(answer),
            (None, Err(error)) => Err(error.into()),
            (None, Ok(_)) => Err(Refusal::Broken("half an answer".into())),
        }
    }
}

/// `None` when the answer is not whole.
fn parse(answer: &[u8]) -> Option<(u16, Value)> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&answer[..end]).ok()?;
    let status: u16 = head.split(' ').nth(1)?.parse().ok()?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    let body = &answer[end + 4..];
    if length.is_some_and(|length| length != body.len()) {
        return None;
    }
    let value = if body.is_empty() { Value::Null } else { serde_json::from_slice(body).ok()? };
    Some((status, value))
}

//! A client of the local API that keeps its connection, as a program beside the node would. What the tests speak
//! ([`crate::Api`]) holds each answer against the node's own document, which would be measured with it.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

/// An answer that takes longer is none.
const ANSWER_WITHIN: Duration = Duration::from_secs(600);

/// A connection, which is made anew where the node closed it between two requests.
#[derive(Debug)]
pub struct Client {
    socket: PathBuf,
    stream: BufReader<UnixStream>,
}

/// What a node said no to, or why there is no answer.
pub type Said<T> = Result<T, String>;

impl Client {
    /// To the node with this data directory.
    ///
    /// # Panics
    /// When it does not run.
    #[must_use]
    pub fn of(dir: &Path) -> Self {
        let socket = dir.join("api.sock");
        let stream = connected(&socket).expect("the node's socket");
        Self { socket, stream }
    }

    /// Asks for something with JSON.
    ///
    /// # Errors
    /// The node's words.
    pub fn post(&mut self, path: &str, body: &Value) -> Said<Value> {
        self.send("POST", path, "application/json", body.to_string().as_bytes())
    }

    /// Asks without a body.
    ///
    /// # Errors
    /// The node's words.
    pub fn get(&mut self, path: &str) -> Said<Value> {
        self.send("GET", path, "application/json", &[])
    }

    /// Records one file; gives the new entry.
    ///
    /// # Errors
    /// The node's words, and nothing was recorded.
    pub fn record(&mut self, subject: &str, bytes: &[u8]) -> Said<String> {
        let begun = self.post("/v1/imports", &json!({"subject": subject, "user": "Dr. Sato"}))?;
        let import = begun["import"].as_str().unwrap_or_default().to_owned();
        let path = format!("/v1/imports/{import}/files?name=observation.json");
        self.send("PUT", &path, "application/octet-stream", bytes)?;
        let recorded = self.post(&format!("/v1/imports/{import}/commit"), &json!({}))?;
        let entry = recorded["entries"][0].as_str();
        entry.map(str::to_owned).ok_or_else(|| "no entry was recorded".to_owned())
    }

    fn send(&mut self, method: &str, path: &str, media: &str, body: &[u8]) -> Said<Value> {
        let mut answer = self.exchange(method, path, media, body);
        let closed = [io::ErrorKind::BrokenPipe, io::ErrorKind::UnexpectedEof];
        if answer.as_ref().is_err_and(|error| closed.contains(&error.kind())) {
            self.stream = connected(&self.socket).map_err(|error| error.to_string())?;
            answer = self.exchange(method, path, media, body);
        }
        let broken = |error: io::Error| format!("{method} {path} broke off: {error}");
        let (status, body) = answer.map_err(broken)?;
        let value: Value = match body.is_empty() {
            true => Value::Null,
            false => serde_json::from_slice(&body).map_err(|error| error.to_string())?,
        };
        match status {
            200..400 => Ok(value),
            _ => Err(value["text"].as_str().map_or_else(|| value.to_string(), str::to_owned)),
        }
    }

    fn exchange(
        &mut self,
        method: &str,
        path: &str,
        media: &str,
        body: &[u8],
    ) -> io::Result<(u16, Vec<u8>)> {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: chartmesh\r\ncontent-type: {media}\r\n\
             content-length: {}\r\n\r\n",
            body.len()
        );
        let stream = self.stream.get_mut();
        stream.write_all(head.as_bytes())?;
        stream.write_all(body)?;
        let wrong = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
        let (mut status, mut length) = (0, None);
        let mut line = String::new();
        loop {
            line.clear();
            if self.stream.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let text = line.trim_end();
            if text.is_empty() {
                break;
            }
            match text.split_once(':') {
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    length = value.trim().parse().ok();
                }
                None => status = text.split(' ').nth(1).and_then(|n| n.parse().ok()).unwrap_or(0),
                Some(_) => {}
            }
        }
        let length = length.ok_or_else(|| wrong("an answer without a length"))?;
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        Ok((status, body))
    }
}

fn connected(socket: &Path) -> io::Result<BufReader<UnixStream>> {
    let stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(ANSWER_WITHIN))?;
    Ok(BufReader::new(stream))
}

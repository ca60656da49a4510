//! What the nodes' logs tell: each message that leaves, is handled or concluded, by the machine's one clock.
//! The lines are written in `node/src/driver/trail.rs`.

use std::path::Path;

use chartmesh_protocol::id::{ConsentId, PartyId, StreamId};
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::fs::File;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWriteExt as _, BufReader};
use tokio::sync::mpsc::UnboundedSender;

/// What the nodes log: their own troubles, and the trail.
pub(crate) const FILTER: &str = "warn,chartmesh_node::driver::trail=trace";

/// A message: its sender, the stream and the number in it.
pub(crate) type Message = (PartyId, StreamId, u64);

/// A line of the trail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    /// At which party's node.
    pub(crate) at: usize,
    /// When, in microseconds since 1970.
    pub(crate) when_us: u64,
    pub(crate) what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// A message was sent, perhaps again.
    Leaves { to: PartyId, number: u64, bytes: u64 },
    /// A message was handled, and what it did is durable.
    Handled {
        message: Message,
        name: String,
        /// When it was put into the outbox, by the sender's clock, in milliseconds.
        since_ms: u64,
        /// The request for consent that it is about.
        about: Option<ConsentId>,
        /// The first digits of the patient whom it concerns.
        patient: Option<u64>,
        /// Bytes of the answer.
        answer: u64,
        end: String,
    },
    /// Its sender has taken in what became of it.
    Concluded { message: Message, end: String },
    /// The log ended, and so did the process.
    Ended,
}

/// Reads a node's log to its end: all of it into a file, the trail to whoever listens.
pub(crate) async fn follow(
    log: impl AsyncRead + Unpin,
    file: &Path,
    at: usize,
    told: UnboundedSender<Told>,
) -> std::io::Result<()> {
    let mut file = File::options().create(true).write(true).truncate(true).open(file).await?;
    let mut lines = BufReader::new(log).lines();
    while let Some(line) = lines.next_line().await? {
        if let Some((when_us, what)) = read(&line)
            && told.send(Told { at, when_us, what }).is_err()
        {
            break;
        }
        file.write_all(line.as_bytes()).await?;
        file.write_all(b"\n").await?;
    }
    file.flush().await?;
    let _gone = told.send(Told { at, when_us: now_us(), what: What::Ended });
    Ok(())
}

/// Microseconds since 1970.
pub(crate) fn now_us() -> u64 {
    let since = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

/// Reads a line; none when it is about something else.
fn read(line: &str) -> Option<(u64, What)> {
    let line: Value = serde_json::from_str(line).ok()?;
    if line["target"] != "chartmesh_node::driver::trail" {
        return None;
    }
    let when = OffsetDateTime::parse(line["timestamp"].as_str()?, &Rfc3339).ok()?;
    let when_us = u64::try_from(when.unix_timestamp_nanos() / 1000).ok()?;
    let fields = &line["fields"];
    let text = |name: &str| fields[name].as_str();
    let number = |name: &str| fields[name].as_u64();
    let message =
        || Some((text("sender")?.parse().ok()?, text("stream")?.parse().ok()?, number("number")?));
    let what = match text("message")? {
        "message leaves" => What::Leaves {
            to: text("to")?.parse().ok()?,
            number: number("number")?,
            bytes: number("bytes")?,
        },
        "message handled" => What::Handled {
            message: message()?,
            name: text("name")?.to_owned(),
            since_ms: number("since_ms")?,
            about: text("about")?.parse().ok(),
            patient: u64::from_str_radix(text("patient")?, 16).ok(),
            answer: number("answer")?,
            end: text("end")?.to_owned(),
        },
        "message concluded" => {
            What::Concluded { message: message()?, end: text("end")?.to_owned() }
        }
        _ => return None,
    };
    Some((when_us, what))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

    fn line(fields: &str) -> String {
        format!(
            r#"{{"timestamp":"2026-11-21T18:42:13.123456Z","level":"DEBUG","fields":{{{fields}}},"target":"chartmesh_node::driver::trail","spans":[]}}"#
        )
    }

    #[test]
    fn a_line_tells_which_message_was_handled_when_and_how() {
        let text = line(&format!(
            r#""message":"message handled","sender":"{ID}","stream":"{}","number":7,"name":"consent.ask","since_ms":5,"about":"{}","patient":"","answer":90,"end":"done""#,
            &ID[..32],
            &ID[..32],
        ));
        let (when_us, what) = read(&text).unwrap();
        assert_eq!(when_us % 1_000_000, 123_456);
        let What::Handled { message, name, about, .. } = what else { panic!("{what:?}") };
        assert_eq!((message.2, name.as_str()), (7, "consent.ask"));
        assert!(about.is_some());
    }

    #[test]
    fn other_lines_are_none_of_the_trail() {
        let leaves =
            line(&format!(r#""message":"message leaves","to":"{ID}","number":7,"bytes":90"#));
        assert!(matches!(read(&leaves), Some((_, What::Leaves { bytes: 90, .. }))));
        assert_eq!(read(&leaves.replace("driver::trail", "store")), None);
        assert_eq!(read("thread panicked"), None);
    }
}

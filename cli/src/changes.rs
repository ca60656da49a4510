//! The node's stream of changes (`GET /v1/changes`), listened to in the background.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinHandle;

use chartmesh_node::client::{self, Client};

use crate::limits::CHANGE_LINE_BYTES_MAX;

/// Before a stream that broke is opened again.
const RECONNECT: Duration = Duration::from_secs(1);

/// Listens until it is dropped.
pub(crate) struct Changes {
    heard: Arc<Heard>,
    listening: JoinHandle<()>,
}

/// What is heard in the background.
#[derive(Default)]
struct Heard {
    news: Notify,
    /// Whether a stream is open: otherwise nothing is heard.
    open: AtomicBool,
}

impl Changes {
    pub(crate) fn listen(client: Client) -> Self {
        let heard = Arc::new(Heard::default());
        let listening = tokio::spawn(listen(client, Arc::clone(&heard)));
        Self { heard, listening }
    }

    /// Whether a change is told of: not while the node is gone, or so many listen that it has no place.
    pub(crate) fn hears(&self) -> bool {
        self.heard.open.load(Ordering::Relaxed)
    }

    /// Waits until something may have changed since the last time; however much did, it is told once.
    pub(crate) async fn next(&self) {
        self.heard.news.notified().await;
    }
}

impl Drop for Changes {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn listen(client: Client, heard: Arc<Heard>) {
    let mut seen = None;
    loop {
        // A node that is gone, or has no place for another, is left to the looks of whoever waits.
        if let Ok(stream) = client.listen(seen.as_deref()).await {
            heard.open.store(true, Ordering::Relaxed);
            follow(stream, &mut seen, &heard.news).await;
            heard.open.store(false, Ordering::Relaxed);
            // It broke: whoever looks now finds out whether the node is still there.
            heard.news.notify_one();
        }
        tokio::time::sleep(RECONNECT).await;
    }
}

/// Tells of each event until the stream ends; remembers the newest.
async fn follow(mut stream: client::Changes, seen: &mut Option<String>, news: &Notify) {
    let mut lines = Lines::default();
    while let Some(piece) = stream.next().await {
        if let Some(id) = lines.newest_id(&piece) {
            *seen = Some(id);
            news.notify_one();
        }
    }
}

/// The lines of a stream that comes in pieces.
#[derive(Default)]
struct Lines(Vec<u8>);

impl Lines {
    /// The id of the newest event that this piece completes. An event of ours has one line that
    /// matters; a line that says that the stream is alive has none.
    fn newest_id(&mut self, piece: &[u8]) -> Option<String> {
        let mut newest = None;
        for byte in piece {
            if *byte != b'\n' {
                // What is cut off is no id of ours.
                if self.0.len() < CHANGE_LINE_BYTES_MAX {
                    self.0.push(*byte);
                }
                continue;
            }
            if let Some(id) = self.0.strip_prefix(b"id:") {
                newest = std::str::from_utf8(id).ok().map(|id| id.trim().to_owned()).or(newest);
            }
            self.0.clear();
        }
        newest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_found_wherever_the_stream_is_cut() {
        let text = b"event: change\nid: a-1\ndata: {}\n\n:\n\nevent: change\nid: a-2\ndata: {}\n\n";
        for cut in 0..=text.len() {
            let mut lines = Lines::default();
            let (before, after) = text.split_at(cut);
            let (before, after) = (lines.newest_id(before), lines.newest_id(after));
            assert_eq!(after.or(before).as_deref(), Some("a-2"), "{cut}");
        }
        let mut lines = Lines::default();
        assert_eq!(lines.newest_id(b":\n\n"), None, "only alive");
        lines.newest_id(&[b'x'; 2 * CHANGE_LINE_BYTES_MAX]);
        assert_eq!(lines.0.len(), CHANGE_LINE_BYTES_MAX);
    }
}

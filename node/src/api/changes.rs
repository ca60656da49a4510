//! A stream of what became durable, for whoever waits for something or keeps a page true.
//!
//! Server-sent events (the HTML standard, section 9.2). An event says that something changed, not
//! what: whoever cares asks again. Its id is `RUN-COUNT`: the run of this node, and its transactions
//! so far. Who comes with `Last-Event-ID` hears at once if it missed anything, and nothing otherwise.
//!
//! ```text
//! event: change
//! id: 5f0c…-17
//! data: {"changes":17}
//! ```

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::extract::State;
use axum::http::request::Parts;
use axum::response::sse::{Event, KeepAlive, KeepAliveStream, Sse};
use futures::{Stream, StreamExt as _, stream};
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, sleep_until};

use super::limits::{CHANGES_ALIVE_EVERY, CHANGES_PAUSE, CHANGES_STREAMS_MAX};
use super::problem::{Outcome, Problem};
use super::reasons::Reason;
use super::request::fresh_name;
use super::state::ApiState;

/// What all streams share.
pub(super) struct Changes {
    /// Names this run: the count begins anew with each.
    run: String,
    places: Arc<Semaphore>,
}

impl Default for Changes {
    fn default() -> Self {
        Self { run: fresh_name(), places: Arc::new(Semaphore::new(CHANGES_STREAMS_MAX)) }
    }
}

impl Changes {
    /// The count that an event's id tells, if the event was of this run.
    fn seen(&self, LastEventId(id): &LastEventId) -> Option<u64> {
        let (run, count) = id.as_ref()?.split_once('-')?;
        (run == self.run).then(|| count.parse().ok())?
    }
}

/// The id of the last event that whoever comes back has read.
pub(super) struct LastEventId(Option<String>);

impl<S: Sync> FromRequestParts<S> for LastEventId {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let id = parts.headers.get("last-event-id");
        Ok(Self(id.and_then(|id| id.to_str().ok()).map(str::to_owned)))
    }
}

/// `GET /v1/changes`
pub(super) async fn changes(
    State(api): State<Arc<ApiState>>,
    last: LastEventId,
) -> Outcome<Sse<KeepAliveStream<impl Stream<Item = Result<Event, Infallible>>>>> {
    let place = Arc::clone(&api.changes.places)
        .try_acquire_owned()
        .map_err(|_| Problem::from(Reason::TooManyListen { most: CHANGES_STREAMS_MAX }).busy())?;
    let counts = counts(api.handle.changes(), api.changes.seen(&last));
    let stopping = api.stopping.clone().cancelled_owned();
    let events = counts.take_until(stopping).map(move |count| {
        // Given back when the stream is dropped: it ended, or nobody reads it any more.
        let _place = &place;
        Ok(event(&api.changes.run, count))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(CHANGES_ALIVE_EVERY)))
}

fn event(run: &str, count: u64) -> Event {
    let event = Event::default().event("change").id(format!("{run}-{count}"));
    event.data(format!(r#"{{"changes":{count}}}"#))
}

/// The counts after `seen`, or from the present one on. Those that pass while nobody reads, or within
/// a pause, are one.
fn counts(changes: watch::Receiver<u64>, seen: Option<u64>) -> impl Stream<Item = u64> {
    stream::unfold((changes, seen, None), async |(mut changes, seen, next)| {
        if let Some(next) = next {
            sleep_until(next).await;
        }
        let count = *changes.wait_for(|count| Some(*count) != seen).await.ok()?;
        Some((count, (changes, Some(count), Some(Instant::now() + CHANGES_PAUSE))))
    })
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn a_slow_reader_gets_the_newest_alone() {
        let (sender, receiver) = watch::channel(3);
        let mut counts = Box::pin(counts(receiver, None));
        assert_eq!(counts.next().await, Some(3), "where it stands");
        for count in 4..=1000 {
            sender.send_replace(count);
        }
        assert_eq!(counts.next().now_or_never(), None, "not before the pause is over");
        let begun = Instant::now();
        assert_eq!(counts.next().await, Some(1000));
        assert!(begun.elapsed() >= CHANGES_PAUSE);
        drop(sender);
        assert_eq!(counts.next().await, None, "no more, when nothing can change any more");
    }

    #[tokio::test]
    async fn who_comes_back_hears_only_of_what_was_missed() {
        let (sender, receiver) = watch::channel(7);
        let mut again = Box::pin(counts(receiver.clone(), Some(7)));
        assert_eq!(again.next().now_or_never(), None, "nothing was missed");
        let mut late = Box::pin(counts(receiver, Some(6)));
        assert_eq!(late.next().now_or_never(), Some(Some(7)));
        sender.send_replace(8);
        assert_eq!(again.next().await, Some(8));
    }
}

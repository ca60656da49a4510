//! Waiting for what another node or a person does: the node is asked again when it says that something
//! changed.

use std::time::{Duration, Instant};

use chartmesh_node::api::TransferProgressView;
use chartmesh_protocol::consent::RequestState;
use chartmesh_protocol::consent::view::RequestView;
use chartmesh_protocol::id::PartyId;
use indicatif::ProgressBar;

use crate::args::WaitArgs;
use crate::changes::Changes;
use crate::exit::{Exit, Failure, Outcome};
use crate::node::{Node, read, short};

/// Between two looks at what comes in, whose bytes no change tells of, and while no change is told of.
const PAUSE: Duration = Duration::from_secs(1);
/// Between two looks while nothing changes: what ends by the time alone, or a stream that fell silent.
const SELDOM: Duration = Duration::from_secs(30);

/// What a look found.
pub(crate) enum Look<T> {
    /// What was waited for.
    Found(T),
    /// It can come with a change only.
    NotYet,
    /// Something moves that a person watches.
    Moving,
}

impl<T> From<Option<T>> for Look<T> {
    fn from(found: Option<T>) -> Self {
        found.map_or(Self::NotYet, Self::Found)
    }
}

/// Asks `look` until it has an answer.
pub(crate) async fn until<T>(
    node: &Node,
    wait: &WaitArgs,
    what: &str,
    mut look: impl AsyncFnMut() -> Outcome<Look<T>>,
) -> Outcome<T> {
    let end = Instant::now() + Duration::from_millis(wait.timeout.0);
    // Before the first look, so that no change falls between them.
    let changes = Changes::listen(node.client.clone());
    loop {
        let pause = match look().await? {
            Look::Found(found) => return Ok(found),
            Look::NotYet if changes.hears() => SELDOM,
            Look::NotYet | Look::Moving => PAUSE,
        };
        if Instant::now() >= end {
            return Err(Failure::new(Exit::TimedOut, format!("{what} did not happen in time"))
                .next("it still may: look again later, or wait longer with --timeout"));
        }
        let pause = pause.min(end.saturating_duration_since(Instant::now()));
        let changed = async {
            // Either way, to look is next.
            let _in_time = tokio::time::timeout(pause, changes.next()).await;
            Ok(())
        };
        unless_interrupted(changed).await.map_err(|failure| {
            failure.next("what was asked goes on without you: look again later")
        })?;
    }
}

/// Does something until it is done or Ctrl-C is pressed; whoever calls it then tidies up.
pub(crate) async fn unless_interrupted<T>(work: impl Future<Output = Outcome<T>>) -> Outcome<T> {
    tokio::select! {
        done = work => done,
        pressed = tokio::signal::ctrl_c() => {
            // Without a handler the signal ends the process by itself.
            match pressed {
                Ok(()) => Err(Failure::new(Exit::Interrupted, "interrupted")),
                Err(_) => std::future::pending().await,
            }
        }
    }
}

/// Objects on their way here; those that just came are left out.
pub(crate) async fn moving(node: &Node) -> Outcome<Vec<TransferProgressView>> {
    let all: Vec<TransferProgressView> = read(node.client.get("/v1/transfers").await?)?;
    Ok(all.into_iter().filter(|transfer| !transfer.ended).collect())
}

/// Progress of what is on its way here, for a person who waits.
pub(crate) struct Arrivals {
    bar: ProgressBar,
    /// Only what comes from this institution.
    from: Option<PartyId>,
}

impl Arrivals {
    /// Of everything.
    pub(crate) fn new(node: &Node) -> Self {
        Self::watch(node, None)
    }

    /// Of what one institution sends.
    pub(crate) fn of(node: &Node, from: PartyId) -> Self {
        Self::watch(node, Some(from))
    }

    fn watch(node: &Node, from: Option<PartyId>) -> Self {
        Self { bar: node.out.progress("receiving", 0), from }
    }

    /// Looks again; [`Look::Found`] when nothing is on its way.
    pub(crate) async fn look(&self, node: &Node) -> Outcome<Look<()>> {
        let mut moving = moving(node).await?;
        moving.retain(|one| self.from.is_none_or(|from| one.from == Some(from)));
        let left: u64 = moving
            .iter()
            .map(|moving| moving.length.saturating_sub(moving.have.unwrap_or(0)))
            // What others say of lengths need not be so.
            .fold(0, u64::saturating_add);
        let total = self.bar.length().unwrap_or(0).max(left);
        self.bar.set_length(total);
        self.bar.set_position(total - left);
        Ok(match moving.is_empty() {
            true => Look::Found(()),
            false if self.bar.is_hidden() => Look::NotYet,
            false => Look::Moving,
        })
    }
}

impl Drop for Arrivals {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// Waits until a request is in a state that `enough` names; one that can only end badly is an error.
pub(crate) async fn for_request(
    node: &Node,
    wait: &WaitArgs,
    request: &str,
    enough: impl Fn(RequestState) -> bool,
) -> Outcome<RequestView> {
    let what = format!("the end of request {}", short(request));
    let arrivals = Arrivals::new(node);
    until(node, wait, &what, async || {
        let arriving = arrivals.look(node).await?;
        let view = node.request(request).await?;
        if enough(view.state) {
            return Ok(Look::Found(view));
        }
        bad_end(&view)?;
        Ok(if matches!(arriving, Look::Moving) { Look::Moving } else { Look::NotYet })
    })
    .await
}

/// Whether a request ended badly.
fn bad_end(view: &RequestView) -> Outcome {
    let word = match view.reason.is_empty() {
        true => String::new(),
        false => format!(": {}", view.answer()),
    };
    let (exit, what) = match view.state {
        RequestState::Refused => (Exit::NotPermitted, "the patient refused request"),
        RequestState::Expired => (Exit::State, "nobody decided in time about request"),
        RequestState::Failed => (Exit::Failed, "could not carry out request"),
        _ => return Ok(()),
    };
    Err(Failure::new(exit, format!("{what} {}{word}", view.request.short())))
}

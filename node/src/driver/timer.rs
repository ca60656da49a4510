//! Calling the protocol again when it wants to be.

use std::sync::Arc;
use std::time::Duration;

use chartmesh_protocol::agenda::TICK_PAUSE_MS;
use chartmesh_protocol::peer::Event;
use tokio::time::Instant;

use super::limits::{CLOCK_AHEAD_MAX_MS, LOOK_EVERY, TICK_EVERY};
use super::running::Running;

/// Ticks when something is due, and at least every [`TICK_EVERY`].
pub(super) async fn run(running: Arc<Running>) {
    let mut ticked = Instant::now();
    let mut ahead = false;
    loop {
        ahead = tell_if_ahead(&running, ahead);
        let (is_due, next) = take_due(&running);
        if is_due || ticked.elapsed() >= TICK_EVERY {
            ticked = Instant::now();
            // A tick that is lost comes again with the next.
            let _lost = running.submit(Event::Tick, 0).await;
            tokio::time::sleep_until(ticked + Duration::from_millis(TICK_PAUSE_MS)).await;
            continue;
        }
        // Never longer than until the next regular tick: the clock may jump meanwhile.
        let wait = next.unwrap_or(TICK_EVERY).min(TICK_EVERY);
        tokio::select! {
            () = tokio::time::sleep_until((Instant::now() + wait).min(ticked + TICK_EVERY)) => {}
            () = running.due_earlier.notified() => {}
        }
    }
}

/// Looks for room on the disk every [`LOOK_EVERY`].
pub(super) async fn look_for_room(running: Arc<Running>) {
    loop {
        let _looked = running
            .on_pool(|running| {
                running.look_for_room();
                if let Some(room) = &running.disk {
                    room.restore_ballast();
                }
            })
            .await;
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Takes out what is due; tells how long until the next.
fn take_due(running: &Running) -> (bool, Option<Duration>) {
    let now = running.clock.now();
    let mut agenda = running.agenda();
    let is_due = agenda.take_due(now);
    (is_due, agenda.next_due().map(|time| Duration::from_millis(time.since(now))))
}

/// Says once, loudly, that the time that counts is far from the machine's, and once that it is not.
fn tell_if_ahead(running: &Running, before: bool) -> bool {
    let ahead_ms = running.clock.ahead_ms();
    let ahead = ahead_ms > CLOCK_AHEAD_MAX_MS;
    if ahead && !before {
        tracing::error!(
            ahead_minutes = ahead_ms / 60_000,
            "the machine's clock is behind the time by which this node has worked; others may refuse \
             it. If the machine's clock is right, start the node with `chartmesh run --accept-clock`"
        );
    } else if before && !ahead {
        tracing::info!("the machine's clock has caught up with the time by which this node works");
    }
    ahead
}

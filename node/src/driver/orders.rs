//! Doing what the agenda says: a task for each thing that is begun, and for what follows from it.

use std::sync::Arc;
use std::time::Duration;

use chartmesh_protocol::Reach;
use chartmesh_protocol::agenda::{Fetched, Order};
use chartmesh_protocol::id::{PartyId, TransferId};
use chartmesh_protocol::peer::{Event, TransferResult};
use chartmesh_protocol::store::StoreError;

use super::fetch::{discard, fetch};
use super::hello::hello;
use super::removal::Using;
use super::running::Running;
use super::send::send;

/// Begins what the agenda says.
pub(super) fn obey(running: &Arc<Running>, orders: impl IntoIterator<Item = Order>) {
    for order in orders {
        let task = Arc::clone(running);
        running.spawn(async move { follow(&task, order).await });
    }
}

/// Carries out one order, then what follows from it: of an answer, how far inside whoever gave it stands.
async fn follow(running: &Arc<Running>, mut order: Order) {
    let (mut using, mut from) = (None, Reach::Internet);
    loop {
        // Until the protocol has noted that an object is here, nobody removes it.
        match &order {
            Order::Fetch(fetch) => using = Some(Using::new(running, fetch.transfer.object)),
            Order::End { .. } => {}
            _ => using = None,
        }
        let asked = match &order {
            Order::Send(letter) => Some(letter.node),
            _ => None,
        };
        let mut next = carry_out(running, order, using.as_ref(), from).await.into_iter();
        from = asked.map_or(from, |node| running.reach(node));
        let Some(first) = next.next() else { return };
        obey(running, next);
        order = first;
    }
}

/// Has a node greeted, and returns when it has answered or will not.
pub(super) async fn greet(running: &Arc<Running>, order: Order) {
    let next = carry_out(running, order, None, Reach::Internet).await;
    obey(running, next);
}

async fn carry_out(
    running: &Arc<Running>,
    order: Order,
    using: Option<&Using>,
    from: Reach,
) -> Vec<Order> {
    match order {
        Order::Next { to } => Vec::from_iter(next(running, to).await),
        Order::Hello { to, node, addresses } => {
            let answer = hello(running, to, node, &addresses).await;
            running.agenda().greeted(node, answer)
        }
        Order::Send(letter) => {
            let to = letter.to;
            let sent = send(running, letter).await;
            Vec::from_iter(running.agenda().sent(to, sent))
        }
        Order::Conclude { to, number, result } => {
            let bytes = result.as_ref().map_or(0, Vec::len);
            let durable = running.submit(Event::Delivery { to, number, from, result }, bytes).await;
            let mut agenda = running.agenda();
            Vec::from_iter(match durable {
                Ok(()) => agenda.concluded(to),
                Err(_) => agenda.interrupted(to),
            })
        }
        Order::Look { id } => look(running, id).await,
        Order::Fetch(order) => {
            let Some(fetched) = fetch(running, &order).await else { return Vec::new() };
            if let (Fetched::Whole(None), Some(using)) = (&fetched, using) {
                using.in_doubt();
            }
            running.agenda().fetched(order.id, fetched)
        }
        Order::BreakOff { .. } => {
            running.given_up.notify_waiters();
            Vec::new()
        }
        Order::Discard { id } => {
            discard(running, id).await;
            Vec::new()
        }
        Order::End { id, result } => {
            end(running, id, result).await;
            Vec::new()
        }
        Order::Later { wait_ms, retry } => {
            tokio::time::sleep(Duration::from_millis(wait_ms)).await;
            Vec::from_iter(running.agenda().retry(retry))
        }
        Order::WakeAt(time) => {
            running.wake_at(time);
            Vec::new()
        }
    }
}

async fn next(running: &Arc<Running>, to: PartyId) -> Option<Order> {
    let next = running.read_on_pool(move |peer, txn, now| {
        Ok::<_, StoreError>((now, peer.next_delivery(txn, now, to)?))
    });
    match next.await {
        Ok((now, next)) => running.agenda().next(to, now, next),
        Err(error) => {
            tracing::error!(%error, "cannot read the outbox");
            running.agenda().interrupted(to)
        }
    }
}

async fn look(running: &Arc<Running>, id: TransferId) -> Vec<Order> {
    match running.read_on_pool(move |peer, txn, _| peer.transfer(txn, id)).await {
        Ok(found) => running.agenda().wanted(id, found),
        Err(error) => {
            tracing::error!(%error, "cannot read the transfers");
            running.agenda().cannot_look(id)
        }
    }
}

/// Tells the protocol how a pull ended.
async fn end(running: &Arc<Running>, id: TransferId, result: TransferResult) {
    let bytes = match &result {
        TransferResult::Finished { small: Some(small) } => small.len(),
        _ => 0,
    };
    if let Err(undone) = running.submit(Event::Transfer { id, result }, bytes).await {
        tracing::warn!(%undone, "the end of a transfer was not noted; the next start takes it up");
    }
    running.progress.end(id);
}

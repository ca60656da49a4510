//! Fetching an object from a node, from where an earlier try broke off.

use std::sync::Arc;

use chartmesh_protocol::agenda::{Fetch, Fetched};
use chartmesh_protocol::holdings::NotSent;
use chartmesh_protocol::id::TransferId;
use chartmesh_protocol::limits::SMALL_OBJECT_BYTES_MAX;

use super::memory_disk::Small;
use super::running::{Running, multiaddrs, on_pool};
use crate::bulk::{self, Patience, Pulled};
use crate::disk::Disk;
use crate::net::SendFailure;
use crate::object_store::{ObjectError, Partial};

/// Fetches what is missing; nothing when it is given up, because nobody wants it any more.
pub(super) async fn fetch(running: &Arc<Running>, fetch: &Fetch) -> Option<Fetched> {
    let fetched = tokio::select! {
        fetched = whole(running, fetch) => return Some(fetched),
        () = unwanted(running, fetch.id) => None,
    };
    discard(running, fetch.id).await;
    fetched
}

/// Throws away what came of a pull.
pub(super) async fn discard(running: &Arc<Running>, id: TransferId) {
    let objects = running.objects.clone();
    if let Some(Err(error)) = on_pool(move || objects.discard(id)).await {
        tracing::debug!(%error, "what was received stays until the next start");
    }
    running.progress.end(id);
}

/// Returns when the fetch is to be given up.
async fn unwanted(running: &Running, id: TransferId) {
    loop {
        // Told of whatever is given up from here on.
        let given_up = running.given_up.notified();
        if !running.agenda().is_fetching(id) {
            return;
        }
        given_up.await;
    }
}

async fn whole(running: &Arc<Running>, fetch: &Fetch) -> Fetched {
    let (id, object, length) = (fetch.id, fetch.transfer.object, fetch.transfer.length);
    let free = running.on_pool(Running::look_for_room).await.flatten();
    if free.is_some_and(|free| free.low || free.bytes.saturating_sub(length) < free.mark) {
        tracing::info!(length, "an object is not fetched before the disk has room for it");
        return Fetched::Trouble;
    }
    if length <= SMALL_OBJECT_BYTES_MAX as u64 {
        return match Small::new(id, object, length) {
            Ok((small, mut partial)) => {
                let missing = missing(running, fetch, &mut partial).await;
                drop(partial);
                missing.map_or_else(|end| end, |()| Fetched::Whole(Some(small.into_bytes())))
            }
            Err(error) => trouble(&error),
        };
    }
    let objects = running.objects.clone();
    let mut partial = match on_pool(move || objects.partial(id, object, length)).await {
        Some(Ok(partial)) => partial,
        // The thread of an attempt that was given up still writes.
        Some(Err(ObjectError::Busy(_))) | None => return Fetched::Broken { progressed: false },
        Some(Err(error)) => return trouble(&error),
    };
    if let Err(end) = missing(running, fetch, &mut partial).await {
        return end;
    }
    match on_pool(move || partial.finish()).await {
        Some(Ok(())) => Fetched::Whole(None),
        Some(Err(error)) => trouble(&error),
        None => Fetched::Broken { progressed: true },
    }
}

/// Receives what is missing of an object; otherwise what came of it.
async fn missing<D: Disk>(
    running: &Arc<Running>,
    fetch: &Fetch,
    partial: &mut Partial<D>,
) -> Result<(), Fetched> {
    let Fetch { id, transfer, node, addresses } = fetch;
    let before = partial.next_offset();
    running.progress.begin(*id, transfer, before);
    if before == partial.len() {
        return Ok(());
    }
    let mut stream = match running.net.open_bulk(*node, multiaddrs(addresses)).await {
        Ok(stream) => stream,
        Err(SendFailure::Refused) => return Err(Fetched::Forgotten),
        Err(failure) => {
            tracing::debug!(node = %node.short(), %failure, kind = "bulk", "not opened");
            return Err(Fetched::Broken { progressed: false });
        }
    };
    let progress = |have| running.progress.advance(*id, have);
    let pulled =
        bulk::pull(&mut stream, transfer.ticket, partial, Patience::default(), progress).await;
    Err(match pulled {
        Ok(Pulled::Finished) => return Ok(()),
        Ok(Pulled::Refused(code)) => refused(code),
        Ok(Pulled::Broken(error)) => {
            tracing::debug!(node = %node.short(), %error, kind = "bulk", "a pull broke off");
            Fetched::Broken { progressed: partial.next_offset() > before }
        }
        Ok(Pulled::Lied(lie)) => {
            tracing::warn!(node = %node.short(), %lie, kind = "bulk", "a node sent something else");
            Fetched::Trouble
        }
        Err(error) => trouble(&error),
    })
}

fn trouble(error: &ObjectError) -> Fetched {
    tracing::error!(%error, "an object cannot be kept; trying again later");
    Fetched::Trouble
}

/// Which refusals are final.
fn refused(code: bulk::RefusalCode) -> Fetched {
    use bulk::RefusalCode as Bulk;
    let why = match code {
        Bulk::Failed | Bulk::Busy => return Fetched::Broken { progressed: false },
        Bulk::NotPermitted => NotSent::NotPermitted,
        Bulk::NotHere => NotSent::NotThere,
        Bulk::BadStart => NotSent::BadStart,
        Bulk::BadRequest => NotSent::BadRequest,
        Bulk::Version => NotSent::OtherVersion,
        Bulk::Other(code) => NotSent::Other { code },
    };
    Fetched::Refused(why.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_pass_is_tried_again_and_what_will_not_is_final() {
        use bulk::RefusalCode as Bulk;
        for code in [Bulk::Failed, Bulk::Busy] {
            assert!(matches!(refused(code), Fetched::Broken { progressed: false }));
        }
        for code in [Bulk::NotPermitted, Bulk::NotHere, Bulk::Version, Bulk::Other(99)] {
            assert!(matches!(refused(code), Fetched::Refused(_)));
        }
    }
}

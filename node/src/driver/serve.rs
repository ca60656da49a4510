//! Giving objects to nodes that have a ticket: from the store when small, else from the folder.

use std::sync::Arc;

use chartmesh_protocol::id::{NodeId, ObjectId, TicketId};
use chartmesh_protocol::refusal::Failure;

use super::running::Running;
use crate::bulk::{self, Authorise, InMemory, Library, Patience, RefusalCode, ServeError, Source};
use crate::disk::AnyDisk;
use crate::net::BulkStream;
use crate::object_store::ObjectError;

/// What other nodes may pull from.
pub(super) struct Shelf(pub(super) Arc<Running>);

impl Library for Shelf {
    type Disk = AnyDisk;

    fn find(&self, object: ObjectId) -> Result<Option<Source>, ObjectError> {
        let small = self.0.read(|peer, txn, _| peer.small_object(txn, object));
        match small {
            Ok(Some(bytes)) => Ok(Some(Source::Bytes(InMemory::new(bytes.into())))),
            Ok(None) => self.0.objects.find(object),
            Err(error) => Err(ObjectError::Worker(std::io::Error::other(error))),
        }
    }
}

impl Authorise for Shelf {
    /// Asked before the answer and again while it is sent, each time on what is committed then, so
    /// that a revocation stops a download in flight.
    fn may_serve(
        &self,
        node: NodeId,
        ticket: TicketId,
        object: ObjectId,
    ) -> Result<(), RefusalCode> {
        let may = self.0.read(|peer, txn, now| peer.may_pull(txn, now, node, ticket, object));
        may.map_err(|failure| match failure {
            Failure::Refused(refusal) => {
                tracing::info!(node = %node.short(), code = ?refusal.code, kind = "bulk", "refused");
                RefusalCode::NotPermitted
            }
            Failure::Store(error) => {
                tracing::error!(%error, "cannot judge a ticket");
                RefusalCode::Failed
            }
        })
    }
}

/// Serves one stream until the peer closes it.
pub(super) async fn serve(shelf: Arc<Shelf>, node: NodeId, stream: BulkStream) {
    let patience = Patience::default();
    match bulk::serve(stream, node, Arc::clone(&shelf), shelf, patience).await {
        Ok(served) => {
            tracing::debug!(node = %node.short(), kind = "bulk", bytes = served.bytes, "served");
        }
        Err(error @ ServeError::BadRequest) => {
            tracing::warn!(node = %node.short(), kind = "bulk", %error, "malformed");
        }
        Err(error) => tracing::debug!(node = %node.short(), kind = "bulk", %error, "broke off"),
    }
}

//! Objects on their way here.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use chartmesh_protocol::peer::{Query, TransferView, View};
use serde::{Deserialize, Serialize};

use super::Shared;
use super::problem::{Outcome, Problem};

/// An object on its way here, and how far it has come.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TransferProgressView {
    /// The protocol's part.
    #[serde(flatten)]
    pub transfer: TransferView,
    /// Bytes that are here and verified; absent while it waits for its turn or its holder.
    pub have: Option<u64>,
    /// Bytes that were here already when this run of the node took it up.
    pub resumed_from: Option<u64>,
}

/// `GET /v1/transfers`
pub(super) async fn transfers(
    State(shared): State<Arc<Shared>>,
) -> Outcome<Json<Vec<TransferProgressView>>> {
    let View::Transfers(views) = shared.handle.query(Query::Transfers, None).await? else {
        return Err(Problem::trouble("transfers were answered with something else"));
    };
    let progress = shared.handle.transfers();
    let with_progress = |transfer: TransferView| {
        let found = progress.iter().find(|(id, _)| *id == transfer.transfer);
        let found = found.map(|(_, progress)| progress);
        TransferProgressView {
            have: found.map(|progress| progress.have),
            resumed_from: found.map(|progress| progress.resumed_from),
            transfer,
        }
    };
    Ok(Json(views.into_iter().map(with_progress).collect()))
}

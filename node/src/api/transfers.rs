//! Objects on their way here, and those that just came.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use chartmesh_protocol::id::{ObjectId, PartyId, TransferId};
use chartmesh_protocol::peer::ask;
use serde::{Deserialize, Serialize};

use super::problem::Outcome;
use super::state::ApiState;

/// An object on its way here, and how far it has come; or one that just came.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct TransferProgressView {
    /// The transfer.
    pub transfer: TransferId,
    /// The institution that has the object; absent once it is here.
    pub from: Option<PartyId>,
    /// The object.
    pub object: ObjectId,
    /// Bytes of its file.
    pub length: u64,
    /// Bytes that are here and verified; absent while it waits for its turn or its holder.
    pub have: Option<u64>,
    /// Bytes that were here already when this run of the node took it up.
    pub resumed_from: Option<u64>,
    /// Whether it has ended; the latest ones are told of for a while.
    pub ended: bool,
}

/// `GET /v1/transfers`: whole, since who watches wants the sum. The query `transfers` has them a page at a time.
pub(super) async fn transfers(
    State(api): State<Arc<ApiState>>,
) -> Outcome<Json<Vec<TransferProgressView>>> {
    let progress = api.handle.transfers();
    let views = api.handle.all(ask::Transfers::default(), None).await?;
    let mut all: Vec<TransferProgressView> = views
        .into_iter()
        .map(|view| {
            let found = progress.iter().find(|(id, now)| *id == view.transfer && !now.ended);
            let found = found.map(|(_, progress)| progress);
            TransferProgressView {
                transfer: view.transfer,
                from: Some(view.from),
                object: view.object,
                length: view.length,
                have: found.map(|progress| progress.have),
                resumed_from: found.map(|progress| progress.resumed_from),
                ended: false,
            }
        })
        .collect();
    all.extend(progress.into_iter().filter(|(_, now)| now.ended).map(|(id, now)| {
        TransferProgressView {
            transfer: id,
            from: None,
            object: now.object,
            length: now.length,
            have: Some(now.have),
            resumed_from: Some(now.resumed_from),
            ended: true,
        }
    }));
    Ok(Json(all))
}

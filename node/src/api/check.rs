//! Looking whether the objects that ought to be here are.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use chartmesh_protocol::id::{EntryId, ObjectId, PartyId};
use serde::{Deserialize, Serialize};

use super::json::In;
use super::problem::Outcome;
use super::state::ApiState;
use crate::driver::{Check, LostObject};

/// What one step of a check found.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CheckView {
    /// Objects looked at.
    pub objects: u64,
    /// Bytes they ought to have.
    pub bytes: u64,
    /// Those that are not here.
    pub lost: Vec<LostView>,
    /// Where to go on; absent when all were looked at.
    pub next: Option<ObjectId>,
}

/// An object that ought to be here and is not.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct LostView {
    /// The object.
    pub object: ObjectId,
    /// Bytes of its file.
    pub length: u64,
    /// It is there and not what it should be; otherwise it is not there.
    pub damaged: bool,
    /// What was noticed, to be read after "object ...".
    pub what: String,
    /// The entries that need it.
    pub entries: Vec<EntryId>,
}

impl From<LostObject> for LostView {
    fn from(lost: LostObject) -> Self {
        let mut entries: Vec<_> = lost.needed_by.into_iter().map(|(_, entry)| entry).collect();
        entries.sort_unstable();
        entries.dedup();
        let LostObject { object, length, damaged, what, .. } = lost;
        Self { object, length, damaged, what, entries }
    }
}

/// Where to look.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct CheckIn {
    /// Only this record.
    #[serde(default)]
    subject: Option<PartyId>,
    /// Where the last step said to go on.
    #[serde(default)]
    after: Option<ObjectId>,
    /// Reads every byte; otherwise only what the file system says.
    #[serde(default)]
    deep: bool,
}

/// `POST /v1/check`: what is found lost is not claimed any more, and fetched by the next restore.
pub(super) async fn check(
    State(api): State<Arc<ApiState>>,
    In(asked): In<CheckIn>,
) -> Outcome<Json<CheckView>> {
    let CheckIn { subject, after, deep } = asked;
    let checked = api.handle.check(Check { subject, after, deep }).await?;
    Ok(Json(CheckView {
        objects: checked.objects,
        bytes: checked.bytes,
        lost: checked.lost.into_iter().map(LostView::from).collect(),
        next: checked.next,
    }))
}

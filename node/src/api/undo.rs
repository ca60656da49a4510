//! Undoing an enrolment: what is sealed anew, under keys that nobody had.
//!
//! The protocol takes the entries back into the chart at once. Their contents are opened and sealed again here, some at a
//! time, so that no request lasts long: whoever asked asks again until nothing is left.

use std::sync::Arc;
use std::time::Instant;

use axum::Json;
use axum::extract::State;
use chartmesh_protocol::id::{ChartId, PartyId};
use chartmesh_protocol::record::view::UndoneView;
use chartmesh_protocol::record::{self, ContentKey, SealedContent};
use chartmesh_protocol::refusal::RefusalCode;
use serde::Deserialize;

use super::import::Sealing;
use super::json::In;
use super::limits::{COMMIT_BYTES_MAX, UNDO_ENTRIES_MAX, UNDO_TIME_MAX};
use super::plain::{StreamError, begin, stream};
use super::problem::{Outcome, Problem};
use super::reasons::Reason;
use super::request::{At, on_pool};
use super::state::ApiState;
use crate::driver::Handle;
use crate::random::system;

/// Who undoes it.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct UndoIn {
    /// Who undoes it: 1 to 200 bytes.
    user: String,
    /// Also where contents of the chart are not here: they are lost then.
    #[serde(default)]
    although_lost: bool,
}

/// `POST /v1/charts/{id}/undo`: while entries are left to be sealed anew, it is to be asked again.
pub(super) async fn undo(
    State(api): State<Arc<ApiState>>,
    At(chart): At<ChartId>,
    In(asked): In<UndoIn>,
) -> Outcome<Json<UndoneView>> {
    let began = Instant::now();
    let command =
        record::command::Undo { chart, user: asked.user, although_lost: asked.although_lost };
    let mut view = api.handle.command(command, None).await?;
    while view.left > 0 && began.elapsed() < UNDO_TIME_MAX {
        let left = seal_some(&api.handle, chart, view.subject).await?.left;
        if left == view.left {
            return Err(Problem::trouble(Reason::NotAsSealed));
        }
        view.left = left;
    }
    Ok(Json(view))
}

/// Seals some entries anew, and puts them in the place of the old ones.
async fn seal_some(handle: &Handle, chart: ChartId, subject: PartyId) -> Outcome<UndoneView> {
    let entries = handle
        .read_on_pool(move |peer, txn, _| peer.to_seal_anew(txn, subject, UNDO_ENTRIES_MAX))
        .await?;
    let (mut drafts, mut bytes) = (Vec::new(), 0);
    for one in entries {
        if bytes > COMMIT_BYTES_MAX {
            break;
        }
        let mut contents = Vec::with_capacity(one.contents.len());
        for content in &one.contents {
            let (handle, content) = (handle.clone(), content.clone());
            let sealed = on_pool(move || anew(&handle, content)).await??;
            bytes += sealed.small.as_ref().map_or(0, Vec::len);
            contents.push(sealed);
        }
        drafts.push(one.with(contents));
    }
    let entries = handle
        .read_on_pool(move |peer, _, _| peer.seal_anew(subject, drafts, &mut system()))
        .await?;
    Ok(handle.command(record::command::Anew { chart, entries }, None).await?)
}

/// A content under a key of its own that nobody had. One that is not here, or is damaged, stays as it is.
fn anew(handle: &Handle, content: ContentKey) -> Outcome<SealedContent> {
    let (source, opener) = match begin(handle, &content) {
        Ok(begun) => begun,
        Err(problem) if problem.is_refusal(RefusalCode::NotFound) => {
            return Ok(SealedContent { key: content, small: None });
        }
        Err(problem) => return Err(problem),
    };
    let mut sealing = Sealing::new(handle.objects(), &content.media_type, content.name.clone());
    let mut pushed = Ok(());
    let opened = stream(&source, opener, |plain| {
        pushed = sealing.push(plain);
        pushed.is_ok()
    });
    pushed?;
    match opened {
        Ok(()) => sealing.finish(),
        // It may be read the next time.
        Err(StreamError::Disk(error)) => Err(error.into()),
        Err(error) => {
            tracing::error!(object = %content.object, %error, "a content that does not open was not sealed anew");
            Ok(SealedContent { key: content, small: None })
        }
    }
}

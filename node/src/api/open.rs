//! Opening entries, and streaming their contents in the clear.
//!
//! Opening asks the protocol, which logs it durably before it gives the keys. They stay here for a
//! few minutes under a random name, so that the contents can be fetched; then they are wiped. What a patient's keys
//! opened is open for no longer than these are unlocked.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use chartmesh_protocol::capability::Purpose;
use chartmesh_protocol::id::{EntryId, PartyId};
use chartmesh_protocol::limits::NAME_BYTES_MAX;
use chartmesh_protocol::record;
use chartmesh_protocol::record::EntryStanding;
use chartmesh_protocol::record::view::{ManifestView, OpenedView};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::json::In;
use super::limits::{OPEN_MAX, OPEN_TIME_MAX, PIECES_MAX};
use super::plain::{StreamError, begin, stream};
use super::problem::Outcome;
use super::reasons::Reason;
use super::request::{At, base64, fresh_name, on_pool};
use super::state::ApiState;
use super::unlocked::Unlocked;

/// An opened entry.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct OpenView {
    /// What requests for its contents name, for ten minutes; at a relay no longer than the patient's keys are unlocked.
    pub open: String,
    /// What the entry says of itself.
    pub manifest: ManifestView,
    /// Whether its contents are here; otherwise they are still on their way.
    pub whole: bool,
    /// The label as its author signed it: a COSE_Sign1 in base64.
    #[cfg_attr(test, schemars(extend("contentEncoding" = "base64")))]
    pub label: String,
    /// The institution that made it.
    pub author: PartyId,
    /// That institution's name.
    pub author_name: String,
    /// Whether the entry belongs to the patient's record; none where this node has no chart of the patient.
    #[serde(default)]
    pub standing: Option<EntryStanding>,
}

/// The entries that are open.
#[derive(Default)]
pub(super) struct Opens(Mutex<HashMap<String, Opened>>);

/// An entry that is open.
#[derive(Clone)]
struct Opened {
    since: Instant,
    /// The patient whose keys opened it: it is open for no longer than these.
    by_keys_of: Option<PartyId>,
    view: Arc<OpenedView>,
}

impl Opens {
    fn add(&self, view: OpenedView, by_keys_of: Option<PartyId>) -> String {
        let name = fresh_name();
        let mut open = self.lock();
        if open.len() >= OPEN_MAX {
            let oldest = open.iter().min_by_key(|(_, opened)| opened.since);
            let oldest = oldest.map(|(name, _)| name.clone());
            oldest.and_then(|name| open.remove(&name));
        }
        let opened = Opened { since: Instant::now(), by_keys_of, view: Arc::new(view) };
        open.insert(name.clone(), opened);
        name
    }

    fn get(&self, name: &str, unlocked: &Unlocked) -> Outcome<Arc<OpenedView>> {
        let opened = self.lock().get(name).cloned();
        match opened.filter(|opened| opened.is_open(Instant::now(), unlocked)) {
            Some(opened) => Ok(opened.view),
            None => Err(Reason::NothingOpen.into()),
        }
    }

    pub(super) fn sweep(&self, now: Instant, unlocked: &Unlocked) {
        self.lock().retain(|_, opened| opened.is_open(now, unlocked));
    }

    pub(super) fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Opened>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Opened {
    fn is_open(&self, now: Instant, unlocked: &Unlocked) -> bool {
        now.saturating_duration_since(self.since) <= OPEN_TIME_MAX
            && self.by_keys_of.is_none_or(|patient| unlocked.get(patient).is_some())
    }
}

/// What is opened, by whom and why.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct OpenIn {
    /// The patient, or the chart's subject.
    subject: PartyId,
    /// The entry.
    entry: EntryId,
    /// Who opens it: 1 to 200 bytes.
    user: String,
    /// What for.
    purpose: Purpose,
    /// Whether it leaves in the clear.
    #[serde(default)]
    export: bool,
}

/// `POST /v1/open`
pub(super) async fn open(
    State(api): State<Arc<ApiState>>,
    In(asked): In<OpenIn>,
) -> Outcome<Json<OpenView>> {
    let OpenIn { subject, entry, user, purpose, export } = asked;
    if user.trim().is_empty() || user.len() > NAME_BYTES_MAX {
        return Err(Reason::UserOutOfBounds { most: NAME_BYTES_MAX }.into());
    }
    let command = record::command::Open { subject, entry, user, purpose, export };
    // At a relay it is the patient who opens, with keys that were unlocked before.
    let keys = api.unlocked.get(subject);
    let by_keys_of = keys.as_ref().map(|keys| keys.patient);
    let view = api.handle.command(command, keys).await?;
    Ok(Json(OpenView {
        manifest: ManifestView::from(&view.manifest),
        whole: view.whole,
        label: base64(&view.label),
        author: view.author,
        author_name: view.author_name.clone(),
        standing: view.standing,
        open: api.opens.add(view, by_keys_of),
    }))
}

/// `GET /v1/open/{open}/{index}`: every chunk is authenticated before it leaves. Whether the object
/// is the right one as a whole is known at its end only: if it is not, the last chunk is held back
/// and the body ends short of its Content-Length.
pub(super) async fn content(
    State(api): State<Arc<ApiState>>,
    At((open, index)): At<(String, usize)>,
) -> Outcome<Response> {
    let view = api.opens.get(&open, &api.unlocked)?;
    let Some(content) = view.manifest.contents.get(index).cloned() else {
        return Err(Reason::NoContent { count: view.manifest.contents.len() }.into());
    };
    let length = content.plaintext_length;
    let media_type = HeaderValue::from_str(&content.media_type)
        .unwrap_or(HeaderValue::from_static("application/octet-stream"));
    let handle = api.handle.clone();
    let wanted = content.clone();
    let (source, opener) = on_pool(move || begin(&handle, &wanted)).await??;
    let (pieces, coming) = mpsc::channel::<Result<Bytes, StreamError>>(PIECES_MAX);
    // It ends with the body: when nobody reads any more, sending fails.
    tokio::task::spawn_blocking(move || {
        let send = |plain: &[u8]| pieces.blocking_send(Ok(Bytes::copy_from_slice(plain))).is_ok();
        if let Err(error) = stream(&source, opener, send) {
            tracing::error!(object = %content.object, %error, "a content did not open");
            let _gone = pieces.blocking_send(Err(error));
        }
    });
    let body = futures::stream::unfold(coming, async |mut coming| {
        coming.recv().await.map(|piece| (piece, coming))
    });
    let headers = [
        (header::CONTENT_TYPE, media_type),
        (header::CONTENT_LENGTH, HeaderValue::from(length)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    Ok((headers, Body::from_stream(Box::pin(body))).into_response())
}

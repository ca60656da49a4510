//! Importing records: files stream in, are sealed as they come, and become entries on commit.
//!
//! ```text
//!  begin ──> open ──file──> open ──commit──> entries
//!              └── given up, or nobody came for an hour ──> objects removed
//! ```
//!
//! Nothing stands on the disk in the clear at any time. A file is read for what it says about
//! itself (its kind, its dates, what it is found by) while it passes; a FHIR document, which must
//! be whole to be read, is kept in memory for that. Large objects go to the object folder, small
//! ones wait in memory, beyond its room in a file without a name, and go into the store with the
//! commit. A node that dies in between leaves objects that nothing holds, and its next start removes
//! them.

mod commit;
mod entries;
mod receive;
mod seal;
mod spool;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use chartmesh_protocol::id::{ChartId, EntryId, ObjectId, PartyId};
use chartmesh_protocol::limits::{NAME_BYTES_MAX, SMALL_OBJECT_BYTES_MAX};
use chartmesh_protocol::peer::Done;
use chartmesh_protocol::record::view::RecordedView;
use chartmesh_protocol::record::{Draft, Kind, SealedContent};
use serde::{Deserialize, Serialize};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::json::In;
use super::limits::{
    FHIR_AT_ONCE, IMPORT_FILES_MAX, IMPORT_SMALL_BYTES_MAX, IMPORT_SPOOLED_BYTES_MAX,
    IMPORT_TIME_MAX, IMPORTS_MAX, RECEIVING_MAX,
};
use super::problem::{Outcome, Problem};
use super::reasons::Reason;
use super::request::{At, Named, fresh_name, on_pool};
use super::state::ApiState;
use crate::content::{self, title};
use crate::dicom;
use crate::driver::Handle;
use crate::random::system;

pub use receive::{FileView, PersonView};
pub(super) use seal::Sealing;
use spool::Spool;

/// An import that was begun.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ImportView {
    /// What its further requests name.
    pub import: String,
}

/// Something sealed, with what is known of it.
type Item = (SealedContent, content::Draft);

/// What the person who imports says.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "ImportIn"))]
#[serde(deny_unknown_fields)]
pub(super) struct About {
    /// The patient, or the chart's subject.
    subject: PartyId,
    /// Who records: 1 to 200 bytes.
    user: String,
    /// The entry that it adds to.
    #[serde(default)]
    adds_to: Option<EntryId>,
    /// Of what kind it is; for one entry only.
    #[serde(default)]
    kind: Option<Kind>,
    /// What it is called; for one entry only.
    #[serde(default)]
    title: Option<String>,
}

/// An import under way.
#[derive(Debug)]
pub(super) struct Import {
    about: About,
    /// The chart that it is for.
    chart: Option<ChartId>,
    touched: Mutex<Instant>,
    /// Held during a commit.
    state: tokio::sync::Mutex<Contents>,
    /// Small objects that memory had no room for.
    spool: Arc<Mutex<Spool>>,
}

/// What has come in.
#[derive(Debug, Default)]
struct Contents {
    /// Committed or given up: nothing more is taken.
    closed: bool,
    files: usize,
    groups: Vec<content::Group<Item>>,
    /// Grouped by study once all are here.
    dicom: Vec<(SealedContent, dicom::Head)>,
    /// Since the first commit: what is not recorded yet.
    drafts: Option<Vec<Draft>>,
    recorded: Vec<EntryId>,
    /// This import's parts of [`IMPORT_SMALL_BYTES_MAX`] and [`IMPORT_SPOOLED_BYTES_MAX`].
    shares: Vec<OwnedSemaphorePermit>,
}

/// All imports under way.
#[derive(Debug)]
pub(super) struct Imports {
    open: Mutex<HashMap<String, Arc<Import>>>,
    receiving: Semaphore,
    fhir: Semaphore,
    /// In KiB.
    memory: Arc<Semaphore>,
    /// In KiB.
    spooled: Arc<Semaphore>,
}

impl Default for Imports {
    fn default() -> Self {
        Self {
            open: Mutex::default(),
            receiving: Semaphore::new(RECEIVING_MAX),
            fhir: Semaphore::new(FHIR_AT_ONCE),
            memory: Arc::new(Semaphore::new(IMPORT_SMALL_BYTES_MAX / 1024)),
            spooled: Arc::new(Semaphore::new(IMPORT_SPOOLED_BYTES_MAX / 1024)),
        }
    }
}

impl Imports {
    fn add(&self, about: About, chart: Option<ChartId>) -> Outcome<String> {
        let mut open = self.lock();
        if open.len() >= IMPORTS_MAX {
            return Err(Reason::TooManyImports { most: IMPORTS_MAX }.into());
        }
        let name = fresh_name();
        let import = Import {
            about,
            chart,
            touched: Mutex::new(Instant::now()),
            state: tokio::sync::Mutex::default(),
            spool: Arc::default(),
        };
        open.insert(name.clone(), Arc::new(import));
        Ok(name)
    }

    fn get(&self, name: &str) -> Outcome<Arc<Import>> {
        let Some(import) = self.lock().get(name).cloned() else {
            return Err(Reason::NoImport.into());
        };
        import.touch();
        Ok(import)
    }

    fn remove(&self, name: &str) -> Option<Arc<Import>> {
        self.lock().remove(name)
    }

    /// Takes out the imports that nobody has touched for long and nobody is busy with.
    pub(super) fn expired(&self, now: Instant) -> Vec<Arc<Import>> {
        let expired = |import: &Arc<Import>| {
            Arc::strong_count(import) == 1
                && now.saturating_duration_since(import.touched()) > IMPORT_TIME_MAX
        };
        self.lock().extract_if(|_, import| expired(import)).map(|(_, import)| import).collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Import>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Import {
    fn touch(&self) {
        *self.touched.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn touched(&self) -> Instant {
        *self.touched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in what a file brought.
    async fn add(&self, api: &ApiState, mut received: receive::Received) -> Outcome<()> {
        let mut state = self.state.lock().await;
        if state.closed || state.drafts.is_some() {
            return Err(Reason::Committed.into());
        }
        if state.files >= IMPORT_FILES_MAX {
            return Err(Reason::TooManyFiles { most: IMPORT_FILES_MAX }.into());
        }
        let kib = received.small_bytes().div_ceil(1024);
        let kib = u32::try_from(kib).unwrap_or(u32::MAX);
        let share = |of: &Arc<Semaphore>| Arc::clone(of).try_acquire_many_owned(kib).ok();
        let share = match share(&api.imports.memory) {
            Some(share) => share,
            None => {
                let share = share(&api.imports.spooled).ok_or(Reason::TooMuchWaits)?;
                self.spool(api, &mut received).await?;
                share
            }
        };
        state.shares.push(share);
        state.files += 1;
        state.groups.extend(received.groups);
        state.dicom.extend(received.dicom);
        self.touch();
        Ok(())
    }

    /// Moves what is small of a file out of memory.
    async fn spool(&self, api: &ApiState, received: &mut receive::Received) -> Outcome<()> {
        let small = received.take_small();
        let (spool, dir) = (Arc::clone(&self.spool), api.data_dir.clone());
        let kept = on_pool(move || {
            let mut spool = spool.lock().unwrap_or_else(PoisonError::into_inner);
            small.iter().try_for_each(|(object, bytes)| spool.keep(&dir, *object, bytes))
        });
        kept.await?.map_err(trouble)
    }

    /// Brings back what is small of these drafts and stands in the spool.
    async fn unspool(&self, mut drafts: Vec<Draft>) -> Outcome<Vec<Draft>> {
        let spool = Arc::clone(&self.spool);
        let filled = on_pool(move || {
            let spool = spool.lock().unwrap_or_else(PoisonError::into_inner);
            let contents = drafts.iter_mut().flat_map(|draft| &mut draft.contents);
            for content in contents.filter(|content| content.small.is_none()) {
                content.small = spool.get(content.key.object)?;
                if content.small.is_none() && is_small(content) {
                    return Err(std::io::Error::other("a file that came in is not in the spool"));
                }
            }
            Ok(drafts)
        });
        filled.await?.map_err(trouble)
    }

    /// Gives up what was not recorded.
    pub(super) async fn discard(&self, handle: &Handle) {
        let objects = {
            let mut state = self.state.lock().await;
            let contents = std::mem::take(&mut *state);
            state.closed = true;
            contents.large_objects()
        };
        remove_unheld(handle, objects).await;
    }
}

impl Contents {
    /// What stands in the object folder and nothing holds yet.
    fn large_objects(&self) -> Vec<ObjectId> {
        let grouped = self.groups.iter().flat_map(|group| &group.items).map(|(sealed, _)| sealed);
        let dicom = self.dicom.iter().map(|(sealed, _)| sealed);
        let drafted = self.drafts.iter().flatten().flat_map(|draft| &draft.contents);
        large_objects(grouped.chain(dicom).chain(drafted))
    }
}

fn large_objects<'a>(contents: impl Iterator<Item = &'a SealedContent>) -> Vec<ObjectId> {
    contents.filter(|sealed| !is_small(sealed)).map(|sealed| sealed.key.object).collect()
}

/// Whether an object goes into the store with the commit, wherever it waits for that.
fn is_small(sealed: &SealedContent) -> bool {
    sealed.key.length <= SMALL_OBJECT_BYTES_MAX as u64
}

fn trouble(error: std::io::Error) -> Problem {
    Problem::trouble(Reason::Trouble { what: error.to_string() })
}

/// Removes objects, but for those that were recorded after all.
async fn remove_unheld(handle: &Handle, objects: Vec<ObjectId>) {
    let worker = handle.clone();
    let removed = on_pool(move || {
        for object in objects {
            let held = worker.read(|peer, txn, _| peer.is_held(txn, object));
            let result = match held {
                Ok(true) => continue,
                Ok(false) => worker.objects().remove(object).map_err(|error| error.to_string()),
                Err(error) => Err(error.to_string()),
            };
            if let Err(error) = result {
                tracing::warn!(%error, "an import's object stays until the next start");
            }
        }
    });
    let _done = removed.await;
}

/// `POST /v1/imports`
pub(super) async fn begin(
    State(api): State<Arc<ApiState>>,
    In(mut about): In<About>,
) -> Outcome<Json<ImportView>> {
    api.handle.peer().require_room()?;
    about.title = about.title.map(|text| title(&text)).filter(|text| !text.is_empty());
    about.user = title(&about.user);
    if about.user.is_empty() || about.user.len() > NAME_BYTES_MAX {
        return Err(Reason::UserOutOfBounds { most: NAME_BYTES_MAX }.into());
    }
    // Sealing nothing finds out whether something can be sealed, before anything is sent.
    let subject = about.subject;
    let can_seal = api.handle.read_on_pool(move |peer, txn, now| {
        peer.seal_entries(txn, now, subject, Vec::new(), &mut system())?;
        Ok::<_, Problem>(peer.chart_of(txn, subject)?)
    });
    let chart = can_seal.await?;
    Ok(Json(ImportView { import: api.imports.add(about, chart)? }))
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct FileIn {
    /// What the file is called.
    #[serde(default)]
    name: String,
}

/// `PUT /v1/imports/{id}/files?name=N`
pub(super) async fn file(
    State(api): State<Arc<ApiState>>,
    At(name): At<String>,
    Named(FileIn { name: file_name }): Named<FileIn>,
    body: Body,
) -> Outcome<Json<FileView>> {
    let import = api.imports.get(&name);
    let mut body = receive::Incoming::new(body);
    let taken = match import {
        Ok(import) => take(&api, &import, &file_name, &mut body).await,
        Err(problem) => Err(problem),
    };
    if taken.is_err() {
        // Whoever is still sending would not hear the answer.
        body.drain().await;
    }
    taken.map(Json)
}

async fn take(
    api: &ApiState,
    import: &Import,
    file_name: &str,
    body: &mut receive::Incoming,
) -> Outcome<FileView> {
    let _place = api.imports.receiving.acquire().await.map_err(|_| Problem::given_up())?;
    let received = receive::receive(api, file_name, body).await?;
    let objects = large_objects(received.contents());
    let view = received.view.clone();
    if let Err(problem) = import.add(api, received).await {
        remove_unheld(&api.handle, objects).await;
        return Err(problem);
    }
    tracing::debug!(bytes = view.bytes, items = view.items, "a file came in");
    Ok(view)
}

/// `POST /v1/imports/{id}/commit`: may be repeated after a failure; what was recorded stays so and
/// is told again.
pub(super) async fn commit(
    State(api): State<Arc<ApiState>>,
    At(name): At<String>,
) -> Outcome<Json<RecordedView>> {
    let import = api.imports.get(&name)?;
    // A task of its own: a client that goes away must not leave it unknown what was recorded.
    let work = tokio::spawn(async move {
        let entries = commit::commit(&api.handle, &import).await?;
        api.imports.remove(&name);
        Ok(RecordedView { entries })
    });
    work.await.map_err(|_| Problem::given_up())?.map(Json)
}

/// `DELETE /v1/imports/{id}`
pub(super) async fn discard(
    State(api): State<Arc<ApiState>>,
    At(name): At<String>,
) -> Outcome<Json<Done>> {
    api.imports.get(&name)?;
    if let Some(import) = api.imports.remove(&name) {
        import.discard(&api.handle).await;
    }
    Ok(Json(Done { done: true }))
}

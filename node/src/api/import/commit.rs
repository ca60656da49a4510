//! From drafts to entries that are recorded.

use std::num::NonZero;
use std::thread::available_parallelism;

use chartmesh_protocol::id::{ChartId, EntryId, PartyId};
use chartmesh_protocol::record::{self, Draft, SealedEntry};
use chartmesh_protocol::refusal::RefusalCode;
use futures::future::try_join_all;

use super::super::limits::{COMMIT_BYTES_MAX, COMMIT_ENTRIES_MAX};
use super::super::problem::{Outcome, Problem};
use super::super::reasons::Reason;
use super::{About, Contents, Import, entries};
use crate::dicom;
use crate::driver::Handle;
use crate::random::system;

/// Records everything, a transaction's worth at a time. After a failure it goes on where it stopped.
pub(super) async fn commit(handle: &Handle, import: &Import) -> Outcome<Vec<EntryId>> {
    let mut state = import.state.lock().await;
    if state.closed {
        return Err(Reason::Ended.into());
    }
    let about = &import.about;
    let mut drafts = match state.drafts.take() {
        Some(drafts) => drafts,
        None => draft(handle, about, &mut state),
    };
    let checked = check(about, drafts.len(), state.recorded.len());
    while checked.is_ok() && !drafts.is_empty() {
        let batch = &drafts[..batch_len(&drafts)];
        match record(handle, (about.subject, import.chart), batch).await {
            Ok(recorded) => {
                drafts.drain(..batch.len());
                state.recorded.extend(recorded);
            }
            Err(problem) => {
                state.drafts = Some(drafts);
                return Err(problem);
            }
        }
    }
    state.drafts = Some(drafts);
    checked?;
    state.closed = true;
    tracing::info!(entries = state.recorded.len(), "an import was recorded");
    Ok(state.recorded.clone())
}

fn draft(handle: &Handle, about: &About, state: &mut Contents) -> Vec<Draft> {
    let now = handle.now();
    let studies = dicom::group(std::mem::take(&mut state.dicom));
    let groups = std::mem::take(&mut state.groups).into_iter().chain(studies);
    groups.map(|group| entries::draft(about, now, group)).collect()
}

fn check(about: &About, drafts: usize, recorded: usize) -> Outcome<()> {
    if drafts + recorded == 0 {
        return Err(Reason::NothingSent.into());
    }
    if (about.kind.is_some() || about.title.is_some()) && drafts + recorded > 1 {
        return Err(Reason::OneEntryOnly { entries: drafts }.into());
    }
    Ok(())
}

/// How many drafts go into the next transaction: one at least.
fn batch_len(drafts: &[Draft]) -> usize {
    let mut bytes = 0;
    let fit = drafts.iter().take(COMMIT_ENTRIES_MAX).take_while(|draft| {
        bytes +=
            draft.contents.iter().filter_map(|c| c.small.as_ref()).map(Vec::len).sum::<usize>();
        bytes <= COMMIT_BYTES_MAX
    });
    fit.count().max(1)
}

/// Records a batch. When the patient's keys changed while it was being sealed, it is sealed once
/// more.
async fn record(
    handle: &Handle,
    (subject, chart): (PartyId, Option<ChartId>),
    batch: &[Draft],
) -> Outcome<Vec<EntryId>> {
    let mut tried = false;
    loop {
        let entries = seal(handle, subject, batch).await?;
        let command = record::command::Record { subject, chart, entries };
        match handle.command(command, None).await.map_err(Problem::from) {
            Ok(recorded) => return Ok(recorded.entries),
            Err(problem) if problem.is_refusal(RefusalCode::WrongState) && !tried => tried = true,
            Err(problem) => return Err(problem),
        }
    }
}

/// Seals a batch on all cores: key encapsulation takes most of the time of a small entry.
async fn seal(handle: &Handle, subject: PartyId, batch: &[Draft]) -> Outcome<Vec<SealedEntry>> {
    let cores = available_parallelism().map_or(1, NonZero::get);
    let parts = batch.chunks(batch.len().div_ceil(cores).max(1)).map(|part| {
        let drafts = part.to_vec();
        handle.read_on_pool(move |peer, txn, now| {
            peer.seal_entries(txn, now, subject, drafts, &mut system())
        })
    });
    Ok(try_join_all(parts).await?.into_iter().flatten().collect())
}

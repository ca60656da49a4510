//! From drafts to entries that are recorded.

use std::num::NonZero;
use std::thread::available_parallelism;

use chartmesh_protocol::id::{ChartId, EntryId, PartyId};
use chartmesh_protocol::record::{self, Draft, SealedEntry};
use chartmesh_protocol::refusal::RefusalCode;
use futures::future::{join, try_join_all};

use super::super::limits::{COMMIT_BYTES_MAX, COMMIT_ENTRIES_MAX};
use super::super::problem::{Outcome, Problem};
use super::super::reasons::Reason;
use super::{About, Contents, Import, entries, is_small};
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
    if checked.is_ok() {
        let work = Work { handle, import, of: (about.subject, import.chart) };
        if let Err(problem) = work.record(&mut drafts, &mut state.recorded).await {
            state.drafts = Some(drafts);
            return Err(problem);
        }
    }
    state.drafts = Some(drafts);
    checked?;
    state.closed = true;
    tracing::info!(entries = state.recorded.len(), "an import was recorded");
    Ok(state.recorded.clone())
}

/// What is recorded where.
struct Work<'a> {
    handle: &'a Handle,
    import: &'a Import,
    of: (PartyId, Option<ChartId>),
}

impl Work<'_> {
    /// Records all drafts, a batch at a time; those that are recorded are taken out. While one batch is being committed,
    /// which waits for the disk, the next one is sealed.
    async fn record(&self, drafts: &mut Vec<Draft>, recorded: &mut Vec<EntryId>) -> Outcome<()> {
        let (mut sealed, mut tried) = (None, false);
        while !drafts.is_empty() {
            let len = batch_len(drafts);
            let entries = match sealed.take() {
                Some(sealed) => sealed,
                None => self.seal(&drafts[..len]).await?,
            };
            let next = &drafts[len..];
            let next = async {
                match next.is_empty() {
                    true => None,
                    // What could not be sealed is tried again by itself, and then told of.
                    false => self.seal(&next[..batch_len(next)]).await.ok(),
                }
            };
            let (subject, chart) = self.of;
            let command = record::command::Record { subject, chart, entries };
            let (done, next) = join(self.handle.command(command, None), next).await;
            match done.map_err(Problem::from) {
                Ok(done) => {
                    drafts.drain(..len);
                    recorded.extend(done.entries);
                    (sealed, tried) = (next, false);
                }
                // The patient's keys changed while it was being sealed: it is sealed once more.
                Err(problem) if problem.is_refusal(RefusalCode::WrongState) && !tried => {
                    tried = true;
                }
                Err(problem) => return Err(problem),
            }
        }
        Ok(())
    }

    /// Seals a batch on all cores: key encapsulation takes most of the time of a small entry.
    async fn seal(&self, batch: &[Draft]) -> Outcome<Vec<SealedEntry>> {
        let cores = available_parallelism().map_or(1, NonZero::get);
        let subject = self.of.0;
        let parts = batch.chunks(batch.len().div_ceil(cores).max(1)).map(|part| {
            let drafts = part.to_vec();
            async move {
                let drafts = self.import.unspool(drafts).await?;
                let sealed = self.handle.read_on_pool(move |peer, txn, now| {
                    peer.seal_entries(txn, now, subject, drafts, &mut system())
                });
                Ok::<_, Problem>(sealed.await?)
            }
        });
        Ok(try_join_all(parts).await?.into_iter().flatten().collect())
    }
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
        let small = draft.contents.iter().filter(|content| is_small(content));
        bytes += small.map(|content| content.key.length).sum::<u64>();
        bytes <= COMMIT_BYTES_MAX as u64
    });
    fit.count().max(1)
}

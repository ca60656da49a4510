//! What receipts name and a restore does not bring back: how lying about storage is noticed.

use chartmesh_protocol::backup::{Fetch, FetchAnswer, Receipt};
use chartmesh_protocol::codec::Wire;
use chartmesh_protocol::id::{EntryId, PartyId};
use chartmesh_protocol::limits;
use std::collections::{BTreeMap, BTreeSet};

/// Receipts and restores so far.
#[derive(Default)]
pub(super) struct Receipts {
    /// By holder and owner.
    named: BTreeMap<(u32, PartyId), BTreeSet<EntryId>>,
    /// Pages of restores that have not ended.
    given: BTreeMap<[u8; 16], BTreeSet<EntryId>>,
    /// Entries that receipts named when their owner had everything brought back.
    due: u64,
}

impl Receipts {
    pub(super) fn signed(&mut self, holder: u32, receipt: &Receipt) {
        let entries = receipt.objects.iter().map(|object| object.entry);
        self.named.entry((holder, receipt.owner)).or_default().extend(entries);
    }

    /// A page of a restore was given; after the last one, how many entries did not come.
    pub(super) fn given(
        &mut self,
        holder: u32,
        fetch: &Fetch,
        answer: &[u8],
        owner: PartyId,
    ) -> u64 {
        let Ok(page) = FetchAnswer::from_bytes(answer, limits::RESPONSE_BYTES_MAX) else {
            return 0;
        };
        let given = self.given.entry(fetch.restore).or_default();
        given.extend(page.bundles.iter().map(|bundle| bundle.label.claims().entry()));
        if page.next.is_some() || fetch.subject.is_some() {
            return 0;
        }
        let given = self.given.remove(&fetch.restore).unwrap_or_default();
        let Some(named) = self.named.get(&(holder, owner)) else { return 0 };
        self.due += named.len() as u64;
        named.difference(&given).count() as u64
    }

    pub(super) const fn due(&self) -> u64 {
        self.due
    }
}

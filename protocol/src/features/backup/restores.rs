//! How the restores of this institution stand: what was asked for, what came, and that it ended.

use super::reasons::Reason;
use super::view::RestoreView;
use crate::codec::wire_struct;
use crate::id::PartyId;
use crate::refusal::{Handled, Refusal, refuse};
use crate::rows;
use crate::store::{ReadTxn, StoreError, Table, Txn};

/// Restore -> [`RestoreRow`].
const RESTORES: Table = Table::rows("backup_restore");

wire_struct! {
    /// A restore.
    #[derive(Debug, Clone)]
    pub struct RestoreRow {
        /// From whom.
        1 => holder: PartyId,
        /// Pages asked for and not answered.
        2 => pages: u64,
        /// Objects on their way.
        3 => objects: u64,
        /// Entries that came.
        4 => entries: u64,
        /// Entries and objects that were not as they should be, or did not come.
        5 => spoilt: u64,
        /// Why the first of these did not, or why the depositary refused.
        6 => refusal: Option<Refusal>,
    }
}

/// One that has asked for its first page.
pub(super) fn begin(txn: &mut dyn Txn, id: [u8; 16], holder: PartyId) -> Result<(), StoreError> {
    let row = RestoreRow { holder, pages: 1, objects: 0, entries: 0, spoilt: 0, refusal: None };
    rows::put(txn, RESTORES, &id, &row)
}

/// Something of it happened; nothing is kept of one that is not known.
pub(super) fn note(
    txn: &mut dyn Txn,
    id: [u8; 16],
    change: impl FnOnce(&mut RestoreRow),
) -> Result<(), StoreError> {
    let Some(mut row) = rows::get::<RestoreRow>(txn, RESTORES, &id)? else { return Ok(()) };
    change(&mut row);
    rows::put(txn, RESTORES, &id, &row)
}

impl RestoreRow {
    /// Something did not come as it should.
    pub(super) fn spoil(&mut self, refusal: Refusal) {
        self.spoilt += 1;
        self.refusal.get_or_insert(refusal);
    }
}

/// How it stands.
pub(super) fn view(txn: &(impl ReadTxn + ?Sized), id: [u8; 16]) -> Handled<RestoreView> {
    let Some(row) = rows::get::<RestoreRow>(txn, RESTORES, &id)? else {
        return refuse(Reason::NoRestore);
    };
    Ok(RestoreView {
        restore: data_encoding::HEXLOWER.encode(&id),
        holder: row.holder,
        ended: row.pages == 0 && row.objects == 0,
        entries: row.entries,
        objects: row.objects,
        spoilt: row.spoilt,
        refusal: row.refusal,
    })
}

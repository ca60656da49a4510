//! Deposits on both sides, and what is kept.

use super::view::KeptView;
use crate::capability::{Chain, GrantedSummary};
use crate::codec::wire_struct;
use crate::directory;
use crate::id::{EntryId, PartyId, TokenId};
use crate::record;
use crate::refusal::{Handled, Refusal};
use crate::rows;
use crate::store::{ReadTxn, StoreError, Table, Txn};
use crate::time::Timestamp;

/// Deposit -> [`DepositRow`], at the depositor.
const DEPOSITS: Table = Table("backup_deposit");
/// Deposit -> [`ReservationRow`], at the depositary.
const RESERVATIONS: Table = Table("backup_reservation");
/// Owner, subject, entry -> [`KeptRow`], at the depositary.
pub(super) const KEPT: Table = Table("backup_kept");
/// Owner, subject, entry, holder -> [`KeptRow`], at the depositor: what receipts say.
pub(super) const ELSEWHERE: Table = Table("backup_elsewhere");
/// Token -> bytes accounted under it.
const USED: Table = Table("backup_used");
/// Restore -> [`RestoreRow`].
pub(super) const RESTORES: Table = Table("backup_restore");

crate::codec::wire_code! {
    /// How a deposit stands.
    pub enum DepositState {
        /// Offered.
        1 => Offered,
        /// The depositary is ready; deferred until its time.
        2 => Ready,
        /// The data are being pulled.
        3 => Filling,
        /// Stored.
        4 => Stored,
        /// Refused.
        5 => Refused,
    }
}

wire_struct! {
    /// A deposit of ours.
    #[derive(Debug, Clone)]
    pub struct DepositRow {
        /// Where.
        1 => to: PartyId,
        /// For whom.
        2 => owner: PartyId,
        /// Whose record.
        3 => subject: PartyId,
        /// The entries.
        4 => entries: Vec<EntryId>,
        /// The permission.
        5 => chain: Option<Chain>,
        /// Not to be executed before.
        6 => not_before: Option<Timestamp>,
        /// How it stands.
        7 => state: DepositState,
        /// Why it was refused.
        8 => refusal: Option<Refusal>,
    }
}

wire_struct! {
    /// A deposit that is being taken in.
    #[derive(Debug, Clone)]
    pub struct ReservationRow {
        /// Who deposits.
        1 => depositor: PartyId,
        /// For whom.
        2 => owner: PartyId,
        /// The entries.
        3 => entries: Vec<ReservedEntry>,
        /// The permission it stands on; none for an institution's own.
        4 => granted: Option<GrantedSummary>,
        /// How it stands.
        5 => state: DepositState,
        /// Until when the place is kept while no data come.
        6 => expires: Timestamp,
        /// Objects on their way.
        7 => missing: u64,
        /// Bytes accounted for it.
        8 => bytes: u64,
    }
}

wire_struct! {
    /// One entry of a deposit.
    #[derive(Debug, Clone)]
    pub struct ReservedEntry {
        /// Whose record.
        1 => subject: PartyId,
        /// The entry.
        2 => entry: EntryId,
    }
}

wire_struct! {
    /// An entry that is kept for an owner.
    #[derive(Debug, Clone)]
    pub struct KeptRow {
        /// Who deposited it.
        1 => depositor: PartyId,
        /// Since when.
        2 => since: Timestamp,
        /// Bytes of its objects.
        3 => bytes: u64,
        /// The manifest's key, sealed to its author, for an institution's own backup.
        4 => author_wrap: Option<crate::wrap::Wrap>,
    }
}

wire_struct! {
    /// A restore that is under way.
    #[derive(Debug, Clone)]
    pub struct RestoreRow {
        /// From where.
        1 => holder: PartyId,
        /// Pages asked for and not answered.
        2 => pages: u64,
        /// Entries that came.
        3 => entries: u64,
    }
}

pub(super) fn deposit(
    txn: &(impl ReadTxn + ?Sized),
    id: [u8; 16],
) -> Result<Option<DepositRow>, StoreError> {
    rows::get(txn, DEPOSITS, &id)
}

pub(super) fn put_deposit(
    txn: &mut dyn Txn,
    id: [u8; 16],
    row: &DepositRow,
) -> Result<(), StoreError> {
    rows::put(txn, DEPOSITS, &id, row)
}

pub(super) fn deposits(
    txn: &(impl ReadTxn + ?Sized),
) -> Result<Vec<([u8; 16], DepositRow)>, StoreError> {
    rows::all::<DepositRow>(txn, DEPOSITS, &[])?
        .into_iter()
        .map(|(key, row)| Ok((rows::tail(DEPOSITS, &key)?, row)))
        .collect()
}

pub(super) fn reservation(
    txn: &(impl ReadTxn + ?Sized),
    id: [u8; 16],
) -> Result<Option<ReservationRow>, StoreError> {
    rows::get(txn, RESERVATIONS, &id)
}

pub(super) fn put_reservation(
    txn: &mut dyn Txn,
    id: [u8; 16],
    row: &ReservationRow,
) -> Result<(), StoreError> {
    rows::put(txn, RESERVATIONS, &id, row)
}

pub(super) fn delete_reservation(txn: &mut dyn Txn, id: [u8; 16]) -> Result<(), StoreError> {
    txn.delete(RESERVATIONS, &id)
}

pub(super) fn reservations(
    txn: &(impl ReadTxn + ?Sized),
) -> Result<Vec<([u8; 16], ReservationRow)>, StoreError> {
    rows::all::<ReservationRow>(txn, RESERVATIONS, &[])?
        .into_iter()
        .map(|(key, row)| Ok((rows::tail(RESERVATIONS, &key)?, row)))
        .collect()
}

/// Bytes accounted under a token.
pub(super) fn used(txn: &(impl ReadTxn + ?Sized), token: TokenId) -> Result<u64, StoreError> {
    Ok(rows::get(txn, USED, &token.0)?.unwrap_or(0))
}

/// Accounts bytes under a token, or gives them back.
pub(super) fn account(txn: &mut dyn Txn, token: TokenId, bytes: i64) -> Result<(), StoreError> {
    let sum = used(txn, token)?.saturating_add_signed(bytes);
    rows::put(txn, USED, &token.0, &sum)
}

pub(super) fn kept_key(owner: PartyId, subject: PartyId, entry: EntryId) -> Vec<u8> {
    [&owner.0[..], &subject.0, &entry.0].concat()
}

/// What is kept here for others, and elsewhere for us.
pub(crate) fn kept(
    peer: &crate::peer::Peer,
    txn: &(impl ReadTxn + ?Sized),
    patient: Option<PartyId>,
) -> Handled<Vec<KeptView>> {
    let mut views = Vec::new();
    let tables = [(KEPT, None), (ELSEWHERE, Some(()))];
    for (table, elsewhere) in tables {
        for (key, row) in rows::all::<KeptRow>(txn, table, &[])? {
            let id =
                |from: usize| PartyId::from_slice(key.get(from..from + 32).unwrap_or_default());
            let (Some(owner), Some(subject)) = (id(0), id(32)) else { continue };
            let Some(entry) = key.get(64..80).and_then(EntryId::from_slice) else { continue };
            if patient.is_some_and(|patient| patient != subject) {
                continue;
            }
            let holder = match elsewhere {
                Some(()) => id(80).unwrap_or(owner),
                None => peer.me(),
            };
            views.push(KeptView {
                owner,
                owner_name: directory::name(txn, owner)?,
                subject,
                entry,
                holder,
                holder_name: directory::name(txn, holder)?,
                depositor: row.depositor,
                since: row.since,
                sealed_bytes: row.bytes,
            });
        }
    }
    Ok(views)
}

/// Bytes of an entry's objects.
pub(super) fn bytes_of(checked: &record::Checked) -> u64 {
    checked.contents.iter().map(|content| content.length).sum::<u64>()
        + checked.manifest.len() as u64
}

/// Whether an entry is kept here for anybody.
pub(crate) fn kept_for_anybody(
    txn: &(impl ReadTxn + ?Sized),
    subject: PartyId,
    entry: EntryId,
) -> Result<bool, StoreError> {
    Ok(rows::all::<KeptRow>(txn, KEPT, &[])?
        .iter()
        .any(|(key, _)| key.get(32..64) == Some(&subject.0) && key.get(64..80) == Some(&entry.0)))
}

/// The subject of an entry that is kept for an owner.
pub(super) fn subject_of(
    txn: &(impl ReadTxn + ?Sized),
    owner: PartyId,
    entry: EntryId,
) -> Result<Option<PartyId>, StoreError> {
    Ok(rows::all::<KeptRow>(txn, KEPT, &owner.0)?
        .iter()
        .find(|(key, _)| key.get(64..80) == Some(&entry.0))
        .and_then(|(key, _)| key.get(32..64).and_then(PartyId::from_slice)))
}

//! Deposits on both sides, while they are made.

use super::kept::{is_kept, is_kept_for_anybody};
use crate::capability::{Chain, GrantedSummary};
use crate::codec::{wire_code, wire_struct};
use crate::entries::TurnedDown;
use crate::id::{EntryId, PartyId};
use crate::limits;
use crate::refusal::Refusal;
use crate::rows;
use crate::store::{ReadTxn, StoreError, Table, Txn};
use crate::time::Timestamp;
use crate::wrap::Wrap;

/// Deposit -> [`DepositRow`], at the depositor.
const DEPOSITS: Table = Table::rows("backup_deposit");
/// Deposit -> [`ReservationRow`], at the depositary.
const RESERVATIONS: Table = Table::rows("backup_reservation");
/// End of validity, deposit -> nothing: reservations whose data are still to come, the next to expire
/// first.
const ENDS: Table = Table::rows("backup_reservation_end");
/// Time, deposit -> nothing: deferred deposits, the next to execute first.
const DEFERRED: Table = Table::rows("backup_deferred");
/// Subject, entry, deposit -> [`PlaceRow`], at the depositary: what is kept until its data have come.
const PLACES: Table = Table::rows("backup_place");

wire_code! {
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
        /// Those of its entries that were not taken, and are not among the others any more.
        9 => except: Vec<TurnedDown>,
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
        /// Entries that were given up since it was ready, and are not among the others any more.
        9 => except: Vec<TurnedDown>,
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
    /// An entry of a deposit whose data are still to come.
    #[derive(Debug, Clone)]
    pub struct PlaceRow {
        /// For whom it will be kept.
        1 => owner: PartyId,
        /// The manifest's key, sealed to its author, for an institution's own backup.
        2 => author_wrap: Option<Wrap>,
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
    let key = |at: Timestamp| rows::pair(&at.0.to_be_bytes(), &id);
    if let Some(before) = deposit(txn, id)?.and_then(|before| before.not_before) {
        txn.delete(DEFERRED, &key(before))?;
    }
    if let (Some(at), DepositState::Ready) = (row.not_before, row.state) {
        rows::mark(txn, DEFERRED, &key(at))?;
    }
    rows::put(txn, DEPOSITS, &id, row)
}

/// Deposits that were put off until a time that has come.
pub(super) fn deposits_due(
    txn: &(impl ReadTxn + ?Sized),
    now: Timestamp,
) -> Result<Vec<[u8; 16]>, StoreError> {
    due(txn, DEFERRED, now)
}

/// Reservations whose data did not come in time.
pub(super) fn reservations_due(
    txn: &(impl ReadTxn + ?Sized),
    now: Timestamp,
) -> Result<Vec<[u8; 16]>, StoreError> {
    due(txn, ENDS, now)
}

/// The reservations whose data have not all come.
pub(super) fn reservations_open(
    txn: &(impl ReadTxn + ?Sized),
) -> Result<Vec<([u8; 16], ReservationRow)>, StoreError> {
    let mut open = Vec::new();
    for (key, _) in rows::keys(txn, ENDS)? {
        let id = rows::tail(ENDS, &key)?;
        open.extend(reservation(txn, id)?.map(|row| (id, row)));
    }
    Ok(open)
}

fn due(
    txn: &(impl ReadTxn + ?Sized),
    table: Table,
    now: Timestamp,
) -> Result<Vec<[u8; 16]>, StoreError> {
    let after_now = now.plus_ms(1).0.to_be_bytes();
    txn.page(table, &[], &after_now, limits::DUE_ROWS_MAX)?
        .iter()
        .map(|(key, _)| rows::tail(table, key))
        .collect()
}

/// When a deferred deposit or the end of a reservation is due next.
pub(crate) fn next_due(txn: &(impl ReadTxn + ?Sized)) -> Result<Option<Timestamp>, StoreError> {
    let mut next = None;
    for table in [DEFERRED, ENDS] {
        for (key, _) in txn.page(table, &[], &[], 1)? {
            let at = key.first_chunk::<8>().map(|at| Timestamp(u64::from_be_bytes(*at)));
            next = [next, at].into_iter().flatten().min();
        }
    }
    Ok(next)
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
    forget_end(txn, id)?;
    if row.state != DepositState::Stored {
        rows::mark(txn, ENDS, &rows::pair(&row.expires.0.to_be_bytes(), &id))?;
    }
    rows::put(txn, RESERVATIONS, &id, row)
}

pub(super) fn delete_reservation(txn: &mut dyn Txn, id: [u8; 16]) -> Result<(), StoreError> {
    forget_end(txn, id)?;
    txn.delete(RESERVATIONS, &id)
}

fn forget_end(txn: &mut dyn Txn, id: [u8; 16]) -> Result<(), StoreError> {
    match reservation(txn, id)? {
        Some(old) => txn.delete(ENDS, &rows::pair(&old.expires.0.to_be_bytes(), &id)),
        None => Ok(()),
    }
}

fn place_key(subject: PartyId, entry: EntryId, deposit: [u8; 16]) -> Vec<u8> {
    [&subject.0[..], &entry.0, &deposit].concat()
}

/// Keeps the place of one entry of a deposit.
pub(super) fn put_place(
    txn: &mut dyn Txn,
    (subject, entry): (PartyId, EntryId),
    deposit: [u8; 16],
    row: &PlaceRow,
) -> Result<(), StoreError> {
    rows::put(txn, PLACES, &place_key(subject, entry, deposit), row)
}

/// Gives the place of one entry of a deposit up.
pub(super) fn take_place(
    txn: &mut dyn Txn,
    (subject, entry): (PartyId, EntryId),
    deposit: [u8; 16],
) -> Result<Option<PlaceRow>, StoreError> {
    let key = place_key(subject, entry, deposit);
    let row = rows::get(txn, PLACES, &key)?;
    txn.delete(PLACES, &key)?;
    Ok(row)
}

/// The deposits that keep a place for an entry.
pub(super) fn deposits_of(
    txn: &(impl ReadTxn + ?Sized),
    (subject, entry): (PartyId, EntryId),
) -> Result<Vec<[u8; 16]>, StoreError> {
    let all = rows::all::<PlaceRow>(txn, PLACES, &rows::pair(&subject.0, &entry.0))?.into_iter();
    all.map(|(key, _)| rows::tail(PLACES, &key)).collect()
}

/// Whether an entry is kept for this owner, or will be.
pub(super) fn wanted_by(
    txn: &(impl ReadTxn + ?Sized),
    owner: PartyId,
    subject: PartyId,
    entry: EntryId,
) -> Result<bool, StoreError> {
    if is_kept(txn, owner, (subject, entry))? {
        return Ok(true);
    }
    let places = rows::all::<PlaceRow>(txn, PLACES, &rows::pair(&subject.0, &entry.0))?;
    Ok(places.iter().any(|(_, place)| place.owner == owner))
}

/// Whether an entry is kept for anybody, or will be.
pub(super) fn wanted_by_anybody(
    txn: &(impl ReadTxn + ?Sized),
    subject: PartyId,
    entry: EntryId,
) -> Result<bool, StoreError> {
    if is_kept_for_anybody(txn, subject, entry)? {
        return Ok(true);
    }
    let key = rows::pair(&subject.0, &entry.0);
    Ok(!rows::scan::<PlaceRow>(txn, PLACES, &key, None, 1)?.is_empty())
}

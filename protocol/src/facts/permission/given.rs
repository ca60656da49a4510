//! Permissions that a patient gave, at the relay; and those that an institution passed on, at that institution.

use super::reasons::Reason;
use super::revocations;
use crate::capability::{Chain, Operation};
use crate::codec::{wire_code, wire_struct};
use crate::id::{CompartmentId, ConsentId, EntryId, PartyId, TokenId};
use crate::refusal::{Handled, refuse};
use crate::rows;
use crate::store::{ReadTxn, StoreError, Table, Txn};
use crate::time::Timestamp;
use crate::turn::Reading;
use std::collections::{BTreeMap, BTreeSet};

/// Patient, token -> [`GivenRow`]: at the relay what the patient gave and what was passed on of it, at an
/// institution what it passed on itself.
const GIVEN: Table = Table::rows("consent_given");

wire_code! {
    /// How a permission stands.
    pub enum GrantState {
        /// It counts.
        1 => Live,
        /// The patient took it back.
        2 => Revoked,
        /// A rotation did not keep it.
        3 => Dropped,
    }
}

wire_struct! {
    /// A permission that a patient gave, or that was passed on of one.
    #[derive(Debug, Clone)]
    pub struct GivenRow {
        /// The permission.
        1 => chain: Chain,
        /// The request that it answers.
        2 => request: ConsentId,
        /// How it stands.
        3 => state: GrantState,
    }
}

/// Keeps a permission that was given.
pub(crate) fn put_given(
    txn: &mut dyn Txn,
    patient: PartyId,
    row: &GivenRow,
) -> Result<(), StoreError> {
    let token = row.chain.leaf().claims().id;
    rows::put(txn, GIVEN, &rows::pair(&patient.0, &token.0), row)
}

/// All that a patient gave, and what was passed on of it.
pub(crate) fn given(
    txn: &(impl ReadTxn + ?Sized),
    patient: PartyId,
) -> Result<Vec<GivenRow>, StoreError> {
    Ok(rows::all::<GivenRow>(txn, GIVEN, &patient.0)?.into_iter().map(|(_, row)| row).collect())
}

/// What patients gave, or one of them, as far as it is in a page.
pub(crate) fn given_in(
    reading: &mut Reading<'_>,
    patient: Option<PartyId>,
) -> Handled<Vec<GivenRow>> {
    let of = patient.as_ref().map_or(&[][..], |patient| &patient.0[..]);
    let given = reading.rows::<GivenRow>(GIVEN, of, PartyId::LEN + TokenId::LEN)?;
    Ok(given.into_iter().map(|(_, row)| row).collect())
}

/// Who was ever permitted to read something, whether or not that holds still: they may have it.
pub(crate) fn ever_read(
    txn: &(impl ReadTxn + ?Sized),
    patient: PartyId,
    compartments: &BTreeSet<CompartmentId>,
    entries: &[EntryId],
) -> Result<BTreeSet<PartyId>, StoreError> {
    let mut readers = BTreeSet::new();
    for row in given(txn, patient)? {
        let claims = row.chain.leaf().claims();
        let within = claims.scope.compartments().iter().any(|one| compartments.contains(one))
            || claims.scope.entries().iter().any(|entry| entries.binary_search(entry).is_ok());
        if within && claims.operations.contains(Operation::Read) {
            readers.insert(claims.grantee());
        }
    }
    Ok(readers)
}

/// What one institution may read of a patient's record.
#[derive(Debug, Default)]
pub(crate) struct MayRead {
    /// Whole compartments.
    pub(crate) compartments: BTreeSet<CompartmentId>,
    /// Single entries.
    pub(crate) entries: BTreeSet<EntryId>,
}

/// Who may read what of a patient's record now: they are told what changes in its catalogue.
pub(crate) fn readers(
    txn: &(impl ReadTxn + ?Sized),
    patient: PartyId,
    now: Timestamp,
) -> Result<BTreeMap<PartyId, MayRead>, StoreError> {
    let mut readers: BTreeMap<_, MayRead> = BTreeMap::new();
    let known = revocations(txn, patient)?;
    for row in given(txn, patient)? {
        let claims = row.chain.leaf().claims();
        // What was passed on ends with what it rests on.
        let revoked = row.chain.links().iter().any(|link| known.contains(link.claims().id));
        let live = row.state == GrantState::Live && claims.expires_at() > now && !revoked;
        if live && claims.operations.contains(Operation::Read) {
            let may = readers.entry(claims.grantee()).or_default();
            may.compartments.extend(claims.scope.compartments());
            may.entries.extend(claims.scope.entries());
        }
    }
    Ok(readers)
}

/// A permission that a patient gave, if it is known here.
pub(crate) fn known_token(
    txn: &(impl ReadTxn + ?Sized),
    patient: PartyId,
    token: TokenId,
) -> Result<Option<GivenRow>, StoreError> {
    rows::get(txn, GIVEN, &rows::pair(&patient.0, &token.0))
}

/// A permission that a patient gave.
pub(crate) fn given_token(
    txn: &(impl ReadTxn + ?Sized),
    patient: PartyId,
    token: TokenId,
) -> Handled<GivenRow> {
    match rows::get(txn, GIVEN, &rows::pair(&patient.0, &token.0))? {
        Some(row) => Ok(row),
        None => refuse(Reason::NotGiven { token }),
    }
}

/// The compartments that standing permissions to read open, each with the earliest end of one of them;
/// one that was taken back or dropped has ended.
pub(crate) fn standing_ends(
    txn: &(impl ReadTxn + ?Sized),
    patient: PartyId,
) -> Result<BTreeMap<CompartmentId, Timestamp>, StoreError> {
    let mut ends: BTreeMap<CompartmentId, Timestamp> = BTreeMap::new();
    for row in given(txn, patient)? {
        let claims = row.chain.leaf().claims();
        if !claims.operations.contains(Operation::Read) {
            continue;
        }
        let end = match row.state {
            GrantState::Live => claims.expires_at(),
            GrantState::Revoked | GrantState::Dropped => Timestamp(0),
        };
        for id in claims.scope.compartments() {
            ends.entry(*id).and_modify(|known| *known = end.min(*known)).or_insert(end);
        }
    }
    Ok(ends)
}

/// A rotation kept some permissions; says which of the live ones, and which it dropped.
pub(crate) fn rotated(
    txn: &mut dyn Txn,
    now: Timestamp,
    patient: PartyId,
    listed: &[TokenId],
) -> Handled<(Vec<TokenId>, Vec<TokenId>)> {
    let (mut kept, mut dropped) = (Vec::new(), Vec::new());
    for mut row in given(txn, patient)? {
        let claims = row.chain.leaf().claims();
        let (token, expires) = (claims.id, claims.expires_at());
        if row.state != GrantState::Live || expires <= now {
            continue;
        }
        // A permission to add names compartments, and the rotation has retired them all: whatever the
        // rotation lists, nothing can be added under it any more.
        let adds = claims.operations.contains(Operation::Write);
        // What was passed on goes with what it was passed on of, which is what a rotation lists.
        let first = row.chain.first().claims().id;
        let direct = first == token;
        if listed.contains(&first) && !adds {
            if direct {
                kept.push(token);
            }
        } else {
            row.state = GrantState::Dropped;
            put_given(txn, patient, &row)?;
            if direct {
                dropped.push(token);
            }
        }
    }
    Ok((kept, dropped))
}

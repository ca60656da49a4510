//! Permissions that this institution received.

use super::reasons::Reason;
use crate::capability::{Chain, Grant};
use crate::codec::{Bytes, wire_struct};
use crate::id::{ConsentId, PartyId, TokenId};
use crate::names::Digits;
use crate::refusal::{Handled, refuse};
use crate::rows;
use crate::store::{ReadTxn, StoreError, Table, Txn};
use crate::time::Timestamp;
use crate::turn::Reading;

/// Token -> [`ReceivedRow`], at the grantee.
const RECEIVED: Table = Table("consent_received");
/// Request, token -> nothing: what was received for a request.
const RECEIVED_FOR: Table = Table("consent_received_for");
/// Patient, token -> nothing: what was received of a patient.
const RECEIVED_OF: Table = Table("consent_received_of");

wire_struct! {
    /// A permission that this institution received.
    #[derive(Debug, Clone)]
    pub struct ReceivedRow {
        /// The permission and its sealed keys.
        1 => grant: Grant,
        /// The request that it answers.
        2 => request: ConsentId,
        /// Who holds the entries.
        3 => holders: Vec<PartyId>,
        /// When it came.
        4 => received: Timestamp,
    }
}

/// Keeps a permission that was received; never in the place of another of the same id. Whoever passes one on
/// chooses its id.
pub(crate) fn put_received(txn: &mut dyn Txn, row: &ReceivedRow) -> Handled<()> {
    let claims = row.grant.chain.leaf().claims();
    let known = rows::get::<ReceivedRow>(txn, RECEIVED, &claims.id.0)?;
    if known.is_some_and(|known| known.grant.chain.leaf().id() != row.grant.chain.leaf().id()) {
        return refuse(Reason::IdTaken);
    }
    rows::mark(txn, RECEIVED_FOR, &rows::pair(&row.request.0, &claims.id.0))?;
    rows::mark(txn, RECEIVED_OF, &rows::pair(&claims.subject.0, &claims.id.0))?;
    rows::put(txn, RECEIVED, &claims.id.0, row)?;
    Ok(())
}

/// What this institution received for a request.
pub(crate) fn received_for(
    txn: &(impl ReadTxn + ?Sized),
    request: ConsentId,
) -> Result<Vec<ReceivedRow>, StoreError> {
    received_by(txn, RECEIVED_FOR, &request.0)
}

fn received_by(
    txn: &(impl ReadTxn + ?Sized),
    index: Table,
    prefix: &[u8],
) -> Result<Vec<ReceivedRow>, StoreError> {
    let mut found = Vec::new();
    for (key, _) in rows::all::<Bytes>(txn, index, prefix)? {
        found.extend(known_received(txn, TokenId(rows::tail(index, &key)?))?);
    }
    Ok(found)
}

/// A permission that this institution received, if it did.
pub(crate) fn known_received(
    txn: &(impl ReadTxn + ?Sized),
    token: TokenId,
) -> Result<Option<ReceivedRow>, StoreError> {
    rows::get(txn, RECEIVED, &token.0)
}

/// Permissions that this institution received, all or a patient's, as far as they are in a page.
pub(crate) fn received_in(
    reading: &mut Reading<'_>,
    patient: Option<PartyId>,
) -> Handled<Vec<ReceivedRow>> {
    let Some(patient) = patient else {
        let received = reading.rows::<ReceivedRow>(RECEIVED, &[], TokenId::LEN)?;
        return Ok(received.into_iter().map(|(_, row)| row).collect());
    };
    let key_bytes = PartyId::LEN + TokenId::LEN;
    let mut found = Vec::new();
    for (key, _) in reading.rows::<Bytes>(RECEIVED_OF, &patient.0, key_bytes)? {
        let token = TokenId(rows::tail(RECEIVED_OF, &key)?);
        found.extend(known_received(reading.txn(), token)?);
    }
    Ok(found)
}

/// Up to `limit` permissions that this institution received and whose ids begin so.
pub(crate) fn received_beginning(
    txn: &(impl ReadTxn + ?Sized),
    digits: &Digits,
    limit: usize,
) -> Result<Vec<ReceivedRow>, StoreError> {
    let mut found = Vec::new();
    for key in digits.keys(txn, RECEIVED, &[], limit)? {
        found.extend(rows::get(txn, RECEIVED, &key)?);
    }
    Ok(found)
}

/// A permission that this institution received.
pub(crate) fn received_token(
    txn: &(impl ReadTxn + ?Sized),
    token: TokenId,
) -> Handled<ReceivedRow> {
    match rows::get(txn, RECEIVED, &token.0)? {
        Some(row) => Ok(row),
        None => refuse(Reason::NotReceived { token }),
    }
}

/// The permissions that this institution received of a patient.
pub(crate) fn received_chains(
    txn: &(impl ReadTxn + ?Sized),
    patient: PartyId,
) -> Result<Vec<Chain>, StoreError> {
    let received = received_by(txn, RECEIVED_OF, &patient.0)?;
    Ok(received.into_iter().map(|row| row.grant.chain).collect())
}

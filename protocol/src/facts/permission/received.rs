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

/// Token, patient -> [`ReceivedRow`], at the grantee. Somebody may make a patient up, and permissions of it under ids that
/// are known to be another patient's: they stand beside those.
const RECEIVED: Table = Table::rows("consent_received");
/// Request, token -> patient: what was received for a request.
const RECEIVED_FOR: Table = Table::rows("consent_received_for");
/// Patient, token -> nothing: what was received of a patient.
const RECEIVED_OF: Table = Table::rows("consent_received_of");

wire_struct! {
    /// A permission that this institution received.
    #[derive(Debug, Clone)]
    pub struct ReceivedRow {
        /// The permission and its keys, sealed to this institution's own key when it came: the key that they came
        /// sealed to is deleted.
        1 => grant: Grant,
        /// The request that it answers.
        2 => request: ConsentId,
        /// Who holds the entries.
        3 => holders: Vec<PartyId>,
        /// When it came.
        4 => received: Timestamp,
    }
}

fn key(patient: PartyId, token: TokenId) -> Vec<u8> {
    rows::pair(&token.0, &patient.0)
}

/// Keeps a permission that was received; never in the place of another of the same patient and id. Whoever passes one on
/// chooses its id.
pub(crate) fn put_received(txn: &mut dyn Txn, row: &ReceivedRow) -> Handled<()> {
    let claims = row.grant.chain.leaf().claims();
    let key = key(claims.subject, claims.id);
    let known = rows::get::<ReceivedRow>(txn, RECEIVED, &key)?;
    if known.is_some_and(|known| known.grant.chain.leaf().id() != row.grant.chain.leaf().id()) {
        return refuse(Reason::IdTaken);
    }
    rows::put(txn, RECEIVED_FOR, &rows::pair(&row.request.0, &claims.id.0), &claims.subject)?;
    rows::mark(txn, RECEIVED_OF, &rows::pair(&claims.subject.0, &claims.id.0))?;
    rows::put(txn, RECEIVED, &key, row)?;
    Ok(())
}

/// What this institution received for a request.
pub(crate) fn received_for(
    txn: &(impl ReadTxn + ?Sized),
    request: ConsentId,
) -> Result<Vec<ReceivedRow>, StoreError> {
    let mut found = Vec::new();
    for (key, patient) in rows::all::<PartyId>(txn, RECEIVED_FOR, &request.0)? {
        found.extend(known_received(txn, patient, TokenId(rows::tail(RECEIVED_FOR, &key)?))?);
    }
    Ok(found)
}

/// A permission that this institution received, if it did.
pub(crate) fn known_received(
    txn: &(impl ReadTxn + ?Sized),
    patient: PartyId,
    token: TokenId,
) -> Result<Option<ReceivedRow>, StoreError> {
    rows::get(txn, RECEIVED, &key(patient, token))
}

/// Permissions that this institution received, all or a patient's, as far as they are in a page.
pub(crate) fn received_in(
    reading: &mut Reading<'_>,
    patient: Option<PartyId>,
) -> Handled<Vec<ReceivedRow>> {
    let Some(patient) = patient else {
        let key_bytes = TokenId::LEN + PartyId::LEN;
        let received = reading.rows::<ReceivedRow>(RECEIVED, &[], key_bytes)?;
        return Ok(received.into_iter().map(|(_, row)| row).collect());
    };
    let key_bytes = PartyId::LEN + TokenId::LEN;
    let mut found = Vec::new();
    for (key, _) in reading.rows::<Bytes>(RECEIVED_OF, &patient.0, key_bytes)? {
        let token = TokenId(rows::tail(RECEIVED_OF, &key)?);
        found.extend(known_received(reading.txn(), patient, token)?);
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
    let mut found = rows::all::<ReceivedRow>(txn, RECEIVED, &token.0)?;
    match (found.pop(), found.is_empty()) {
        (Some((_, row)), true) => Ok(row),
        (Some(_), false) => refuse(Reason::OfSeveralPatients { token }),
        (None, _) => refuse(Reason::NotReceived { token }),
    }
}

/// The permissions that this institution received of a patient.
pub(crate) fn received_chains(
    txn: &(impl ReadTxn + ?Sized),
    patient: PartyId,
) -> Result<Vec<Chain>, StoreError> {
    let mut chains = Vec::new();
    for (key, _) in rows::all::<Bytes>(txn, RECEIVED_OF, &patient.0)? {
        let token = TokenId(rows::tail(RECEIVED_OF, &key)?);
        chains.extend(known_received(txn, patient, token)?.map(|row| row.grant.chain));
    }
    Ok(chains)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capability::{Confirmation, Operation, Operations, Purpose, Scope, Set, Token};
    use crate::crypto::SigningKey;
    use crate::id::{EntryId, KemId};
    use crate::statement::Signed;
    use crate::store::Memory;

    fn row(patient: u8, request: u8) -> ReceivedRow {
        let patient = PartyId([patient; 32]);
        let token = Token {
            issuer: patient,
            subject: patient,
            audience: None,
            expires: 20,
            not_before: 10,
            issued: 10,
            id: TokenId([7; 16]),
            confirmation: Confirmation { grantee: PartyId([9; 32]) },
            key: 0,
            parent: None,
            operations: Operations::of(&[Operation::Read]),
            scope: Scope::new(Set::new([EntryId([1; 16])]), Set::new([])).unwrap(),
            quota: None,
            purpose: Purpose::ALL[0],
            delegation: None,
            max_staleness: None,
        };
        let chain = Chain::root(&Signed::sign(token, &SigningKey::from_seed(&patient.0)));
        let grant = Grant { chain, keys: Bytes(Vec::new()), key: KemId([0; 16]) };
        let request = ConsentId([request; 16]);
        ReceivedRow { grant, request, holders: Vec::new(), received: Timestamp(1) }
    }

    #[test]
    fn a_permission_of_a_made_up_patient_under_the_id_of_another_keeps_that_one_out_nowhere() {
        let mut txn = Memory::default();
        put_received(&mut txn, &row(2, 2)).unwrap();
        put_received(&mut txn, &row(1, 1)).unwrap();
        let token = TokenId([7; 16]);
        for patient in [1, 2] {
            let patient = PartyId([patient; 32]);
            let found = known_received(&txn, patient, token).unwrap().unwrap();
            assert_eq!(found.grant.chain.leaf().claims().subject, patient);
            assert_eq!(received_chains(&txn, patient).unwrap().len(), 1);
        }
        assert_eq!(received_for(&txn, ConsentId([1; 16])).unwrap().len(), 1);
        assert!(received_token(&txn, token).is_err(), "a person is asked which");
    }
}

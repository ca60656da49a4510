//! Opening an entry: with the institution's own wrap, or with the patient's unlocked keys.

use super::reasons::Reason;
use super::sessions::session;
use super::tables::{EntryRow, entry, index};
use super::wire::Manifest;
use crate::holdings;
use crate::id::{EntryId, PartyId};
use crate::identity::PatientKeys;
use crate::object::DataKey;
use crate::patients;
use crate::refusal::{Failure, Handled, refuse};
use crate::session::SessionError;
use crate::store::ReadTxn;
use crate::turn::Own;

/// Opens an entry with this institution's own wrap.
pub(crate) fn open_own(
    own: &Own,
    txn: &(impl ReadTxn + ?Sized),
    subject: PartyId,
    id: EntryId,
) -> Handled<(EntryRow, Manifest, DataKey)> {
    let (Some(row), Some(index)) = (entry(txn, subject, id)?, index(txn, subject, id)?) else {
        return refuse(Reason::NotOurs { entry: id });
    };
    let label = row.label.clone().from_own_store();
    let Some(sealed) = holdings::small(txn, label.manifest)? else {
        return refuse(Reason::ManifestNotHere { entry: id });
    };
    let key = own.unwrap(&index.own_wrap)?;
    let manifest = Manifest::open(&label, &row.contents, &sealed, &key)?;
    Ok((row, manifest, key))
}

/// Opens an entry with the patient's unlocked keys.
pub(crate) fn open_as_patient(
    txn: &(impl ReadTxn + ?Sized),
    keys: &PatientKeys,
    row: &EntryRow,
) -> Handled<(Manifest, DataKey)> {
    let label = row.label.clone().from_own_store();
    let unknown = || refuse(Reason::CompartmentClosed { entry: label.entry() });
    let Some(sealed_to) = label.sealed else { return unknown() };
    let by = keys.sessions.open(sealed_to.session, || {
        let Some(secret) = patients::compartment_secret(txn, keys, sealed_to.compartment)? else {
            return refuse(Reason::CompartmentClosed { entry: label.entry() });
        };
        let Some(session) = session(txn, &label)? else { return refuse(SessionError::Missing) };
        Ok(session.open(&secret)?)
    })?;
    let Some(sealed) = holdings::small(txn, label.manifest)? else {
        return refuse(Reason::ManifestMissing { entry: label.entry() });
    };
    let key = DataKey::from_bytes(*by.unwrap(&sealed_to.wrap)?);
    Ok((Manifest::open(&label, &row.contents, &sealed, &key)?, key))
}

/// [`open_as_patient`], or nothing where the entry does not open: what one author sealed wrongly must not
/// keep the patient from the others' entries.
pub(crate) fn opened_as_patient(
    txn: &(impl ReadTxn + ?Sized),
    keys: &PatientKeys,
    row: &EntryRow,
) -> Handled<Option<(Manifest, DataKey)>> {
    match open_as_patient(txn, keys, row) {
        Ok(opened) => Ok(Some(opened)),
        Err(Failure::Refused(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

//! Opening an entry: with the institution's own wrap, or with the patient's unlocked keys.

use super::reasons::Reason;
use super::tables::{EntryRow, entry, index};
use super::wire::Manifest;
use crate::holdings;
use crate::id::{EntryId, PartyId};
use crate::identity::PatientKeys;
use crate::object::DataKey;
use crate::patients;
use crate::refusal::{Failure, Handled, refuse};
use crate::store::ReadTxn;
use crate::turn::Own;
use crate::wrap;

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
    let key = own
        .open(|kem| wrap::unwrap(&index.own_wrap, label.manifest, subject, kem))
        .map(|key| DataKey::from_bytes(*key))?;
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
    let (Some(compartment), Some(sealed_key)) = (label.compartment, &row.wrap) else {
        return unknown();
    };
    let Some(secret) = patients::compartment_secret(txn, keys, compartment)? else {
        return unknown();
    };
    let Some(sealed) = holdings::small(txn, label.manifest)? else {
        return refuse(Reason::ManifestMissing { entry: label.entry() });
    };
    let key = wrap::unwrap(sealed_key, label.manifest, label.subject, &secret)
        .map(|key| DataKey::from_bytes(*key))?;
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

//! A patient, as front doors show one.

use super::about::AboutView;
use super::tables::{PatientRow, compartment, patient, patients};
use crate::contacts::{self, EnrollingRow};
use crate::directory;
use crate::id::PartyId;
use crate::kind::Kind;
use crate::refusal::{Handled, Refusal};
use crate::store::{ReadTxn, StoreError};
use crate::time::Timestamp;
use crate::turn::{Page, Part};
use serde::{Deserialize, Serialize};

/// A patient at a relay.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PatientView {
    /// The patient.
    pub patient: PartyId,
    /// The name that the relay shows.
    pub name: String,
    /// When the patient was made.
    pub created: Timestamp,
    /// How many times the key was rotated.
    pub rotations: u32,
    /// Until when others may deposit without hearing from the relay.
    pub ring_expires: Option<Timestamp>,
    /// Kinds of record that nothing can be sealed to until the patient's keys are unlocked: a standing
    /// permission to read them has ended.
    #[serde(default)]
    pub lapsed: Vec<Kind>,
    /// Institutions that the patient has enrolled with or permitted something.
    pub contacts: Vec<PartyId>,
    /// Enrolments that were begun and are not made.
    #[serde(default)]
    pub enrolling: Vec<EnrollingView>,
}

/// An enrolment that was begun and is not made.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EnrollingView {
    /// The institution.
    pub institution: PartyId,
    /// Why it came to nothing; absent while it can be made.
    pub refused: Option<Refusal>,
    /// The number that the patient tells the institution's desk, which types it; absent while the institution has not
    /// answered.
    #[serde(default)]
    pub number: Option<String>,
    /// Whether the institution says that its desk accepted the number. The patient, who was told so by the desk, says it,
    /// too: then the enrolment is made.
    #[serde(default)]
    pub confirmed: bool,
    /// Whether the patient has said so.
    #[serde(default)]
    pub accepted: bool,
    /// What the patient should know of it before saying so.
    pub about: AboutView,
}

/// One patient as shown.
pub(crate) fn view(
    txn: &(impl ReadTxn + ?Sized),
    id: PartyId,
    now: Timestamp,
) -> Handled<PatientView> {
    view_of(txn, id, &patient(txn, id)?, now)
}

fn view_of(
    txn: &(impl ReadTxn + ?Sized),
    id: PartyId,
    row: &PatientRow,
    now: Timestamp,
) -> Handled<PatientView> {
    let ring = directory::ring(txn, id)?;
    let mut lapsed = Vec::new();
    for entry in ring.iter().flat_map(|ring| &ring.compartments) {
        let ended = ring.as_ref().is_some_and(|ring| ring.end_of(entry) <= now);
        let row = compartment(txn, id, entry.compartment)?.filter(|_| ended);
        lapsed.extend(row.map(|row| row.kind));
    }
    lapsed.sort();
    Ok(PatientView {
        patient: id,
        name: row.name.clone(),
        created: row.created,
        rotations: directory::keys(txn, id)?.map_or(0, |keys| keys.current_number()),
        ring_expires: ring.as_ref().map(|ring| ring.expires),
        lapsed,
        contacts: contacts::contacts(txn, id)?,
        enrolling: contacts::enrolling(txn, id)?
            .into_iter()
            .map(|(institution, row)| enrolling(txn, id, institution, row))
            .collect::<Result<_, _>>()?,
    })
}

fn enrolling(
    txn: &(impl ReadTxn + ?Sized),
    patient: PartyId,
    institution: PartyId,
    row: EnrollingRow,
) -> Result<EnrollingView, StoreError> {
    Ok(EnrollingView {
        institution,
        number: row.shown(),
        confirmed: row.confirmed,
        accepted: row.accepted,
        about: AboutView::of(txn, patient, institution)?,
        refused: row.refused,
    })
}

/// A page of all patients as shown.
pub(crate) fn views(txn: &dyn ReadTxn, part: &Part, now: Timestamp) -> Handled<Page<PatientView>> {
    patients(txn, part)?.show(|(id, row)| view_of(txn, id, &row, now).map(Some))
}

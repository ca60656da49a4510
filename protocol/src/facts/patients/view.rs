//! A patient, as front doors show one.

use super::tables::{PatientRow, patient, patients};
use crate::contacts;
use crate::directory;
use crate::id::PartyId;
use crate::kind::Kind;
use crate::refusal::{Handled, Refusal};
use crate::store::ReadTxn;
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
    /// Enrolments that were not agreed to, or not yet.
    #[serde(default)]
    pub enrolling: Vec<EnrollingView>,
}

/// An enrolment that an institution has not agreed to.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EnrollingView {
    /// The institution.
    pub institution: PartyId,
    /// Why it refused; absent while it has not answered.
    pub refused: Option<Refusal>,
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
    let lapsed = ring.iter().flat_map(|ring| {
        ring.compartments.iter().filter(|c| ring.end_of(c) <= now).map(|c| c.kind)
    });
    Ok(PatientView {
        patient: id,
        name: row.name.clone(),
        created: row.created,
        rotations: directory::keys(txn, id)?.map_or(0, |keys| keys.current_number()),
        ring_expires: ring.as_ref().map(|ring| ring.expires),
        lapsed: lapsed.collect(),
        contacts: contacts::contacts(txn, id)?,
        enrolling: contacts::enrolling(txn, id)?
            .into_iter()
            .map(|(institution, refused)| EnrollingView { institution, refused })
            .collect(),
    })
}

/// A page of all patients as shown.
pub(crate) fn views(txn: &dyn ReadTxn, part: &Part, now: Timestamp) -> Handled<Page<PatientView>> {
    patients(txn, part)?.show(|(id, row)| view_of(txn, id, &row, now).map(Some))
}

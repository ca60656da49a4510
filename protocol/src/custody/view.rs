//! What API, command line and pages show.

use crate::id::{PartyId, TokenId};
use crate::record::Kind;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// A patient at a relay.
#[derive(Debug, Clone, Serialize, Deserialize)]
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
pub struct EnrollingView {
    /// The institution.
    pub institution: PartyId,
    /// Why it refused; absent while it has not answered.
    pub refused: Option<String>,
}

/// What a rotation did.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RotatedView {
    /// The patient.
    pub patient: PartyId,
    /// The new key's number.
    pub number: u32,
    /// Permissions that stay valid.
    pub kept: Vec<TokenId>,
    /// Permissions that ended with the old key.
    pub dropped: Vec<TokenId>,
}

//! What a patient who decides is told of an institution.

use crate::contacts;
use crate::id::PartyId;
use crate::identity::Role;
use crate::members;
use crate::names::Looks;
use crate::store::{ReadTxn, StoreError};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// An institution about which a patient decides. A name can be anybody's: people compare the fingerprint of its id.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AboutView {
    /// Which.
    pub institution: PartyId,
    /// Its name, as the members admitted it; in quotation marks what it calls itself, if it is no member.
    pub name: String,
    /// What it is.
    pub role: Option<Role>,
    /// Whether it is a member of the federation.
    pub member: bool,
    /// Whether this relay knows who the members are: not before a hospital of its patients has told it.
    #[serde(default = "yes")]
    pub members_known: bool,
    /// Whether the patient has dealt with it before: enrolled with it, or permitted it something.
    pub dealt_with: bool,
    /// Others that the patient has dealt with, or is about to enrol with, and whose names look like this one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub looks_like: Vec<String>,
}

fn yes() -> bool {
    true
}

impl AboutView {
    /// As the patient's relay knows it.
    pub(crate) fn of(
        txn: &(impl ReadTxn + ?Sized),
        patient: PartyId,
        institution: PartyId,
    ) -> Result<Self, StoreError> {
        let (name, role) = members::called(txn, institution)?;
        let (looks, mut looks_like) = (Looks::of(&name), Vec::new());
        let about_to_enrol = contacts::enrolling(txn, patient)?.into_iter();
        let about_to_enrol = about_to_enrol.filter(|(_, row)| row.refused.is_none());
        let others = contacts::contacts(txn, patient)?.into_iter();
        let others: BTreeSet<_> = others.chain(about_to_enrol.map(|(other, _)| other)).collect();
        for other in others.into_iter().filter(|other| *other != institution) {
            let called = members::name(txn, other)?;
            if Looks::of(&called).like(&looks) {
                looks_like.push(called);
            }
        }
        Ok(Self {
            institution,
            name,
            role,
            member: members::is_member(txn, institution)?,
            members_known: members::position(txn)?.is_some(),
            dealt_with: contacts::is_contact(txn, patient, institution)?,
            looks_like,
        })
    }
}

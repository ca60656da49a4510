//! What front doors ask to see.

use super::Machine;
use super::command::Each;
use super::limits::{Owner, limit, share};
use super::tables::{self, LIMITS, LimitRow, SHARES, USES, Use, take_up};
use super::view::{DefaultsView, QuotaView};
use crate::id::PartyId;
use crate::members;
use crate::patients;
use crate::refusal::Handled;
use crate::store::{ReadTxn, StoreError};
use crate::time::Timestamp;
use crate::turn::{Listing, Look, Own, Page, Part, Question, questions};
use serde::{Deserialize, Serialize};

questions! {
    Machine {
        /// What others make this node keep, and may.
        any Quotas,
        /// What those may make this node keep of whom its operator said nothing.
        bare QuotaDefaults,
    }
}

/// What others make this node keep, and may: first those that have something here, then the shares of institutions in
/// patients' rooms, then those of whom the operator alone said something.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Quotas {
    /// Which part of them.
    #[serde(flatten)]
    pub part: Part,
}

impl Question for Quotas {
    const NAME: &'static str = "quotas";

    type Answer = Page<QuotaView>;

    fn answer(&self, look: &Look<'_>) -> Handled<Page<QuotaView>> {
        let mut reading = self.part.read(look.txn)?;
        let bytes = 1 + PartyId::LEN;
        let uses = reading.rows::<Use>(USES, &[], bytes)?;
        let mut owners: Vec<_> = uses.iter().filter_map(|(key, _)| Owner::of_key(key)).collect();
        let shares = reading.rows::<Use>(SHARES, &[], 2 * PartyId::LEN)?;
        owners.extend(shares.iter().filter_map(|(key, _)| Owner::of_share_key(key)));
        for (key, _) in reading.rows::<LimitRow>(LIMITS, &[], bytes)? {
            let owner = Owner::of_key(&key).filter(|owner| *owner != owner.any());
            if let Some(owner) = owner
                && take_up(look.txn, owner)? == Use::default()
            {
                owners.push(owner);
            }
        }
        reading.end(owners)?.show(|owner| view((look.own, look.now), look.txn, owner).map(Some))
    }
}

impl Listing for Quotas {
    type Item = QuotaView;

    fn part(&mut self) -> &mut Part {
        &mut self.part
    }
}

/// What those may make this node keep of whom its operator said nothing.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct QuotaDefaults;

impl Question for QuotaDefaults {
    const NAME: &'static str = "quota-defaults";

    type Answer = DefaultsView;

    fn answer(&self, look: &Look<'_>) -> Handled<DefaultsView> {
        defaults(look.own, look.txn)
    }
}

pub(super) fn view(
    (own, now): (&Own, Timestamp),
    txn: &dyn ReadTxn,
    owner: Owner,
) -> Handled<QuotaView> {
    let most = match owner {
        Owner::Share { patient, institution } => {
            let sums = (take_up(txn, Owner::Patient(patient))?, take_up(txn, owner)?);
            share(txn, (own.role(), now), (patient, institution), sums, None)?.most
        }
        _ => limit(txn, own.role(), owner)?,
    };
    Ok(QuotaView {
        owner,
        name: name(txn, owner)?,
        taken: take_up(txn, owner)?,
        most,
        own: tables::limit(txn, owner)?.is_some(),
    })
}

fn name(txn: &dyn ReadTxn, owner: Owner) -> Result<String, StoreError> {
    match owner {
        Owner::Institution(party) | Owner::RelaysOf(party) => members::name(txn, party),
        Owner::Patient(party) => patient_name(txn, party),
        Owner::Share { patient, institution } => {
            let institution = members::name(txn, institution)?;
            Ok(format!("{institution}, for {}", patient_name(txn, patient)?))
        }
    }
}

fn patient_name(txn: &dyn ReadTxn, patient: PartyId) -> Result<String, StoreError> {
    Ok(patients::name(txn, patient)?.unwrap_or_else(|| patient.short()))
}

pub(super) fn defaults(own: &Own, txn: &dyn ReadTxn) -> Handled<DefaultsView> {
    let of = |each: Each| limit(txn, own.role(), each.owner());
    Ok(DefaultsView {
        institution: of(Each::Institution)?,
        patient: of(Each::Patient)?,
        relays_of: of(Each::RelaysOf)?,
    })
}

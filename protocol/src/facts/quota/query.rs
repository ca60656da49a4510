//! What front doors ask to see.

use super::Machine;
use super::command::Each;
use super::limits::{Owner, limit};
use super::tables::{self, LIMITS, LimitRow, USES, Use, take_up};
use super::view::{DefaultsView, QuotaView};
use crate::id::PartyId;
use crate::members;
use crate::patients;
use crate::refusal::Handled;
use crate::store::{ReadTxn, StoreError};
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

/// What others make this node keep, and may: first those that have something here, then those of whom the operator alone
/// said something.
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
        for (key, _) in reading.rows::<LimitRow>(LIMITS, &[], bytes)? {
            let owner = Owner::of_key(&key).filter(|owner| *owner != owner.any());
            if let Some(owner) = owner
                && take_up(look.txn, owner)? == Use::default()
            {
                owners.push(owner);
            }
        }
        reading.end(owners)?.show(|owner| view(look.own, look.txn, owner).map(Some))
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

pub(super) fn view(own: &Own, txn: &dyn ReadTxn, owner: Owner) -> Handled<QuotaView> {
    Ok(QuotaView {
        owner,
        name: name(txn, owner)?,
        taken: take_up(txn, owner)?,
        most: limit(txn, own.role(), owner)?,
        own: tables::limit(txn, owner)?.is_some(),
    })
}

fn name(txn: &dyn ReadTxn, owner: Owner) -> Result<String, StoreError> {
    match owner {
        Owner::Institution(party) | Owner::RelaysOf(party) => members::name(txn, party),
        Owner::Patient(party) => Ok(patients::name(txn, party)?.unwrap_or_else(|| party.short())),
    }
}

pub(super) fn defaults(own: &Own, txn: &dyn ReadTxn) -> Handled<DefaultsView> {
    let of = |each: Each| limit(txn, own.role(), each.owner());
    Ok(DefaultsView {
        institution: of(Each::Institution)?,
        patient: of(Each::Patient)?,
        relays_of: of(Each::RelaysOf)?,
    })
}

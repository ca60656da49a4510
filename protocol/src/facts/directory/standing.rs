//! Why a party that is no member of the federation may come in.

use crate::codec::{wire_enum, wire_struct};
use crate::id::PartyId;
use crate::rows;
use crate::store::{ReadTxn, StoreError, Table, Txn};
use crate::time::Timestamp;

/// Party -> [`Standing`].
const STANDINGS: Table = Table::rows("standing");

wire_enum! {
    /// Why a party that is no member of the federation may open more than `hello`.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum Standing {
        /// It used an invite of ours and waits to be admitted.
        1 => Applicant,
        /// It invited us, or we enrolled with it.
        2 => Host,
        /// A relay that enrolled a patient with us.
        3 => EnrolledRelay,
        /// A relay that a member certified, until then.
        4 => CertifiedRelay(CertifiedRow),
        /// It has proven a code of ours, and may say what that is for, until then; what else waits in its
        /// outbox is refused.
        5 => Introduced(Timestamp),
    }
}

wire_struct! {
    /// A member's word for a relay.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct CertifiedRow {
        /// The member; when it is none any more, its word counts no more.
        1 => by: PartyId,
        /// Until when.
        2 => until: Timestamp,
    }
}

impl Standing {
    fn holds(&self, now: Timestamp) -> bool {
        match self {
            Self::CertifiedRelay(word) => now < word.until,
            Self::Introduced(until) => now < *until,
            Self::Applicant | Self::Host | Self::EnrolledRelay => true,
        }
    }
}

/// Gives a party a standing.
pub(crate) fn set_standing(
    txn: &mut dyn Txn,
    party: PartyId,
    standing: &Standing,
) -> Result<(), StoreError> {
    rows::put(txn, STANDINGS, &party.0, standing)
}

/// Takes a party's standing away.
pub(crate) fn clear_standing(txn: &mut dyn Txn, party: PartyId) -> Result<(), StoreError> {
    txn.delete(STANDINGS, &party.0)
}

/// A member has a new key: the relays that it certified with an earlier one show another certificate, or come in no more.
pub(super) fn distrust(txn: &mut dyn Txn, member: PartyId) -> Result<(), StoreError> {
    for (relay, standing) in rows::all::<Standing>(txn, STANDINGS, &[])? {
        if matches!(&standing, Standing::CertifiedRelay(word) if word.by == member) {
            txn.delete(STANDINGS, &relay)?;
        }
    }
    Ok(())
}

/// A party's standing, if it has one that still holds.
pub(crate) fn standing(
    txn: &(impl ReadTxn + ?Sized),
    party: PartyId,
    now: Timestamp,
) -> Result<Option<Standing>, StoreError> {
    Ok(rows::get::<Standing>(txn, STANDINGS, &party.0)?.filter(|standing| standing.holds(now)))
}

/// Those that we deal with and that are no members: not the relays that other members certified, who hear from those.
pub(crate) fn dealing_with_us(txn: &(impl ReadTxn + ?Sized)) -> Result<Vec<PartyId>, StoreError> {
    let ours = |standing: &Standing| {
        matches!(standing, Standing::Applicant | Standing::Host | Standing::EnrolledRelay)
    };
    rows::all::<Standing>(txn, STANDINGS, &[])?
        .into_iter()
        .filter(|(_, standing)| ours(standing))
        .map(|(key, _)| rows::tail(STANDINGS, &key).map(PartyId))
        .collect()
}

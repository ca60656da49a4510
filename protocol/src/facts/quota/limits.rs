//! How much each may make this node keep.

use super::tables::{self, LimitRow};
use crate::id::PartyId;
use crate::identity::Role;
use crate::limits;
use crate::store::{ReadTxn, StoreError};
use serde::{Deserialize, Serialize};

/// Whom something is counted under.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Owner {
    /// An institution: what it makes this node keep.
    Institution(PartyId),
    /// A patient: what is kept for the patient, whoever brought it.
    Patient(PartyId),
    /// A member: what all relays that come in by its certificates make this node keep, with what is known of them.
    RelaysOf(PartyId),
}

impl Owner {
    /// Whose.
    #[must_use]
    pub const fn party(&self) -> PartyId {
        match self {
            Self::Institution(party) | Self::Patient(party) | Self::RelaysOf(party) => *party,
        }
    }

    const fn number(self) -> u8 {
        match self {
            Self::Institution(_) => 1,
            Self::Patient(_) => 2,
            Self::RelaysOf(_) => 3,
        }
    }

    /// The key of its rows.
    pub(super) fn key(&self) -> Vec<u8> {
        [&[self.number()][..], &self.party().0].concat()
    }

    /// The owner whose rows have this key.
    pub(super) fn of_key(key: &[u8]) -> Option<Self> {
        let (number, party) = key.split_first()?;
        let party = PartyId::from_slice(party)?;
        match number {
            1 => Some(Self::Institution(party)),
            2 => Some(Self::Patient(party)),
            3 => Some(Self::RelaysOf(party)),
            _ => None,
        }
    }

    /// Stands for all of the same sort that have no limits of their own.
    pub(super) const fn any(self) -> Self {
        let nobody = PartyId([0; 32]);
        match self {
            Self::Institution(_) => Self::Institution(nobody),
            Self::Patient(_) => Self::Patient(nobody),
            Self::RelaysOf(_) => Self::RelaysOf(nobody),
        }
    }
}

/// How much somebody may make this node keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Limit {
    /// Things: entries, requests, permissions, parties that became known.
    pub entries: u64,
    /// Bytes of them.
    pub bytes: u64,
}

/// What counts where an operator said nothing.
const fn usual(role: Role, owner: Owner) -> Limit {
    match (role, owner) {
        (Role::Backup, Owner::Patient(_)) => Limit {
            entries: limits::QUOTA_PATIENT_ENTRIES,
            bytes: limits::QUOTA_PROVIDER_PATIENT_BYTES,
        },
        (_, Owner::Patient(_)) => {
            Limit { entries: limits::QUOTA_PATIENT_ENTRIES, bytes: limits::QUOTA_PATIENT_BYTES }
        }
        (Role::Backup, Owner::Institution(_)) => {
            Limit { entries: limits::QUOTA_ENTRIES, bytes: limits::QUOTA_PROVIDER_BYTES }
        }
        _ => Limit { entries: limits::QUOTA_ENTRIES, bytes: limits::QUOTA_BYTES },
    }
}

/// What counts for an owner at a node of this role: what an operator said of it, else of all of its sort, else the usual.
pub(crate) fn limit(
    txn: &(impl ReadTxn + ?Sized),
    role: Role,
    owner: Owner,
) -> Result<Limit, StoreError> {
    let of = |owner: Owner| Ok::<_, StoreError>(tables::limit(txn, owner)?.unwrap_or_default());
    let (own, any, usual): (LimitRow, LimitRow, _) =
        (of(owner)?, of(owner.any())?, usual(role, owner));
    Ok(Limit {
        entries: own.entries.or(any.entries).unwrap_or(usual.entries),
        bytes: own.bytes.or(any.bytes).unwrap_or(usual.bytes),
    })
}

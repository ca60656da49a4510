//! How much each may make this node keep.

use super::tables::{self, LimitRow, Use};
use crate::directory;
use crate::id::PartyId;
use crate::identity::Role;
use crate::limits;
use crate::permission;
use crate::rows;
use crate::store::{ReadTxn, StoreError};
use crate::time::Timestamp;
use crate::turn::QuotaSaid;
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
    /// An institution, within what is kept for one patient: what it makes this node keep for that one.
    Share {
        /// The patient.
        patient: PartyId,
        /// The institution.
        institution: PartyId,
    },
}

impl Owner {
    /// Whose.
    #[must_use]
    pub const fn party(&self) -> PartyId {
        match self {
            Self::Institution(party)
            | Self::Patient(party)
            | Self::RelaysOf(party)
            | Self::Share { institution: party, .. } => *party,
        }
    }

    /// The key of its rows; shares have a table of their own.
    pub(super) fn key(&self) -> Vec<u8> {
        let (number, party) = match self {
            Self::Institution(party) => (1, party),
            Self::Patient(party) => (2, party),
            Self::RelaysOf(party) => (3, party),
            Self::Share { patient, institution } => return rows::pair(&patient.0, &institution.0),
        };
        [&[number][..], &party.0].concat()
    }

    /// The share whose row has this key.
    pub(super) fn of_share_key(key: &[u8]) -> Option<Self> {
        let (patient, institution) = key.split_first_chunk::<{ PartyId::LEN }>()?;
        let institution = PartyId::from_slice(institution)?;
        Some(Self::Share { patient: PartyId(*patient), institution })
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
            Self::Share { .. } => Self::Share { patient: nobody, institution: nobody },
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

/// How much of a patient's room one institution may take up, at a node of this role.
pub(crate) struct Share {
    /// So much.
    pub(crate) most: Limit,
    /// Whether what the patient permitted it to add is less than its part.
    pub(crate) permitted: bool,
}

/// Of what the others leave of a patient's room, an institution may take one part in [`limits::QUOTA_SHARE`]: however many
/// take theirs, the next finds room. A patient who says by a permission that it may add more than is usual gives it that
/// much of the room; at the relay, who may add by a permission alone adds no more than that says. The patient's relay
/// speaks for the patient, and has the whole. [QUO-6], [QUO-7]
pub(crate) fn share(
    txn: &(impl ReadTxn + ?Sized),
    (role, now): (Role, Timestamp),
    (patient, institution): (PartyId, PartyId),
    (all, own): (Use, Use),
    said: Option<QuotaSaid>,
) -> Result<Share, StoreError> {
    let room = limit(txn, role, Owner::Patient(patient))?;
    if directory::relay_of(txn, patient)? == Some(institution) {
        return Ok(Share { most: room, permitted: false });
    }
    let part = |room: u64, all: u64, own: u64| {
        room.saturating_sub(all.saturating_sub(own)).div_ceil(limits::QUOTA_SHARE)
    };
    let mut most = Limit {
        entries: part(room.entries, all.entries, own.entries),
        bytes: part(room.bytes, all.bytes, own.bytes),
    };
    let added = match role {
        Role::Patient => permission::may_add(txn, now, patient, institution)?,
        _ => said.map(|said| (said, false)),
    };
    let Some((said, alone)) = added else { return Ok(Share { most, permitted: false }) };
    let more = |part: u64, said: Option<u64>, usual: u64| match said {
        Some(said) if said > usual => part.max(said),
        _ => part,
    };
    most.entries = more(most.entries, said.entries, limits::QUOTA_ADDED_ENTRIES);
    most.bytes = more(most.bytes, said.bytes, limits::QUOTA_ADDED_BYTES);
    let mut permitted = false;
    if alone {
        permitted = said.entries.is_some_and(|said| said < most.entries)
            || said.bytes.is_some_and(|said| said < most.bytes);
        most.entries = said.entries.map_or(most.entries, |said| said.min(most.entries));
        most.bytes = said.bytes.map_or(most.bytes, |said| said.min(most.bytes));
    }
    Ok(Share { most, permitted })
}

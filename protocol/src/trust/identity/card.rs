//! What an institution says of itself: its name, its role, and the key to seal grants to, for now.

use crate::codec::{wire_code, wire_struct};
use crate::crypto::KemPublic;
use crate::id::PartyId;
use crate::limits;
use crate::statement::Statement;
use crate::time::{DAY_MS, Timestamp};

wire_code! {
    /// What a node does. Every role runs the same code; the role says which features answer.
    pub enum Role {
        /// Keeps its patients' records and asks to see others'.
        1 => Hospital,
        /// Holds patients' keys, shows them requests, signs their permissions: a relay.
        2 => Patient,
        /// Keeps sealed objects that it cannot read.
        3 => Backup,
    }
}

impl Role {
    /// The role's name, as in `--role`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hospital => "hospital",
            Self::Patient => "patient",
            Self::Backup => "backup",
        }
    }
}

wire_struct! {
    /// An institution's card, signed with its current key. The newest `issued` counts.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Card {
        /// The institution.
        1 => institution: PartyId,
        /// Number of the key that signs.
        2 => key: u32,
        /// Its name, for people; nothing is decided by it.
        3 => name: String,
        /// Its role.
        4 => role: Role,
        /// The key that grants to it are sealed to. Its node makes it, and deletes it.
        5 => kem: KemPublic,
        /// When.
        6 => issued: Timestamp,
        /// Until when grants may be sealed to that key.
        7 => until: Timestamp,
    }
}

impl Card {
    /// Whether its key is sealed to for no longer than a card may say. [ID-20]
    pub(crate) const fn ends_in_time(&self) -> bool {
        self.until.since(self.issued) <= limits::GRANT_KEY_SEALED_TO_DAYS * DAY_MS
    }
}

impl Statement for Card {
    const DOMAIN: &'static str = "chartmesh/1/card";
}

//! Messages.

use crate::capability::RevocationState;
use crate::codec::wire_struct;
use crate::id::PartyId;
use crate::identity::{KeyLog, KeyRing};
use crate::statement::Unverified;
use crate::turn::{About, messages};

messages! {
    /// The feature's messages.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum Message {
        /// A relay tells whoever deals with its patient which keys, compartments and revocations count.
        1 => Keys(Keys) "custody.keys",
    }
}

impl About for Message {
    fn patient(&self) -> Option<PartyId> {
        let Self::Keys(keys) = self;
        Some(keys.log.party_unverified())
    }
}

wire_struct! {
    /// What counts for a patient now. Everything in it proves itself.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Keys {
        /// The key log.
        1 => log: KeyLog,
        /// The key ring.
        2 => ring: Option<Unverified<KeyRing>>,
        /// The newest revocation state.
        3 => revocations: Option<Unverified<RevocationState>>,
    }
}

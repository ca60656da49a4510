//! Messages.

use crate::catalogue::Listing;
use crate::codec::wire_struct;
use crate::entries::Bundle;
use crate::id::PartyId;
use crate::turn::{About, messages};

messages! {
    /// The feature's messages.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum Message {
        /// An author shows the patient's relay what it recorded.
        1 => Announce(Announce) "record.announce",
        /// The patient's relay tells a reader which entries there are.
        2 => Listing(Listing) "record.listing",
    }
}

impl About for Message {
    fn patient(&self) -> Option<PartyId> {
        match self {
            Self::Announce(announce) => Some(announce.patient),
            Self::Listing(_) => None,
        }
    }
}

wire_struct! {
    /// Entries of one patient, new to the relay.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Announce {
        /// The patient.
        1 => patient: PartyId,
        /// The entries.
        2 => bundles: Vec<Bundle>,
    }
}

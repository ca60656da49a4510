//! Messages.

use crate::capability::{Chain, News};
use crate::codec::wire_struct;
use crate::id::PartyId;
use crate::identity::{Compartment, KeyLog, KeyRing, Treats};
use crate::statement::Unverified;
use crate::time::Timestamp;
use crate::turn::{About, messages};

messages! {
    /// The feature's messages.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum Message {
        /// A relay tells whoever deals with its patient which keys, compartments and revocations count.
        1 => Keys(Keys) "custody.keys" vital,
        /// Whoever is shown a permission, or has one, asks its parties and the relay what was taken back since.
        2 => AskNews(AskNews) "custody.ask-news" read,
    }
}

impl About for Message {
    fn patient(&self) -> Option<PartyId> {
        Some(match self {
            Self::Keys(keys) => keys.log.party_unverified(),
            Self::AskNews(ask) => ask.chain.leaf().claims().subject,
        })
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
        /// What is known of revocations.
        3 => news: News,
        /// With a ring: the compartments of it that the receiver is to seal to, or may read.
        4 => compartments: Vec<Compartment>,
        /// To the patient's relay, which was put back: what the patient said of who treats.
        5 => treats: Option<Vec<Unverified<Treats>>>,
    }
}

wire_struct! {
    /// What is new of a patient's revocations? Answered with [`Keys`] without a ring, or with nothing.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct AskNews {
        /// A permission that the patient signed: whoever has it may know whether it still counts.
        1 => chain: Chain,
        /// Of when the newest news is that the asker has.
        2 => since: Timestamp,
    }
}

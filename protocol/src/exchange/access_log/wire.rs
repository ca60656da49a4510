//! Messages, and the heads that readers countersign.

use super::chain::{Head, Line, LinePlace};
use crate::codec::wire_struct;
use crate::id::PartyId;
use crate::identity::KnownKeys;
use crate::reason::reasons;
use crate::statement::{Signed, Statement, Unverified};
use crate::time::Timestamp;
use crate::turn::{About, messages};

messages! {
    /// The feature's messages.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum Message {
        /// A relay asks for lines about its patient.
        1 => Lines(LinesRequest) "access-log.lines" read,
        /// A reader tells the patient's relay what head it was shown.
        2 => Shown(Shown) "access-log.shown" vital,
    }
}

impl About for Message {}

wire_struct! {
    /// Asks for lines.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct LinesRequest {
        /// The patient.
        1 => patient: PartyId,
        /// After this place, whether there is a line or not.
        2 => after: LinePlace,
    }
}

wire_struct! {
    /// Lines and the signed head.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct LinesAnswer {
        /// The lines.
        1 => lines: Vec<Line>,
        /// The signed head.
        2 => head: Unverified<Head>,
    }
}

wire_struct! {
    /// A reader's word that a holder showed it this head.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Countersigned {
        /// The reader.
        1 => reader: PartyId,
        /// Number of the reader's key that signs.
        2 => key: u32,
        /// The head, as the holder signed it.
        3 => head: Unverified<Head>,
        /// When the reader got it.
        4 => at: Timestamp,
    }
}

impl Statement for Countersigned {
    const DOMAIN: &'static str = "chartmesh/1/countersigned-head";
}

wire_struct! {
    /// A reader tells the patient's relay what head it was shown.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Shown {
        /// The head.
        1 => head: Unverified<Countersigned>,
    }
}

reasons! {
    /// Why a countersigned head proves nothing.
    #[derive(Copy)]
    pub enum CountersignError: 32 "countersign" {
        /// It names another reader, or a key that the reader does not have.
        41 => OtherReader: NotAuthentic "the countersigned head names another reader, or a key that the reader does not have",
        /// The reader did not sign it.
        42 => BadSignature: NotAuthentic "the head is not countersigned by the reader",
        /// The head is not the holder's.
        43 => NotTheHolders: NotAuthentic "the head of the log is not the holder's",
    }
}

/// Whether a head is signed by its holder.
pub(super) fn is_the_holders(head: &Unverified<Head>, holder: &KnownKeys) -> bool {
    let claims = head.claims();
    let key = holder.key_at(claims.key, claims.at);
    let key = key.filter(|_| holder.party() == claims.holder);
    key.is_some_and(|key| head.check(&key).is_ok())
}

impl Unverified<Countersigned> {
    /// Verifies both signatures.
    ///
    /// # Errors
    /// [`CountersignError`].
    pub fn certify(
        self,
        reader: &KnownKeys,
        holder: &KnownKeys,
    ) -> Result<Signed<Countersigned>, CountersignError> {
        let claims = self.claims();
        let key = reader.key(claims.key).filter(|_| reader.party() == claims.reader);
        let key = key.ok_or(CountersignError::OtherReader)?;
        if !is_the_holders(&claims.head, holder) {
            return Err(CountersignError::NotTheHolders);
        }
        self.verify(&key).map_err(|_| CountersignError::BadSignature)
    }
}

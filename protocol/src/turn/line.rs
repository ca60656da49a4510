//! A line for the access log, before it gets its place in the chain.

use crate::capability::Purpose;
use crate::codec::wire_code;
use crate::id::{EntryId, PartyId, TokenId};
use crate::refusal::Refusal;
use crate::time::Timestamp;

wire_code! {
    /// What was done, or asked and refused.
    pub enum Action {
        /// An entry was recorded by its author.
        1 => Recorded,
        /// Entries were read by another institution.
        2 => Read,
        /// Entries were opened by a person at this institution.
        3 => Opened,
        /// Entries were taken into keeping.
        4 => Kept,
        /// A read was refused.
        5 => ReadRefused,
        /// A deposit was refused.
        6 => KeepRefused,
        /// A permission was given.
        7 => Granted,
        /// A request for permission was refused by the patient.
        8 => Denied,
        /// A permission was revoked.
        9 => Revoked,
        /// Entries were deleted on their owner's word.
        10 => Deleted,
        /// Entries were written out in the clear.
        11 => Exported,
        /// The patient's keys were rotated.
        12 => Rotated,
        /// A deletion was refused.
        13 => DeleteRefused,
        /// A permission was passed on.
        14 => PassedOn,
        /// Entries were taken out: their author had filed them under the wrong patient.
        15 => Misfiled,
    }
}

/// What a line says, before it gets its place in the chain.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    pub(crate) patient: PartyId,
    pub(crate) action: Action,
    pub(crate) by: PartyId,
    pub(crate) user: Option<String>,
    pub(crate) purpose: Option<Purpose>,
    pub(crate) entries: Vec<EntryId>,
    pub(crate) token: Option<TokenId>,
    pub(crate) reason: Option<Refusal>,
    /// Further refusals of that day get no line.
    pub(crate) last: bool,
    pub(crate) through: Vec<PartyId>,
    /// Of when the news of revocations was, if it was old.
    pub(crate) news: Option<Timestamp>,
    /// When, for a line that is moved; otherwise now.
    pub(crate) at: Option<Timestamp>,
}

impl Draft {
    pub(crate) const fn new(patient: PartyId, action: Action, by: PartyId) -> Self {
        Self {
            patient,
            action,
            by,
            user: None,
            purpose: None,
            entries: Vec::new(),
            token: None,
            reason: None,
            last: false,
            through: Vec::new(),
            news: None,
            at: None,
        }
    }
}

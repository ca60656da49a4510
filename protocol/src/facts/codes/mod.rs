//! Codes that people pass on: an invite to a federation, an enrolment with an institution.
//!
//! ```text
//!  whoever has the code                       the institution that the code names
//!  hello, "I have code 5e1f..." ────────────> one of ours, and nobody proved it yet
//!       <──────────── hello, "prove it" ───── (nothing is open)
//!  hello, proof over both sessions ─────────> bound to this party: its gate opens
//! ```
//!
//! A code names the institution, its nodes and where they listen, and carries a secret, from which a signing key
//! follows. The secret never leaves whoever was given the code, and whoever gave it out keeps only the key's public
//! half: a stolen store and a false node learn nothing that opens anything. What is shown is a proof, good for one
//! pair of sessions. The first party that proves a code has it; a second one that can prove it, too, shows that the
//! code was seen by others, and freezes it. [COD-1] to [COD-5]

mod given;
mod issued;
mod proof;
mod text;

pub(crate) use given::{any_unproven, forget, heard, is_proven, proof, take, unproven};
pub use issued::InviteView;
#[cfg(test)]
pub(crate) use issued::give_out;
pub(crate) use issued::{
    Claim, anchor_of, cancel, claim, contested, forget_given_out, invites, is_ours, issue, prove,
    redeem, shorten, uninvite,
};
pub use proof::CodeProof;
pub(crate) use proof::Session;
pub use text::{Code, CodeError, CodeNode, PatientCard};

use crate::codec::wire_enum;
use crate::id::ChartId;
use crate::reason::reasons;
use crate::time::Timestamp;

reasons! {
    /// Why a code opens nothing.
    pub(crate) enum Reason: 20 "codes" {
        10 => Expired: Expired "the code has expired; ask for a new one",
        11 => Unknown: NotFound "the code is unknown, not proven, or was used already; ask for a new one",
        13 => ByAnother: AlreadyDone
            "somebody else used the code first; ask for a new one, and tell whoever gave you this one",
        14 => BadProof: NotPermitted "the code is not proven: the proof is of another session, or forged",
        15 => TooLong { most: u64 }: Invalid "a code holds for at most {most} days",
        16 => Frozen: WrongState
            "two parties have proven this code, so others have seen it; cancel it and give out a new one",
    }
}

wire_enum! {
    /// What a code is for.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum CodeFor {
        /// Applying for membership.
        1 => Federation,
        /// Enrolling a patient in this chart.
        2 => Enrolment(ChartId),
    }
}

/// A code to pass on.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CodeView {
    /// The code.
    pub code: String,
    /// Until when it can be used.
    pub expires: Timestamp,
}

impl From<Code> for CodeView {
    fn from(code: Code) -> Self {
        Self { code: code.to_text(), expires: code.expires }
    }
}

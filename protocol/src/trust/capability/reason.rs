//! Why a permission is refused: one cause, one code, one name, one sentence.

use crate::codec::{DecodeError, wire_code};
use crate::reason::{Arg, Listed, RefusalCode, Row};
use core::fmt;

wire_code! {
    /// Why a permission is refused. The order is the order of the checks.
    pub enum Reason {
        /// All that somebody is told before signatures and proof have passed.
        1 => NotValid,
        /// Bytes that are no permission, or claims that contradict each other.
        2 => Malformed,
        /// More links or bytes than allowed.
        3 => ChainTooLong,
        /// No proof of possession came along.
        4 => ProofMissing,
        /// About another patient than the request.
        5 => WrongPatient,
        /// Issued by somebody whose keys are not known here, or with a key that they do not have.
        6 => UnknownIssuer,
        /// A link is not signed by its issuer: forged or altered.
        7 => BadSignature,
        /// The proof is not signed by the node that presents it.
        8 => ProofForged,
        /// The proof was made for another permission.
        9 => ProofForAnotherToken,
        /// The proof was made for another holder.
        10 => ProofForAnotherVerifier,
        /// The proof was made on another connection.
        11 => ProofReplayed,
        /// The proof was made for another request.
        12 => ProofForAnotherRequest,
        /// The presenting node does not belong to the institution that the permission was given to.
        13 => NotTheGrantee,
        /// The links do not hang together.
        14 => BrokenChain,
        /// Passed on where the link above does not allow it, or to whom it does not allow.
        15 => DelegationNotAllowed,
        /// A link permits more than the link above.
        16 => ChildExceedsParent,
        /// Signed with a key that was rotated away, and not kept by every rotation since.
        17 => OldKey,
        /// Before `nbf`, tolerance included.
        18 => NotYetValid,
        /// At or after `exp`.
        19 => Expired,
        /// Valid for longer than any permission may be.
        20 => ValidTooLong,
        /// The patient revoked it by its id.
        21 => Revoked,
        /// The patient revoked everything issued before a moment, and this was.
        22 => IssuedBeforeMinIat,
        /// The holder's knowledge of revocations is older than the permission accepts.
        23 => StaleRevocations,
        /// Not for this holder.
        24 => WrongAudience,
        /// Does not permit this operation.
        25 => OperationNotPermitted,
        /// The request states another purpose of use.
        26 => WrongPurpose,
        /// Does not cover what is asked for.
        27 => OutOfScope,
        /// More bytes, or entries, than are left.
        28 => QuotaExceeded,
    }
}

impl Reason {
    /// What the far side may be told. Until the signatures and the proof have passed it is a stranger
    /// who may be trying out permissions of others: it learns that this one is not valid, and nothing
    /// about patient, object or cause. The full reason goes to the access log.
    #[must_use]
    pub const fn for_stranger(self) -> Self {
        if self.code() <= Self::NotTheGrantee.code() { Self::NotValid } else { self }
    }

    /// The name, as logs, commands and vectors print it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.words().0
    }

    /// One plain sentence: what is wrong, and what to do where something can be done.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        let (name, words) = self.words();
        &words[name.len() + 2..]
    }

    const fn in_table(self) -> Row {
        Row {
            number: 12_000 + self.code() as u32,
            room: "",
            variant: self.words().0,
            class: RefusalCode::BadPermission,
            args: &[],
            english: self.words().1,
        }
    }

    /// Its name, and its name and sentence.
    const fn words(self) -> (&'static str, &'static str) {
        let words = WORDS[self.code() as usize - 1];
        let mut end = 0;
        while words.as_bytes()[end] != b':' {
            end += 1;
        }
        (words.split_at(end).0, words)
    }
}

/// Names and sentences, in the order of the codes.
const WORDS: [&str; Reason::ALL.len()] = [
    "not-valid: The permission is not valid here.",
    "malformed: These bytes are not a permission.",
    "chain-too-long: The permission was passed on too often, or is too large.",
    "proof-missing: Whoever presents the permission did not prove that it is theirs.",
    "wrong-patient: The permission is about another patient.",
    "unknown-issuer: The permission was issued by somebody whose keys are not known here.",
    "bad-signature: The permission is forged or altered: a signature does not verify.",
    "proof-forged: The proof of possession is not signed by the node that presents it.",
    "proof-for-another-token: The proof of possession was made for another permission.",
    "proof-for-another-verifier: The proof of possession was made for another holder.",
    "proof-replayed: The proof of possession was made on another connection; make a new one.",
    "proof-for-another-request: The proof of possession was made for another request.",
    "not-the-grantee: The permission was given to another institution than the one that presents it.",
    "broken-chain: The links of the permission do not belong together.",
    "delegation-not-allowed: The permission may not be passed on like this.",
    "child-exceeds-parent: The permission permits more than the one that it was made from.",
    "old-key: The permission was signed with a key that has been replaced since; ask for a new one.",
    "not-yet-valid: The permission does not count yet.",
    "expired: The permission has expired; ask for a new one.",
    "valid-too-long: The permission is valid for longer than any may be.",
    "revoked: The patient has revoked the permission.",
    "issued-before-min-iat: The patient has revoked all permissions of that time; ask for a new one.",
    "stale-revocations: The holder's news of revocations is older than the permission accepts; try again when it has fresh news.",
    "wrong-audience: The permission is not for this holder.",
    "operation-not-permitted: The permission does not permit this operation.",
    "wrong-purpose: The permission is for another purpose than the request states.",
    "out-of-scope: The permission does not cover what was asked for.",
    "quota-exceeded: More bytes, or entries, than the permission has left; ask for one with a larger limit.",
];

impl Listed for Reason {
    const TABLE: &'static [Row] = &{
        let mut rows = [Self::NotValid.in_table(); Self::ALL.len()];
        let mut at = 0;
        while at < rows.len() {
            rows[at] = Self::ALL[at].in_table();
            at += 1;
        }
        rows
    };

    fn row(&self) -> &'static Row {
        &Self::TABLE[usize::from(self.code()) - 1]
    }

    fn args(&self) -> Vec<Arg> {
        Vec::new()
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.sentence())
    }
}

impl core::error::Error for Reason {}

/// What the decoder names when there are too many links.
pub(super) const LINKS: &str = "links of a permission";

/// Why bytes are no chain.
impl From<&DecodeError> for Reason {
    fn from(error: &DecodeError) -> Self {
        match error {
            DecodeError::TooLarge { .. } => Self::ChainTooLong,
            DecodeError::TooMany { what, .. } if *what == LINKS => Self::ChainTooLong,
            _ => Self::Malformed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_wire_and_a_stranger_learns_nothing() {
        for &reason in Reason::ALL {
            let name = serde_json::to_value(reason).unwrap();
            assert_eq!(name, reason.name());
            assert_eq!(reason.for_stranger() == Reason::NotValid, reason.code() <= 13, "{name}");
        }
    }
}

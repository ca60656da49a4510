//! The two statements a federation is made of, and who must have signed them.

use crate::codec::{wire_enum, wire_struct};
use crate::crypto::PublicKey;
use crate::id::{FederationId, PartyId, StatementId};
use crate::identity::KnownKeys;
use crate::limits;
use crate::reason::reasons;
use crate::statement::{Signed, Statement, Unverified};
use crate::time::Timestamp;

/// The version of charters that this program knows.
pub const CHARTER_VERSION: u16 = 1;

wire_struct! {
    /// Founds a federation, whose id is this statement's id. Signed by the founder.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Charter {
        /// Format version, 1.
        1 => version: u16,
        /// The federation's name, for people.
        2 => name: String,
        /// Who signs.
        3 => founder: PartyId,
        /// Number of the founder's key that signs.
        4 => key: u32,
        /// k: how many members must sponsor an admission; 2 to 16.
        5 => threshold: u16,
        /// Members from the start, ascending, the founder among them, at least k.
        6 => first_members: Vec<PartyId>,
        /// When; decides nothing.
        7 => created: Timestamp,
        /// Random: one founder may found two federations of one name.
        8 => nonce: [u8; 16],
    }
}

impl Statement for Charter {
    const DOMAIN: &'static str = "chartmesh/1/charter";
}

wire_struct! {
    /// One member's word about membership, and what the member had seen when saying it.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct MembershipStatement {
        /// The federation.
        1 => federation: FederationId,
        /// Who signs.
        2 => author: PartyId,
        /// Number of the author's key that signs.
        3 => key: u32,
        /// When; decides nothing.
        4 => at: Timestamp,
        /// The heads of what the author had seen, ascending; the charter when nothing else.
        5 => seen: Vec<StatementId>,
        /// What is said.
        6 => act: Act,
    }
}

impl Statement for MembershipStatement {
    const DOMAIN: &'static str = "chartmesh/1/membership";
}

wire_enum! {
    /// What a member says.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum Act {
        /// Sponsors this party's admission.
        1 => Admit(PartyId),
        /// Proposes to expel a party, and votes for it.
        2 => ProposeExpulsion(Expulsion),
        /// Votes for this proposal.
        3 => SupportExpulsion(StatementId),
        /// Leaves.
        4 => Leave,
    }
}

wire_struct! {
    /// Whom a proposal would expel, and why.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Expulsion {
        /// The party concerned.
        1 => subject: PartyId,
        /// The reason, for people.
        2 => reason: String,
    }
}

reasons! {
    /// A charter that founds nothing, although well signed.
    #[derive(Copy)]
    pub enum CharterError: 13 "charter" {
        /// A version that this program does not know.
        21 => UnknownVersion(version: u16): NotAuthentic "the charter's version {version} is unknown",
        /// A threshold below 2 or above 16.
        22 => BadThreshold(sponsors: u16): NotAuthentic "a charter asks for 2 to 16 sponsors, this one for {sponsors}",
        /// First members not in ascending order, or one twice.
        23 => Unsorted: NotAuthentic "the charter's first members are not in ascending order",
        /// The founder is no first member.
        24 => WithoutFounder: NotAuthentic "the founder is not among the charter's first members",
        /// Nobody could ever be admitted.
        25 => TooFewMembers { threshold: u16, members: usize }: NotAuthentic "the charter asks for {threshold} sponsors but names {members} first members",
    }
}

impl Charter {
    /// Checks what a charter must say. [FED-1]
    ///
    /// # Errors
    /// [`CharterError`].
    pub fn check(&self) -> Result<(), CharterError> {
        if self.version != CHARTER_VERSION {
            return Err(CharterError::UnknownVersion(self.version));
        }
        if !(limits::THRESHOLD_MIN..=limits::THRESHOLD_MAX).contains(&self.threshold) {
            return Err(CharterError::BadThreshold(self.threshold));
        }
        if !self.first_members.is_sorted_by(|a, b| a < b) {
            return Err(CharterError::Unsorted);
        }
        if !self.first_members.contains(&self.founder) {
            return Err(CharterError::WithoutFounder);
        }
        if self.first_members.len() < usize::from(self.threshold) {
            return Err(CharterError::TooFewMembers {
                threshold: self.threshold,
                members: self.first_members.len(),
            });
        }
        Ok(())
    }
}

reasons! {
    /// Why a statement is not its author's word.
    #[derive(Copy)]
    pub enum SignerError: 13 "signer" {
        /// The key log is of another party, or has no such key (yet).
        41 => UnknownKey: NotAuthentic "the statement names a key that its author does not have",
        /// The signature does not verify.
        42 => BadSignature: NotAuthentic "the statement's signature does not verify",
    }
}

fn signer(keys: &KnownKeys, party: PartyId, number: u32) -> Result<PublicKey, SignerError> {
    keys.key(number).filter(|_| keys.party() == party).ok_or(SignerError::UnknownKey)
}

impl Unverified<Charter> {
    /// Verifies that the founder signed, with any key of the founder's log. [FED-11]
    ///
    /// # Errors
    /// [`SignerError`].
    pub fn certify(self, founder: &KnownKeys) -> Result<Signed<Charter>, SignerError> {
        let key = signer(founder, self.claims().founder, self.claims().key)?;
        self.verify(&key).map_err(|_| SignerError::BadSignature)
    }
}

impl Unverified<MembershipStatement> {
    /// Verifies that the author signed, with any key of the author's log. [FED-11]
    ///
    /// # Errors
    /// [`SignerError`].
    pub fn certify(self, author: &KnownKeys) -> Result<Signed<MembershipStatement>, SignerError> {
        let key = signer(author, self.claims().author, self.claims().key)?;
        self.verify(&key).map_err(|_| SignerError::BadSignature)
    }
}

//! What is signed and sent about membership.

use crate::codec::{wire_enum, wire_struct};
use crate::crypto::PublicKey;
use crate::id::{FederationId, PartyId, ViewId};
use crate::identity::{Role, Rotation};
use crate::limits;
use crate::statement::{Statement, Unverified};
use crate::time::Timestamp;

/// The version of charters that this program knows.
pub const CHARTER_VERSION: u16 = 1;

wire_struct! {
    /// Founds a federation, whose id is this statement's id. Signed by its founder, with the key that it names.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Charter {
        /// Format version, 1.
        1 => version: u16,
        /// The federation's name, for people.
        2 => name: String,
        /// The one member that it begins with.
        3 => founder: Member,
        /// k: how many members must sponsor an admission; 2 to 16.
        4 => threshold: u16,
        /// When; decides nothing.
        5 => created: Timestamp,
        /// Random: one founder may found two federations of one name.
        6 => nonce: [u8; 16],
    }
}

impl Statement for Charter {
    const DOMAIN: &'static str = "chartmesh/1/charter";
}

wire_struct! {
    /// A member, as the members admitted it.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Member {
        /// Who.
        1 => party: PartyId,
        /// Its name.
        2 => name: String,
        /// What it does; never a relay.
        3 => role: Role,
        /// The key that counts for membership.
        4 => key: PublicKey,
        /// That key's number in the party's log.
        5 => number: u32,
        /// BLAKE3 of the key after it.
        6 => next: [u8; 32],
    }
}

wire_struct! {
    /// Who is a member from its seal to the next one's.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct View {
        /// The federation.
        1 => federation: FederationId,
        /// 0 for the founder's, and so on.
        2 => number: u32,
        /// The view before; the founder's has none.
        3 => before: Option<ViewId>,
        /// k.
        4 => threshold: u16,
        /// The members, ascending by party.
        5 => members: Vec<Member>,
        /// The newest of those that were expelled, oldest first.
        6 => expelled: Vec<PartyId>,
    }
}

wire_struct! {
    /// Where somebody stands: a final view of a federation.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    pub struct Standpoint {
        /// The federation.
        1 => federation: FederationId,
        /// The view's number.
        2 => number: u32,
        /// The view.
        3 => view: ViewId,
    }
}

wire_struct! {
    /// An institution asks to be a member, or a member to have another name or role. Signed with the key it names.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Application {
        /// Where.
        1 => federation: FederationId,
        /// As what.
        2 => member: Member,
        /// When: of several of one applicant the newest counts.
        3 => issued: Timestamp,
    }
}

impl Statement for Application {
    const DOMAIN: &'static str = "chartmesh/1/application";
}

wire_struct! {
    /// A vote to expel.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Expulsion {
        /// Whom; anybody, not only a member.
        1 => party: PartyId,
        /// The reason, for people.
        2 => reason: String,
    }
}

wire_struct! {
    /// All that one member supports in a view. Signed with the key that the view lists for it.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Ballot {
        /// The view.
        1 => view: ViewId,
        /// Whose.
        2 => author: PartyId,
        /// A higher number replaces a lower one.
        3 => number: u32,
        /// Who is to be admitted, or to be called otherwise; ascending by party.
        4 => admit: Vec<Unverified<Application>>,
        /// Who is to be expelled; ascending by party.
        5 => expel: Vec<Expulsion>,
        /// How many sponsors admissions are to take, if that is to change.
        6 => threshold: Option<u16>,
        /// Whether the author leaves.
        7 => leave: bool,
    }
}

impl Statement for Ballot {
    const DOMAIN: &'static str = "chartmesh/1/ballot";
    const LIMIT: usize = limits::BALLOT_BYTES_MAX;
}

wire_struct! {
    /// What one view changes of the one before. Each party is concerned once; lists ascend by party.
    #[derive(Debug, Clone, PartialEq, Eq, Default)]
    pub struct Change {
        /// Who is admitted, or is called otherwise.
        1 => admitted: Vec<Unverified<Application>>,
        /// Who is expelled, with a reason that somebody gave.
        2 => expelled: Vec<Expulsion>,
        /// The new threshold.
        3 => threshold: Option<u16>,
        /// Who leaves.
        4 => left: Vec<PartyId>,
        /// Whose key changes: the rotations since the one that is listed, by party and number.
        5 => rotated: Vec<Unverified<Rotation>>,
    }
}

wire_struct! {
    /// One member's signature, the member by its place in the view.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Endorsement {
        /// The place, from 0.
        1 => place: u16,
        /// The signature.
        2 => signature: [u8; 64],
    }
}

wire_struct! {
    /// q members prepared one successor in one round.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Certificate {
        /// The round.
        1 => round: u32,
        /// The successor.
        2 => successor: ViewId,
        /// The signatures of [`Prepare`], ascending by place.
        3 => prepares: Vec<Endorsement>,
    }
}

wire_struct! {
    /// What the speaker of a round puts before the others. Signed with the key that the view lists for it.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Speech {
        /// The view.
        1 => view: ViewId,
        /// The round.
        2 => round: u32,
        /// What is to change.
        3 => change: Change,
        /// The newest certificate that the speaker knows, which must be for this change.
        4 => certificate: Option<Certificate>,
    }
}

impl Statement for Speech {
    const DOMAIN: &'static str = "chartmesh/1/speech";
    const LIMIT: usize = limits::SEAL_BYTES_MAX;
}

wire_struct! {
    /// "In this round I am for this successor."
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Prepare {
        /// The view.
        1 => view: ViewId,
        /// The round.
        2 => round: u32,
        /// The successor.
        3 => successor: ViewId,
    }
}

impl Statement for Prepare {
    const DOMAIN: &'static str = "chartmesh/1/prepare";
}

wire_struct! {
    /// "In this round I saw q members for this successor." q of these are its seal.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Commit {
        /// The view.
        1 => view: ViewId,
        /// The round.
        2 => round: u32,
        /// The successor.
        3 => successor: ViewId,
    }
}

impl Statement for Commit {
    const DOMAIN: &'static str = "chartmesh/1/commit";
}

wire_struct! {
    /// "I waited long enough for this round."
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Next {
        /// The view.
        1 => view: ViewId,
        /// The round.
        2 => round: u32,
    }
}

impl Statement for Next {
    const DOMAIN: &'static str = "chartmesh/1/next";
}

wire_struct! {
    /// "This is my newest view, and I committed to no successor of it."
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Pulse {
        /// The view.
        1 => view: ViewId,
        /// When.
        2 => at: Timestamp,
    }
}

impl Statement for Pulse {
    const DOMAIN: &'static str = "chartmesh/1/pulse";
}

wire_enum! {
    /// What a member signs without adding anything of its own.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Act {
        /// Is for a successor.
        1 => Prepare(Prepare),
        /// Saw q for it.
        2 => Commit(Commit),
        /// Waited long enough.
        3 => Next(Next),
        /// Is here.
        4 => Pulse(Pulse),
    }
}

wire_struct! {
    /// An act with its author's signature.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Word {
        /// What.
        1 => act: Act,
        /// Who.
        2 => by: Endorsement,
    }
}

wire_struct! {
    /// A view's successor, final.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Seal {
        /// The view that it follows.
        1 => view: ViewId,
        /// What it changes.
        2 => change: Change,
        /// The round that ended in it.
        3 => round: u32,
        /// The signatures of [`Commit`], q of them, ascending by place.
        4 => commits: Vec<Endorsement>,
    }
}

wire_struct! {
    /// A quorum gave a round up: whoever sees it may enter the next.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Left {
        /// The view.
        1 => view: ViewId,
        /// The round that was left.
        2 => round: u32,
        /// The signatures of [`Next`], q of them, ascending by place.
        3 => nexts: Vec<Endorsement>,
    }
}

wire_struct! {
    /// How far a member is, for one that was put back from a copy. Signed with the key that the view lists for it.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Report {
        /// The view.
        1 => view: ViewId,
        /// Whose.
        2 => place: u16,
        /// Whoever asked chose this.
        3 => nonce: [u8; 16],
        /// The round.
        4 => round: u32,
        /// What led there; none in round 0.
        5 => left: Option<Left>,
        /// What the newest certificate that it knows would change.
        6 => change: Option<Change>,
        /// That certificate.
        7 => certificate: Option<Certificate>,
    }
}

impl Statement for Report {
    const DOMAIN: &'static str = "chartmesh/1/report";
    const LIMIT: usize = limits::REPORT_BYTES_MAX;
}

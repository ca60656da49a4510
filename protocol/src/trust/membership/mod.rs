//! Who is a member of a federation: a function of a growing set of signed statements.
//!
//! Think of a guest book in many copies. Whoever writes into it first names the last lines that were
//! in their own copy; copies are merged line by line. No line is ever struck out, and since each line
//! says what its writer had read, all readers of the same lines come to the same answer, in whatever
//! order the lines reached them. There is no server, no leader and no round of agreement.
//!
//! ```text
//!              k sponsors                       votes > half of the electorate, and >= k
//!  stranger -> candidate -----> member ------------------------------------------> expelled
//!     ^                         |    ^                                                ^
//!     |                 leaves  v    |  k sponsors who saw the leaving or               |
//!     +--- (same rules) ------ left -+  did not yet know of it                          |
//!     +---- a proposal may concern anybody: it keeps strangers and leavers out, too ----+
//! ```
//!
//! The PAST of a statement is everything it names, and their pasts; never itself. "Counts in S" below
//! speaks of any set S that holds the past of each of its statements: a node's whole ledger, or the
//! past of one statement.
//!
//! * \[FED-1\] A federation is its charter; the federation's id is the charter's statement id. A charter
//!   MUST have version 1, a threshold k of 2 to 16, and at least k first members in ascending order,
//!   its founder among them. It is signed by the founder.
//! * \[FED-2\] Every other statement MUST name in `seen`, ascending, 1 to 64 statements of the same
//!   federation; the charter only alone. A statement whose past is not wholly known waits.
//! * \[FED-3\] A statement whose author is not a member in the statement's past MUST be refused, and so
//!   must whatever names it; likewise an admission of oneself or of somebody who is expelled in that
//!   past, a proposal to expel oneself, and a vote that \[FED-8\] excludes. All this follows from the
//!   past alone, so all nodes refuse the same.
//! * \[FED-4\] x is a member in S when x is not expelled in S, and is a first member who has not left in S,
//!   or is admitted in S.
//! * \[FED-5\] x is admitted in S when admissions of x by at least k distinct sponsors count in S.
//! * \[FED-6\] A leaving L of x cancels the charter's naming of x and the admissions of x in the past of L.
//!   Admissions of x that L had not seen count: somebody wants x back, or did not know.
//! * \[FED-7\] A proposal P to expel t fixes its electorate: the members in the past of P, without t.
//!   t may be anybody, not only a member.
//! * \[FED-8\] A vote for P MUST have P in its past, and its author MUST be in the electorate of P. P is a
//!   vote of its author. A voter counts once.
//! * \[FED-9\] P is effective in S when its voters in S are more than half of its electorate and at least k.
//!   The second half is what keeps fewer than k dishonest members from expelling anybody: they could
//!   name heads from the first days, when the electorate was two or three.
//! * \[FED-10\] t is expelled in S when a P to expel t is effective in S. That is final for this id. An
//!   admission by t counts in S only if every effective P to expel t has it in its past.
//! * \[FED-11\] A statement may be signed with any key of its author's log, current or earlier: rotations
//!   are not part of the set, so nothing may depend on when one became known. Whose key is stolen is
//!   expelled and comes back under a new id.
//! * \[FED-12\] Times and reasons decide nothing; they are for people.
//!
//! Fewer than k dishonest members, whatever heads they name, can therefore neither admit nor expel
//! anybody. Two statements of one author that do not name each other (a fork) are no offence and do no
//! harm. The one thing that depends on order is a full ledger
//! ([`limits::MEMBERSHIP_STATEMENTS_MAX`]): only members can fill it.
//!
//! [`limits::MEMBERSHIP_STATEMENTS_MAX`]: crate::limits::MEMBERSHIP_STATEMENTS_MAX

mod expulsion;
mod judge;
mod ledger;
mod past;
mod pending;
mod wire;

pub use expulsion::ExpulsionFacts;
pub use ledger::Ledger;
pub use wire::{
    Act, CHARTER_VERSION, Charter, CharterError, Expulsion, MembershipStatement, SignerError,
};

use crate::id::{PartyId, StatementId};
use crate::reason::reasons;
use crate::time::Timestamp;
use std::collections::BTreeSet;

/// Where a party stands in a federation.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "status", rename_all = "kebab-case")]
pub enum Status {
    /// Nothing that counts was said of it.
    Stranger,
    /// Some sponsors, not enough.
    Candidate {
        /// The sponsors so far.
        sponsors: BTreeSet<PartyId>,
    },
    /// A member.
    Member {
        /// When the last sponsor needed spoke, by the sponsors' clocks, or when the charter was made.
        since: Timestamp,
        /// Whose admissions count; none are needed for a first member.
        sponsors: BTreeSet<PartyId>,
    },
    /// Left, and no admission since.
    Left,
    /// Expelled, for good.
    Expelled {
        /// The proposal; the one of smallest id when several are effective.
        proposal: StatementId,
        /// Who voted for it.
        votes: BTreeSet<PartyId>,
    },
}

/// What became of a statement that was to be inserted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Insertion {
    /// Taken in.
    Inserted {
        /// Statements that had waited for it and were taken in as well, in that order.
        released: Vec<StatementId>,
        /// Statements that had waited for it and were refused.
        dropped: Vec<StatementId>,
    },
    /// Taken in or waiting already.
    Duplicate,
    /// Waits for statements that it names.
    Pending {
        /// Those that are neither here nor waiting themselves, ascending.
        missing: Vec<StatementId>,
    },
    /// Not taken in.
    Refused {
        /// Why.
        why: Refusal,
        /// Statements that had waited for it and are now gone.
        dropped: Vec<StatementId>,
    },
}

reasons! {
    /// Why a statement is not taken in.
    #[derive(Copy)]
    pub enum Refusal: 13 "membership" {
        /// Of another federation.
        1 => OtherFederation: NotPermitted "the statement is about another federation",
        /// `seen` is empty, too long, not ascending, or names the charter beside others.
        2 => BadHeads: NotPermitted "the heads that the statement names are not 1 to 64 in ascending order",
        /// Names a statement that was refused.
        3 => NamesRefused: NotPermitted "the statement names one that was refused",
        /// The author was no member by what the author had seen.
        4 => NotMember: NotPermitted "the author is not a member by what the statement has seen",
        /// Nobody sponsors themselves.
        5 => SponsorsSelf: NotPermitted "nobody can sponsor their own admission",
        /// Expulsion is final.
        6 => SponsorsExpelled: NotPermitted "the party was expelled, and that is final for its id",
        /// Who wants to go can leave.
        7 => ExpelsSelf: NotPermitted "nobody can propose their own expulsion; leave instead",
        /// The vote has not seen what it votes for, or this is no proposal.
        8 => NoSuchProposal: NotPermitted "the vote names no proposal that it has seen",
        /// The voter was no member when the proposal was made, or is the party concerned.
        9 => NotInElectorate: NotPermitted "the voter is not in the electorate of this proposal",
        /// The ledger is full. Not final: depends on this node.
        10 => Full: NotPermitted "this federation has more statements than are kept",
        /// Too many statements wait. Not final: depends on this node.
        11 => TooManyPending: NotPermitted "too many statements wait for others that did not come",
    }
}

impl Refusal {
    /// Whether every node refuses this statement for ever; otherwise it may be tried again.
    #[must_use]
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Full | Self::TooManyPending)
    }
}

/// A proposal to expel, as people see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProposalView<'a> {
    /// The proposal's id, to vote for.
    pub id: StatementId,
    /// Who proposed it.
    pub author: PartyId,
    /// When.
    pub at: Timestamp,
    /// The party concerned.
    pub subject: PartyId,
    /// The reason given.
    pub reason: &'a str,
    /// Who voted for it, its author among them.
    pub votes: BTreeSet<PartyId>,
    /// How many may vote; more than half must, and at least k.
    pub electorate: usize,
    /// Whether it is effective.
    pub carried: bool,
}

#[cfg(test)]
mod tests;

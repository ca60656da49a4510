//! The claims of one link.

use super::{Operations, Parties, Purpose, Scope};
use crate::codec::wire_struct;
use crate::id::{PartyId, StatementId, TokenId};
use crate::limits;
use crate::statement::Statement;
use crate::time::{HOUR_MS, SECOND_MS, Timestamp};

wire_struct! {
    /// One link of a permission: CWT claims (RFC 8392) with parties as byte strings, where RFC 8392
    /// has text. Keys from 300 up are Chartmesh's own. A claim that is not listed is refused.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Token {
        /// `iss`: the patient; in a further link, the grantee of the link above.
        1 => issuer: PartyId,
        /// `sub`: the patient.
        2 => subject: PartyId,
        /// `aud`: the holders it is for; absent means any.
        3 => audience: Option<Parties>,
        /// `exp`: not from this second on, with no tolerance (seconds since 1970).
        4 => expires: u64,
        /// `nbf`: not before this second, with [`limits::CLOCK_TOLERANCE_SECONDS`] of tolerance.
        5 => not_before: u64,
        /// `iat`: when it was signed (seconds since 1970).
        6 => issued: u64,
        /// `cti`: by which it is revoked, and kept in a rotation.
        7 => id: TokenId,
        /// `cnf` (RFC 8747): to whom it is given.
        8 => confirmation: Confirmation,
        /// Number of the issuer's key that signs.
        300 => key: u32,
        /// Statement id of the link above; absent in the first link.
        301 => parent: Option<StatementId>,
        /// What it permits.
        302 => operations: Operations,
        /// On what.
        303 => scope: Scope,
        /// Bytes that may be written or kept at one holder, in all; absent means no limit.
        304 => quota: Option<u64>,
        /// What for.
        305 => purpose: Purpose,
        /// Whether it may be passed on; absent means not.
        306 => delegation: Option<Delegation>,
        /// Seconds by which a holder's news of revocations may lag; absent means any.
        307 => max_staleness: Option<u64>,
        /// Entries that may be written or kept at one holder, in all; absent means no limit.
        308 => quota_entries: Option<u64>,
    }
}

wire_struct! {
    /// The confirmation claim: which institution must prove possession. Its certified nodes do, with
    /// their own keys, so that replacing a node leaves permissions standing.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Confirmation {
        /// `kid`: the grantee institution's id.
        3 => grantee: PartyId,
    }
}

wire_struct! {
    /// How a permission may be passed on.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Delegation {
        /// How many links may follow this one.
        1 => depth: u16,
        /// To whom.
        2 => institutions: Parties,
    }
}

impl Statement for Token {
    const DOMAIN: &'static str = "chartmesh/1/token";
    const LIMIT: usize = limits::TOKEN_CHAIN_BYTES_MAX;
}

impl Token {
    /// The institution that may use it.
    #[must_use]
    pub const fn grantee(&self) -> PartyId {
        self.confirmation.grantee
    }

    /// The end as milliseconds.
    #[must_use]
    pub const fn expires_at(&self) -> Timestamp {
        Timestamp::from_seconds(self.expires)
    }

    /// When it was signed, as milliseconds.
    #[must_use]
    pub const fn issued_at(&self) -> Timestamp {
        Timestamp::from_seconds(self.issued)
    }

    /// From which age of the news of revocations on newer news is fetched, in milliseconds: in time for what a strict
    /// patient chose.
    #[must_use]
    pub fn news_ages_after_ms(&self) -> u64 {
        let chosen = self.max_staleness.map(|limit| limit.saturating_mul(SECOND_MS) / 2);
        chosen.unwrap_or(u64::MAX).min(limits::NEWS_OLD_HOURS * HOUR_MS)
    }

    /// Whether the claims can be true together.
    #[must_use]
    pub fn is_coherent(&self) -> bool {
        let depth_max = limits::TOKEN_CHAIN_LINKS_MAX - 1;
        self.not_before < self.expires
            && self.operations != Operations::default()
            && self.delegation.as_ref().is_none_or(|d| (1..=depth_max).contains(&d.depth.into()))
    }
}

//! What a verification leaves behind: a type that nothing else makes.

use super::{Forgot, Keys, Operation, Permitted, Purpose, Reason, Revocations, Scope, Token};
use crate::codec::wire_struct;
use crate::id::{CompartmentId, EntryId, PartyId, StatementId, TokenId};
use crate::limits;
use crate::time::{DAY_MS, HOUR_MS, SECOND_MS, Timestamp};
use core::marker::PhantomData;

/// The verifier found that `Op` is permitted. Only [`verify`](super::verify()) makes one, so code
/// that asks for a `Granted<Read>` cannot be reached without the check.
#[derive(Clone, Debug)]
pub struct Granted<Op> {
    summary: GrantedSummary,
    operation: PhantomData<Op>,
}

wire_struct! {
    /// A [`Granted`] as data: what is logged, and what a transfer keeps beside it in order to ask
    /// again, after a while or after a restart, whether it may go on. It permits nothing by itself.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct GrantedSummary {
        /// Statement id of the permission's last link.
        1 => leaf: StatementId,
        /// What was permitted.
        2 => operation: Operation,
        /// The patient.
        3 => patient: PartyId,
        /// The institution that may do it.
        4 => grantee: PartyId,
        /// What it covers.
        5 => scope: Scope,
        /// Bytes in all, where limited.
        6 => quota: Option<u64>,
        /// Until when (seconds since 1970).
        7 => expires: u64,
        /// What for.
        8 => purpose: Purpose,
        /// Seconds by which news of revocations may lag, where limited.
        9 => max_staleness: Option<u64>,
        /// The links, the patient's first.
        10 => links: Vec<Link>,
        /// Of when the newest news of revocations was, at that time.
        11 => news: Timestamp,
        /// Entries in all, where limited.
        12 => quota_entries: Option<u64>,
    }
}

wire_struct! {
    /// What can end a link while it is used.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Link {
        /// Its id.
        1 => token: TokenId,
        /// Who signed it.
        2 => issuer: PartyId,
        /// With which key.
        3 => key: u32,
        /// `iat`.
        4 => issued: u64,
        /// `nbf`.
        5 => not_before: u64,
        /// `exp`.
        6 => expires: u64,
    }
}

impl Link {
    pub(super) const fn of(token: &Token) -> Self {
        Self {
            token: token.id,
            issuer: token.issuer,
            key: token.key,
            issued: token.issued,
            not_before: token.not_before,
            expires: token.expires,
        }
    }
}

impl<Op: Permitted> Granted<Op> {
    pub(super) const fn new(summary: GrantedSummary) -> Self {
        Self { summary, operation: PhantomData }
    }

    /// Takes up a permission from our own store, where only summaries of verified ones are put, and
    /// asks again whether it stands.
    ///
    /// # Errors
    /// As [`GrantedSummary::recheck`]; [`Reason::OperationNotPermitted`] when the summary is of
    /// another operation.
    #[cfg_attr(not(test), expect(dead_code, reason = "for the features that resume transfers"))]
    pub(crate) fn resume(
        summary: GrantedSummary,
        now: Timestamp,
        known: (&Revocations, Option<Forgot>),
        keys: &Keys<'_>,
    ) -> Result<Self, Reason> {
        if summary.operation != Op::OPERATION {
            return Err(Reason::OperationNotPermitted);
        }
        summary.recheck(now, known, keys)?;
        Ok(Self::new(summary))
    }

    /// Whether it covers an entry of this compartment.
    #[must_use]
    pub fn covers(&self, entry: EntryId, compartment: CompartmentId) -> bool {
        self.summary.scope.covers(entry, compartment)
    }

    /// Asks again, in a long transfer, whether it still stands.
    ///
    /// # Errors
    /// As [`GrantedSummary::recheck`].
    pub fn recheck(
        &self,
        now: Timestamp,
        known: (&Revocations, Option<Forgot>),
        keys: &Keys<'_>,
    ) -> Result<(), Reason> {
        self.summary.recheck(now, known, keys)
    }

    /// What was granted, to log it and to keep it.
    #[must_use]
    pub const fn summary(&self) -> &GrantedSummary {
        &self.summary
    }

    /// Statement id of the permission's last link.
    #[must_use]
    pub const fn leaf(&self) -> StatementId {
        self.summary.leaf
    }

    /// The patient.
    #[must_use]
    pub const fn patient(&self) -> PartyId {
        self.summary.patient
    }

    /// The institution that may do it.
    #[must_use]
    pub const fn grantee(&self) -> PartyId {
        self.summary.grantee
    }

    /// What it covers.
    #[must_use]
    pub const fn scope(&self) -> &Scope {
        &self.summary.scope
    }

    /// Bytes in all, where limited.
    #[must_use]
    pub const fn quota(&self) -> Option<u64> {
        self.summary.quota
    }

    /// Until when.
    #[must_use]
    pub const fn expires(&self) -> Timestamp {
        Timestamp::from_seconds(self.summary.expires)
    }

    /// What for.
    #[must_use]
    pub const fn purpose(&self) -> Purpose {
        self.summary.purpose
    }

    /// The links under which bytes are to be accounted, one and all.
    pub fn accounts(&self) -> impl Iterator<Item = TokenId> {
        self.summary.links.iter().map(|link| link.token)
    }
}

impl GrantedSummary {
    /// Of when the newest news of revocations was when it was judged, if that is old.
    #[must_use]
    pub fn old_news(&self, now: Timestamp) -> Option<Timestamp> {
        let old = now.since(self.news) > limits::NEWS_OLD_HOURS * HOUR_MS;
        old.then_some(self.news)
    }

    /// Whether what was permitted still stands: keys, dates, revocations.
    ///
    /// # Errors
    /// [`Reason::OldKey`], [`Reason::Expired`], [`Reason::Revoked`], [`Reason::IssuedBeforeMinIat`],
    /// [`Reason::StaleRevocations`], [`Reason::UnknownIssuer`].
    ///
    /// # Panics
    /// When keys or revocations are of another patient: the caller looked up the wrong row.
    pub fn recheck(
        &self,
        now: Timestamp,
        known: (&Revocations, Option<Forgot>),
        keys: &Keys<'_>,
    ) -> Result<(), Reason> {
        assert_eq!(keys.patient.party(), self.patient, "keys of another patient");
        standing(self, now, known, keys)
    }
}

/// What can change while a permission is in use.
pub(super) fn standing(
    summary: &GrantedSummary,
    now: Timestamp,
    known: (&Revocations, Option<Forgot>),
    keys: &Keys<'_>,
) -> Result<(), Reason> {
    let (revocations, _) = known;
    assert_eq!(revocations.patient, summary.patient, "revocations of another patient");
    let (first, further) = summary.links.split_first().ok_or(Reason::Malformed)?;
    keeps(keys.patient, first)?;
    for link in further {
        keeps(&(keys.institutions)(link.issuer).ok_or(Reason::UnknownIssuer)?, link)?;
    }
    for link in &summary.links {
        in_time(link, now)?;
    }
    if summary.links.iter().any(|link| revocations.contains(link.token)) {
        return Err(Reason::Revoked);
    }
    // Only the first link's date is the patient's own word; a further link dies with it.
    if first.issued < revocations.min_iat {
        return Err(Reason::IssuedBeforeMinIat);
    }
    let age_ms = now.since(news_of(known, first.issued));
    match summary.max_staleness {
        Some(limit) if age_ms > limit.saturating_mul(SECOND_MS) => Err(Reason::StaleRevocations),
        _ => Ok(()),
    }
}

/// Of when what is known of a permission's revocation is: signing it was news, too, that it was not revoked then.
/// Where the store was put back that says nothing of what was heard and forgotten.
pub(super) fn news_of(
    (revocations, forgot): (&Revocations, Option<Forgot>),
    signed: u64,
) -> Timestamp {
    let news = revocations.issued.max(Timestamp::from_seconds(signed));
    forgot.map_or(news, |forgot| forgot.worth(news))
}

/// Only the issuer's current key counts, and what every rotation since has listed.
fn keeps(issuer: &crate::identity::KnownKeys, link: &Link) -> Result<(), Reason> {
    if issuer.keeps(link.key, link.token) { Ok(()) } else { Err(Reason::OldKey) }
}

fn in_time(link: &Link, now: Timestamp) -> Result<(), Reason> {
    let (not_before, issued) =
        (Timestamp::from_seconds(link.not_before), Timestamp::from_seconds(link.issued));
    // What is dated ahead would be newer than any news of revocations, and than any moment before which all were revoked.
    if now.plus_ms(limits::CLOCK_TOLERANCE_SECONDS * SECOND_MS) < not_before.max(issued) {
        return Err(Reason::NotYetValid);
    }
    let expires = Timestamp::from_seconds(link.expires);
    if expires <= now {
        return Err(Reason::Expired);
    }
    // From the signature on, so that nothing signed today first counts in a year.
    let begins = issued.min(not_before);
    if expires.since(begins) > limits::TOKEN_DAYS_MAX * DAY_MS {
        return Err(Reason::ValidTooLong);
    }
    Ok(())
}

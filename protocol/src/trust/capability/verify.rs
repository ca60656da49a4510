//! The verifier: first who speaks, then whether it holds, then whether it reaches far enough.

use super::granted::{Link, news_of, standing};
use super::{
    Chain, ConnectionNonce, Forgot, Granted, GrantedSummary, Keys, Operation, Permitted, Proof,
    Purpose, Reason, RequestHash, Revocations, Target, Token, narrows,
};
use crate::id::{NodeId, PartyId, TokenId};
use crate::identity::{KnownKeys, Treats};
use crate::limits;
use crate::statement::Unverified;
use crate::time::{DAY_MS, SECOND_MS, Timestamp};

/// What came with a request.
#[derive(Clone, Debug)]
pub struct Presented {
    /// The permission.
    pub chain: Chain,
    /// The proof that it belongs to whoever presents it.
    pub proof: Option<Unverified<Proof>>,
    /// The hash of the request's bytes as received.
    pub request_hash: RequestHash,
    /// The node at the other end of the connection, as the transport authenticated it.
    pub node: NodeId,
}

/// What the verifier knows.
#[derive(Clone, Copy)]
pub struct Verifier<'a> {
    /// The institution that decides.
    pub me: PartyId,
    /// Now.
    pub now: Timestamp,
    /// The nonce that it chose for this connection.
    pub nonce: ConnectionNonce,
    /// Keys.
    pub keys: Keys<'a>,
    /// What it knows of this patient's revocations.
    pub revocations: &'a Revocations,
    /// Whether it may have forgotten some.
    pub forgot: Option<Forgot>,
    /// What the patient says of whoever presents the permission, verified; none where nothing is known of that.
    pub treats: Option<&'a Treats>,
    /// The institution that certified a node, if its certificate is valid now.
    pub node_of: &'a dyn Fn(NodeId) -> Option<PartyId>,
}

/// What is asked for; the operation is the type parameter of [`verify`].
#[derive(Clone, Copy)]
pub struct Wanted<'a> {
    /// What it is about. May be empty where the answer is filtered by [`Granted::covers`].
    pub targets: &'a [Target],
    /// The purpose that the request states, where it states one.
    pub purpose: Option<Purpose>,
    /// Bytes to be written or kept; counted for [`Operation::Write`] and [`Operation::Keep`] only.
    pub bytes: u64,
    /// What is already accounted here under a link. Every link's quota is accounted for itself, so
    /// that several narrowed permissions cannot spend their common parent's quota several times.
    pub used: &'a dyn Fn(TokenId) -> Spent,
}

/// What was written or kept under a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Spent {
    /// Bytes.
    pub bytes: u64,
    /// Entries.
    pub entries: u64,
}

impl<'a> Wanted<'a> {
    /// To do something with `targets` that needs no room.
    #[must_use]
    pub fn of(targets: &'a [Target]) -> Self {
        Self { targets, purpose: None, bytes: 0, used: &|_| Spent::default() }
    }
}

/// A permission whose signatures, and that of its proof, were checked; nothing else was.
#[derive(Clone, Debug)]
pub struct Authentic(Presented);

impl Presented {
    /// Checks the signatures: costs most of a verification, and needs nothing that changes but the
    /// keys, so it can run ahead on another thread.
    ///
    /// # Errors
    /// A [`Reason`] that the far side must not be told; see [`Reason::for_stranger`].
    pub fn authenticate(self, keys: &Keys<'_>) -> Result<Authentic, Reason> {
        check_signatures(&self, keys)?;
        Ok(Authentic(self))
    }
}

impl Authentic {
    /// Judges everything but the signatures.
    ///
    /// # Errors
    /// As [`verify`].
    pub fn judge<Op: Permitted>(
        &self,
        verifier: &Verifier<'_>,
        wanted: &Wanted<'_>,
    ) -> Result<Granted<Op>, Reason> {
        judge(&self.0, verifier, wanted)
    }
}

/// Verifies a permission for one request.
///
/// # Errors
/// The first [`Reason`] in the order of their codes. Log it; tell the far side
/// [`Reason::for_stranger`].
pub fn verify<Op: Permitted>(
    presented: &Presented,
    verifier: &Verifier<'_>,
    wanted: &Wanted<'_>,
) -> Result<Granted<Op>, Reason> {
    check_signatures(presented, &verifier.keys)?;
    judge(presented, verifier, wanted)
}

fn require(holds: bool, otherwise: Reason) -> Result<(), Reason> {
    if holds { Ok(()) } else { Err(otherwise) }
}

fn check_signatures(presented: &Presented, keys: &Keys<'_>) -> Result<(), Reason> {
    let links = presented.chain.links();
    require(links.iter().all(|link| link.claims().is_coherent()), Reason::Malformed)?;
    let proof = presented.proof.as_ref().ok_or(Reason::ProofMissing)?;
    let (first, further) = links.split_first().expect("a chain has a link");
    let patient = keys.patient.party();
    require(first.claims().subject == patient, Reason::WrongPatient)?;
    require(first.claims().issuer == patient, Reason::UnknownIssuer)?;
    check_link(first, keys.patient)?;
    for link in further {
        let issuer = (keys.institutions)(link.claims().issuer).ok_or(Reason::UnknownIssuer)?;
        require(issuer.party() == link.claims().issuer, Reason::UnknownIssuer)?;
        check_link(link, &issuer)?;
    }
    proof.check(&presented.node.into()).map_err(|_| Reason::ProofForged)
}

/// With the key of the number that the link names: whether that key still counts is judged later.
fn check_link(link: &Unverified<Token>, issuer: &KnownKeys) -> Result<(), Reason> {
    let key = issuer.key(link.claims().key).ok_or(Reason::UnknownIssuer)?;
    link.check(&key).map_err(|_| Reason::BadSignature)
}

fn judge<Op: Permitted>(
    presented: &Presented,
    verifier: &Verifier<'_>,
    wanted: &Wanted<'_>,
) -> Result<Granted<Op>, Reason> {
    judge_proof(presented, verifier)?;
    let links = presented.chain.links();
    judge_chain(links)?;
    let summary = summary(&presented.chain, Op::OPERATION, verifier);
    standing(&summary, verifier.now, (verifier.revocations, verifier.forgot), &verifier.keys)?;
    judge_reach(links, Op::OPERATION, verifier.me, wanted)?;
    Ok(Granted::new(summary))
}

fn judge_proof(presented: &Presented, verifier: &Verifier<'_>) -> Result<(), Reason> {
    let proof = presented.proof.as_ref().ok_or(Reason::ProofMissing)?.claims();
    let leaf = presented.chain.leaf();
    require(proof.leaf == leaf.id(), Reason::ProofForAnotherToken)?;
    require(proof.verifier == verifier.me, Reason::ProofForAnotherVerifier)?;
    require(proof.nonce == verifier.nonce, Reason::ProofReplayed)?;
    require(proof.request == presented.request_hash, Reason::ProofForAnotherRequest)?;
    let grantee = leaf.claims().grantee();
    require((verifier.node_of)(presented.node) == Some(grantee), Reason::NotTheGrantee)
}

fn judge_chain(links: &[Unverified<Token>]) -> Result<(), Reason> {
    require(links[0].claims().parent.is_none(), Reason::BrokenChain)?;
    for pair in links.windows(2) {
        narrows(&pair[0], pair[1].claims())?;
    }
    Ok(())
}

fn judge_reach(
    links: &[Unverified<Token>],
    operation: Operation,
    me: PartyId,
    wanted: &Wanted<'_>,
) -> Result<(), Reason> {
    let leaf = links.last().expect("a chain has a link").claims();
    require(leaf.audience.as_ref().is_none_or(|set| set.contains(&me)), Reason::WrongAudience)?;
    require(leaf.operations.contains(operation), Reason::OperationNotPermitted)?;
    require(wanted.purpose.is_none_or(|purpose| purpose == leaf.purpose), Reason::WrongPurpose)?;
    require(
        wanted.targets.iter().all(|target| leaf.scope.covers(target.entry, target.compartment)),
        Reason::OutOfScope,
    )?;
    if !matches!(operation, Operation::Write | Operation::Keep) {
        return Ok(());
    }
    let within = |used: u64, more: u64, most: Option<u64>| {
        most.is_none_or(|most| used.checked_add(more).is_some_and(|sum| sum <= most))
    };
    let fits = |token: &Token| {
        let used = (wanted.used)(token.id);
        within(used.bytes, wanted.bytes, token.quota)
            && within(used.entries, wanted.targets.len() as u64, token.quota_entries)
    };
    require(links.iter().all(|link| fits(link.claims())), Reason::QuotaExceeded)
}

/// Whoever treats the patient goes on when no news comes: nobody's care ends because a phone is off. [CAP-10]
fn most_staleness(leaf: &Token, verifier: &Verifier<'_>) -> Option<u64> {
    let treats = verifier.treats.is_some_and(|treats| {
        (treats.patient, treats.institution) == (leaf.subject, leaf.grantee())
            && treats.goes_on(verifier.now)
    });
    match leaf.max_staleness {
        None if !treats => Some(limits::NEWS_DAYS_DEFAULT * DAY_MS / SECOND_MS),
        chosen => chosen,
    }
}

fn summary(chain: &Chain, operation: Operation, verifier: &Verifier<'_>) -> GrantedSummary {
    let leaf = chain.leaf();
    let claims = leaf.claims();
    GrantedSummary {
        leaf: leaf.id(),
        operation,
        patient: claims.subject,
        grantee: claims.grantee(),
        scope: claims.scope.clone(),
        quota: claims.quota,
        quota_entries: claims.quota_entries,
        expires: claims.expires,
        purpose: claims.purpose,
        max_staleness: most_staleness(claims, verifier),
        news: news_of((verifier.revocations, verifier.forgot), chain.links()[0].claims().issued),
        links: chain.links().iter().map(|link| Link::of(link.claims())).collect(),
    }
}

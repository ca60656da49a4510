//! `hello`: the one thing a stranger may say.
//!
//! Both sides tell who they are: key log, card, a certificate for the node that the transport
//! authenticated, where they listen, and a nonce that proofs of possession on this connection must
//! name. The gate opens for members of the federation, for relays that a member certified, for
//! whoever enrolled with us or we with them, and for whoever proves that it has a code that we gave out.

use super::features::Body;
use super::itself::Peer;
use super::reasons::Reason;
use super::route;
use crate::Addresses;
use crate::clock;
use crate::codec::{DecodeError, Wire, wire_enum, wire_struct};
use crate::codes::{self, Claim, CodeProof};
use crate::copied::{self, PutBack};
use crate::directory::{self, Standing};
use crate::enrolment;
use crate::federation::{self, ExpulsionProof};
use crate::grant_keys;
use crate::id::{CodeId, NodeId, PartyId};
use crate::identity::{Card, KeyLog, KeyLogError, KnownKeys, NodeCertificate, RelayCertificate};
use crate::limits;
use crate::members;
use crate::membership::Standpoint;
use crate::outbox;
use crate::refusal::{Handled, Refusal, RefusalCode, refuse};
use crate::statement::{Signed, Statement, Unverified};
use crate::store::{ReadTxn, StoreError};
use crate::time::Timestamp;
use crate::turn::{Context, Effect, Nonce, Notice, Own, Payer, RequestId};

wire_enum! {
    /// Why the gate should open.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum Purpose {
        /// You know me: a member, or enrolled with you.
        1 => Known,
        /// I have a code of yours.
        2 => Code(CodeId),
        /// This proves it, in the sessions that both of us told their nonces of.
        3 => Proof(Unverified<CodeProof>),
    }
}

wire_struct! {
    /// Who speaks. Signed by the node's key.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Hello {
        /// The institution's key log.
        1 => keys: KeyLog,
        /// Its card.
        2 => card: Unverified<Card>,
        /// The node's certificate.
        3 => certificate: Unverified<NodeCertificate>,
        /// Where the node listens, as multiaddresses.
        4 => addresses: Addresses,
        /// What proofs to this node must name on this connection.
        5 => nonce: [u8; 16],
        /// Why the gate should open.
        6 => purpose: Purpose,
        /// A relay's certificate by a member.
        7 => relay: Option<Unverified<RelayCertificate>>,
        /// Where the speaker stands, if it follows a federation.
        8 => position: Option<Standpoint>,
        /// When.
        9 => at: Timestamp,
        /// That the speaker's store was put back from an older copy.
        10 => put_back: Option<PutBack>,
    }
}

impl Statement for Hello {
    const DOMAIN: &'static str = "chartmesh/1/hello";
    const LIMIT: usize = limits::HELLO_BYTES_MAX;
}

wire_enum! {
    /// The answer to a `hello`.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum HelloReply {
        /// The gate is open; this is who answers.
        1 => Welcome(Unverified<Hello>),
        /// The gate stays closed.
        2 => Refused(Refusal),
        /// The gate stays closed for good: who asks was expelled, and this proves it.
        3 => Expelled(ExpulsionProof),
        /// The code is one of ours: prove that you have it. No gate is open; this is who is to be proven to.
        4 => Prove(Unverified<Hello>),
    }
}

/// A `hello` of ours, for one node.
#[derive(Debug, Clone)]
pub struct Greeting {
    /// What is said.
    pub bytes: Vec<u8>,
    /// The code that it says something of.
    code: Option<CodeId>,
}

/// A `hello` that is well formed and signed by the node it names.
#[derive(Debug)]
pub struct CheckedHello(Signed<Hello>);

/// An answer to a `hello`, its signature checked.
#[derive(Debug)]
pub struct CheckedWelcome {
    answer: Answer,
    /// The code that our `hello` said something of.
    code: Option<CodeId>,
}

#[derive(Debug)]
enum Answer {
    Welcome(Signed<Hello>),
    Refused(Refusal),
    Expelled(ExpulsionProof),
    Prove(Signed<Hello>),
}

impl CheckedHello {
    /// Reads a `hello` from `node`; pure, for a pool.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn prepare(node: NodeId, bytes: &[u8]) -> Result<Self, DecodeError> {
        let hello = Unverified::<Hello>::parse(bytes)?;
        Self::check(node, hello)
    }

    fn check(node: NodeId, hello: Unverified<Hello>) -> Result<Self, DecodeError> {
        if hello.claims().certificate.claims().node != node {
            return Err(DecodeError::Invalid("the certificate is for another node"));
        }
        hello
            .verify(&node.into())
            .map(Self)
            .map_err(|_| DecodeError::Invalid("the signature is not the node's"))
    }
}

impl CheckedWelcome {
    /// Reads the answer of `node` to our greeting; pure, for a pool.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn prepare(node: NodeId, bytes: &[u8], to: &Greeting) -> Result<Self, DecodeError> {
        let answer = match HelloReply::from_bytes(bytes, limits::HELLO_REPLY_BYTES_MAX)? {
            HelloReply::Welcome(hello) => Answer::Welcome(CheckedHello::check(node, hello)?.0),
            HelloReply::Refused(refusal) => Answer::Refused(refusal),
            HelloReply::Expelled(proof) => Answer::Expelled(proof),
            HelloReply::Prove(hello) => Answer::Prove(CheckedHello::check(node, hello)?.0),
        };
        Ok(Self { answer, code: to.code })
    }

    /// Whether the node wants to be proven that we have its code: what [`Peer::prove`] gives is to be said next.
    #[must_use]
    pub const fn asks_for_proof(&self) -> bool {
        matches!(self.answer, Answer::Prove(_))
    }

    /// The nonce that proofs to this node must name, or why the gate stays closed.
    ///
    /// # Errors
    /// The far side's refusal.
    pub fn nonce(&self) -> Result<Nonce, Refusal> {
        match &self.answer {
            Answer::Welcome(hello) => Ok(hello.nonce),
            Answer::Refused(refusal) => Err(refusal.clone()),
            Answer::Expelled(_) => Err(Refusal::from(Reason::WeAreExpelled)),
            Answer::Prove(_) => Err(Refusal::from(Reason::NotTheCodes)),
        }
    }
}

impl Peer {
    /// Our `hello` to a node that is to be of institution `to`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn hello(
        &self,
        txn: &dyn ReadTxn,
        now: Timestamp,
        (to, node): (PartyId, NodeId),
        addresses: Vec<String>,
        nonce: Nonce,
    ) -> Result<Greeting, StoreError> {
        let code = codes::unproven(txn, to, node, clock::read(txn, now)?)?;
        let purpose = code.map_or(Purpose::Known, Purpose::Code);
        let hello = say_hello(&self.own, txn, now, to, addresses, nonce, purpose)?;
        Ok(Greeting { bytes: hello.bytes().to_vec(), code })
    }

    /// The `hello` that proves the code which an answer asks the proof of; none where whoever answered is not whom the
    /// code names, as its key log and certificate show: then nothing more is said. [COD-2]
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn prove(
        &self,
        txn: &dyn ReadTxn,
        now: Timestamp,
        (to, node): (PartyId, NodeId),
        addresses: Vec<String>,
        nonce: Nonce,
        asked: &CheckedWelcome,
    ) -> Result<Option<Greeting>, StoreError> {
        let (Answer::Prove(theirs), Some(code)) = (&asked.answer, asked.code) else {
            return Ok(None);
        };
        let now = clock::read(txn, now)?;
        if !speaks_for(txn, theirs, to, now)? {
            return Ok(None);
        }
        let session = codes::Session {
            asker: self.me(),
            asker_node: self.node(),
            asker_nonce: nonce,
            answerer: to,
            answerer_node: node,
            answerer_nonce: theirs.nonce,
        };
        let Some(proof) = codes::proof(txn, code, &session)? else { return Ok(None) };
        let hello = say_hello(&self.own, txn, now, to, addresses, nonce, Purpose::Proof(proof))?;
        Ok(Some(Greeting { bytes: hello.bytes().to_vec(), code: Some(code) }))
    }
}

/// Whether a node that said this is the institution's: by a key log that contradicts none that is known, and a
/// certificate of its current key.
fn speaks_for(
    txn: &dyn ReadTxn,
    hello: &Hello,
    institution: PartyId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let Ok(shown) = hello.keys.clone().verify() else { return Ok(false) };
    let keys = match directory::keys(txn, institution)? {
        Some(known) => known.merge(shown),
        None => Ok(shown),
    };
    Ok(keys.is_ok_and(|keys| {
        keys.party() == institution && hello.certificate.clone().certify(&keys, now).is_ok()
    }))
}

fn say_hello(
    own: &Own,
    txn: &(impl ReadTxn + ?Sized),
    now: Timestamp,
    to: PartyId,
    addresses: Vec<String>,
    nonce: Nonce,
    purpose: Purpose,
) -> Result<Signed<Hello>, StoreError> {
    let issued = own.issued(now, &grant_keys::shown(txn)?);
    let hello = Hello {
        keys: own.keys().log().clone(),
        card: issued.card.to_unverified(),
        certificate: issued.certificate.to_unverified(),
        addresses: addresses.into(),
        nonce,
        purpose,
        relay: enrolment::certificate_for(txn, to, now)?,
        position: members::position(txn)?,
        at: now,
        put_back: copied::told(txn, now, to)?,
    };
    Ok(Signed::sign(hello, own.node_key()))
}

/// The gate stays closed to us, and what waits for it to open ends: everything once we are out of the
/// federation, and what only a code could have brought in when the code opens nothing, since it expired or
/// whoever gave it out lost its disk.
fn turned_away(
    ctx: &mut Context<'_>,
    node: NodeId,
    code: Option<CodeId>,
    refusal: &Refusal,
) -> Handled<()> {
    let Some(to) = directory::institution_told(ctx.txn, node)? else { return Ok(()) };
    if let Some(code) = code {
        codes::forget(ctx.txn, to, code)?;
        route::withdraw(ctx, to, refusal, |body| body.code() == Some(code))?;
    }
    if refusal.code != RefusalCode::NotPermitted {
        return Ok(());
    }
    if members::is_gone(ctx.txn, ctx.own.party())? {
        return route::withdraw(ctx, to, refusal, |_| true);
    }
    // Who does not let us in has no application of ours that could be taken back.
    let retracts = |body: &Body| matches!(body, Body::Federation(federation::Message::Retract(_)));
    route::withdraw(ctx, to, refusal, retracts)
}

/// Takes over who speaks, after verifying all of it; gives the institution's keys.
fn learn(ctx: &mut Context<'_>, node: NodeId, hello: &Hello) -> Handled<KnownKeys> {
    if !hello.keys.fits_hello() {
        return refuse(KeyLogError::TooLong);
    }
    let party = hello.keys.party_unverified();
    let before = directory::keys(ctx.txn, party)?.map(|keys| keys.current_number());
    let keys = directory::learn_keys(ctx.txn, hello.keys.clone())?;
    // What is shown may be an earlier part of what is known, or the members may know more. [ID-17]
    let shown = hello.keys.rotations.len();
    let newest = usize::try_from(keys.current_number()).unwrap_or(usize::MAX);
    if shown < newest || members::has_newer_key(ctx.txn, &keys)? {
        return refuse(Reason::OldKeys);
    }
    if before.is_some_and(|before| before < keys.current_number()) {
        for (other, _) in directory::nodes_of(ctx.txn, party)? {
            ctx.effects.push(Effect::Gate { node: other, open_for: None });
        }
        // Who had its earlier key may have taken what was meant for it.
        if let Some(since) = keys.rotated_at() {
            // By its own clock, which may be ahead.
            let since = since.min(ctx.now);
            ctx.notify(Notice::TellAgain { party, since });
        }
    }
    let certificate = directory::certify_node(ctx.txn, hello.certificate.clone(), &keys, ctx.now)?;
    directory::learn_card(ctx.txn, hello.card.clone(), &keys)?;
    directory::learn_node(
        ctx.txn,
        node,
        keys.party(),
        certificate.expires,
        hello.addresses.clone().within(ctx.from),
    )?;
    Ok(keys)
}

/// Handles a stranger's `hello`.
pub(super) fn hello(
    ctx: &mut Context<'_>,
    request: RequestId,
    node: NodeId,
    nonce: Nonce,
    addresses: Vec<String>,
    hello: &CheckedHello,
) -> Handled<()> {
    let hello = &hello.0;
    let party = hello.keys.party_unverified();
    // Nothing of a stranger is kept before he shows a reason why the gate should open.
    let expelled = members::is_expelled(ctx.txn, party)?;
    let mut open = members::admitted(ctx.txn, party, ctx.now)?
        || (!expelled && relay_certificate(ctx, party, hello)?);
    match &hello.purpose {
        Purpose::Known => {}
        _ if expelled => {}
        Purpose::Code(code) => match codes::claim(ctx.txn, *code, party, ctx.now)? {
            Claim::Void => {}
            Claim::Proven => open = open || introduced(ctx, party)?,
            Claim::Unproven => {
                let ours =
                    say_hello(ctx.own, ctx.txn, ctx.now, party, addresses, nonce, Purpose::Known)?;
                let bytes = HelloReply::Prove(ours.to_unverified()).to_bytes();
                ctx.effects.push(Effect::Reply { request, bytes });
                return Ok(());
            }
        },
        Purpose::Proof(proof) if codes::is_ours(ctx.txn, proof)? => {
            // Who proves it is who the certificate says.
            learn(ctx, node, hello)?;
            let session = codes::Session {
                asker: party,
                asker_node: node,
                asker_nonce: hello.nonce,
                answerer: ctx.own.party(),
                answerer_node: ctx.own.node(),
                answerer_nonce: nonce,
            };
            if let Err(why) = codes::prove(ctx, &session, proof)? {
                tracing::error!(by = %party.short(), "a second party has proven a code of ours: it was seen by others");
                let bytes = HelloReply::Refused(why.into()).to_bytes();
                ctx.effects.push(Effect::Reply { request, bytes });
                return Ok(());
            }
            open = open || introduced(ctx, party)?;
        }
        Purpose::Proof(_) => {}
    }
    if !open {
        if let Some(proof) = expulsion_proof(ctx, party, hello)? {
            let bytes = HelloReply::Expelled(proof).to_bytes();
            ctx.effects.push(Effect::Reply { request, bytes });
            return Ok(());
        }
        let why = match hello.purpose {
            Purpose::Code(_) | Purpose::Proof(_) => Reason::CodeOpensNothing,
            Purpose::Known => Reason::Stranger,
        };
        return refuse(why);
    }
    learn(ctx, node, hello)?;
    ctx.effects.push(Effect::Gate { node, open_for: Some(party) });
    let ours = say_hello(ctx.own, ctx.txn, ctx.now, party, addresses, nonce, Purpose::Known)?;
    let bytes = HelloReply::Welcome(ours.to_unverified()).to_bytes();
    ctx.effects.push(Effect::Reply { request, bytes });
    greeted(ctx, party, hello)
}

/// Somebody whose gate is open has said where it stands.
fn greeted(ctx: &mut Context<'_>, party: PartyId, hello: &Hello) -> Handled<()> {
    outbox::hurry(ctx, party)?;
    enrolment::greeted(ctx, party)?;
    if let Some(said) = &hello.put_back
        && copied::heard(ctx.txn, ctx.now, party, said)?
    {
        tracing::warn!(%party, "another node says that it was put back from an older copy");
        ctx.notify(Notice::PutBack { party, since: said.since });
    }
    federation::greeted(ctx, party, hello.position)
}

/// Whoever has proven a code may say what it is for.
fn introduced(ctx: &mut Context<'_>, party: PartyId) -> Handled<bool> {
    let until = ctx.now.plus_ms(limits::PENDING_MS);
    directory::set_standing(ctx.txn, party, &Standing::Introduced(until))?;
    Ok(true)
}

/// For a party that was expelled, or left and may not know that it was let go, if it is the one that speaks; and for a relay
/// whose certificate is by such a party, which can hear of it from nobody else where it is let in no more.
fn expulsion_proof(
    ctx: &Context<'_>,
    party: PartyId,
    hello: &Hello,
) -> Handled<Option<ExpulsionProof>> {
    let speaks = members::is_gone(ctx.txn, party)?
        && directory::keys(ctx.txn, party)?
            .is_some_and(|keys| hello.certificate.clone().certify(&keys, ctx.now).is_ok());
    if speaks
        || certified_by(ctx, party, hello, |member| members::is_gone(ctx.txn, member))?.is_some()
    {
        return federation::proof(ctx, hello.position);
    }
    Ok(None)
}

/// The certificate that a relay shows, if it is by one of `those`, whose keys we know, and holds.
fn certified_by(
    ctx: &Context<'_>,
    party: PartyId,
    hello: &Hello,
    those: impl Fn(PartyId) -> Result<bool, StoreError>,
) -> Result<Option<Signed<RelayCertificate>>, StoreError> {
    let Some(certificate) = &hello.relay else { return Ok(None) };
    let member = certificate.claims().member;
    if certificate.claims().relay != party || !those(member)? {
        return Ok(None);
    }
    let Some(keys) = directory::keys(ctx.txn, member)? else { return Ok(None) };
    Ok(certificate.clone().certify(&keys, ctx.now).ok())
}

/// A relay comes with a certificate by a member whose keys we know.
fn relay_certificate(ctx: &mut Context<'_>, party: PartyId, hello: &Hello) -> Handled<bool> {
    let by_member = |member| members::is_member(ctx.txn, member);
    let Some(certificate) = certified_by(ctx, party, hello, by_member)? else { return Ok(false) };
    let row = directory::CertifiedRow { by: certificate.member, until: certificate.expires };
    directory::set_standing(ctx.txn, party, &Standing::CertifiedRelay(row))?;
    // What is kept of it is on the account of the member, who can certify any number.
    ctx.payer =
        Some(Payer { relays_of: Some(certificate.member), bounded: true, ..Payer::default() });
    Ok(true)
}

/// Handles the answer to our `hello`.
pub(super) fn welcome(
    ctx: &mut Context<'_>,
    node: NodeId,
    welcome: &CheckedWelcome,
) -> Handled<()> {
    let code = welcome.code;
    let hello = match &welcome.answer {
        Answer::Welcome(hello) => hello,
        Answer::Refused(refusal) => {
            tracing::info!(node = %node.short(), reason = refusal.name(), "hello was refused");
            return turned_away(ctx, node, code, refusal);
        }
        Answer::Prove(_) => {
            tracing::warn!(node = %node.short(), "a node asked for the proof of a code that another institution gave out");
            return turned_away(ctx, node, code, &Reason::NotTheCodes.into());
        }
        Answer::Expelled(proof) => {
            let reason = Reason::WeAreExpelled;
            tracing::info!(node = %node.short(), %reason, "hello was refused");
            if federation::told_expelled(ctx, proof)?
                && let Some(to) = directory::institution_told(ctx.txn, node)?
            {
                ctx.effects.push(Effect::Greet { to });
                return Ok(());
            }
            return turned_away(ctx, node, code, &reason.into());
        }
    };
    let party = hello.keys.party_unverified();
    // A relay that we have not met shows here what it would show if it had come to us.
    let open = members::admitted(ctx.txn, party, ctx.now)?
        || (!members::is_expelled(ctx.txn, party)? && relay_certificate(ctx, party, hello)?);
    if !open {
        ctx.effects.push(Effect::Gate { node, open_for: None });
        return refuse(Reason::AnswererMayNotCome);
    }
    learn(ctx, node, hello)?;
    ctx.effects.push(Effect::Gate { node, open_for: Some(party) });
    if let Some(code) = code {
        codes::heard(ctx.txn, party, code)?;
    }
    greeted(ctx, party, hello)
}

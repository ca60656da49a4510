//! `hello`: the one thing a stranger may say.
//!
//! Both sides tell who they are: key log, card, a certificate for the node that the transport
//! authenticated, where they listen, and a nonce that proofs of possession on this connection must
//! name. The gate opens for members of the federation, for relays that a member certified, for
//! whoever enrolled with us or we with them, and for whoever brings a code that we gave out.

use super::itself::Peer;
use super::reasons::Reason;
use super::route;
use crate::Addresses;
use crate::codec::{DecodeError, Wire, wire_enum, wire_struct};
use crate::codes;
use crate::directory::{self, Standing};
use crate::enrolment;
use crate::federation::{self, ExpulsionProof};
use crate::id::{NodeId, PartyId};
use crate::identity::{Card, KeyLog, KnownKeys, NodeCertificate, RelayCertificate};
use crate::limits;
use crate::members;
use crate::membership::Standpoint;
use crate::outbox;
use crate::refusal::{Handled, Refusal, RefusalCode, refuse};
use crate::statement::{Signed, Statement, Unverified};
use crate::store::{ReadTxn, StoreError};
use crate::time::Timestamp;
use crate::turn::{Context, Effect, Nonce, Own, RequestId, Sort};

wire_enum! {
    /// Why the gate should open.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum Purpose {
        /// You know me: a member, or enrolled with you.
        1 => Known,
        /// I have a code of yours; this is its secret.
        2 => Code([u8; 16]),
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
        /// A relay's certificate by a member, newest first.
        7 => relay: Vec<Unverified<RelayCertificate>>,
        /// Where the speaker stands, if it follows a federation.
        8 => position: Option<Standpoint>,
        /// When.
        9 => at: Timestamp,
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
    }
}

/// A `hello` that is well formed and signed by the node it names.
#[derive(Debug)]
pub struct CheckedHello(Signed<Hello>);

/// An answer to a `hello`, its signature checked.
#[derive(Debug)]
pub struct CheckedWelcome(Answer);

#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "lives as long as its handling")]
enum Answer {
    Welcome(Signed<Hello>),
    Refused(Refusal),
    Expelled(ExpulsionProof),
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
    /// Reads the answer of `node`; pure, for a pool.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn prepare(node: NodeId, bytes: &[u8]) -> Result<Self, DecodeError> {
        match HelloReply::from_bytes(bytes, limits::HELLO_REPLY_BYTES_MAX)? {
            HelloReply::Welcome(hello) => {
                CheckedHello::check(node, hello).map(|hello| Self(Answer::Welcome(hello.0)))
            }
            HelloReply::Refused(refusal) => Ok(Self(Answer::Refused(refusal))),
            HelloReply::Expelled(proof) => Ok(Self(Answer::Expelled(proof))),
        }
    }

    /// The nonce that proofs to this node must name, or why the gate stays closed.
    ///
    /// # Errors
    /// The far side's refusal.
    pub fn nonce(&self) -> Result<Nonce, Refusal> {
        match &self.0 {
            Answer::Welcome(hello) => Ok(hello.nonce),
            Answer::Refused(refusal) => Err(refusal.clone()),
            Answer::Expelled(_) => Err(Refusal::from(Reason::WeAreExpelled)),
        }
    }
}

impl Peer {
    /// Our `hello` to an institution.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn hello(
        &self,
        txn: &dyn ReadTxn,
        now: Timestamp,
        to: PartyId,
        addresses: Vec<String>,
        nonce: Nonce,
    ) -> Result<Vec<u8>, StoreError> {
        let purpose = match codes::given_by(txn, to)? {
            Some(secret) => Purpose::Code(secret),
            None => Purpose::Known,
        };
        Ok(say_hello(&self.own, txn, now, addresses, nonce, purpose)?.bytes().to_vec())
    }
}

fn say_hello(
    own: &Own,
    txn: &(impl ReadTxn + ?Sized),
    now: Timestamp,
    addresses: Vec<String>,
    nonce: Nonce,
    purpose: Purpose,
) -> Result<Signed<Hello>, StoreError> {
    let issued = own.issued(now);
    let hello = Hello {
        keys: own.keys().log().clone(),
        card: issued.card.to_unverified(),
        certificate: issued.certificate.to_unverified(),
        addresses: addresses.into(),
        nonce,
        purpose,
        relay: enrolment::certificates(txn, now)?,
        position: members::position(txn)?,
        at: now,
    };
    Ok(Signed::sign(hello, own.node_key()))
}

/// The gate stays closed to us, and what waits for it to open ends: everything once we are out of the
/// federation, and what only a code could have brought in when the code opens nothing, since it expired or
/// whoever gave it out lost its disk.
fn turned_away(ctx: &mut Context<'_>, node: NodeId, refusal: &Refusal) -> Handled<()> {
    let Some(to) = directory::institution_told(ctx.txn, node)? else { return Ok(()) };
    if refusal.code != RefusalCode::NotPermitted {
        return Ok(());
    }
    let coded = codes::given_by(ctx.txn, to)?.is_some();
    codes::introduced(ctx.txn, to)?;
    if members::is_gone(ctx.txn, ctx.own.party())? {
        return route::withdraw(ctx, to, refusal, |_| true);
    }
    if coded {
        route::withdraw(ctx, to, refusal, |body| body.sort() == Sort::Introduction)
    } else {
        Ok(())
    }
}

/// Takes over who speaks, after verifying all of it; gives the institution's keys.
fn learn(ctx: &mut Context<'_>, node: NodeId, hello: &Hello) -> Handled<KnownKeys> {
    let keys = directory::learn_keys(ctx.txn, hello.keys.clone())?;
    let certificate = directory::certify_node(ctx.txn, hello.certificate.clone(), &keys, ctx.now)?;
    directory::learn_card(ctx.txn, hello.card.clone(), &keys)?;
    directory::learn_node(
        ctx.txn,
        node,
        keys.party(),
        certificate.expires,
        hello.addresses.clone(),
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
    let mut open = members::admitted(ctx.txn, party, ctx.now)?;
    if !open && !members::is_expelled(ctx.txn, party)? {
        let code_ends = match &hello.purpose {
            Purpose::Code(secret) => codes::ends(ctx.txn, secret, ctx.now)?,
            Purpose::Known => None,
        };
        open = match code_ends {
            Some(end) => {
                directory::set_standing(ctx.txn, party, &Standing::Introduced(end))?;
                true
            }
            None => relay_certificate(ctx, party, hello)?,
        };
    }
    if !open {
        if let Some(proof) = expulsion_proof(ctx, party, hello)? {
            let bytes = HelloReply::Expelled(proof).to_bytes();
            ctx.effects.push(Effect::Reply { request, bytes });
            return Ok(());
        }
        let why = match hello.purpose {
            Purpose::Code(_) => Reason::CodeOpensNothing,
            Purpose::Known => Reason::Stranger,
        };
        return refuse(why);
    }
    learn(ctx, node, hello)?;
    ctx.effects.push(Effect::Gate { node, open: true });
    let ours = say_hello(ctx.own, ctx.txn, ctx.now, addresses, nonce, Purpose::Known)?;
    let bytes = HelloReply::Welcome(ours.to_unverified()).to_bytes();
    ctx.effects.push(Effect::Reply { request, bytes });
    outbox::hurry(ctx, party)?;
    enrolment::greeted(ctx, party)?;
    federation::greeted(ctx, party, hello.position)
}

/// For a party that was expelled, or left and may not know that it was let go, if it is the one that speaks.
fn expulsion_proof(
    ctx: &Context<'_>,
    party: PartyId,
    hello: &Hello,
) -> Handled<Option<ExpulsionProof>> {
    if !members::is_gone(ctx.txn, party)? {
        return Ok(None);
    }
    let Some(keys) = directory::keys(ctx.txn, party)? else { return Ok(None) };
    if hello.certificate.clone().certify(&keys, ctx.now).is_err() {
        return Ok(None);
    }
    federation::proof(ctx, hello.position)
}

/// A relay comes with a certificate by a member whose keys we know.
fn relay_certificate(ctx: &mut Context<'_>, party: PartyId, hello: &Hello) -> Handled<bool> {
    for certificate in hello.relay.iter().take(limits::RELAY_CERTIFICATES_MAX) {
        let member = certificate.claims().member;
        if certificate.claims().relay != party || !members::is_member(ctx.txn, member)? {
            continue;
        }
        let Some(keys) = directory::keys(ctx.txn, member)? else { continue };
        if let Ok(certificate) = certificate.clone().certify(&keys, ctx.now) {
            directory::set_standing(
                ctx.txn,
                party,
                &Standing::CertifiedRelay(directory::CertifiedRow {
                    by: member,
                    until: certificate.expires,
                }),
            )?;
            return Ok(true);
        }
    }
    Ok(false)
}

/// Handles the answer to our `hello`.
pub(super) fn welcome(
    ctx: &mut Context<'_>,
    node: NodeId,
    welcome: &CheckedWelcome,
) -> Handled<()> {
    let hello = match &welcome.0 {
        Answer::Welcome(hello) => hello,
        Answer::Refused(refusal) => {
            tracing::info!(node = %node.short(), reason = refusal.name(), "hello was refused");
            return turned_away(ctx, node, refusal);
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
            return turned_away(ctx, node, &reason.into());
        }
    };
    let party = hello.keys.party_unverified();
    // A relay that we have not met shows here what it would show if it had come to us.
    let open = members::admitted(ctx.txn, party, ctx.now)?
        || (!members::is_expelled(ctx.txn, party)? && relay_certificate(ctx, party, hello)?);
    if !open {
        ctx.effects.push(Effect::Gate { node, open: false });
        return refuse(Reason::AnswererMayNotCome);
    }
    learn(ctx, node, hello)?;
    ctx.effects.push(Effect::Gate { node, open: true });
    outbox::hurry(ctx, party)?;
    enrolment::greeted(ctx, party)?;
    federation::greeted(ctx, party, hello.position)
}

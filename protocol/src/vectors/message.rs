//! `message/messages.json`: an envelope, its outcome, and what is neither.

use super::people::{HOSPITAL, NOW, PROVIDER, RELAY, hex, key};
use crate::capability::{self, Proof};
use crate::codec::{Bytes, Wire};
use crate::codes;
use crate::crypto::SigningKey;
use crate::directory;
use crate::federation;
use crate::id::{NodeId, StatementId, StreamId};
use crate::identity::Role;
use crate::inbox::{self, Arrival, Handled};
use crate::limits;
use crate::message::{Envelope, MessageId, Outcome, OutcomeResult};
use crate::outbox;
use crate::peer::{Body, CheckedMessage, Peer};
use crate::refusal::Refusal;
use crate::statement::{Signed, Unverified};
use crate::store::Memory;
use crate::time::Timestamp;
use rand_chacha::rand_core::SeedableRng;
use serde_json::{Value, json};

fn apply() -> federation::Message {
    federation::Message::CatchUp(federation::CatchUp { position: None, whole: true })
}

fn body() -> Vec<u8> {
    Body::Federation(apply()).to_bytes()
}

fn envelope() -> Envelope {
    let request = blake3::hash(&body()).into();
    let proof = Proof {
        leaf: StatementId([0x1e; 32]),
        request,
        verifier: PROVIDER.id(),
        nonce: [0x0e; 16],
    };
    Envelope {
        id: MessageId { sender: HOSPITAL.id(), stream: StreamId([5; 16]), number: 3 },
        to: PROVIDER.id(),
        sent: NOW,
        acknowledged: 2,
        node: HOSPITAL.node(),
        nonce: [0x0e; 16],
        body: Bytes(body()),
        proof: Some(proof.sign(&HOSPITAL.node_key()).to_unverified()),
    }
}

fn message(
    name: &str,
    why: &str,
    node: NodeId,
    (claims, by): (Envelope, &SigningKey),
    error: Option<&str>,
) -> Value {
    let bytes = Signed::sign(claims, by).bytes().to_vec();
    let judged = CheckedMessage::prepare(node, &bytes).err().map(|error| error.to_string());
    assert_eq!(judged.as_deref(), error, "{name}");
    json!({ "name": name, "why": why, "node": node, "envelope": hex(&bytes), "error": error })
}

fn outcome(result: OutcomeResult) -> Outcome {
    let body = blake3::hash(&body()).into();
    Outcome { message: envelope().id, by: PROVIDER.id(), body, at: NOW, result }
}

/// Whether an outcome is that of the envelope above, by SPEC.md's [MSG-5].
fn answers(outcome: &Unverified<Outcome>) -> bool {
    let (claims, sent) = (outcome.claims(), envelope());
    claims.message == sent.id
        && claims.by == sent.to
        && claims.body == *blake3::hash(&sent.body.0).as_bytes()
        && outcome.check(&PROVIDER.node().into()).is_ok()
}

fn reply(name: &str, why: &str, claims: Outcome, by: &SigningKey, good: bool) -> Value {
    let bytes = Signed::sign(claims, by).bytes().to_vec();
    assert_eq!(answers(&Unverified::parse(&bytes).unwrap()), good, "{name}");
    json!({ "name": name, "why": why, "outcome": hex(&bytes), "answers": good })
}

/// [MSG-1], [MSG-2], [MSG-5].
#[test]
fn messages_and_outcomes_are_judged() {
    let (node, by) = (HOSPITAL.node(), HOSPITAL.node_key());
    let no_body = Envelope { body: Bytes(vec![0x82, 0x18, 99, 0x40]), ..envelope() };
    let messages = [
        message("good", "with a proof of possession", node, (envelope(), &by), None),
        message(
            "other-node",
            "came over another node's connection",
            PROVIDER.node(),
            (envelope(), &by),
            Some("the message is from another node"),
        ),
        message(
            "forged",
            "not signed by the node it names",
            node,
            (envelope(), &key(0x66)),
            Some("the signature is not the node's"),
        ),
        message(
            "unknown-body",
            "no feature has code 99",
            node,
            (no_body, &by),
            Some("unknown Body 99"),
        ),
    ];
    let (theirs, done) = (PROVIDER.node_key(), || outcome(OutcomeResult::Done(Bytes::default())));
    let refused = Refusal::from(codes::Reason::Unknown);
    let outcomes = [
        reply("done", "nothing to answer", done(), &theirs, true),
        reply("refused", "for good", outcome(OutcomeResult::Refused(refused)), &theirs, true),
        reply(
            "out-of-order",
            "the receiver waits for number 1",
            outcome(OutcomeResult::OutOfOrder(1)),
            &theirs,
            true,
        ),
        reply(
            "other-body",
            "the receipt of another message",
            Outcome { body: [0; 32], ..done() },
            &theirs,
            false,
        ),
        reply(
            "other-number",
            "of another number",
            Outcome { message: MessageId { number: 4, ..envelope().id }, ..done() },
            &theirs,
            false,
        ),
        reply(
            "other-party",
            "by whom it was not for",
            Outcome { by: HOSPITAL.id(), ..done() },
            &theirs,
            false,
        ),
        reply("forged", "signed by no node of the receiver", done(), &by, false),
    ];
    let made = json!({
        "body": hex(&body()), "receiver_node": PROVIDER.node(), "messages": messages, "outcomes": outcomes,
    });
    super::check("message", "messages", &made);
}

fn provider() -> Peer {
    PROVIDER.peer("Backup Provider", Role::Backup)
}

/// Message `number` of stream `stream`, with outcomes up to `acknowledged` durable at the sender.
fn numbered(stream: u8, number: u64, acknowledged: u64, body: u8) -> Envelope {
    let id = MessageId { sender: HOSPITAL.id(), stream: StreamId([stream; 16]), number };
    Envelope { id, acknowledged, body: Bytes(vec![body]), proof: None, ..envelope() }
}

/// How an envelope arrives: `next`, `again` with the same bytes, `read again`, or the number awaited.
fn arrival(txn: &mut Memory, envelope: &Envelope, kept: &[u8]) -> String {
    match inbox::arrive(txn, envelope).unwrap() {
        Arrival::Next => "next".into(),
        Arrival::Again(bytes) if bytes == kept => "again".into(),
        Arrival::Again(_) => "another outcome".into(),
        Arrival::ReadAgain => "read again".into(),
        Arrival::OutOfOrder(number) => number.to_string(),
        Arrival::Unknowable => "unknowable".into(),
    }
}

/// [MSG-3], [MSG-4].
#[test]
fn a_message_is_handled_once_and_its_outcome_kept_until_acknowledged() {
    let (peer, mut txn) = (provider(), Memory::default());
    let conclude = |txn: &mut Memory, envelope: &Envelope, result, handled| {
        inbox::conclude(peer.own(), txn, NOW, envelope, result, handled).unwrap()
    };
    let answered = |answer: &[u8]| OutcomeResult::Done(Bytes(answer.to_vec()));
    let refused = || OutcomeResult::Refused(Refusal::from(capability::Reason::Revoked));
    let (first, second, third) = (numbered(5, 1, 0, 1), numbered(5, 2, 1, 2), numbered(5, 3, 2, 3));
    assert_eq!(arrival(&mut txn, &second, &[]), "1", "a stream begins at 1");
    assert_eq!(arrival(&mut txn, &first, &[]), "next");
    let kept = conclude(&mut txn, &first, answered(&[7]), Handled::Once);
    assert_eq!(arrival(&mut txn, &first, &kept), "again");
    assert_eq!(
        arrival(&mut txn, &numbered(5, 1, 0, 9), &kept),
        "2",
        "another body under a used number"
    );
    assert_eq!(arrival(&mut txn, &second, &[]), "next");
    conclude(&mut txn, &second, answered(&[]), Handled::Once);
    assert_eq!(arrival(&mut txn, &first, &kept), "3", "forgotten once acknowledged");
    assert_eq!(arrival(&mut txn, &third, &[]), "next");
    conclude(&mut txn, &third, answered(&[7]), Handled::Read);
    assert_eq!(arrival(&mut txn, &third, &[]), "read again", "what a read was given is not kept");
    assert_eq!(arrival(&mut txn, &numbered(6, 1, 0, 1), &[]), "next", "a new stream begins at 1");
    assert_eq!(arrival(&mut txn, &third, &[]), "read again", "and leaves the others alone");
    let kept = conclude(&mut txn, &third, refused(), Handled::Read);
    assert_eq!(arrival(&mut txn, &third, &kept), "again", "a refusal is");
}

/// [MSG-7]: a sender that opens streams without end, and one that acknowledges nothing.
#[test]
fn streams_are_forgotten_only_where_nothing_of_them_can_be_handled_anew() {
    let (peer, mut txn) = (provider(), Memory::default());
    let done = || OutcomeResult::Done(Bytes::default());
    let first_of = |stream: u8| {
        let sent = Timestamp(NOW.0 + u64::from(stream));
        Envelope { sent, ..numbered(stream, 1, 0, stream) }
    };
    let say = |txn: &mut Memory, envelope: &Envelope| {
        let arrival = inbox::arrive(txn, envelope).unwrap();
        let next = matches!(arrival, Arrival::Next);
        if next {
            inbox::conclude(peer.own(), txn, NOW, envelope, done(), Handled::Once).unwrap();
        }
        (next, arrival)
    };
    let max = u8::try_from(limits::INBOX_STREAMS_MAX).unwrap();
    for stream in 0..=255 {
        assert!(say(&mut txn, &first_of(stream)).0, "stream {stream} is new");
    }
    for stream in 0..=255 {
        let (next, arrival) = say(&mut txn, &first_of(stream));
        assert!(!next, "message 1 of stream {stream} was handled twice");
        match arrival {
            Arrival::Again(_) => assert!(stream > 255 - max),
            Arrival::Unknowable => assert!(stream <= 255 - max),
            _ => panic!("stream {stream}"),
        }
    }
    assert!(Arrival::Unknowable.unhandled().is_some());
    // Another's streams are its own affair.
    let mut other = first_of(0);
    other.id.sender = RELAY.id();
    assert!(say(&mut txn, &other).0);
    // Outcomes that nobody acknowledges are bounded, too.
    let mut number = 1;
    while say(&mut txn, &Envelope { sent: NOW, ..numbered(255, number + 1, 0, 1) }).0 {
        number += 1;
    }
    assert_eq!(number, limits::INBOX_OUTCOMES_MAX as u64);
    assert!(say(&mut txn, &Envelope { sent: NOW, ..numbered(255, number + 1, number, 1) }).0);
}

/// [MSG-6].
#[test]
fn tries_to_deliver_wait_longer_after_each_failure_until_the_far_side_is_there() {
    let (peer, mut txn) = (provider(), Memory::default());
    let mut rng = rand_chacha::ChaCha20Rng::from_seed([1; 32]);
    let mut ctx = peer.context(NOW, &mut txn, &mut rng, None);
    let to = HOSPITAL.id();
    outbox::push(&mut ctx, to, &apply(), None).unwrap();
    let mut waits = Vec::new();
    for _ in 0..12 {
        outbox::later(&mut ctx, to).unwrap();
        waits.push(outbox::waiting(ctx.txn).unwrap()[0].1.since(NOW));
    }
    assert_eq!(waits[..4], [1000, 2000, 4000, 8000]);
    assert_eq!(waits[8..], [256_000, 300_000, 300_000, 300_000]);
    outbox::hurry(&mut ctx, to).unwrap();
    assert_eq!(outbox::waiting(ctx.txn).unwrap()[0].1, Timestamp(0));
}

/// [MSG-5]: the very outbox, beside the vectors above.
#[test]
fn only_the_outcome_of_this_message_by_a_certified_node_of_its_receiver_is_taken() {
    let me = HOSPITAL.peer("Hospital", Role::Hospital);
    let (mut txn, mut rng) = (Memory::default(), rand_chacha::ChaCha20Rng::from_seed([1; 32]));
    let to = PROVIDER.id();
    directory::learn_keys(&mut txn, PROVIDER.log()).unwrap();
    directory::learn_node(&mut txn, PROVIDER.node(), to, NOW.plus_ms(1), vec![].into()).unwrap();
    // Somebody merely told of this one.
    let (hinted, hinted_key) = (RELAY.node(), RELAY.node_key());
    directory::hint_node(&mut txn, hinted, to, vec![].into(), None).unwrap();
    let mut ctx = me.context(NOW, &mut txn, &mut rng, None);
    let number = outbox::push(&mut ctx, to, &apply(), None).unwrap();
    let (_, row, stream) = outbox::first(ctx.txn, to).unwrap().unwrap();
    let sent = outbox::compose(me.own(), to, number, &row, &stream, [0; 16]);
    let honest = Outcome {
        message: sent.id,
        by: to,
        body: blake3::hash(&sent.body.0).into(),
        at: NOW,
        result: OutcomeResult::Done(Bytes::default()),
    };
    let theirs = PROVIDER.node_key();
    let mut other_stream = honest.clone();
    other_stream.message.stream = StreamId([9; 16]);
    let lies = [
        (
            Outcome { message: MessageId { number: number + 1, ..sent.id }, ..honest.clone() },
            &theirs,
        ),
        (other_stream, &theirs),
        (Outcome { by: HOSPITAL.id(), ..honest.clone() }, &theirs),
        (Outcome { body: [0; 32], ..honest.clone() }, &theirs),
        (honest.clone(), &hinted_key),
        (honest.clone(), &HOSPITAL.node_key()),
    ];
    for (at, (lie, by)) in lies.into_iter().enumerate() {
        let bytes = Signed::sign(lie, by).bytes().to_vec();
        let taken = outbox::take(&mut ctx, to, number, &bytes).unwrap();
        assert!(matches!(taken, outbox::Taken::Waits), "lie {at} was taken");
        assert_eq!(outbox::depth(ctx.txn, to).unwrap(), 1);
    }
    let bytes = Signed::sign(honest, &theirs).bytes().to_vec();
    let taken = outbox::take(&mut ctx, to, number, &bytes).unwrap();
    assert!(matches!(taken, outbox::Taken::Outcome { .. }));
    assert_eq!(outbox::depth(ctx.txn, to).unwrap(), 0);
}

//! `message/messages.json`: an envelope, its outcome, and what is neither.

use super::people::{HOSPITAL, NOW, PROVIDER, hex, key};
use crate::capability::Proof;
use crate::codec::{Bytes, Wire};
use crate::crypto::SigningKey;
use crate::id::{NodeId, StatementId, StreamId};
use crate::message::{Envelope, MessageId, Outcome, OutcomeResult};
use crate::peer::{Body, CheckedMessage};
use crate::refusal::{Refusal, RefusalCode};
use crate::statement::{Signed, Unverified};
use serde_json::{Value, json};

fn body() -> Vec<u8> {
    let request =
        crate::federation::Message::Apply(crate::federation::Apply { secret: [0xc0; 16] });
    Body::Federation(request).to_bytes()
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
    let refused = Refusal::new(RefusalCode::NotFound, "no such code");
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

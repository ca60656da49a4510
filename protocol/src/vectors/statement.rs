//! `statement/{good,bad}.json`: signed statements, their ids, and what is no signature.

use super::people::{HOSPITAL, NOW, hex, key, variant};
use crate::access_log::Head;
use crate::codec::{Encoder, Wire};
use crate::crypto::PublicKey;
use crate::id::PartyId;
use crate::statement::{Signed, Statement, Unverified};
use crate::time::Timestamp;
use serde_json::{Value, json};

fn head() -> Head {
    let (holder, patient) = (HOSPITAL.id(), PartyId([7; 32]));
    Head { holder, key: 0, patient, seq: 0, hash: [0; 32], at: NOW, volume: Timestamp(0) }
}

fn judge(bytes: &[u8], key: &PublicKey) -> Result<(), String> {
    let parsed = Unverified::<Head>::parse(bytes).map_err(|error| variant(&error))?;
    parsed.check(key).map_err(|error| variant(&error))
}

fn bad(name: &str, bytes: &[u8], key: &PublicKey, error: &str, why: &str) -> Value {
    assert_eq!(judge(bytes, key), Err(error.to_owned()), "{name}");
    json!({ "name": name, "why": why, "type": "log-head", "domain": Head::DOMAIN,
            "public": hex(&key.0), "statement": hex(bytes), "error": error })
}

fn signed_over(payload: &[u8], domain: &str) -> Vec<u8> {
    let mut to_sign = Encoder::default();
    to_sign.array(4);
    to_sign.text("Signature1");
    to_sign.bytes(&[0xa1, 0x01, 0x32]);
    to_sign.bytes(domain.as_bytes());
    to_sign.bytes(payload);
    let mut e = Encoder::default();
    e.raw(&[0xd2, 0x84, 0x43, 0xa1, 0x01, 0x32, 0xa0]);
    e.bytes(payload);
    e.bytes(&HOSPITAL.signing().sign(&to_sign.into_bytes()));
    e.into_bytes()
}

/// [STM-1], [STM-2], [STM-3], [STM-4].
#[test]
fn good_statements_verify() {
    let statement = Signed::sign(head(), &HOSPITAL.signing());
    let key = HOSPITAL.signing();
    assert_eq!(judge(statement.bytes(), &key.public()), Ok(()));
    assert_eq!(signed_over(&head().to_bytes(), Head::DOMAIN), statement.bytes());
    let case = json!({
        "name": "log-head", "why": "one statement in full", "type": "log-head",
        "domain": Head::DOMAIN, "seed": hex(&*key.seed()), "public": hex(&key.public().0),
        "payload": hex(&head().to_bytes()), "statement": hex(statement.bytes()),
        "id": statement.id(),
    });
    super::check("statement", "good", &[case]);
}

/// [STM-1], [STM-2], [STM-3], [STM-5], [STM-6].
#[test]
fn each_bad_statement_is_refused_for_its_reason() {
    let public = HOSPITAL.signing().public();
    let good = Signed::sign(head(), &HOSPITAL.signing()).bytes().to_vec();
    let replace = |at: usize, with: u8| {
        let mut bytes = good.clone();
        bytes[at] = with;
        bytes
    };
    let without_tag = &good[1..];
    let payload = head().to_bytes();
    let loose = [&[payload[0], 0x18], &payload[1..]].concat();
    let elsewhere = signed_over(&payload, "chartmesh/1/label");
    // The neutral element as key and as R, and 0 as s: true without the strict checks.
    let mut neutral = [0; 32];
    neutral[0] = 1;
    let mut forged = good.clone();
    let signature = forged.len() - 64;
    forged[signature..].fill(0);
    forged[signature] = 1;
    let mut malleable = good.clone();
    let s = malleable.len() - 32;
    add_order(&mut malleable[s..]);
    let mut short = good[..good.len() - 66].to_vec();
    short.extend([0x58, 63]);
    short.extend([0; 63]);
    let long = [&good[..7], &vec![0; 16 * 1024 - 6]].concat();
    let cases = [
        bad("too-large", &long, &public, "TooLarge", "a byte more than the limit"),
        bad("truncated", &good[..good.len() - 1], &public, "Truncated", "the last byte is missing"),
        bad("truncated-prefix", &good[..3], &public, "Truncated", "within the fixed head"),
        bad("trailing", &[&good[..], &[0]].concat(), &public, "Trailing", "a byte follows"),
        bad("untagged", without_tag, &public, "Invalid", "tag 18 is not optional"),
        bad(
            "eddsa",
            &replace(5, 0x27),
            &public,
            "Invalid",
            "algorithm -8, which leaves the curve open",
        ),
        bad(
            "unprotected-header",
            &replace(6, 0xa1),
            &public,
            "Invalid",
            "the unprotected header is empty",
        ),
        bad("short-signature", &short, &public, "WrongLength", "63 bytes"),
        bad(
            "loose-payload",
            &signed_over(&loose, Head::DOMAIN),
            &public,
            "NotShortest",
            "well signed, but not in the one form",
        ),
        bad(
            "altered-payload",
            &replace(20, good[20] ^ 1),
            &public,
            "BadSignature",
            "one bit of the holder's id",
        ),
        bad(
            "altered-signature",
            &replace(good.len() - 1, good[good.len() - 1] ^ 1),
            &public,
            "BadSignature",
            "one bit",
        ),
        bad("other-key", &good, &key(0x99).public(), "BadSignature", "signed by somebody else"),
        bad("other-domain", &elsewhere, &public, "BadSignature", "signed as a label"),
        bad(
            "small-order-key",
            &forged,
            &PublicKey(neutral),
            "BadSignature",
            "a key of small order verifies anything",
        ),
        bad("malleable", &malleable, &public, "BadSignature", "s plus the group order"),
    ];
    super::check("statement", "bad", &cases);
}

/// Adds the order of Ed25519's group to a little-endian scalar.
fn add_order(s: &mut [u8]) {
    let mut order = [0u8; 32];
    order[..16].copy_from_slice(&[
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14,
    ]);
    order[31] = 0x10;
    let mut carry = 0;
    for (digit, add) in s.iter_mut().zip(order) {
        let sum = u16::from(*digit) + u16::from(add) + carry;
        let [low, high] = sum.to_le_bytes();
        *digit = low;
        carry = u16::from(high);
    }
}

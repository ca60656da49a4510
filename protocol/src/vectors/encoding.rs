//! `encoding/{good,bad}.json`: bytes, the SPEC.md type that they are read as, and why they are no such
//! value.

use super::people::{hex, variant};
use crate::codec::Wire;
use crate::entries;
use crate::id::{EntryId, ObjectId, PartyId, StreamId};
use crate::limits;
use crate::message::{MessageId, OutcomeResult};
use crate::record::ContentRef;
use crate::refusal::Refusal;
use serde_json::{Value, json};

const LIMIT: usize = limits::REQUEST_BYTES_MAX;

fn refusal() -> Vec<u8> {
    Refusal::from(entries::Reason::NotInRecord { entry: EntryId([0xe1; 16]) }).to_bytes()
}

fn content() -> Vec<u8> {
    ContentRef { object: ObjectId([0x0b; 32]), length: 65_536 }.to_bytes()
}

/// Reads `bytes` as the type of this name in SPEC.md.
fn read(ty: &str, bytes: &[u8]) -> Result<(), String> {
    let read = match ty {
        "refusal" => Refusal::from_bytes(bytes, LIMIT).map(drop),
        "content-ref" => ContentRef::from_bytes(bytes, LIMIT).map(drop),
        "message-id" => MessageId::from_bytes(bytes, LIMIT).map(drop),
        "outcome-result" => OutcomeResult::from_bytes(bytes, LIMIT).map(drop),
        "wish" => crate::consent::Wish::from_bytes(bytes, LIMIT).map(drop),
        "contents" => Vec::<ContentRef>::from_bytes(bytes, LIMIT).map(drop),
        other => panic!("no such type here: {other}"),
    };
    read.map_err(|error| variant(&error))
}

fn good(name: &str, ty: &str, bytes: Vec<u8>, why: &str) -> Value {
    assert_eq!(read(ty, &bytes), Ok(()), "{name}");
    json!({ "name": name, "why": why, "type": ty, "bytes": hex(&bytes) })
}

fn bad(name: &str, ty: &str, bytes: Vec<u8>, error: &str, why: &str) -> Value {
    assert_eq!(read(ty, &bytes), Err(error.to_owned()), "{name}");
    json!({ "name": name, "why": why, "type": ty, "bytes": hex(&bytes), "error": error })
}

/// [ENC-1], [ENC-4], [ENC-7], [ENC-8], [ENC-9].
#[test]
fn good_encodings_are_read() {
    let id = MessageId { sender: PartyId([1; 32]), stream: StreamId([2; 16]), number: u64::MAX };
    let cases = [
        good("structure", "refusal", refusal(), "a map with ascending keys"),
        good("largest-integer", "message-id", id.to_bytes(), "all 64 bits"),
        good("variant-with-body", "outcome-result", vec![0x82, 1, 0x41, 7], "[1, h'07']"),
        good("optional-absent", "wish", vec![0xa2, 1, 0x80, 2, 0x80], "keys 3 to 5 are left out"),
        good("truth-value", "wish", vec![0xa3, 1, 0x80, 2, 0x80, 5, 0xf5], "true is f5"),
        good("empty-list", "contents", vec![0x80], "an array of nothing"),
    ];
    super::check("encoding", "good", &cases);
}

/// [ENC-1], [ENC-2], [ENC-3], [ENC-4], [ENC-5], [ENC-7], [ENC-8], [ENC-9], [ENC-10].
#[test]
fn each_bad_encoding_is_refused_for_its_reason() {
    let r = refusal();
    let text = |bytes: &[u8]| [&[0xa3, 1, 2, 2, 0, 3, 0x81, 0x82, 8], bytes].concat();
    let long_text = [&[0x79, 0x10, 0x01][..], &vec![b'a'; 4097]].concat();
    let mut short_id = content();
    short_id.truncate(2);
    short_id.extend([0x41, 7, 2, 0]);
    let cases = [
        bad(
            "truncated",
            "refusal",
            r[..r.len() - 1].to_vec(),
            "Truncated",
            "the last byte is missing",
        ),
        bad("empty", "refusal", vec![], "Truncated", "no bytes at all"),
        bad("trailing", "refusal", [&r[..], &[0]].concat(), "Trailing", "a byte follows"),
        bad("reserved", "refusal", vec![0x1c], "Syntax", "additional information 28 means nothing"),
        bad(
            "long-integer",
            "refusal",
            vec![0xa3, 1, 0x18, 2, 2, 0, 3, 0x80],
            "NotShortest",
            "2 takes one byte, not two",
        ),
        bad(
            "long-length",
            "refusal",
            text(&[0x78, 1, b'a']),
            "NotShortest",
            "a length of 1 takes no byte of its own",
        ),
        bad(
            "long-key",
            "refusal",
            vec![0xa3, 0x18, 1, 2, 2, 0, 3, 0x80],
            "NotShortest",
            "a key is an integer, too",
        ),
        bad(
            "indefinite-map",
            "refusal",
            vec![0xbf, 1, 2, 2, 0, 3, 0x80, 0xff],
            "Indefinite",
            "lengths are told beforehand",
        ),
        bad(
            "indefinite-text",
            "refusal",
            text(&[0x7f, 0x61, b'a', 0xff]),
            "Indefinite",
            "no text in pieces",
        ),
        bad(
            "duplicate-key",
            "refusal",
            vec![0xa4, 1, 2, 1, 2, 2, 0, 3, 0x80],
            "DuplicateKey",
            "key 1 stands twice",
        ),
        bad(
            "unsorted-keys",
            "refusal",
            vec![0xa3, 2, 0, 1, 2, 3, 0x80],
            "UnsortedKey",
            "key 1 after key 2",
        ),
        bad(
            "unknown-key",
            "refusal",
            vec![0xa4, 1, 2, 2, 0, 3, 0x80, 4, 0],
            "UnknownKey",
            "key 4 is none of this structure's",
        ),
        bad("missing-key", "refusal", vec![0xa1, 1, 2], "MissingKey", "key 2 is not optional"),
        bad(
            "text-key",
            "refusal",
            vec![0xa3, 0x61, b'a', 2, 2, 0, 3, 0x80],
            "WrongType",
            "keys are unsigned integers",
        ),
        bad(
            "unknown-code",
            "refusal",
            vec![0xa3, 1, 0x18, 99, 2, 0, 3, 0x80],
            "UnknownVariant",
            "no refusal has code 99",
        ),
        bad(
            "too-many-arguments",
            "refusal",
            [&[0xa3, 1, 2, 2, 0, 3, 0x85][..], &[0x82, 7, 0].repeat(5)].concat(),
            "TooMany",
            "a reason has at most 4 arguments",
        ),
        bad(
            "unknown-variant",
            "outcome-result",
            vec![0x82, 9, 0x40],
            "UnknownVariant",
            "no result has code 9",
        ),
        bad(
            "variant-without-body",
            "outcome-result",
            vec![0x81, 1],
            "UnknownVariant",
            "variant 1 has a body",
        ),
        bad(
            "empty-variant",
            "outcome-result",
            vec![0x80],
            "Invalid",
            "an empty array names no variant",
        ),
        bad("negative", "refusal", vec![0xa3, 1, 0x21, 2, 0, 3, 0x80], "WrongType", "-2"),
        bad(
            "null",
            "refusal",
            text(&[0xf6]),
            "WrongType",
            "an absent value is left out, never null",
        ),
        bad("float", "refusal", vec![0xa3, 1, 0xf9, 0x40, 0, 2, 0, 3, 0x80], "WrongType", "2.0"),
        bad(
            "tag",
            "refusal",
            vec![0xa3, 1, 0xc1, 2, 2, 0, 3, 0x80],
            "WrongType",
            "no tags within a payload",
        ),
        bad(
            "bytes-for-text",
            "refusal",
            text(&[0x41, b'a']),
            "WrongType",
            "a byte string is no text",
        ),
        bad("not-utf-8", "refusal", text(&[0x61, 0xff]), "NotUtf8", "ff begins no character"),
        bad("long-text", "refusal", text(&long_text), "TooMany", "4097 bytes of text"),
        bad("short-id", "content-ref", short_id, "WrongLength", "an id of one byte"),
        bad(
            "long-list",
            "contents",
            [&[0x99, 0x10, 0x01][..], &vec![0; 4097]].concat(),
            "TooMany",
            "4097 items",
        ),
        bad(
            "list-longer-than-input",
            "contents",
            vec![0x9a, 0xff, 0xff, 0xff, 0xff],
            "Truncated",
            "no length is believed before the bytes are there",
        ),
    ];
    super::check("encoding", "bad", &cases);
}

//! `encoding/{good,bad,first}.json`: bytes, the SPEC.md type that they are read as, and why they are no such
//! value; of two faults, the first.

use super::people::{hex, variant};
use crate::capability::{Operations, Scope};
use crate::codec::{Encoder, Wire};
use crate::entries;
use crate::id::{EntryId, ObjectId, PartyId, StatementId, StreamId};
use crate::limits;
use crate::message::{MessageId, OutcomeResult};
use crate::record::{Catalogue, ContentRef, Section};
use crate::refusal::Refusal;
use crate::time::Timestamp;
use serde_json::{Value, json};

const LIMIT: usize = limits::REQUEST_BYTES_MAX;

fn refusal() -> Vec<u8> {
    Refusal::from(entries::Reason::NotInRecord { entry: EntryId([0xe1; 16]) }).to_bytes()
}

fn content() -> Vec<u8> {
    ContentRef { object: ObjectId([0x0b; 32]), length: 65_536 }.to_bytes()
}

/// A section whose catalogue is this statement.
fn section(statement: &[u8]) -> Vec<u8> {
    let mut e = Encoder::default();
    e.map(3);
    e.uint(1);
    e.bytes(statement);
    e.raw(&[2, 1, 3, 0x80]);
    e.into_bytes()
}

/// A statement with this payload, and zeros for a signature.
fn unsigned(payload: &[u8]) -> Vec<u8> {
    let mut e = Encoder::default();
    e.raw(&[0xd2, 0x84, 0x43, 0xa1, 0x01, 0x32, 0xa0]);
    e.bytes(payload);
    e.bytes(&[0; 64]);
    e.into_bytes()
}

fn catalogue() -> Vec<u8> {
    let catalogue = Catalogue {
        patient: PartyId([7; 32]),
        relay: PartyId([8; 32]),
        key: 0,
        seq: 1,
        issued: Timestamp(1),
        compartment: None,
        count: 0,
        root: StatementId([9; 32]).0,
    };
    catalogue.to_bytes()
}

/// A scope of these entries, given by the byte that each repeats.
fn scope(entries: &[u8]) -> Vec<u8> {
    let mut e = Encoder::default();
    e.map(1);
    e.uint(1);
    e.array(entries.len());
    entries.iter().for_each(|byte| e.bytes(&[*byte; 16]));
    e.into_bytes()
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
        "scope" => Scope::from_bytes(bytes, LIMIT).map(drop),
        "operations" => Operations::from_bytes(bytes, LIMIT).map(drop),
        "section" => Section::from_bytes(bytes, LIMIT).map(drop),
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

/// [ENC-1], [ENC-4], [ENC-7], [ENC-8], [ENC-9], [ENC-11].
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
        good("set", "scope", scope(&[1, 2]), "items in ascending order, each once"),
        good("set-of-codes", "operations", vec![0x83, 1, 2, 5], "by their numbers"),
        good(
            "nested-statement",
            "section",
            section(&unsigned(&catalogue())),
            "its payload is read along; whether its signature holds is another question",
        ),
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
        bad("empty-set", "scope", scope(&[]), "Invalid", "an empty set is left out"),
        bad("unsorted-set", "scope", scope(&[2, 1]), "Invalid", "the order is that of the bytes"),
        bad("repeated-in-set", "scope", scope(&[1, 1]), "Invalid", "each item stands once"),
        bad("scope-of-nothing", "scope", vec![0xa0], "Invalid", "never empty"),
        bad("empty-codes", "operations", vec![0x80], "Invalid", "a set is never empty"),
        bad("unsorted-codes", "operations", vec![0x82, 2, 1], "Invalid", "the order of numbers"),
        bad("unknown-code-in-set", "operations", vec![0x81, 6], "UnknownVariant", "no operation"),
        bad(
            "too-many-codes",
            "operations",
            vec![0x86, 1, 2, 3, 4, 5, 5],
            "TooMany",
            "there are 5; how many is judged before what",
        ),
        bad(
            "large-number",
            "refusal",
            vec![0xa3, 1, 2, 2, 0x1b, 0, 0, 0, 1, 0, 0, 0, 0, 3, 0x80],
            "TooMany",
            "2^32 is no u32",
        ),
    ];
    super::check("encoding", "bad", &cases.to_vec());
}

/// Two faults at once, or one within a statement: which is named. [ENC-1], [ENC-13], [ENC-14].
#[test]
fn the_first_fault_is_the_one_that_is_named() {
    let text = |bytes: &[u8]| [&[0xa3, 1, 2, 2, 0, 3, 0x81, 0x82, 8], bytes].concat();
    let long = |last: u8| [&[0x79, 0x10, 0x01][..], &[b'a'; 4096], &[last]].concat();
    let stranger = [&unsigned(&catalogue())[..], &[0]].concat();
    let cases = [
        bad(
            "indefinite-array-for-a-map",
            "refusal",
            vec![0x9f, 0xff],
            "Indefinite",
            "a head's own fault before its type",
        ),
        bad(
            "long-head-for-a-map",
            "refusal",
            vec![0x58, 1, 0],
            "NotShortest",
            "a byte string's length of 1, where a map belongs",
        ),
        bad(
            "long-simple-value",
            "wish",
            vec![0xa3, 1, 0x80, 2, 0x80, 5, 0xf8, 0x15],
            "NotShortest",
            "true in two bytes",
        ),
        bad("break", "refusal", vec![0xff], "WrongType", "ends nothing"),
        bad(
            "large-set",
            "scope",
            [&[0xa1, 1, 0x99, 1, 1][..], &[0; 257]].concat(),
            "TooMany",
            "257 items; a length is judged before what it counts",
        ),
        bad(
            "long-list-cut-off",
            "contents",
            vec![0x99, 0x10, 0x01, 0],
            "Truncated",
            "4097 items, and not so many bytes",
        ),
        bad(
            "long-text-cut-off",
            "refusal",
            text(&long(b'a')[..4000]),
            "Truncated",
            "4097 bytes of text, and not so many bytes",
        ),
        bad(
            "long-text-not-utf-8",
            "refusal",
            text(&long(0xff)),
            "NotUtf8",
            "4097 bytes that are no text",
        ),
        bad(
            "short-id-cut-off",
            "content-ref",
            vec![0xa2, 1, 0x41],
            "Truncated",
            "an id of one byte, which is not there",
        ),
        bad(
            "unsorted-unknown-key",
            "refusal",
            vec![0xa3, 1, 2, 2, 0, 0, 0],
            "UnsortedKey",
            "the order of keys is judged before what they are",
        ),
        bad(
            "unknown-variant-of-three",
            "outcome-result",
            vec![0x83, 9, 0x40, 0xff],
            "UnknownVariant",
            "code and number of items before the body",
        ),
        bad(
            "fault-of-a-nested-payload",
            "section",
            section(&unsigned(&[0xa1, 0x18, 99, 0])),
            "UnknownKey",
            "a statement is read where it stands",
        ),
        bad(
            "nested-without-tag",
            "section",
            section(&unsigned(&catalogue())[1..]),
            "Invalid",
            "what is not in a statement's form",
        ),
        bad("nested-and-more", "section", section(&stranger), "Trailing", "a byte follows in it"),
        bad(
            "large-nested",
            "section",
            section(&[0; 16_385]),
            "TooLarge",
            "a byte more than a catalogue may have, whatever they are",
        ),
    ];
    super::check("encoding", "first", &cases);
}

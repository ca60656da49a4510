//! `protocol/vectors/bulk/streams.json`: what is asked on a stream, byte by byte, and what is answered. The pairs are
//! bao-tree's. `UPDATE_VECTORS=1 cargo test -p chartmesh-node --test object_store vectors` rewrites the file.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chartmesh_node::bulk::{Patience, RefusalCode, ServeError, Served, serve};
use chartmesh_node::object_store::tree::GROUP;
use chartmesh_node::object_store::{BATCH, ObjectFolder};
use chartmesh_protocol::id::{NodeId, ObjectId, TicketId};
use data_encoding::HEXLOWER;
use futures::{AsyncReadExt as _, AsyncWriteExt as _};
use serde_json::{Value, json};
use tokio_util::compat::TokioAsyncReadCompatExt as _;

use crate::{ROOT, id_of, object, pairs_for};

const TICKET: TicketId = TicketId([4; 16]);
const OTHER_TICKET: TicketId = TicketId([5; 16]);
const PATIENCE: Patience =
    Patience { stall: Duration::from_secs(20), idle: Duration::from_secs(20) };
/// The lengths of the objects that are here: of one group, of one pair, of more than a batch, of three.
const LENGTHS: [usize; 4] = [1, 16_385, 512 * 1024 + 1, 2 * 512 * 1024 + 70_000];

/// A part of what is answered.
enum Part {
    /// These bytes.
    Bytes(Vec<u8>),
    /// These of an object: its length, from where, to where.
    Of(usize, usize, usize),
}

struct Stream {
    name: &'static str,
    why: &'static str,
    asked: Vec<u8>,
    answer: Vec<Part>,
    /// Whether the stream ends for what was asked, before whoever asks closes it.
    ends: bool,
}

fn ask(ticket: TicketId, object: ObjectId, start: u64) -> Vec<u8> {
    [&[0, 57, 1][..], ticket.as_bytes(), object.as_bytes(), &start.to_be_bytes()].concat()
}

fn code(code: RefusalCode) -> Part {
    Part::Bytes(code.code().to_be_bytes().to_vec())
}

/// The answer that gives an object from `start` on.
fn given(len: usize, start: usize) -> Vec<Part> {
    let data = object(len, 0);
    let mut parts = vec![Part::Bytes([&[0; 2][..], &(len as u64).to_be_bytes()].concat())];
    let mut at = start;
    while at < len {
        let end = len.min((at / BATCH as usize + 1) * BATCH as usize);
        let pairs = pairs_for(&data, start as u64, at as u64);
        parts.extend([Part::Bytes([&[0; 2][..], &pairs].concat()), Part::Of(len, at, end)]);
        at = end;
    }
    parts
}

fn streams() -> Vec<Stream> {
    let of = |len: usize| id_of(&object(len, 0));
    let get = |name, why, len: usize, start: usize| Stream {
        name,
        why,
        asked: ask(TICKET, of(len), start as u64),
        answer: given(len, start),
        ends: false,
    };
    let refused = |name, why, asked: Vec<u8>, why_not: RefusalCode| Stream {
        name,
        why,
        asked,
        answer: vec![code(why_not)],
        ends: why_not == RefusalCode::BadRequest,
    };
    let [one, two, batch, three] = LENGTHS;
    let group = GROUP as usize;
    let mut version = ask(TICKET, of(one), 0);
    version[2] = 2;
    let mut short = ask(TICKET, of(one), 0);
    short[1] = 56;
    short.pop();
    let long = [&[1, 1][..], &[1; 257]].concat();
    let asked = [version.clone(), ask(TICKET, of(two), 0), ask(TICKET, of(one), 0)].concat();
    let mut answer = vec![code(RefusalCode::Version)];
    answer.extend(given(two, 0).into_iter().chain(given(one, 0)));
    vec![
        get("one-group", "no pair: the id is the hash of the bytes", one, 0),
        get("two-groups", "one pair, that of the root", two, 0),
        get("two-batches", "the second batch is a byte, whose pair came with the first", batch, 0),
        get("three-batches", "each batch's pairs before its bytes", three, 0),
        get("from-the-second-group", "the pairs on the way there come first", three, group),
        get("from-within-a-batch", "a batch ends at the multiple of 512 KiB", three, 36 * group),
        get("from-a-batch-on", "of a tree whose left half is wanted no more", three, 64 * group),
        get("last-group", "a single group and the pairs on the way", three, three / group * group),
        Stream {
            name: "one-after-another",
            why: "a version that is not spoken, then two objects",
            asked,
            answer,
            ends: false,
        },
        refused(
            "another-ticket",
            "the ticket does not permit it",
            ask(OTHER_TICKET, of(one), 0),
            RefusalCode::NotPermitted,
        ),
        refused(
            "not-here",
            "permitted, and not here",
            ask(TICKET, ObjectId([9; 32]), 0),
            RefusalCode::NotHere,
        ),
        refused("version", "version 2", version, RefusalCode::Version),
        refused("short", "a byte too few for version 1", short, RefusalCode::BadRequest),
        refused(
            "start-within-a-group",
            "no multiple of 16 KiB, whatever the ticket",
            ask(OTHER_TICKET, of(two), 1),
            RefusalCode::BadStart,
        ),
        refused(
            "start-at-the-end",
            "a multiple that is not below the length",
            ask(TICKET, of(two), 2 * GROUP),
            RefusalCode::BadStart,
        ),
        Stream {
            name: "long",
            why: "257 bytes are not read",
            asked: long,
            answer: Vec::new(),
            ends: true,
        },
    ]
}

fn here() -> ObjectFolder<chartmesh_kit::FaultyDisk> {
    let folder = ObjectFolder::open(chartmesh_kit::FaultyDisk::new(), Path::new(ROOT))
        .expect("a new folder");
    for len in LENGTHS {
        let mut writer = folder.writer();
        writer.push(&object(len, 0)).unwrap();
        writer.finish().unwrap();
    }
    folder
}

/// What is answered to what is asked, and how that ended.
async fn served(asked: Vec<u8>) -> (Vec<u8>, Result<Served, ServeError>) {
    let (near, far) = tokio::io::duplex(256 * 1024);
    let permit = |_: NodeId, ticket: TicketId, _: ObjectId| match ticket == TICKET {
        true => Ok(()),
        false => Err(RefusalCode::NotPermitted),
    };
    let serving =
        serve(far.compat(), NodeId([3; 32]), Arc::new(here()), Arc::new(permit), PATIENCE);
    let serving = tokio::spawn(serving);
    let (mut reader, mut writer) = near.compat().split();
    writer.write_all(&asked).await.unwrap();
    writer.close().await.unwrap();
    let mut answer = Vec::new();
    reader.read_to_end(&mut answer).await.unwrap();
    (answer, serving.await.unwrap())
}

/// [NET-8], [NET-9].
#[tokio::test]
async fn streams_go_as_the_vectors_say() {
    let mut made = Vec::new();
    for stream in streams() {
        let bytes_of = |part: &Part| match part {
            Part::Bytes(bytes) => bytes.clone(),
            Part::Of(len, from, to) => object(*len, 0)[*from..*to].to_vec(),
        };
        let expected = stream.answer.iter().map(bytes_of).collect::<Vec<_>>().concat();
        let (answer, ended) = served(stream.asked.clone()).await;
        assert!(answer == expected, "{}: {} bytes", stream.name, answer.len());
        assert_eq!(ended.is_err(), stream.ends, "{}", stream.name);
        let parts = stream.answer.iter().map(|part| match part {
            Part::Bytes(bytes) => json!({ "bytes": HEXLOWER.encode(bytes) }),
            Part::Of(len, from, to) => json!({ "object": len, "from": from, "to": to }),
        });
        made.push(json!({
            "name": stream.name, "why": stream.why, "asked": HEXLOWER.encode(&stream.asked),
            "answer": parts.collect::<Vec<_>>(), "digest": id_of(&answer), "ends": stream.ends,
        }));
    }
    let objects = LENGTHS.map(|len| json!({ "length": len, "id": id_of(&object(len, 0)) }));
    check(&json!({
        "content": "byte i of each object is 7 i + floor(i / 251), modulo 256",
        "objects": objects, "ticket": TICKET, "streams": made,
    }));
}

fn check(made: &Value) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../protocol/vectors/bulk");
    let path = folder.join("streams.json");
    let made = serde_json::to_string_pretty(made).unwrap() + "\n";
    if std::env::var_os("UPDATE_VECTORS").is_some_and(|value| value == "1") {
        std::fs::create_dir_all(folder).unwrap();
        std::fs::write(path, made).unwrap();
        return;
    }
    assert!(std::fs::read_to_string(path).unwrap() == made, "the code no longer makes this file");
}

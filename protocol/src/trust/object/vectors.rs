//! The vectors of sealed objects: `protocol/vectors/object/{good,bad,padding}.json`.

use std::borrow::Cow;
use std::sync::Once;

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};

use super::header::Keys;
use super::tests::{content, id_of, key, salt};
use super::*;
use crate::id::ObjectId;
use crate::limits::PLAINTEXT_BYTES_MAX;
use crate::vectors;

/// Files up to this length stand in the vectors in full; of longer ones only the id.
const IN_FULL: usize = 2048;

/// An object that must be made exactly so, and opens.
#[derive(Serialize, Deserialize)]
struct Good {
    name: String,
    reason: String,
    data_key: String,
    salt: String,
    /// The content's byte i is i mod 251.
    plaintext_len: usize,
    padded_len: u64,
    aes_key: String,
    commitment: String,
    file_len: u64,
    id: ObjectId,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
}

/// A file that must be refused. It is made from a good one, and `id` is its own, so that `reason`
/// is the only thing wrong with it.
#[derive(Serialize, Deserialize)]
struct Bad {
    name: String,
    reason: String,
    error: String,
    data_key: String,
    plaintext_len: u64,
    id: ObjectId,
    made_from: String,
    change: Change,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
}

/// What was done to the good file. Offsets are bytes of the file, chunks are 65,536 of them.
#[derive(Serialize, Deserialize, Clone)]
#[serde(rename_all = "snake_case")]
enum Change {
    Nothing,
    Xor { offset: usize, with: u8 },
    CutTo { len: usize },
    Append { hex: String },
    SwapChunks { first: usize, second: usize },
    RepeatChunk { index: usize },
    DropChunk { index: usize },
}

#[derive(Serialize, Deserialize)]
struct Padded {
    plaintext_len: u64,
    padded_len: u64,
}

fn good(name: &str, plaintext_len: usize, reason: &str) -> Good {
    let (file, sealed) = seal_small(&key(), &salt(), &content(plaintext_len)).unwrap();
    let header = file.first_chunk().unwrap();
    Good {
        name: name.into(),
        reason: reason.into(),
        data_key: HEXLOWER.encode(key().expose()),
        salt: HEXLOWER.encode(&salt()),
        plaintext_len,
        padded_len: padded_len(sealed.plaintext_len).unwrap(),
        aes_key: HEXLOWER.encode(Keys::derive(&key(), header).aes_key()),
        commitment: HEXLOWER.encode(&header[32..]),
        file_len: sealed.file_len,
        id: sealed.id,
        file: in_full(&file),
    }
}

fn good_vectors() -> Vec<Good> {
    vec![
        good("empty", 0, "no content at all is padded like any other"),
        good("one byte", 1, "the padding fills up to 1 KiB"),
        good("least padded length", 1024, "exactly 1 KiB takes no padding"),
        good("one byte more", 1025, "above 1 KiB the length is rounded as Padmé says"),
        good("first chunk", 63_488, "the longest padded length that fits in one chunk"),
        good("two chunks", 63_489, "one byte more: the second chunk holds only padding"),
        good(
            "four chunks",
            200_000,
            "counter and final flag in each nonce; content in every chunk",
        ),
    ]
}

fn bad_vectors() -> Vec<Bad> {
    let flip = |offset, with| Change::Xor { offset, with };
    let small =
        |name: &str, change, error, reason: &str| bad(name, "one byte", 1, change, error, reason);
    let large = |name: &str, change, error, reason: &str| {
        bad(name, "four chunks", 200_000, change, error, reason)
    };
    let other_key = Bad {
        data_key: HEXLOWER.encode(&[9; 32]),
        ..small("other key", Change::Nothing, "CommitmentMismatch", "the key is another one")
    };
    let other_id = Bad {
        id: ObjectId([0; 32]),
        ..small("other id", Change::Nothing, "IdMismatch", "the object asked for is another one")
    };
    vec![
        small("magic", flip(0, 0x01), "BadMagic", "it begins with BMO1"),
        small("suite", flip(4, 0x03), "UnknownSuite", "suite 0x02"),
        small("chunk size", flip(5, 0x01), "UnknownChunkSize", "chunks of 2^17 bytes"),
        small("reserved bits", flip(7, 0x01), "ReservedBits", "the reserved bytes are 0x0001"),
        small("salt", flip(8, 0x01), "CommitmentMismatch", "a bit of the salt is flipped"),
        small("commitment", flip(63, 0x01), "CommitmentMismatch", "a bit of it is flipped"),
        other_key,
        small("ciphertext", flip(64, 0x01), "ChunkAuthentication", "a bit of chunk 0 is flipped"),
        small("tag", flip(1103, 0x80), "ChunkAuthentication", "a bit of the tag is flipped"),
        small("no header", Change::CutTo { len: 63 }, "Truncated", "it ends within the header"),
        small("cut", Change::CutTo { len: 1103 }, "Truncated", "its last byte is missing"),
        small("longer", Change::Append { hex: "00".into() }, "TrailingData", "a byte follows"),
        bad("length", "one byte", 2000, Change::Nothing, "LengthMismatch", "declared: 2000 bytes"),
        bad(
            "hidden",
            "least padded length",
            1000,
            Change::Nothing,
            "NonZeroPadding",
            "of 1024 bytes of content 1000 are declared",
        ),
        bad(
            "too long",
            "empty",
            PLAINTEXT_BYTES_MAX + 1,
            Change::Nothing,
            "TooLarge",
            "declared: 2^40 + 1 bytes",
        ),
        other_id,
        large(
            "cut between chunks",
            Change::CutTo { len: 2 * CHUNK_LEN },
            "Truncated",
            "two chunks are missing",
        ),
        large(
            "last chunk missing",
            Change::DropChunk { index: 3 },
            "Truncated",
            "the third chunk says that it is not the last",
        ),
        large(
            "swapped",
            Change::SwapChunks { first: 1, second: 2 },
            "ChunkAuthentication",
            "chunks 1 and 2 changed places",
        ),
        large(
            "repeated",
            Change::RepeatChunk { index: 1 },
            "ChunkAuthentication",
            "chunk 1 comes twice",
        ),
        large(
            "left out",
            Change::DropChunk { index: 1 },
            "ChunkAuthentication",
            "chunk 2 stands in the place of chunk 1",
        ),
        large(
            "last chunk altered",
            flip(3 * CHUNK_LEN, 0x01),
            "ChunkAuthentication",
            "a bit of chunk 3 is flipped",
        ),
        bad(
            "goes on",
            "four chunks",
            100_000,
            Change::Nothing,
            "LengthMismatch",
            "declared: 100000 bytes, but chunk 1 is not the last",
        ),
    ]
}

fn bad(
    name: &str,
    made_from: &str,
    plaintext_len: u64,
    change: Change,
    error: &str,
    reason: &str,
) -> Bad {
    let base = good_vectors().into_iter().find(|good| good.name == made_from).unwrap();
    let file = changed(base.plaintext_len, &change);
    Bad {
        name: name.into(),
        reason: reason.into(),
        error: error.into(),
        data_key: base.data_key,
        plaintext_len,
        id: id_of(&file),
        made_from: made_from.into(),
        change,
        file: in_full(&file),
    }
}

fn changed(plaintext_len: usize, change: &Change) -> Vec<u8> {
    let (mut file, _) = seal_small(&key(), &salt(), &content(plaintext_len)).unwrap();
    let mut chunks: Vec<Vec<u8>> = file.chunks(CHUNK_LEN).map(<[u8]>::to_vec).collect();
    match change {
        Change::Nothing => return file,
        Change::Xor { offset, with } => {
            file[*offset] ^= with;
            return file;
        }
        Change::CutTo { len } => {
            file.truncate(*len);
            return file;
        }
        Change::Append { hex } => chunks.push(unhex(hex)),
        Change::SwapChunks { first, second } => chunks.swap(*first, *second),
        Change::RepeatChunk { index } => chunks.insert(*index, chunks[*index].clone()),
        Change::DropChunk { index } => drop(chunks.remove(*index)),
    }
    chunks.concat()
}

fn padding_vectors() -> Vec<Padded> {
    [0, 1, 1024, 1025, 1088, 1089, 65_535, 65_536, 65_537, 1_000_000, 1 << 30, (1 << 30) + 1]
        .into_iter()
        .chain([PLAINTEXT_BYTES_MAX - 1, PLAINTEXT_BYTES_MAX])
        .map(|plaintext_len| Padded {
            plaintext_len,
            padded_len: padded_len(plaintext_len).unwrap(),
        })
        .collect()
}

fn in_full(file: &[u8]) -> Option<String> {
    (file.len() <= IN_FULL).then(|| HEXLOWER.encode(file))
}

fn unhex(hex: &str) -> Vec<u8> {
    HEXLOWER.decode(hex.as_bytes()).unwrap()
}

fn array<const N: usize>(hex: &str) -> [u8; N] {
    unhex(hex).try_into().unwrap()
}

/// Makes the vectors anew, once however many tests begin with it, so that none reads a file that
/// another is rewriting.
fn made_anew() {
    static MADE: Once = Once::new();
    MADE.call_once(|| {
        vectors::check("object", "good", &good_vectors());
        vectors::check("object", "bad", &bad_vectors());
        vectors::check("object", "padding", &padding_vectors());
    });
}

#[test]
fn vectors_are_what_the_code_makes() {
    made_anew();
}

/// Takes nothing from the functions above: what the files say is sealed and opened.
#[test]
#[cfg_attr(feature = "stand-ins", ignore = "the vectors are of the real cryptography")]
fn good_vectors_open() {
    made_anew();
    let all: Vec<Good> = vectors::read("object", "good");
    assert!(!all.is_empty());
    for good in all {
        let (data_key, plain) =
            (DataKey::from_bytes(array(&good.data_key)), content(good.plaintext_len));
        let (made, sealed) = seal_small(&data_key, &array(&good.salt), &plain).unwrap();
        let file = good.file.as_deref().map_or(Cow::Borrowed(&made), |hex| Cow::Owned(unhex(hex)));
        assert_eq!(sealed.id, good.id, "{}", good.name);
        let opened = open_small(&data_key, good.id, plain.len() as u64, &file);
        assert!(*opened.unwrap() == plain, "{}: another content", good.name);
    }
}

#[test]
#[cfg_attr(feature = "stand-ins", ignore = "the vectors are of the real cryptography")]
fn bad_vectors_are_refused_for_their_reason() {
    made_anew();
    let goods: Vec<Good> = vectors::read("object", "good");
    let all: Vec<Bad> = vectors::read("object", "bad");
    assert!(!all.is_empty());
    for bad in all {
        let base = goods.iter().find(|good| good.name == bad.made_from).unwrap();
        let file =
            bad.file.as_deref().map_or_else(|| changed(base.plaintext_len, &bad.change), unhex);
        let data_key = DataKey::from_bytes(array(&bad.data_key));
        let error = open_small(&data_key, bad.id, bad.plaintext_len, &file).unwrap_err();
        // The name of the variant, without what it carries.
        let name = format!("{error:?}");
        let name = name.split([' ', '(']).next().unwrap();
        assert_eq!(name, bad.error, "{}: {error}", bad.name);
    }
}

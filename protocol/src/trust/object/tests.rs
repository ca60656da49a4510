//! Each refusal by one cause, and the arithmetic at its edges.

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use super::*;
use crate::id::ObjectId;
use crate::limits::PLAINTEXT_BYTES_MAX;

pub(super) fn key() -> DataKey {
    DataKey::from_bytes(core::array::from_fn(|i| i.try_into().unwrap()))
}

pub(super) fn salt() -> Salt {
    core::array::from_fn(|i| (0xa0 + i).try_into().unwrap())
}

/// Content by the rule of the vectors.
pub(super) fn content(len: usize) -> Vec<u8> {
    (0..len).map(|i| u8::try_from(i % 251).unwrap()).collect()
}

pub(super) fn id_of(file: &[u8]) -> ObjectId {
    ObjectId(*blake3::hash(file).as_bytes())
}

/// An object of four chunks.
const LONG: usize = 200_000;

fn sealed(len: usize) -> Vec<u8> {
    seal_small(&key(), &salt(), &content(len)).unwrap().0
}

/// Opens `file` as if its id were known, so that the id is never the cause of a refusal.
fn open(file: &[u8], plaintext_len: usize) -> Result<Vec<u8>, OpenError> {
    open_small(&key(), id_of(file), plaintext_len as u64, file).map(|plain| plain.to_vec())
}

/// The refusal of an object of 100 bytes after one change.
fn refusal(change: impl FnOnce(&mut Vec<u8>)) -> OpenError {
    let mut file = sealed(100);
    change(&mut file);
    open(&file, 100).unwrap_err()
}

#[test]
fn what_was_sealed_opens() {
    for len in [0, 1, 1023, 1024, 1025, 65_456, 65_457, LONG] {
        assert_eq!(open(&sealed(len), len).unwrap(), content(len), "{len} bytes");
    }
}

#[test]
fn sealing_tells_the_id_and_the_lengths_of_the_file() {
    let (file, told) = seal_small(&key(), &salt(), &content(LONG)).unwrap();
    let expected =
        Sealed { id: id_of(&file), file_len: file.len() as u64, plaintext_len: LONG as u64 };
    assert_eq!(told, expected);
    assert_eq!(Layout::of_plaintext(LONG as u64).unwrap().file_len(), told.file_len);
}

#[test]
fn a_file_of_another_kind_is_refused() {
    assert_eq!(refusal(|file| file[0] = b'X'), OpenError::BadMagic);
}

#[test]
fn an_unknown_suite_is_refused() {
    assert_eq!(refusal(|file| file[4] = 2), OpenError::UnknownSuite(2));
}

#[test]
fn an_unknown_chunk_size_is_refused() {
    assert_eq!(refusal(|file| file[5] = 0x14), OpenError::UnknownChunkSize(0x14));
}

#[test]
fn reserved_bits_are_refused() {
    assert_eq!(refusal(|file| file[7] = 1), OpenError::ReservedBits(1));
}

#[test]
fn a_changed_salt_or_commitment_is_refused_before_any_chunk_is_opened() {
    for at in [8, 31, 32, 63] {
        // The chunk is ruined as well: were it looked at first, the error would be another one.
        let error = refusal(|file| {
            file[at] ^= 1;
            file[64] ^= 1;
        });
        assert_eq!(error, OpenError::CommitmentMismatch, "byte {at}");
    }
}

#[test]
fn another_key_is_refused_by_the_commitment() {
    let file = sealed(100);
    let other = DataKey::from_bytes([9; 32]);
    let refused = open_small(&other, id_of(&file), 100, &file);
    assert_eq!(refused.unwrap_err(), OpenError::CommitmentMismatch);
}

#[test]
fn a_file_cut_anywhere_is_truncated() {
    let file = sealed(LONG);
    let want = file.len() as u64;
    for have in [0, 1, 63, 64, 65, 80, CHUNK_LEN - 1, CHUNK_LEN, CHUNK_LEN + 1, 3 * CHUNK_LEN] {
        let error = OpenError::Truncated { have: have as u64, want };
        assert_eq!(open(&file[..have], LONG).unwrap_err(), error);
    }
    assert_eq!(
        open(&file[..file.len() - 1], LONG).unwrap_err(),
        OpenError::Truncated { have: want - 1, want }
    );
}

#[test]
fn an_altered_chunk_is_named() {
    for chunk in 0..4 {
        let mut file = sealed(LONG);
        file[chunk * CHUNK_LEN + 100] ^= 0x80;
        assert_eq!(open(&file, LONG).unwrap_err(), OpenError::ChunkAuthentication(chunk as u64));
    }
}

#[test]
fn an_altered_tag_is_refused() {
    let tag = |file: &mut Vec<u8>| *file.last_mut().unwrap() ^= 1;
    assert_eq!(refusal(tag), OpenError::ChunkAuthentication(0));
}

#[test]
fn bytes_behind_the_last_chunk_are_refused() {
    assert_eq!(refusal(|file| file.push(0)), OpenError::TrailingData);
}

#[test]
fn an_object_longer_or_shorter_than_declared_is_refused() {
    for (sealed_len, declared) in [(LONG, 100), (100, LONG), (100_000, LONG), (LONG, 100_000)] {
        let refused = open(&sealed(sealed_len), declared);
        assert_eq!(refused.unwrap_err(), OpenError::LengthMismatch, "{sealed_len} as {declared}");
    }
}

#[test]
fn a_file_that_no_sealer_makes_is_refused_by_its_length_alone() {
    let file = sealed(LONG);
    for len in [0, 63, 64, 80, 1103, 1105, file.len() - 1] {
        let refused = open_small_padded(&key(), id_of(&file[..len]), &file[..len]);
        assert_eq!(refused.unwrap_err(), OpenError::LengthMismatch, "{len} bytes");
    }
}

#[test]
fn content_where_padding_should_be_is_refused() {
    // Byte 99 of the content is not zero, so 99 declared bytes leave it in the padding.
    assert_eq!(open(&sealed(100), 99).unwrap_err(), OpenError::NonZeroPadding);
    let (file, told) = seal_small(&key(), &salt(), &content(100)).unwrap();
    let padded = open_small_padded(&key(), told.id, &file).unwrap();
    assert_eq!(padded.len(), 1024);
    assert_eq!(unpad(&padded, 100).unwrap(), content(100));
    assert_eq!(unpad(&padded, 99).unwrap_err(), OpenError::NonZeroPadding);
    assert_eq!(unpad(&padded, 1025).unwrap_err(), OpenError::LengthMismatch);
}

#[test]
fn more_than_an_object_may_hold_is_refused_on_both_sides() {
    let mut sealer = Sealer::new(&key(), &salt());
    sealer.pretend_to_hold(PLAINTEXT_BYTES_MAX - 1);
    let mut out = Vec::new();
    assert_eq!(sealer.push(b"ab", &mut out), Err(TooLarge));
    assert_eq!(sealer.push(b"a", &mut out), Ok(()));
    let id = ObjectId([0; 32]);
    assert!(Opener::new(key(), id, PLAINTEXT_BYTES_MAX).is_ok());
    let refused = Opener::new(key(), id, PLAINTEXT_BYTES_MAX + 1).err();
    assert_eq!(refused, Some(OpenError::TooLarge(TooLarge)));
}

#[test]
fn another_object_under_the_same_key_is_refused_by_its_id() {
    let file = sealed(100);
    let refused = open_small(&key(), ObjectId([0; 32]), 100, &file);
    assert_eq!(refused.unwrap_err(), OpenError::IdMismatch);
}

#[test]
fn an_error_is_final() {
    let mut file = sealed(LONG);
    file[100] ^= 1;
    let mut opener = Opener::new(key(), id_of(&file), LONG as u64).unwrap();
    let mut out = Vec::new();
    let error = Err(OpenError::ChunkAuthentication(0));
    assert_eq!(opener.push(&file[..CHUNK_LEN], &mut out), error);
    assert_eq!(opener.push(&file[CHUNK_LEN..], &mut out), error);
    assert_eq!(opener.finish(&mut out), error);
    assert!(out.is_empty());
}

#[test]
fn the_last_chunk_waits_until_the_file_has_proved_whole() {
    let file = sealed(100);
    let mut opener = Opener::new(key(), id_of(&file), 100).unwrap();
    let mut out = Vec::new();
    opener.push(&file, &mut out).unwrap();
    assert!(out.is_empty());
    opener.finish(&mut out).unwrap();
    assert_eq!(out, content(100));
}

#[test]
fn a_range_is_read_by_opening_only_its_chunks() {
    let (file, plain) = (sealed(LONG), content(LONG));
    let layout = Layout::of_plaintext(LONG as u64).unwrap();
    let chunks = ChunkOpener::new(&key(), file.first_chunk().unwrap(), layout).unwrap();
    for offset in [0, 65_455, 65_456, 130_975, 130_976, LONG - 1] {
        let (index, within) = layout.chunk_at(offset as u64).unwrap();
        let range = layout.file_range(index).unwrap();
        let chunk =
            &file[usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()];
        let mut out = Vec::new();
        chunks.open_chunk(index, chunk, &mut out).unwrap();
        assert_eq!(out[usize::try_from(within).unwrap()], plain[offset], "byte {offset}");
    }
    assert_eq!(layout.chunk_at(LONG as u64), None);
}

#[test]
fn a_chunk_alone_is_refused_for_each_cause() {
    let file = sealed(LONG);
    let layout = Layout::of_plaintext(LONG as u64).unwrap();
    let chunks = ChunkOpener::new(&key(), file.first_chunk().unwrap(), layout).unwrap();
    let mut out = Vec::new();
    let mut refuse = |index, chunk: &[u8]| chunks.open_chunk(index, chunk, &mut out).unwrap_err();
    let second = &file[CHUNK_LEN..2 * CHUNK_LEN];
    assert_eq!(refuse(4, second), OpenError::NoSuchChunk(4));
    assert_eq!(refuse(u64::MAX, second), OpenError::NoSuchChunk(u64::MAX));
    assert_eq!(refuse(2, second), OpenError::ChunkAuthentication(2));
    assert_eq!(refuse(0, second), OpenError::CommitmentMismatch);
    assert_eq!(refuse(1, &file[CHUNK_LEN..=2 * CHUNK_LEN]), OpenError::TrailingData);
    assert_eq!(
        refuse(1, &second[1..]),
        OpenError::Truncated { have: 2 * 65_536 - 1, want: 2 * 65_536 }
    );
    assert!(out.is_empty());
}

#[test]
fn no_padded_length_fills_its_last_chunk() {
    // The sealer and the opener count on it.
    let (mut len, mut count) = (0, 0);
    while len <= PLAINTEXT_BYTES_MAX {
        let padded = padded_len(len).unwrap();
        let file_len = Layout::of_plaintext(padded).unwrap().file_len();
        assert_ne!(file_len % CHUNK_LEN as u64, 0, "{padded} bytes");
        len = padded + 1;
        count += 1;
    }
    assert!(count > 800);
}

#[test]
fn padme_keeps_the_leading_bits() {
    // Worked by hand from the paper: 2^E <= len, S = floor(log2(E)) + 1 bits kept below the first.
    for (len, padded) in [
        (0, 1024),
        (1024, 1024),
        (1025, 1088),
        (1088, 1088),
        (1089, 1152),
        (65_535, 65_536),
        (65_537, 67_584),
        (1_000_000, 1_015_808),
        (PLAINTEXT_BYTES_MAX - 1, PLAINTEXT_BYTES_MAX),
    ] {
        assert_eq!(padded_len(len), Ok(padded), "{len} bytes");
    }
    assert_eq!(padded_len(PLAINTEXT_BYTES_MAX + 1), Err(TooLarge));
}

#[test]
fn a_key_prints_nothing_of_itself() {
    let key = DataKey::generate(&mut ChaCha20Rng::seed_from_u64(1));
    assert_eq!(format!("{key:?}"), "DataKey(..)");
}

#[test]
fn every_key_and_salt_is_new() {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    assert_ne!(DataKey::generate(&mut rng), DataKey::generate(&mut rng));
    assert_ne!(fresh_salt(&mut rng), fresh_salt(&mut rng));
}

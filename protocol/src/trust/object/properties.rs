//! What holds for every length, every cutting into pushes and every kind of damage.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::tests::{content, id_of, key, salt};
use super::*;
use crate::limits::PLAINTEXT_BYTES_MAX;

/// Lengths near the borders of chunks, near those of the padding, and any others, up to four chunks.
fn any_len() -> impl Strategy<Value = usize> {
    let border = select(vec![0_usize, 1024, 1088, 65_456, 65_536, 130_976, 131_072, 196_496]);
    prop_oneof![
        (border, -2_isize..3).prop_map(|(border, off)| border.saturating_add_signed(off)),
        0_usize..200_000,
    ]
}

/// How to cut a file or its content into pushes; used over and over until all is pushed.
fn any_pushes() -> impl Strategy<Value = Vec<usize>> {
    vec(prop_oneof![1_usize..100, 1_usize..70_000, 65_000_usize..66_000, 1_usize..200_000], 1..8)
        .prop_filter("small steps alone would take too long", |steps| {
            steps.iter().sum::<usize>() > 1000
        })
}

/// `bytes` in pushes of the lengths `steps`, then over again.
fn pushes<'a>(bytes: &'a [u8], steps: &'a [usize]) -> impl Iterator<Item = &'a [u8]> {
    let mut rest = bytes;
    steps.iter().cycle().map_while(move |step| {
        let (now, later) = rest.split_at((*step).min(rest.len()));
        rest = later;
        (!now.is_empty()).then_some(now)
    })
}

fn seal_in_pushes(plain: &[u8], steps: &[usize]) -> (Vec<u8>, Sealed) {
    let mut file = Vec::new();
    let mut sealer = Sealer::new(&key(), &salt());
    for push in pushes(plain, steps) {
        sealer.push(push, &mut file).unwrap();
    }
    let sealed = sealer.finish(&mut file);
    (file, sealed)
}

/// The plaintext given out, and how the opening ended.
fn open_in_pushes(file: &[u8], len: usize, steps: &[usize]) -> (Vec<u8>, Result<(), OpenError>) {
    let mut plain = Vec::new();
    let mut opener = Opener::new(key(), id_of(file), len as u64).unwrap();
    for push in pushes(file, steps) {
        if opener.push(push, &mut plain).is_err() {
            break;
        }
    }
    let end = opener.finish(&mut plain);
    (plain, end)
}

/// Damage to a file of at least two chunks.
#[derive(Clone, Debug)]
enum Damage {
    FlipBit(Index, u8),
    Truncate(Index),
    Swap(Index, Index),
    Repeat(Index),
    Drop(Index),
    Append(Vec<u8>),
}

fn any_damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        (any::<Index>(), 0_u8..8).prop_map(|(at, bit)| Damage::FlipBit(at, bit)),
        any::<Index>().prop_map(Damage::Truncate),
        (any::<Index>(), any::<Index>()).prop_map(|(a, b)| Damage::Swap(a, b)),
        any::<Index>().prop_map(Damage::Repeat),
        any::<Index>().prop_map(Damage::Drop),
        vec(any::<u8>(), 1..100).prop_map(Damage::Append),
    ]
}

fn damaged(file: &[u8], damage: &Damage) -> Vec<u8> {
    let mut chunks: Vec<Vec<u8>> = file.chunks(CHUNK_LEN).map(<[u8]>::to_vec).collect();
    let count = chunks.len();
    match damage {
        Damage::FlipBit(at, bit) => {
            let mut bad = file.to_vec();
            bad[at.index(file.len())] ^= 1 << bit;
            return bad;
        }
        Damage::Truncate(at) => return file[..at.index(file.len())].to_vec(),
        Damage::Swap(a, b) => chunks.swap(a.index(count), b.index(count)),
        Damage::Repeat(at) => chunks.insert(at.index(count), chunks[at.index(count)].clone()),
        Damage::Drop(at) => drop(chunks.remove(at.index(count))),
        Damage::Append(more) => chunks.push(more.clone()),
    }
    chunks.concat()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_content_opens_again_however_it_is_cut(
        len in any_len(),
        sealing in any_pushes(),
        opening in any_pushes(),
    ) {
        let plain = content(len);
        let (file, sealed) = seal_in_pushes(&plain, &sealing);
        let (at_once, same) = seal_small(&key(), &salt(), &plain).unwrap();
        prop_assert!(file == at_once, "cutting the content differently changed the file");
        prop_assert_eq!(sealed, same);
        prop_assert_eq!(sealed.id, id_of(&file));
        let (opened, end) = open_in_pushes(&file, len, &opening);
        prop_assert_eq!(end, Ok(()));
        prop_assert!(opened == plain);
    }

    #[test]
    fn any_damage_is_refused_and_what_was_given_out_is_true(
        len in 66_000_usize..200_000,
        damage in any_damage(),
        steps in any_pushes(),
    ) {
        let plain = content(len);
        let (file, _) = seal_small(&key(), &salt(), &plain).unwrap();
        let bad = damaged(&file, &damage);
        prop_assume!(bad != file);
        let (out, end) = open_in_pushes(&bad, len, &steps);
        prop_assert!(end.is_err(), "{damage:?}");
        // All the content may be out before the end is seen to be wrong: the last chunk can be
        // nothing but padding.
        prop_assert!(plain.starts_with(&out));
        let (out_at_once, end_at_once) = open_in_pushes(&bad, len, &[bad.len()]);
        prop_assert_eq!(end, end_at_once, "cutting the file differently changed the error");
        prop_assert!(out == out_at_once);
    }

    #[test]
    fn any_bytes_are_refused_without_a_panic(
        mut bytes in vec(any::<u8>(), 0..3000),
        len in 0_u64..PLAINTEXT_BYTES_MAX * 2,
        as_object in any::<bool>(),
    ) {
        if let (true, Some(start)) = (as_object, bytes.first_chunk_mut()) {
            *start = *b"CMO1\x01\x10\0\0";
        }
        prop_assert!(open_small(&key(), id_of(&bytes), len, &bytes).is_err());
        prop_assert!(open_small_padded(&key(), id_of(&bytes), &bytes).is_err());
    }

    #[test]
    fn padme_rounds_up_by_a_sixteenth_at_most_and_stays_where_it_is(
        len in PADDED_LEN_MIN..=PLAINTEXT_BYTES_MAX,
    ) {
        let padded = padded_len(len).unwrap();
        prop_assert!(len <= padded && padded - len <= len / 16);
        prop_assert_eq!(padded_len(padded), Ok(padded));
        prop_assert!(padded_len(len - 1).unwrap() <= padded);
    }

    #[test]
    fn the_layout_of_any_length_has_no_gap_and_no_overlap(len in 0..=PLAINTEXT_BYTES_MAX, at: Index) {
        let layout = Layout::of_plaintext(len).unwrap();
        prop_assert_eq!(Layout::of_file(layout.file_len()).unwrap().padded_len(), layout.padded_len());
        let last = layout.chunk_count() - 1;
        prop_assert_eq!(layout.file_range(0).unwrap().start, 0);
        prop_assert_eq!(layout.file_range(last).unwrap().end, layout.file_len());
        prop_assert_eq!(layout.padded_range(last).unwrap().end, layout.padded_len());
        prop_assert!(layout.file_range(last + 1).is_none());
        if last > 0 {
            let index = at.index(usize::try_from(last).unwrap()) as u64;
            let (here, next) = (layout.padded_range(index).unwrap(), layout.padded_range(index + 1).unwrap());
            prop_assert_eq!(here.end, next.start);
            prop_assert_eq!(here.end - here.start, if index == 0 { 65_456 } else { 65_520 });
            prop_assert_eq!(layout.file_range(index).unwrap().end, layout.file_range(index + 1).unwrap().start);
        }
    }
}

#[test]
fn memory_stays_at_one_chunk_however_long_the_object_is() {
    // 64 MiB and a byte: the padding alone is longer than its step of 1 MiB.
    let (piece, len) = (content(100_000), 64 * (1 << 20) + 1);
    let (mut sealer, mut plain_len) = (Sealer::new(&key(), &salt()), 0);
    let mut opener = Opener::new(key(), crate::id::ObjectId([0; 32]), len).unwrap();
    let (mut file, mut plain) = (Vec::new(), Vec::new());
    let bound = piece.len() + 2 * CHUNK_LEN;
    let mut open = |file: &mut Vec<u8>, bound| {
        assert!(file.len() <= bound, "{} bytes in one step", file.len());
        opener.push(file, &mut plain).unwrap();
        assert!(plain.len() <= file.len() + CHUNK_LEN);
        assert!(opener.held() <= CHUNK_LEN);
        file.clear();
        plain.clear();
    };
    while plain_len < len {
        let step = piece.len().min(usize::try_from(len - plain_len).unwrap());
        sealer.push(&piece[..step], &mut file).unwrap();
        assert!(sealer.held() <= CHUNK_LEN);
        plain_len += step as u64;
        open(&mut file, bound);
    }
    let mut closing = sealer.close();
    let mut steps = 0;
    while closing.advance(&mut file) {
        open(&mut file, (1 << 20) + 2 * CHUNK_LEN);
        steps += 1;
    }
    assert!(steps > 1);
    assert_eq!(closing.finish(&mut file).plaintext_len, len);
    open(&mut file, bound);
}

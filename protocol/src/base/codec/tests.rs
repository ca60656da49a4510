use super::*;
use crate::id::EntryId;
use crate::limits;
use proptest::prelude::*;

wire_struct! {
    /// A sample.
    #[derive(Debug, Clone, PartialEq)]
    pub struct Sample {
        /// Number.
        1 => number: u64,
        /// Text.
        2 => text: Option<String>,
        /// Id.
        3 => entry: EntryId,
        /// List.
        5 => list: Vec<Choice>,
    }
}

wire_enum! {
    /// A choice.
    #[derive(Debug, Clone, PartialEq)]
    pub enum Choice {
        /// With a body.
        1 => Some(u64),
        /// Without.
        2 => Nothing,
    }
}

fn sample() -> Sample {
    Sample {
        number: 24,
        text: None,
        entry: EntryId([7; 16]),
        list: vec![Choice::Some(1), Choice::Nothing],
    }
}

fn decode(hex: &str) -> Result<Sample, DecodeError> {
    let bytes = data_encoding::HEXLOWER.decode(hex.replace(' ', "").as_bytes()).unwrap();
    Sample::from_bytes(&bytes, 1000)
}

const ENTRY: &str = "50 07070707070707070707070707070707";

#[test]
fn each_fault_has_its_own_error() {
    let good = format!("a3 01 1818 03 {ENTRY} 05 82 820101 8102");
    assert_eq!(decode(&good), Ok(sample()));
    let cases = [
        (format!("a3 01 1818 03 {ENTRY} 05 82 820101 81"), DecodeError::Truncated),
        (format!("{good} 00"), DecodeError::Trailing(1)),
        (format!("a3 01 190018 03 {ENTRY} 05 80"), DecodeError::NotShortest(2)),
        (format!("b803 01 00 03 {ENTRY} 05 80"), DecodeError::NotShortest(0)),
        (format!("a3 01 00 03 {ENTRY} 05 9f ff"), DecodeError::Indefinite(22)),
        (format!("bf 01 00 03 {ENTRY} 05 80 ff"), DecodeError::Indefinite(0)),
        (format!("a4 01 00 01 00 03 {ENTRY} 05 80"), DecodeError::DuplicateKey(1)),
        (format!("a3 03 {ENTRY} 01 00 05 80"), DecodeError::UnsortedKey(1)),
        (format!("a4 01 00 03 {ENTRY} 05 80 06 00"), DecodeError::UnknownKey(6)),
        (format!("a2 03 {ENTRY} 05 80"), DecodeError::MissingKey(1)),
        (
            format!("a3 01 f6 03 {ENTRY} 05 80"),
            DecodeError::WrongType { expected: "an unsigned integer", at: 2 },
        ),
        (
            format!("a3 01 f90000 03 {ENTRY} 05 80"),
            DecodeError::WrongType { expected: "an unsigned integer", at: 2 },
        ),
        (
            format!("a3 01 c100 03 {ENTRY} 05 80"),
            DecodeError::WrongType { expected: "an unsigned integer", at: 2 },
        ),
        ("a3 01 00 03 4107 05 80".into(), DecodeError::WrongLength { expected: 16, found: 1 }),
        (format!("a4 01 00 02 61ff 03 {ENTRY} 05 80"), DecodeError::NotUtf8(4)),
        (
            format!("a3 01 00 03 {ENTRY} 05 81 8109"),
            DecodeError::UnknownVariant { what: "Choice", code: 9 },
        ),
        (
            format!("a3 01 00 03 {ENTRY} 05 81 80"),
            DecodeError::Invalid("an empty array is no Choice"),
        ),
        (format!("a3 01 00 03 {ENTRY} 05 9a ffffffff"), DecodeError::Truncated),
        ("1c".into(), DecodeError::Syntax(0)),
    ];
    for (hex, error) in cases {
        assert_eq!(decode(&hex), Err(error), "{hex}");
    }
}

#[test]
fn what_no_decoder_reads_is_noticed_where_it_is_written() {
    let written = |text: usize, items: usize| {
        let (text, list) = (Some("x".repeat(text)), vec![Choice::Nothing; items]);
        Sample { text, list, ..sample() }.to_readable_bytes()
    };
    let bytes = written(limits::TEXT_BYTES_MAX, limits::LIST_ITEMS_MAX).unwrap();
    assert!(Sample::from_bytes(&bytes, bytes.len()).is_ok());
    let (found, limit) = (limits::TEXT_BYTES_MAX as u64 + 1, limits::TEXT_BYTES_MAX as u64);
    let what = "bytes of text";
    assert_eq!(written(4097, 0), Err(DecodeError::TooMany { what, found, limit }));
    assert_eq!(written(0, 4097), Err(DecodeError::TooMany { what: "items", found, limit }));
}

#[test]
fn nesting_and_size_are_bounded() {
    let deep = [vec![0x81; 9], vec![0]].concat();
    assert_eq!(
        <Vec<Vec<Vec<Vec<Vec<Vec<Vec<Vec<Vec<u64>>>>>>>>>>::from_bytes(&deep, 100),
        Err(DecodeError::TooDeep)
    );
    assert_eq!(u64::from_bytes(&[0; 5], 4), Err(DecodeError::TooLarge { len: 5, limit: 4 }));
}

proptest! {
    #[test]
    fn what_is_written_is_read_back_and_in_one_way_only(
        number: u64, text: Option<String>, entry: [u8; 16], list in proptest::collection::vec(any::<Option<u64>>(), 0..20),
        at: prop::sample::Index, flip in 1u8..,
    ) {
        let value = Sample {
            number, text, entry: EntryId(entry),
            list: list.into_iter().map(|x| x.map_or(Choice::Nothing, Choice::Some)).collect(),
        };
        let mut bytes = value.to_bytes();
        prop_assert_eq!(Sample::from_bytes(&bytes, bytes.len()).unwrap(), value);
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        if let Ok(other) = Sample::from_bytes(&bytes, bytes.len()) {
            prop_assert_eq!(other.to_bytes(), bytes);
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
        if let Ok(value) = Sample::from_bytes(&bytes, 4096) {
            prop_assert_eq!(value.to_bytes(), bytes);
        }
    }
}

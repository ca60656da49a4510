//! Text values and their character sets (PS3.5 chapter 6, PS3.3 section C.12.1.1.2).

use std::borrow::Cow;

use dicom_encoding::text::{SpecificCharacterSet, TextCodec as _};

/// The character sets of one object: the first is the one that text begins in, the others may be
/// switched to by ISO 2022 escapes.
#[derive(Clone, Debug, Default)]
pub(super) struct CharacterSets {
    first: SpecificCharacterSet,
    declared: bool,
}

/// ISO 2022 escapes and the character set that each switches to.
const ESCAPES: &[(&[u8], &str)] = &[
    (b"\x1b(B", ""),
    (b"\x1b(J", ""),
    (b"\x1b)I", "ISO 2022 IR 13"),
    (b"\x1b(I", "ISO 2022 IR 13"),
    (b"\x1b$B", "ISO 2022 IR 87"),
    (b"\x1b$(D", "ISO 2022 IR 87"),
    (b"\x1b$)C", "ISO 2022 IR 149"),
    (b"\x1b$)A", "ISO 2022 IR 58"),
    (b"\x1b-A", "ISO 2022 IR 100"),
    (b"\x1b-B", "ISO 2022 IR 101"),
    (b"\x1b-C", "ISO 2022 IR 109"),
    (b"\x1b-D", "ISO 2022 IR 110"),
    (b"\x1b-F", "ISO 2022 IR 126"),
    (b"\x1b-G", "ISO 2022 IR 127"),
    (b"\x1b-H", "ISO 2022 IR 138"),
    (b"\x1b-L", "ISO 2022 IR 144"),
    (b"\x1b-T", "ISO 2022 IR 166"),
];

impl CharacterSets {
    /// From the value of SpecificCharacterSet (0008,0005). An unknown set counts as none.
    pub(super) fn from_value(value: &[u8]) -> Self {
        let text = String::from_utf8_lossy(value);
        let first = text.split('\\').next().unwrap_or_default();
        let first = first.trim_matches([' ', '\0']);
        match SpecificCharacterSet::from_code(first) {
            Some(set) => Self { first: set, declared: true },
            // `\ISO 2022 IR 87` begins in the default repertoire.
            None => Self {
                first: SpecificCharacterSet::default(),
                declared: first.is_empty() && text.contains('\\'),
            },
        }
    }

    /// A text value without its padding. What cannot be decoded is shown as octal escapes.
    pub(super) fn decode(&self, value: &[u8]) -> String {
        let value = trimmed(value);
        if value.is_ascii() && !value.contains(&0x1b) {
            return String::from_utf8_lossy(value).into_owned();
        }
        // Many makers write UTF-8 without saying so.
        if !self.declared
            && let Ok(text) = core::str::from_utf8(value)
        {
            return text.to_owned();
        }
        let mut text = String::new();
        let mut rest = value;
        while !rest.is_empty() {
            let next =
                rest.iter().skip(1).position(|byte| *byte == 0x1b).map_or(rest.len(), |at| at + 1);
            let (run, behind) = rest.split_at(next);
            text.push_str(&self.run(run));
            rest = behind;
        }
        text
    }

    /// One run of text that begins with at most one escape.
    fn run(&self, run: &[u8]) -> Cow<'static, str> {
        let escape = ESCAPES.iter().find(|(escape, _)| run.starts_with(escape));
        let (set, bytes) = match escape {
            None => (None, run),
            // The codec for Japanese kanji reads the escape itself.
            Some((_, set @ "ISO 2022 IR 87")) => (SpecificCharacterSet::from_code(set), run),
            Some((escape, set)) => (SpecificCharacterSet::from_code(set), &run[escape.len()..]),
        };
        let set = set.unwrap_or_else(|| self.first.clone());
        // In ISO_IR 13 the codes of backslash and tilde are yen and overline; they stay as they are.
        set.decode(bytes).map_or(Cow::Borrowed("?"), Cow::Owned)
    }
}

/// Without the spaces and zeros that fill values to an even length.
pub(super) fn trimmed(value: &[u8]) -> &[u8] {
    let start = value.iter().position(|byte| !matches!(byte, b' ' | 0)).unwrap_or(value.len());
    let end = value.iter().rposition(|byte| !matches!(byte, b' ' | 0)).map_or(start, |at| at + 1);
    &value[start..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(sets: &[u8], value: &[u8]) -> String {
        CharacterSets::from_value(sets).decode(value)
    }

    #[test]
    fn the_standards_own_examples_are_read() {
        // PS3.5 annexes H.3.1 and H.3.2 (Japanese), I.2 (Korean), J.1 (UTF-8), J.2 (GB18030).
        assert_eq!(
            decoded(
                b"\\ISO 2022 IR 87",
                b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B"
            ),
            "Yamada^Tarou=山田^太郎=やまだ^たろう"
        );
        assert_eq!(
            decoded(
                b"ISO 2022 IR 13\\ISO 2022 IR 87",
                b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J"
            ),
            "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎"
        );
        assert_eq!(
            decoded(b"\\ISO 2022 IR 149", b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7"),
            "Hong^Gildong=洪^吉洞"
        );
        assert_eq!(
            decoded(b"ISO_IR 192", "Wang^XiaoDong=王^小东".as_bytes()),
            "Wang^XiaoDong=王^小东"
        );
        assert_eq!(decoded(b"GB18030", b"\xcd\xf5^\xd0\xa1\xb6\xab "), "王^小东");
        assert_eq!(decoded(b"ISO_IR 100", b"\xc4neas^R\xfcdiger"), "Äneas^Rüdiger");
        assert_eq!(
            decoded(b"ISO_IR 144", b"\xbb\xee\xda\xe1\xd5\xdc\xd1\xe3\xe0\xd3"),
            "Люксембург"
        );
    }

    #[test]
    fn undeclared_text_is_read_as_utf8_or_else_as_latin_1() {
        assert_eq!(decoded(b"", "佐藤".as_bytes()), "佐藤");
        assert_eq!(decoded(b"", b"R\xfcdiger\0"), "Rüdiger");
        assert_eq!(decoded(b"no such set", b"plain"), "plain");
    }

    #[test]
    fn padding_is_no_part_of_a_value() {
        assert_eq!(trimmed(b" 1.2.3\0"), b"1.2.3");
        assert_eq!(trimmed(b"  "), b"");
    }
}

//! Names as they are compared.

use crate::limits;
use crate::naming::ignorable;
use unicode_normalization::UnicodeNormalization as _;

/// A name as it is compared: Unicode's NFKC, which makes full-width and half-width one, lower case, katakana
/// as hiragana, one space where there are several, and nothing of what cannot be seen. サトウ, ｻﾄｳ and さとう
/// meet; no language is asked for.
pub(super) fn normalise(name: &str) -> String {
    let folded: String = name
        .nfkc()
        .filter(|c| !ignorable(*c))
        .flat_map(char::to_lowercase)
        .map(hiragana)
        .map(|c| if c.is_control() { ' ' } else { c })
        .nfkc()
        .collect();
    let mut words = String::new();
    for word in folded.split_whitespace() {
        if !words.is_empty() {
            words.push(' ');
        }
        words.push_str(word);
    }
    if words.len() > limits::NAME_COMPARED_BYTES_MAX {
        shorten(&mut words);
    }
    words
}

/// Whether two names are one, as names are compared.
pub(crate) fn are_alike(one: &str, other: &str) -> bool {
    normalise(one) == normalise(other)
}

/// Stands before the hash of a long name; no normal form has it otherwise, so that nobody is called like that.
const HASHED: char = '\u{1}';

/// A name too long to be kept whole: its beginning, and a hash of all of it, so that two that begin alike do
/// not pass for one.
fn shorten(words: &mut String) {
    let hash = blake3::hash(words.as_bytes()).to_hex();
    let kept = limits::NAME_COMPARED_BYTES_MAX - hash.len() - HASHED.len_utf8();
    words.truncate(words.floor_char_boundary(kept));
    words.push(HASHED);
    words.push_str(&hash);
}

/// The two kana differ by a constant, from small a to small ke and at the marks that repeat
/// (The Unicode Standard, blocks 3040 and 30A0).
fn hiragana(c: char) -> char {
    match c {
        '\u{30a1}'..='\u{30f6}' | '\u{30fd}' | '\u{30fe}' => {
            char::from_u32(c as u32 - 0x60).unwrap_or(c)
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_meet_however_they_are_typed() {
        for (one, other) in [
            ("サトウ", "さとう"),
            ("ｻﾄｳ", "さとう"),
            ("ガーゼ", "ｶﾞｰｾﾞ"),
            ("か\u{3099}", "が"),
            ("ヴ", "ゔ"),
            ("佐藤　愛子", "佐藤 愛子"),
            ("ＡＬＤＥＲ　Ｈｏｓｐｉｔａｌ", " alder\t hospital "),
            ("MRN＝１２３４５", "mrn=12345"),
            ("JOSE\u{301}", "josé"),
            ("ΟΔΟΣ", "οδοσ"),
            ("Al\u{200b}der", "alder"),
            ("\u{feff}Alder\u{ad}", "alder"),
            ("葛\u{e0100}飾", "葛飾"),
            ("カ\u{200d}\u{3099}", "が"),
        ] {
            assert_eq!(normalise(one), normalise(other), "{one} and {other}");
        }
    }

    #[test]
    fn names_that_differ_stay_apart() {
        for (one, other) in [("佐藤", "斎藤"), ("さとう", "さとお"), ("Jose", "José"), ("ハ", "バ")]
        {
            assert_ne!(normalise(one), normalise(other), "{one} and {other}");
        }
    }

    #[test]
    fn long_names_that_begin_alike_stay_apart_and_are_found_by_their_beginnings() {
        let long = |end: &str| format!("{}{end}", "ab ".repeat(90));
        let (one, other) = (normalise(&long("c")), normalise(&long("d")));
        assert_ne!(one, other);
        assert_eq!(normalise(&long("C")), one, "in any case");
        assert!(one.starts_with(&normalise(&"ab ".repeat(40))));
        for name in [&one, &other] {
            assert_eq!(name.len(), limits::NAME_COMPARED_BYTES_MAX);
            assert_ne!(normalise(name), *name, "nobody is called like what stands for a long name");
        }
    }

    proptest! {
        #[test]
        fn what_is_normal_stays_so_is_bounded_and_has_no_end_mark(name in "\\PC{0,200}|.{0,200}") {
            let normal = normalise(&name);
            prop_assert!(normal.len() <= limits::NAME_COMPARED_BYTES_MAX);
            prop_assert!(!normal.contains('\0'));
            // What was hashed is nobody's name: typed in, its mark is taken out.
            prop_assert_eq!(normalise(&normal) == normal, !normal.contains(HASHED));
        }
    }
}

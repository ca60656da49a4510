//! Names as they are compared.

use crate::limits;
use unicode_normalization::UnicodeNormalization as _;

/// A name as it is compared: Unicode's NFKC, which makes full-width and half-width one, lower case, katakana
/// as hiragana, and one space where there are several. サトウ, ｻﾄｳ and さとう meet; no language is asked for.
pub(super) fn normalise(name: &str) -> String {
    let folded: String = name
        .nfkc()
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
    let end = words.floor_char_boundary(limits::NAME_COMPARED_BYTES_MAX);
    words.truncate(end);
    words.truncate(words.trim_end().len());
    words
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

    proptest! {
        #[test]
        fn what_is_normal_stays_so_is_bounded_and_has_no_end_mark(name in "\\PC{0,200}|.{0,200}") {
            let normal = normalise(&name);
            prop_assert!(normal.len() <= limits::NAME_COMPARED_BYTES_MAX);
            prop_assert!(!normal.contains('\0'));
            prop_assert_eq!(normalise(&normal), normal);
        }
    }
}

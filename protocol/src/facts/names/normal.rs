//! Names as they are compared.

use crate::limits;
use crate::naming::ignorable;
use unicode_normalization::UnicodeNormalization as _;
use unicode_security::skeleton;

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

/// What a name looks like, by Unicode's table of confusables (UTS #39): as it is written, and in lower case. Names that have
/// either in common look alike. The quotation marks around what somebody calls itself are no part of it.
pub(crate) struct Looks([String; 2]);

impl Looks {
    pub(crate) fn of(name: &str) -> Self {
        let name = name.trim_matches(['\u{201c}', '\u{201d}']);
        let written: String = name.nfkc().filter(|c| !ignorable(*c)).collect();
        let written = written.split_whitespace().collect::<Vec<_>>().join(" ");
        let lower = written.to_lowercase();
        Self([written, lower].map(|name| skeleton(&name).collect()))
    }

    pub(crate) fn like(&self, other: &Self) -> bool {
        self.0.iter().any(|one| other.0.contains(one))
    }
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
    fn names_that_look_alike_are_recognised_and_others_are_not() {
        let alike = |one: &str, other: &str| Looks::of(one).like(&Looks::of(other));
        for (one, other) in [
            ("RIVER HOSPITAL", "RlVER HOSPITAL"),
            ("River Hospital", "R\u{456}ver  Hospital"),
            ("Alder Clinic", "\u{410}lder Clinic"),
            ("Alder Clinic", "ALDER CLINIC"),
            ("Kita Hospital", "Κita Hospital"),
            ("MODERN CLINIC", "M0DERN CLINIC"),
            ("北病院", "北病院\u{200b}"),
        ] {
            assert!(alike(one, other), "{one} and {other}");
        }
        for (one, other) in [
            ("Kita Hospital", "Minami Hospital"),
            ("Kita Hospital", "Kita Clinic"),
            ("北病院", "南病院"),
            ("Alder", "Elder"),
        ] {
            assert!(!alike(one, other), "{one} and {other}");
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

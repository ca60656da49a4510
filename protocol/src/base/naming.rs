//! What anybody can be called: something that people can read, and that fits a line of what programs say; and how that is
//! shown of which nobody but its bearer says that it is so.

use crate::limits;
use unicode_normalization::char::is_combining_mark;

/// Whether it can be a name: not too long, something of it can be seen, and nothing of it breaks the line or turns
/// its direction, by which it could pass for what a program says or for another name.
#[must_use]
pub fn can_be_named(name: &str) -> bool {
    name.len() <= limits::NAME_BYTES_MAX && name.chars().any(is_seen) && !name.chars().any(steers)
}

/// Whether it steers what shows it: a terminal by a control, or the line by an end or another direction. No text of others
/// is shown with it.
#[must_use]
pub fn steers(c: char) -> bool {
    c.is_control() || breaks_or_turns(c)
}

/// What somebody calls itself, or wrote, in quotation marks: so it is told from what the members admitted, and from what
/// a program says. It has none itself, or it could end them before its end and go on as either. [AUT-5]
#[must_use]
pub fn quoted(text: &str) -> String {
    format!("\u{201c}{}\u{201d}", text.replace(is_double_quote, "'"))
}

/// What is drawn as a double quotation mark, or is one.
const fn is_double_quote(c: char) -> bool {
    matches!(c,
        '"' | '\u{201c}'..='\u{201f}' | '\u{2033}' | '\u{2036}' | '\u{275d}'..='\u{275e}'
        | '\u{301d}'..='\u{301f}' | '\u{ff02}')
}

/// Whether it is drawn by itself: a mark needs a letter to stand on.
fn is_seen(c: char) -> bool {
    // Braille of no dots is drawn as a space; the last are the anchors of annotations.
    let blank = c == '\u{2800}' || matches!(c, '\u{fff9}'..='\u{fffb}');
    !(c.is_whitespace() || c.is_control() || blank || ignorable(c) || is_combining_mark(c))
}

/// The separators of lines and paragraphs, and Unicode's `Bidi_Control` (PropList.txt, 17.0).
const fn breaks_or_turns(c: char) -> bool {
    matches!(c,
        '\u{2028}' | '\u{2029}' | '\u{61c}' | '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}')
}

/// What is not drawn, or only chooses how its neighbour is: Unicode's `Default_Ignorable_Code_Point`
/// (DerivedCoreProperties.txt, 17.0). Two names that differ by it alone look the same.
pub(crate) const fn ignorable(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_quoted_ends_its_quotation_marks_before_its_end() {
        assert_eq!(quoted("Dr Mori"), "\u{201c}Dr Mori\u{201d}");
        let shown = quoted("Dr Mori\u{201d}, Kita Hospital, by \"x");
        assert_eq!(shown, "\u{201c}Dr Mori', Kita Hospital, by 'x\u{201d}");
    }

    #[test]
    fn nobody_is_called_by_what_cannot_be_seen_breaks_a_line_or_turns_its_direction() {
        for name in [
            "",
            " \u{3000}",
            "\u{200b}\u{2060}",
            "\u{3164}",
            "\u{fe0f}",
            "\u{2800}",
            "\u{fff9}",
            "\u{300}",
            "Kita\nHospital",
            "Kita\u{1b}[2K",
            "Kita\u{2028}Hospital",
            "Kita \u{202e}latipsoH",
            "Kita\u{200f}",
            &"x".repeat(limits::NAME_BYTES_MAX + 1),
        ] {
            assert!(!can_be_named(name), "{name:?}");
        }
        for name in ["佐藤 愛子", "Jose\u{301}", "مستشفى الشمال", "⠅⠊⠞⠁", "葛\u{e0100}飾区"]
        {
            assert!(can_be_named(name), "{name:?}");
        }
    }
}

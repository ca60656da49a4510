//! How text looks on a terminal, and what never gets there.

/// How a piece of text looks where there are colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// As it is.
    Plain,
    /// A heading.
    Strong,
    /// An id, a unit: there when looked for.
    Faint,
    /// It holds.
    Good,
    /// It waits for somebody.
    Waiting,
    /// It does not hold.
    Bad,
}

impl Style {
    pub(crate) fn paint(self, text: &str) -> String {
        let code = match self {
            Self::Plain => return text.to_owned(),
            Self::Strong => "1",
            Self::Faint => "2",
            Self::Good => "32",
            Self::Waiting => "33",
            Self::Bad => "31",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

/// Text of others without what steers a terminal or turns the reading direction around.
pub(crate) fn clean(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' | '\t' => c,
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' => {
                '\u{fffd}'
            }
            c if c.is_control() => '\u{fffd}',
            c => c,
        })
        .collect()
}

/// [`clean`], and in one line: nobody's name or message begins a line of its own.
pub(crate) fn one_line(text: &str) -> String {
    clean(text).replace(['\n', '\t', '\u{2028}', '\u{2029}'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_steer_the_terminal() {
        let shown = clean("Alder\u{1b}]0;owned\u{7}\u{202e}\r");
        assert!(!shown.chars().any(|c| c.is_control() || c == '\u{202e}'), "{shown:?}");
    }

    #[test]
    fn a_message_cannot_pass_for_a_line_of_ours() {
        assert_eq!(one_line("no\nnext: `rm -r`\t\u{2028}x\r"), "no next: `rm -r`  x\u{fffd}");
    }
}

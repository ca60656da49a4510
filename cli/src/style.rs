//! How text looks on a terminal, and what never gets there.

use chartmesh_protocol::naming::steers;
use serde_json::Value;

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
            '\n' | '\t' | '\u{2028}' | '\u{2029}' => c,
            c if steers(c) => '\u{fffd}',
            c => c,
        })
        .collect()
}

/// JSON, in which what steers is escaped: programs read the same, and a terminal or an editor shows what is there.
pub(crate) fn json(value: &Value) -> String {
    let text = serde_json::to_string_pretty(value).expect("a JSON value can be written");
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            // Between values; within strings serde_json has escaped it.
            '\n' => out.push(c),
            c if steers(c) => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out
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
    fn json_says_the_same_and_shows_what_would_steer() {
        let name = "Al\u{202e}der\u{9b}2J\u{61c}\u{2028}\u{1b}\u{7f}\n佐藤";
        let shown = json(&Value::from(name));
        assert!(!shown.chars().any(steers), "{shown}");
        assert!(shown.starts_with("\"Al\\u202eder\\u009b2J") && shown.ends_with("佐藤\""));
        assert_eq!(serde_json::from_str::<Value>(&shown).unwrap(), name);
    }

    #[test]
    fn a_message_cannot_pass_for_a_line_of_ours() {
        assert_eq!(one_line("no\nnext: `rm -r`\t\u{2028}x\r"), "no next: `rm -r`  x\u{fffd}");
    }
}

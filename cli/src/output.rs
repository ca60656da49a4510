//! The one module that prints.
//!
//! What was asked for goes to standard output, everything about it to standard error. Colours and
//! progress appear on a terminal only. Names, titles and messages come from others: whatever could
//! steer a terminal is taken out of them here, once, for every command.

use std::io::{self, IsTerminal, Write};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};
use unicode_width::UnicodeWidthStr;

use crate::exit::Failure;

/// Where and how to print.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    /// JSON instead of text.
    pub(crate) json: bool,
    /// Nothing but what was asked for, and errors.
    pub(crate) quiet: bool,
    /// Colours on standard output.
    colour: bool,
    /// Colours and progress on standard error.
    lively: bool,
}

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
    fn paint(self, text: &str) -> String {
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

/// One field of a table.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    pub(crate) fn new(text: impl Into<String>, style: Style) -> Self {
        Self { text: text.into(), style }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::new(text, Style::Plain)
    }
}

/// A field that is there when looked for.
pub(crate) fn faint(text: impl Into<String>) -> Cell {
    Cell::new(text, Style::Faint)
}

/// A row of a table: anything that makes a [`Cell`].
macro_rules! row {
    ($($cell:expr),* $(,)?) => { vec![$($crate::output::Cell::from($cell)),*] };
}
pub(crate) use row;

impl Output {
    /// For this process.
    pub(crate) fn new(json: bool, quiet: bool) -> Self {
        let colours = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        Self {
            json,
            quiet,
            colour: colours && !json && io::stdout().is_terminal(),
            lively: colours && io::stderr().is_terminal(),
        }
    }

    /// Without a terminal.
    #[cfg(test)]
    pub(crate) const fn plain() -> Self {
        Self { json: false, quiet: false, colour: false, lively: false }
    }

    /// An answer of the node: as it is with `--json`, else as `text` writes it.
    pub(crate) fn answer(&self, value: &Value, text: impl FnOnce(&Self)) {
        if self.json { self.json(value) } else { text(self) }
    }

    /// A value as JSON.
    pub(crate) fn json(&self, value: &Value) {
        put(&serde_json::to_string_pretty(value).expect("a JSON value can be written"));
    }

    /// A line.
    pub(crate) fn line(&self, text: impl AsRef<str>) {
        put(&clean(text.as_ref()));
    }

    /// A line in a style.
    pub(crate) fn styled(&self, text: impl AsRef<str>, style: Style) {
        put(&self.paint(&clean(text.as_ref()), style));
    }

    /// A table, or `empty` on standard error when there is nothing in it.
    pub(crate) fn table(&self, heads: &[&str], rows: &[Vec<Cell>], empty: &str) {
        if rows.is_empty() {
            self.note(empty);
        } else {
            put(table(heads, rows, self.colour).trim_end());
        }
    }

    /// Names and values, one a line.
    pub(crate) fn facts(&self, facts: &[(&str, Cell)]) {
        let widest = facts.iter().map(|(name, _)| name.width()).max().unwrap_or(0);
        for (name, cell) in facts {
            let name = pad(name, widest);
            let value = self.paint(&clean(&cell.text), cell.style);
            put(&format!("{}  {value}", self.paint(&name, Style::Faint)));
        }
    }

    /// Something worth knowing beside what was asked for.
    pub(crate) fn note(&self, text: impl AsRef<str>) {
        if !self.quiet {
            tell(&clean(text.as_ref()));
        }
    }

    /// What to do next.
    pub(crate) fn next(&self, step: impl AsRef<str>) {
        self.note(format!("next: {}", step.as_ref()));
    }

    /// Why the program ends without having done it.
    pub(crate) fn failure(&self, failure: &Failure) {
        if self.json {
            let error = json!({"error": {
                "exit": failure.exit as u8, "text": failure.text, "next": failure.next,
            }});
            tell(&error.to_string());
            return;
        }
        let head = if self.lively { Style::Bad.paint("error:") } else { "error:".to_owned() };
        tell(&format!("{head} {}", clean(&failure.text)));
        if let Some(next) = &failure.next {
            tell(&format!("next: {}", clean(next)));
        }
    }

    /// Progress in bytes; invisible without a terminal.
    pub(crate) fn progress(&self, what: &str, bytes: u64) -> ProgressBar {
        let target = if self.lively && !self.quiet && !self.json {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let style = ProgressStyle::with_template(
            "{msg} {wide_bar} {binary_bytes}/{binary_total_bytes} {binary_bytes_per_sec} {eta}",
        )
        .expect("the template is right");
        ProgressBar::with_draw_target(Some(bytes), target)
            .with_style(style)
            .with_message(clean(what))
    }

    fn paint(&self, text: &str, style: Style) -> String {
        if self.colour { style.paint(text) } else { text.to_owned() }
    }
}

/// Raw bytes to standard output: a content that was asked for.
pub(crate) fn raw(bytes: &[u8]) -> io::Result<()> {
    io::stdout().lock().write_all(bytes)
}

/// Whether standard output is a terminal, which raw bytes could upset.
pub(crate) fn is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// A question on standard error, for an answer that is typed.
pub(crate) fn ask(question: &str) {
    let mut stderr = io::stderr().lock();
    let _ = write!(stderr, "{}", clean(question));
    let _ = stderr.flush();
}

fn put(text: &str) {
    // Whoever closes the pipe has read enough.
    let _ = writeln!(io::stdout().lock(), "{text}");
}

fn tell(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Bytes in the unit that keeps the number short.
pub(crate) fn bytes(count: u64) -> String {
    indicatif::HumanBytes(count).to_string()
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

fn pad(text: &str, width: usize) -> String {
    let missing = width.saturating_sub(text.width());
    format!("{text}{}", " ".repeat(missing))
}

/// Columns as wide as their widest field, two spaces between them.
fn table(heads: &[&str], rows: &[Vec<Cell>], colour: bool) -> String {
    let one_line = |cell: &Cell| clean(&cell.text).replace(['\n', '\t'], " ");
    let texts: Vec<Vec<String>> =
        rows.iter().map(|row| row.iter().map(one_line).collect()).collect();
    let width = |column: usize| {
        let cells = texts.iter().filter_map(|row| row.get(column)).map(|text| text.width());
        cells.chain([heads[column].width()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..heads.len()).map(width).collect();
    let paint = |text: String, style: Style| if colour { style.paint(&text) } else { text };
    let mut out = String::new();
    let mut push = |cells: Vec<(String, Style)>| {
        let last = cells.len().saturating_sub(1);
        for (column, (text, style)) in cells.into_iter().enumerate() {
            // The last column is not padded, so that no line ends in spaces.
            let text = if column == last { text } else { pad(&text, widths[column]) };
            out.push_str(&paint(text, style));
            if column != last {
                out.push_str("  ");
            }
        }
        out.truncate(out.trim_end_matches(' ').len());
        out.push('\n');
    };
    push(heads.iter().map(|head| ((*head).to_owned(), Style::Strong)).collect());
    for (row, texts) in rows.iter().zip(&texts) {
        push(texts.iter().cloned().zip(row.iter().map(|cell| cell.style)).collect());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_for_wide_characters_too() {
        let rows =
            [row!["Alder", "member", faint("aa11")], row!["山田病院", "left", faint("bb22")]];
        let shown = table(&["NAME", "STANDS", "ID"], &rows, false);
        assert_eq!(shown, "NAME      STANDS  ID\nAlder     member  aa11\n山田病院  left    bb22\n");
    }

    #[test]
    fn colours_are_there_only_when_wanted() {
        let rows = [vec![Cell::new("live", Style::Good)]];
        assert_eq!(table(&["STATE"], &rows, false), "STATE\nlive\n");
        assert!(table(&["STATE"], &rows, true).contains("\u{1b}[32mlive\u{1b}[0m"));
        assert!(!Output::plain().colour);
    }

    #[test]
    fn a_name_cannot_steer_the_terminal() {
        let shown = clean("Alder\u{1b}]0;owned\u{7}\u{202e}\r");
        assert!(!shown.chars().any(|c| c.is_control() || c == '\u{202e}'), "{shown:?}");
        let rows = [row!["one\ntwo"]];
        assert_eq!(table(&["NAME"], &rows, false), "NAME\none two\n");
    }
}

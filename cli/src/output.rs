//! The one module that prints.
//!
//! What was asked for goes to standard output, everything about it to standard error. Colours and
//! progress appear on a terminal only. Names, titles and messages come from others: whatever could
//! steer a terminal is taken out of them here, once, for every command.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};
use unicode_width::UnicodeWidthStr;

use crate::exit::{Exit, Failure, Outcome};
use crate::style;
pub(crate) use crate::style::{Style, clean, one_line};
use crate::table::table;
pub(crate) use crate::table::{Cell, bytes, day, faint, id, row, size, time};

/// Columns of a terminal that does not say how many it has.
const WIDTH_DEFAULT: usize = 80;

/// Where and how to print.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    /// JSON instead of text.
    pub(crate) json: bool,
    /// Nothing but what was asked for, and errors.
    pub(crate) quiet: bool,
    /// What a person seldom wants to see, too.
    pub(crate) verbose: bool,
    /// Columns of the terminal that standard output is; none when it is none.
    width: Option<usize>,
    /// Colours on standard output.
    colour: bool,
    /// Colours and progress on standard error.
    lively: bool,
}

impl Output {
    /// For this process.
    pub(crate) fn new(json: bool, quiet: bool, verbose: bool) -> Self {
        let colours = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        Self {
            json,
            quiet,
            verbose,
            width: width(),
            colour: colours && !json && io::stdout().is_terminal(),
            lively: colours && io::stderr().is_terminal(),
        }
    }

    /// Without a terminal.
    #[cfg(test)]
    pub(crate) const fn plain() -> Self {
        Self {
            json: false,
            quiet: false,
            verbose: false,
            width: None,
            colour: false,
            lively: false,
        }
    }

    /// An answer of the node: as it is with `--json`, else as `text` writes it.
    pub(crate) fn answer(&self, value: &Value, text: impl FnOnce(&Self)) {
        if self.json { self.json(value) } else { text(self) }
    }

    /// A value as JSON.
    pub(crate) fn json(&self, value: &Value) {
        put(&style::json(value));
    }

    /// A line.
    pub(crate) fn line(&self, text: impl AsRef<str>) {
        put(&one_line(text.as_ref()));
    }

    /// Lines as they are: a text of our own, or a file that was asked for.
    pub(crate) fn block(&self, text: impl AsRef<str>) {
        put(&clean(text.as_ref()));
    }

    /// A line in a style.
    pub(crate) fn styled(&self, text: impl AsRef<str>, style: Style) {
        put(&self.paint(&one_line(text.as_ref()), style));
    }

    /// A table, or `empty` on standard error when there is nothing in it.
    pub(crate) fn table(&self, heads: &[&str], rows: &[Vec<Cell>], empty: &str) {
        if rows.is_empty() {
            self.note(empty);
        } else {
            put(table(heads, rows, self.colour, self.width).trim_end());
        }
    }

    /// Whether a person reads it, for whom much that is alike is said once.
    pub(crate) const fn for_a_person(&self) -> bool {
        self.width.is_some() && !self.verbose
    }

    /// Names and values, one a line.
    pub(crate) fn facts(&self, facts: &[(&str, Cell)]) {
        let widest = facts.iter().map(|(name, _)| name.width()).max().unwrap_or(0);
        for (name, cell) in facts {
            let name = pad(name, widest);
            let value = self.paint(&one_line(&cell.text), cell.style);
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

    /// Does what was asked, and ends the program: its exit code, after the failure if it came to one.
    pub(crate) fn conclude(&self, work: impl Future<Output = Outcome>) -> ExitCode {
        let done = tokio::runtime::Runtime::new()
            .map_err(|error| Failure::new(Exit::Failed, format!("cannot start: {error}")))
            .and_then(|runtime| runtime.block_on(work));
        match done {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => {
                self.failure(&failure);
                ExitCode::from(failure.exit as u8)
            }
        }
    }

    /// Why the program ends without having done it.
    pub(crate) fn failure(&self, failure: &Failure) {
        if self.json {
            let error = json!({"error": {
                "exit": failure.exit as u8, "text": failure.text, "next": failure.next,
            }});
            tell(&style::json(&error));
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
        self.bar(
            "{msg} {wide_bar} {binary_bytes}/{binary_total_bytes} {binary_bytes_per_sec} {eta}",
            bytes,
        )
        .with_message(clean(what))
    }

    /// Progress of a simulation, of so many steps; invisible without a terminal.
    #[cfg(any(feature = "simulator", feature = "stand-ins"))]
    pub(crate) fn steps(&self, steps: u64) -> ProgressBar {
        self.bar("{msg} {wide_bar} {percent} % {eta}", steps)
    }

    fn bar(&self, template: &str, length: u64) -> ProgressBar {
        let target = if self.lively && !self.quiet && !self.json {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let style = ProgressStyle::with_template(template).expect("the template is right");
        ProgressBar::with_draw_target(Some(length), target).with_style(style)
    }

    /// Whether progress is told in lines, as there is no terminal to draw it on.
    #[cfg(any(feature = "simulator", feature = "stand-ins"))]
    pub(crate) const fn tells_progress(&self) -> bool {
        !self.lively && !self.quiet && !self.json
    }

    fn paint(&self, text: &str, style: Style) -> String {
        if self.colour { style.paint(text) } else { text.to_owned() }
    }
}

/// Raw bytes to standard output: a content that was asked for.
pub(crate) fn raw(bytes: &[u8]) -> io::Result<()> {
    io::stdout().lock().write_all(bytes)
}

/// A text of others on its way to a terminal, in pieces: what could steer that does not get there.
#[derive(Debug, Default)]
pub(crate) struct Screen {
    /// Of a character whose other bytes are still to come.
    cut: Vec<u8>,
}

impl Screen {
    pub(crate) fn show(&mut self, bytes: &[u8]) -> io::Result<()> {
        raw(self.shown(bytes).as_bytes())
    }

    fn shown(&mut self, bytes: &[u8]) -> String {
        let mut whole = std::mem::take(&mut self.cut);
        whole.extend_from_slice(bytes);
        // The longest character has four bytes.
        let ends = whole.len().saturating_sub(3)..whole.len();
        let is_cut = |at: &usize| {
            let end = std::str::from_utf8(&whole[*at..]);
            end.is_err_and(|error| error.valid_up_to() == 0 && error.error_len().is_none())
        };
        if let Some(at) = ends.into_iter().find(is_cut) {
            self.cut = whole.split_off(at);
        }
        clean(&String::from_utf8_lossy(&whole).replace("\r\n", "\n"))
    }
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
    let mut stdout = io::stdout().lock();
    match writeln!(stdout, "{text}").and_then(|()| stdout.flush()) {
        // Whoever closes the pipe has read enough.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            // Half an answer must not pass for a whole one.
            tell(&format!("error: cannot write to standard output: {error}"));
            std::process::exit(i32::from(Exit::Failed as u8));
        }
        _ => {}
    }
}

fn tell(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// A number of things, in words.
pub(crate) fn counted(count: usize, one: &str, many: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {many}") }
}

fn pad(text: &str, width: usize) -> String {
    let missing = width.saturating_sub(text.width());
    format!("{text}{}", " ".repeat(missing))
}

/// The columns of the terminal that standard output is. `COLUMNS` counts before what the terminal
/// says of itself, as it does elsewhere.
fn width() -> Option<usize> {
    let stdout = io::stdout();
    if !stdout.is_terminal() {
        return None;
    }
    let asked = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let asked = asked.filter(|columns| *columns > 0);
    let own = || terminal_size::terminal_size_of(&stdout).map(|(width, _)| usize::from(width.0));
    Some(asked.or_else(own).unwrap_or(WIDTH_DEFAULT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_others_does_not_steer_the_terminal_that_shows_it() {
        let text = "佐藤\r\n\u{1b}[2J\u{9b}x\u{202e}é".as_bytes();
        for piece in 1..text.len() {
            let mut screen = Screen::default();
            let shown: String = text.chunks(piece).map(|bytes| screen.shown(bytes)).collect();
            assert!(!shown.contains(['\u{1b}', '\u{9b}', '\u{202e}']), "{shown:?}");
            assert!(shown.starts_with("佐藤") && shown.ends_with('é'), "{shown:?}");
        }
    }

    #[test]
    fn there_are_no_colours_without_a_terminal() {
        assert!(!Output::plain().colour);
    }
}

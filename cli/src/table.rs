//! Tables: for a person as wide as the terminal, with short ids; for a program whole and stable.
//!
//! On a terminal columns in which nothing stands are left out, and what does not fit flows over
//! several lines within its column, the last column first. Elsewhere every column and every id is
//! there in full, a row on one line, however wide.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::style::{Style, one_line};

/// Spaces between columns.
const GAP: &str = "  ";
/// Characters of a word that is not broken: names and states; a network address is longer.
const WORD_WIDTH: usize = 18;
/// Characters that the last column keeps while others are as wide as they like.
const LAST_WIDTH: usize = 24;
/// Digits of an id on a terminal; a command takes so many for the whole.
const ID_DIGITS: usize = 8;

/// One field of a table.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    pub(crate) text: String,
    pub(crate) style: Style,
    /// What a terminal shows instead.
    short: Option<String>,
    /// Not to be broken over lines.
    unbroken: bool,
}

impl Cell {
    pub(crate) fn new(text: impl Into<String>, style: Style) -> Self {
        Self { text: text.into(), style, short: None, unbroken: false }
    }

    /// What it shows, on one line.
    fn line(&self, short: bool) -> String {
        let text = self.short.as_ref().filter(|_| short).unwrap_or(&self.text);
        one_line(text)
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

/// An id: its first digits on a terminal.
pub(crate) fn id(id: impl ToString) -> Cell {
    let text = id.to_string();
    let short = text.get(..ID_DIGITS).map(str::to_owned);
    Cell { short, unbroken: true, ..faint(text) }
}

/// Bytes, in as few characters as `ls -h` takes on a terminal.
pub(crate) fn size(count: u64) -> Cell {
    let units = ["B", "K", "M", "G", "T"];
    let power = (0..units.len() - 1).take_while(|power| count >> (10 * (power + 1)) > 0).count();
    // Rounded up, so that nothing looks like nothing.
    let short = format!("{}{}", count.div_ceil(1 << (10 * power)), units[power]);
    Cell { short: Some(short), unbroken: true, ..Cell::from(bytes(count)) }
}

/// A day, with its time where there is room for everything.
pub(crate) fn day(at: chartmesh_protocol::time::Timestamp) -> Cell {
    let moment = time(at);
    Cell { short: moment.text.split(' ').next().map(str::to_owned), ..moment }
}

/// A moment, under a head that says (UTC).
pub(crate) fn time(at: chartmesh_protocol::time::Timestamp) -> Cell {
    let text = at.utc_text();
    let text = text.strip_suffix(" UTC").unwrap_or(&text);
    Cell { unbroken: true, ..Cell::from(text) }
}

/// A row of a table: anything that makes a [`Cell`].
macro_rules! row {
    ($($cell:expr),* $(,)?) => { vec![$($crate::output::Cell::from($cell)),*] };
}
pub(crate) use row;

/// Bytes in the unit that keeps the number short.
pub(crate) fn bytes(count: u64) -> String {
    indicatif::HumanBytes(count).to_string()
}

/// A table as text. `room` is the terminal's width, if there is one.
pub(crate) fn table(
    heads: &[&str],
    rows: &[Vec<Cell>],
    colour: bool,
    room: Option<usize>,
) -> String {
    let short = room.is_some();
    let texts: Vec<Vec<String>> =
        rows.iter().map(|row| row.iter().map(|cell| cell.line(short)).collect()).collect();
    let filled = |column: &usize| texts.iter().any(|row| !row[*column].is_empty());
    let columns: Vec<usize> = (0..heads.len()).filter(|column| !short || filled(column)).collect();
    let widths = widths(heads, rows, &texts, &columns, room);
    let mut out = String::new();
    let head = heads.iter().map(|head| ((*head).to_owned(), Style::Strong)).collect::<Vec<_>>();
    push(&mut out, &head, &columns, &widths, colour);
    for (row, texts) in rows.iter().zip(texts) {
        let cells: Vec<_> = texts.into_iter().zip(row.iter().map(|cell| cell.style)).collect();
        push(&mut out, &cells, &columns, &widths, colour);
    }
    out
}

/// How wide each shown column is.
fn widths(
    heads: &[&str],
    rows: &[Vec<Cell>],
    texts: &[Vec<String>],
    columns: &[usize],
    room: Option<usize>,
) -> Vec<usize> {
    let widest = |column: usize, of: &dyn Fn(usize) -> usize| {
        (0..rows.len()).map(of).chain([heads[column].width()]).max().unwrap_or(0)
    };
    let mut widths: Vec<usize> =
        columns.iter().map(|&column| widest(column, &|row| texts[row][column].width())).collect();
    let Some(room) = room else { return widths };
    let last = widths.len().saturating_sub(1);
    let gaps = last * GAP.len();
    // What should not be broken is broken where nothing else makes room.
    for (whole, word_max) in [(true, WORD_WIDTH), (false, WORD_WIDTH), (false, ID_DIGITS)] {
        let least = |column: usize| {
            widest(column, &|row| {
                let text = &texts[row][column];
                let words = text.split(' ').map(|word| word.width().min(word_max));
                let unbroken = whole && rows[row][column].unbroken;
                if unbroken { text.width() } else { words.max().unwrap_or(0) }
            })
        };
        let least: Vec<usize> = columns.iter().map(|column| least(*column)).collect();
        while widths.iter().sum::<usize>() + gaps > room {
            let flows = Some(last).filter(|last| widths[*last] > least[*last].max(LAST_WIDTH));
            let widest = (0..widths.len()).filter(|at| widths[*at] > least[*at]);
            match flows.or_else(|| widest.max_by_key(|at| widths[*at])) {
                Some(at) => widths[at] -= 1,
                None => break,
            }
        }
    }
    widths
}

/// One row, on as many lines as its longest field needs.
fn push(
    out: &mut String,
    cells: &[(String, Style)],
    columns: &[usize],
    widths: &[usize],
    colour: bool,
) {
    let fields: Vec<Vec<String>> =
        columns.iter().zip(widths).map(|(column, width)| wrap(&cells[*column].0, *width)).collect();
    let lines = fields.iter().map(Vec::len).max().unwrap_or(0);
    for line in 0..lines {
        let mut gap = String::new();
        for ((column, width), field) in columns.iter().zip(widths).zip(&fields) {
            let text = field.get(line).map_or("", String::as_str);
            // What would end a line in spaces is written only once something follows it.
            if !text.is_empty() {
                out.push_str(&gap);
                gap.clear();
                let style = cells[*column].1;
                out.push_str(&if colour { style.paint(text) } else { text.to_owned() });
            }
            gap.push_str(&" ".repeat(width.saturating_sub(text.width())));
            gap.push_str(GAP);
        }
        out.push('\n');
    }
}

/// Text in lines of at most `width`, broken between words, within one only where it is longer.
fn wrap(text: &str, width: usize) -> Vec<String> {
    if text.width() <= width {
        return vec![text.to_owned()];
    }
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        if !line.is_empty() && line.width() + 1 + word.width() > width {
            lines.push(core::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        for c in word.chars() {
            if !line.is_empty() && line.width() + c.width().unwrap_or(0) > width {
                lines.push(core::mem::take(&mut line));
            }
            line.push(c);
        }
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "5be1c2d3000000000000000000000000";

    #[test]
    fn columns_line_up_for_wide_characters_too() {
        let rows =
            [row!["Alder", "member", faint("aa11")], row!["山田病院", "left", faint("bb22")]];
        let shown = table(&["NAME", "STANDS", "ID"], &rows, false, None);
        assert_eq!(shown, "NAME      STANDS  ID\nAlder     member  aa11\n山田病院  left    bb22\n");
    }

    #[test]
    fn colours_are_there_only_when_wanted() {
        let rows = [vec![Cell::new("live", Style::Good)]];
        assert_eq!(table(&["STATE"], &rows, false, None), "STATE\nlive\n");
        assert!(table(&["STATE"], &rows, true, None).contains("\u{1b}[32mlive\u{1b}[0m"));
    }

    #[test]
    fn a_name_stays_on_its_line_and_steers_nothing() {
        let rows = [row!["one\ntwo"]];
        assert_eq!(table(&["NAME"], &rows, false, None), "NAME\none two\n");
    }

    #[test]
    fn a_terminal_shows_short_ids_and_no_empty_columns_and_a_pipe_everything() {
        let rows = [row![id(ID), "", "scan"]];
        let heads = ["ENTRY", "ADDS TO", "TITLE"];
        assert_eq!(table(&heads, &rows, false, Some(80)), "ENTRY     TITLE\n5be1c2d3  scan\n");
        let whole = table(&heads, &rows, false, None);
        assert_eq!(whole.lines().nth(1), Some(format!("{ID}           scan").as_str()));
    }

    #[test]
    fn what_does_not_fit_flows_within_its_column() {
        let title = "Upper endoscopy with biopsy of the antrum and the corpus";
        let rows = [row![id(ID), "Alder Hospital", title], row![id(ID), "Birch", "short"]];
        let shown = table(&["ENTRY", "AUTHOR", "TITLE"], &rows, false, Some(50));
        assert_eq!(
            shown,
            "ENTRY     AUTHOR          TITLE\n\
             5be1c2d3  Alder Hospital  Upper endoscopy with\n\
             \x20                         biopsy of the antrum and\n\
             \x20                         the corpus\n\
             5be1c2d3  Birch           short\n"
        );
    }

    #[test]
    fn no_line_is_wider_than_the_terminal_while_words_are_short() {
        let rows: Vec<_> = (0..3)
            .map(|n| {
                row![
                    time(chartmesh_protocol::time::Timestamp(n * 86_400_000)),
                    "reading refused",
                    "Alder Hospital of the River Valley",
                    "Dr Mori",
                    "what the patient asked for",
                    id(ID),
                    "/ip4/192.168.100.200/udp/4801/quic-v1/p2p/12D3KooWJ8wUXKyrHmfUPVzkcaDqAB",
                ]
            })
            .collect();
        let heads = ["WHEN (UTC)", "WHAT", "BY", "PERSON", "FOR", "TOKEN", "ADDRESSES"];
        for room in [140, 100, 90, 80] {
            let shown = table(&heads, &rows, false, Some(room));
            assert!(shown.lines().all(|line| line.width() <= room), "{room}:\n{shown}");
            let unbroken = shown.contains("1970-01-02 00:00");
            assert!(unbroken || room < 140, "a moment is broken without need:\n{shown}");
        }
    }

    #[test]
    fn sizes_are_short_on_a_terminal() {
        let shown = |count| size(count).line(true);
        assert_eq!([0, 1023, 1024, 1025, 5 << 30].map(shown), ["0B", "1023B", "1K", "2K", "5G"]);
    }

    #[test]
    fn wrapping_loses_nothing() {
        for text in
            ["", "a", "a bb ccc", "ああああ いい", "antidisestablishmentarianism", "  two  "]
        {
            for width in 2..12 {
                let lines = wrap(text, width);
                assert!(lines.iter().all(|line| line.width() <= width), "{text} {width}");
                let strip = |text: &str| text.replace(' ', "");
                assert_eq!(strip(&lines.concat()), strip(text), "{width}");
            }
        }
    }
}

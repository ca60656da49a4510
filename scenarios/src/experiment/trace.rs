//! Rows of a trace, as they come from a run or are read back from a file.

use crate::output::ReadRow;
use crate::result::{NOBODY, TraceRow, TraceSink};
use crate::scenario::Span;
use std::fmt;

/// A row as it would be read back.
pub(super) fn kept(row: &TraceRow) -> ReadRow {
    let TraceRow { at_us, kind, party, other, what, id, patient, bytes, end } = *row;
    let number = |party| Some(party).filter(|party| *party != NOBODY);
    let (kind, what, end) = (kind.name().to_owned(), what.to_owned(), end.to_owned());
    ReadRow {
        at_us,
        kind,
        party: number(party),
        other: number(other),
        what,
        id,
        patient,
        bytes,
        end,
    }
}

/// Gives each row to a function.
pub struct Each<F: FnMut(ReadRow)>(pub F);

impl<F: FnMut(ReadRow)> TraceSink for Each<F> {
    fn row(&mut self, row: &TraceRow) {
        (self.0)(kept(row));
    }
}

/// A party's name.
pub(super) fn name(names: &[String], party: Option<u32>) -> Option<&str> {
    names.get(party? as usize).map(String::as_str)
}

/// The first bytes of an id, as commands take and show them.
#[must_use]
pub fn short_id(id: u64) -> String {
    format!("{id:016x}")
}

/// A moment of simulated time as a person reads it: `d2 07:15:03.250000`.
#[must_use]
pub fn moment(at_us: u64) -> String {
    let (s, us) = (at_us / 1_000_000, at_us % 1_000_000);
    let (d, h, m) = (s / 86_400, s / 3600 % 24, s / 60 % 60);
    format!("d{d} {h:02}:{m:02}:{:02}.{us:06}", s % 60)
}

/// A length of simulated time in at most two units: `3h 20min`.
#[must_use]
pub fn length(us: u64) -> String {
    let units = [
        ("d", 86_400_000_000),
        ("h", 3_600_000_000),
        ("min", 60_000_000),
        ("s", 1_000_000),
        ("ms", 1000),
    ];
    let Some(at) = units.iter().position(|(_, unit)| us >= *unit) else {
        return String::from(Span::from_micros(us));
    };
    let (large, scale) = units[at];
    let small = units.get(at + 1).map(|(unit, scale)| (us % units[at].1 / scale, unit));
    match small {
        Some((count, unit)) if count > 0 => format!("{}{large} {count}{unit}", us / scale),
        _ => format!("{}{large}", us / scale),
    }
}

/// A row in words; the names are the parties', by number.
pub struct InWords<'a>(pub &'a ReadRow, pub &'a [String]);

impl fmt::Display for InWords<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(row, names) = self;
        let party = name(names, row.party).unwrap_or("somebody");
        let other = name(names, row.other).unwrap_or("somebody");
        let what = if row.what.is_empty() { "a message" } else { &row.what };
        match row.kind.as_str() {
            "asked" => write!(f, "{party} is asked for {what}")?,
            "answered" => write!(f, "{party} answers {what}")?,
            "dialled" => write!(f, "{party} calls {other}")?,
            "greeted" => write!(f, "{party} greets {other}")?,
            "sent" => write!(f, "{party} sends {what} to {other}")?,
            "received" => write!(f, "{party} receives {what} from {other}")?,
            "concluded" => write!(f, "{party} learns what became of {what} at {other}")?,
            "pulled" => write!(f, "{party} pulls an object from {other}")?,
            "committed" => write!(f, "{party} has {what} on disk")?,
            "switched" => write!(f, "{party}")?,
            "fault" => write!(f, "a fault at {party}: {what}")?,
            "happened" => write!(f, "{what}")?,
            _ => write!(f, "the checker {what} finds something at {party}")?,
        }
        if row.bytes > 0 {
            write!(f, ", {} bytes", row.bytes)?;
        }
        if !row.end.is_empty() {
            write!(f, ": {}", row.end)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_and_lengths_read_as_people_say_them() {
        let at = ((2 * 24 + 7) * 3600 + 15 * 60 + 3) * 1_000_000 + 250_000;
        assert_eq!(moment(at), "d2 07:15:03.250000");
        assert_eq!(length(12_000_000_000), "3h 20min");
        assert_eq!(length(38_000), "38ms");
        assert_eq!((length(250), length(0)), ("250us".into(), "0s".into()));
    }
}

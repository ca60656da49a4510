//! What API, command line and pages show.

use super::chain::{Line, LinePlace};
use super::collected::VolumeRow;
use crate::id::PartyId;
use crate::reason::Language;
use crate::refusal::Refusal;
use crate::time::Timestamp;
use crate::turn::Cursor;
use serde::{Deserialize, Serialize};

/// A holder's log about one patient.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LogView {
    /// The holder.
    pub holder: PartyId,
    /// Its name.
    pub holder_name: String,
    /// The patient.
    pub subject: PartyId,
    /// The lines, with the name of the institution that acted.
    pub lines: Vec<LineView>,
    /// Where the lines go on; absent when these are the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Cursor>,
    /// Lines that the holder says it has, without those that it lost when its store was put back.
    pub length: u64,
    /// When it said so.
    pub at: Timestamp,
    /// Whether the lines continue what was seen before and end at the signed head.
    pub verified: bool,
    /// What does not hold, when something does not.
    pub problem: Option<Refusal>,
    /// At a relay: what readers say they were shown of this log.
    pub shown: Vec<ShownView>,
    /// At a relay: how often the holder's store was put back from an older copy, as it says, and what that left.
    #[serde(default)]
    pub put_back: Vec<PutBackLogView>,
}

/// A holder's store was put back, and its log goes on behind an earlier line.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PutBackLogView {
    /// When the holder noticed; names the volume that it began.
    pub noticed: Timestamp,
    /// The last line that it still had.
    pub after: LinePlace,
    /// Collected lines behind that one, which only this relay has now.
    pub lost: u64,
    /// What does not hold of it, when something does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Refusal>,
}

impl From<(Timestamp, VolumeRow)> for PutBackLogView {
    fn from((noticed, row): (Timestamp, VolumeRow)) -> Self {
        Self { noticed, after: row.after, lost: row.lost, problem: row.problem }
    }
}

impl LogView {
    /// What does not hold, in words that call holder and readers by their names.
    #[must_use]
    pub fn problem_in_words(&self, language: &Language) -> Option<String> {
        let name = |party| {
            let readers = self.shown.iter().map(|shown| (shown.reader, &shown.reader_name));
            let mut named = [(self.holder, &self.holder_name)].into_iter().chain(readers);
            named.find(|(known, _)| *known == party).map(|(_, name)| name.clone())
        };
        Some(self.problem.as_ref()?.words_with(language, &name))
    }
}

/// A head of a holder's log that a reader was shown and countersigned.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ShownView {
    /// The reader.
    pub reader: PartyId,
    /// Its name.
    pub reader_name: String,
    /// The volume that the head is of; 0 for the first.
    pub volume: Timestamp,
    /// The line of it.
    pub seq: u64,
    /// When the reader was shown it.
    pub at: Timestamp,
    /// Whether the log that was collected leads to it; none while that cannot be told.
    pub agrees: Option<bool>,
    /// Whether the line is gone by the holder's word, whose store was put back, and was not collected before: what it said
    /// nobody can tell.
    #[serde(default)]
    pub lost: bool,
}

/// One line.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LineView {
    /// Name of the institution that acted.
    pub by_name: String,
    /// Names of those who passed the permission on to that institution.
    #[serde(default)]
    pub through_names: Vec<String>,
    /// The volume that the line is in: when the holder noticed that its store was put back; 0 for the first.
    #[serde(default)]
    pub volume: Timestamp,
    /// Whether the holder has it no more, as it says, since its store was put back: it is known from here.
    #[serde(default)]
    pub lost: bool,
    /// The line.
    #[serde(flatten)]
    pub line: Line,
}

//! A run's trace as a timeline: for Perfetto (<https://ui.perfetto.dev>) and whatever else reads Google's Trace
//! Event Format.
//!
//! Each party is a process of its own, since spans belong to processes. A message lasts there from when it left until its sender knew the outcome, a question to a
//! front door until its answer, a machine that is off until it is on; everything else is a moment. Times are
//! simulated microseconds.

use crate::output::table::{create, keep, partial};
use crate::output::{ReadRow, WriteError};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

/// A timeline that is being written; whole or not there.
pub struct Timeline {
    path: PathBuf,
    file: BufWriter<File>,
    /// What began and has not ended, by category, id and line, with its name: both ends have to say it.
    open: BTreeMap<(&'static str, u64, u32), String>,
    failed: Option<std::io::Error>,
    last_us: u64,
    first: bool,
    whole: bool,
}

/// Lines are counted from one; what happens to nobody alone stands on the first.
const NO_PARTY: u32 = 1;

impl Timeline {
    /// Begins one for a scenario's parties, by number.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn create(path: &Path, scenario: &str, names: &[String]) -> Result<Self, WriteError> {
        let mut file = BufWriter::new(create(path)?);
        let written = file.write_all(b"{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n");
        let mut timeline = Self {
            path: path.to_owned(),
            file,
            open: BTreeMap::new(),
            failed: written.err(),
            last_us: 0,
            first: true,
            whole: false,
        };
        let everybody = format!("the federation of `{scenario}`");
        for (line, name) in (NO_PARTY..).zip(std::iter::once(&everybody).chain(names)) {
            let named = json!({"name": "process_name", "args": {"name": name}});
            timeline.event("M", line, None, &named);
            let sorted = json!({"name": "process_sort_index", "args": {"sort_index": line}});
            timeline.event("M", line, None, &sorted);
        }
        Ok(timeline)
    }

    /// The next row of the trace; gives whether it could be written.
    pub fn row(&mut self, row: &ReadRow) -> bool {
        self.last_us = self.last_us.max(row.at_us);
        let line = row.party.map_or(NO_PARTY, |party| party + 1 + NO_PARTY);
        let what = if row.what.is_empty() { &row.kind } else { &row.what };
        match (row.kind.as_str(), row.end.as_str()) {
            ("sent", _) => self.begin(("message", row.id, line), what, row),
            ("concluded", _) => self.end(("message", row.id, line), row),
            ("asked", _) => self.begin(("front door", row.id, line), what, row),
            ("answered", _) => self.end(("front door", row.id, line), row),
            ("switched", "on") => self.end(("machine", u64::from(line), line), row),
            ("switched", end) => {
                let end = end.to_owned();
                self.begin(("machine", u64::from(line), line), &end, row);
            }
            _ => self.moment(line, what, row),
        }
        self.failed.is_none()
    }

    /// Ends what has not ended, and the file.
    ///
    /// # Errors
    /// It cannot be written, or could not while rows came.
    pub fn finish(mut self) -> Result<(), WriteError> {
        let last_us = self.last_us;
        for ((category, id, line), name) in core::mem::take(&mut self.open) {
            self.span("e", (category, id, line), &name, last_us, &json!({"end": "not ended"}));
        }
        let ended = match self.failed.take() {
            Some(error) => Err(error),
            None => self.file.write_all(b"\n]}\n").and_then(|()| self.file.flush()),
        };
        ended.map_err(|error| WriteError::at(&self.path, error))?;
        keep(&self.path)?;
        self.whole = true;
        Ok(())
    }

    fn begin(&mut self, key: (&'static str, u64, u32), name: &str, row: &ReadRow) {
        // Sent once more before it was clear what became of the first: one span for both.
        if self.open.contains_key(&key) {
            return self.moment(key.2, name, row);
        }
        self.open.insert(key, name.to_owned());
        self.span("b", key, name, row.at_us, &said(row));
    }

    fn end(&mut self, key: (&'static str, u64, u32), row: &ReadRow) {
        match self.open.remove(&key) {
            Some(name) => self.span("e", key, &name, row.at_us, &said(row)),
            None => self.moment(key.2, &row.kind, row),
        }
    }

    fn moment(&mut self, line: u32, name: &str, row: &ReadRow) {
        let scope = if row.party.is_none() { "g" } else { "t" };
        let event = json!({"name": name, "cat": row.kind, "s": scope, "args": said(row)});
        self.event("i", line, Some(row.at_us), &event);
    }

    fn span(
        &mut self,
        phase: &str,
        (category, id, line): (&'static str, u64, u32),
        name: &str,
        at_us: u64,
        args: &Value,
    ) {
        // The same message can be on its way from two parties that were told it.
        let id = format!("{id:016x}-{line}");
        let event = json!({"name": name, "cat": category, "id": id, "args": args});
        self.event(phase, line, Some(at_us), &event);
    }

    fn event(&mut self, phase: &str, line: u32, at_us: Option<u64>, rest: &Value) {
        let mut event = rest.clone();
        event["ph"] = json!(phase);
        event["pid"] = json!(line);
        event["tid"] = json!(line);
        if let Some(at_us) = at_us {
            event["ts"] = json!(at_us);
        }
        if self.failed.is_none() {
            let comma: &[u8] = if core::mem::take(&mut self.first) { b"" } else { b",\n" };
            let written = self.file.write_all(comma);
            let text = event.to_string();
            self.failed = written.and_then(|()| self.file.write_all(text.as_bytes())).err();
        }
    }
}

impl Drop for Timeline {
    /// What did not become whole is of no use to anybody.
    fn drop(&mut self) {
        if !self.whole {
            let _ = std::fs::remove_file(partial(&self.path));
        }
    }
}

/// What a row says besides its time and name.
fn said(row: &ReadRow) -> Value {
    let mut said = serde_json::Map::new();
    if row.id != 0 {
        said.insert("id".into(), json!(format!("{:016x}", row.id)));
    }
    if row.patient != 0 {
        said.insert("patient".into(), json!(format!("{:016x}", row.patient)));
    }
    if let Some(other) = row.other {
        said.insert("other".into(), json!(other));
    }
    if row.bytes != 0 {
        said.insert("bytes".into(), json!(row.bytes));
    }
    if !row.end.is_empty() {
        said.insert("end".into(), json!(row.end));
    }
    Value::Object(said)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::Each;
    use crate::output::fake;
    use crate::result::TraceSink as _;
    use std::collections::BTreeMap;

    fn written(rows: &[ReadRow], names: &[String]) -> Vec<Value> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("timeline.json");
        let mut timeline = Timeline::create(&path, "north", names).unwrap();
        for row in rows {
            assert!(timeline.row(row));
        }
        assert!(!path.exists(), "it is there before it is whole");
        timeline.finish().unwrap();
        let whole: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        whole["traceEvents"].as_array().unwrap().clone()
    }

    #[test]
    fn what_begins_ends_once_on_the_same_line_and_no_row_is_lost() {
        let (outcome, trace) = fake::outcome(1);
        let names: Vec<String> = outcome.parties.iter().map(|party| party.name.clone()).collect();
        let mut rows: Vec<ReadRow> = Vec::new();
        let mut each = Each(|row| rows.push(row));
        for row in &trace {
            each.row(row);
        }
        let events = written(&rows, &names);
        let mut open = BTreeMap::new();
        let mut told = 0;
        for event in &events {
            let key =
                || (event["cat"].to_string(), event["id"].to_string(), event["tid"].to_string());
            match event["ph"].as_str().unwrap() {
                "M" => continue,
                "b" => assert!(open.insert(key(), event["ts"].as_u64()).is_none(), "{event}"),
                "e" => {
                    let begun = open.remove(&key()).expect("it began");
                    assert!(begun <= event["ts"].as_u64());
                    if event["args"]["end"] == "not ended" {
                        continue;
                    }
                }
                "i" => {}
                other => panic!("{other}"),
            }
            told += 1;
        }
        assert!(open.is_empty(), "{open:?}");
        assert_eq!(told, rows.len());
        let lines = events.iter().filter(|event| event["name"] == "process_name");
        let lines: Vec<&str> = lines.map(|event| event["args"]["name"].as_str().unwrap()).collect();
        assert_eq!(lines[0], "the federation of `north`");
        assert_eq!(lines[1..], names);
    }

    #[test]
    fn what_broke_off_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        drop(Timeline::create(&dir.path().join("timeline.json"), "north", &[]).unwrap());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_message_lasts_until_its_outcome_and_what_did_not_end_ends_with_the_trace() {
        let row = |at_us, kind: &str, id, end: &str| ReadRow {
            at_us,
            kind: kind.into(),
            party: Some(0),
            what: "consent.ask".into(),
            id,
            end: end.into(),
            ..ReadRow::default()
        };
        let rows = [
            row(5, "sent", 1, ""),
            row(7, "sent", 2, ""),
            row(9, "concluded", 1, "done"),
            row(11, "fault", 0, ""),
        ];
        let events = written(&rows, &["clinic-1".into()]);
        let spans: Vec<_> = events
            .iter()
            .filter(|event| event["cat"] == "message")
            .map(|event| (event["ph"].as_str().unwrap(), event["ts"].as_u64().unwrap()))
            .collect();
        assert_eq!(spans, [("b", 5), ("b", 7), ("e", 9), ("e", 11)]);
    }
}

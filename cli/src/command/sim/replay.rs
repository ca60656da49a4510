//! A run once more.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, sync_channel};

use chartmesh_scenarios::experiment::{Difference, InWords, Replayed, moment, replay, short_id};
use chartmesh_scenarios::output::{ReadRow, Version, read_trace};
use serde_json::json;

use super::program::with_stand_ins;
use super::progress::Watch;
use super::show;
use super::subject::Made;
use crate::exit::{Exit, Failure, Outcome};
use crate::output::{Output, Style};

/// Run once more what a manifest says, and compare the traces
///
/// Ends with 11 when the trace is another, and shows the first row that differs, if the folder has the
/// earlier trace.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  chartmesh sim replay outage-7")]
pub(crate) struct Args {
    /// The folder of a run, or its manifest
    #[arg(value_name = "RUN")]
    run: PathBuf,
}

impl Args {
    pub(super) fn run(self, out: Output, stop: &AtomicBool) -> Outcome {
        let made = Made::read(&self.run)?;
        let manifest = &made.manifest;
        made.repeats()?;
        with_stand_ins(manifest.stand_ins)?;
        if manifest.stopped {
            let text = "this run was stopped before its end, so its trace is no whole one";
            return Err(Failure::new(Exit::State, text).next("run it again, to its end"));
        }
        let this = Version::this();
        if manifest.version != this {
            out.note(format!("made by version {}, replayed by {this}", manifest.version));
        }
        // Read on a thread of its own: the trace comes row by row as the run goes.
        let kept = made.trace().map(rows);
        let kept: Option<Box<dyn Iterator<Item = ReadRow>>> =
            kept.map(|rows| Box::new(rows.into_iter()) as Box<_>);
        let replayed = {
            let mut watch = Watch::new(out, stop);
            let (scenario, seed) = (&manifest.scenario, manifest.seed);
            let hash = &manifest.trace_hash;
            replay(scenario, seed, hash, kept, &chartmesh_scenarios::run, &mut watch)
        };
        match replayed.map_err(|error| Failure::new(Exit::Failed, error.to_string()))? {
            Replayed::Stopped => Err(Failure::new(Exit::Interrupted, "stopped with Ctrl-C")),
            Replayed::Same => {
                let answer = json!({"same": true, "stand_ins": manifest.stand_ins,
                    "trace_hash": manifest.trace_hash, "trace_rows": manifest.trace_rows});
                out.answer(&answer, |out| {
                    let (rows, hash) = (manifest.trace_rows, &manifest.trace_hash);
                    out.styled(format!("the same trace: {rows} rows, {hash}"), Style::Good);
                    if manifest.stand_ins {
                        out.line(show::WITH_STAND_INS);
                    }
                });
                Ok(())
            }
            Replayed::Differs(difference) => {
                differs(&out, &made, &difference);
                let text =
                    format!("another trace: {} then, {} now", manifest.trace_hash, difference.hash);
                Err(Failure::new(Exit::Differs, text))
            }
        }
    }
}

fn differs(out: &Output, made: &Made, difference: &Difference) {
    let names = made.names().unwrap_or_default();
    let words = |row: &ReadRow| format!("{}  {}", moment(row.at_us), InWords(row, &names));
    let parts = difference.parts.as_ref();
    let shown = |row: &Option<ReadRow>| row.as_ref().map(|row| (words(row), fields(row)));
    let answer = json!({"same": false, "stand_ins": made.manifest.stand_ins,
        "then": made.manifest.trace_hash, "now": difference.hash,
        "row": parts.map(|parts| parts.row),
        "row_then": parts.and_then(|parts| shown(&parts.then)).map(|(_, fields)| fields),
        "row_now": parts.and_then(|parts| shown(&parts.now)).map(|(_, fields)| fields)});
    out.answer(&answer, |out| {
        let Some(parts) = parts else {
            return out
                .line("where they part is not known: the folder has no trace of the earlier run");
        };
        out.styled(format!("the traces part at row {}", parts.row), Style::Bad);
        for row in &parts.before {
            out.line(format!("  both  {}", words(row)));
        }
        for (when, row) in [("then", &parts.then), ("now ", &parts.now)] {
            match shown(row) {
                Some((words, fields)) => {
                    out.line(format!("  {when}  {words}"));
                    out.styled(format!("        {fields}"), Style::Faint);
                }
                None => out.line(format!("  {when}  the trace had ended")),
            }
        }
    });
}

/// A row whole: two that read alike may differ in a byte.
fn fields(row: &ReadRow) -> serde_json::Value {
    json!({"at_us": row.at_us, "kind": row.kind, "party": row.party, "other": row.other,
        "what": row.what, "id": short_id(row.id), "patient": short_id(row.patient),
        "bytes": row.bytes, "end": row.end})
}

/// The rows of a trace, read as they are wanted.
fn rows(path: PathBuf) -> Receiver<ReadRow> {
    let (send, receive) = sync_channel(4096);
    std::thread::spawn(move || {
        // A trace that breaks off differs from one that does not, where it breaks off.
        let _ = read_trace(&path, &(0..=u64::MAX), |row| send.send(row).is_ok());
    });
    receive
}

//! What became of something in a run.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use chartmesh_scenarios::experiment::{Each, Follow, Target, Thread, Threads, moment};
use chartmesh_scenarios::output::{ReadRow, Timeline, format, read_trace};
use serde_json::json;

use super::program::{CALLED, with_stand_ins};
use super::progress::Watch;
use super::shell::{folder, quoted_path};
use super::show;
use super::subject::Made;
use crate::exit::{Exit, Failure, Outcome};
use crate::output::{Output, Style, faint, row};

/// Follow one message, one token, one patient or one party through a run
///
/// Tells in order what happened to it, what else concerned its parties meanwhile, and why it ended as
/// it did. Without WHAT it lists what can be followed, what did not end well first. A run whose folder
/// has no trace is run once more for it.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  chartmesh sim explain outage-7\n  chartmesh sim explain outage-7 1f09c4\n  chartmesh sim explain outage-7 clinic-2\n  chartmesh sim explain outage-7 --timeline outage-7.json"
)]
pub(crate) struct Args {
    /// The folder of a run, or its manifest
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// The first digits of the id of a message, request, token, object or patient; or a party's name
    #[arg(value_name = "WHAT")]
    what: Option<String>,
    /// Lines at most; the first and the last ones are shown
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    limit: u64,
    /// Write the whole trace into FILE as a timeline for ui.perfetto.dev (Trace Event Format)
    #[arg(long, value_name = "FILE", conflicts_with = "what")]
    timeline: Option<PathBuf>,
}

impl Args {
    pub(super) fn run(self, out: Output, stop: &AtomicBool) -> Outcome {
        let made = Made::read(&self.run)?;
        if made.manifest.stand_ins && !out.quiet {
            out.note(show::WITH_STAND_INS);
        }
        if let Some(file) = &self.timeline {
            return timeline(&out, &made, file, stop);
        }
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let Some(what) = &self.what else { return self.list(&out, &made, stop, limit) };
        let names = names(&out, &made, stop)?;
        let target = match names.iter().position(|name| name == what) {
            Some(party) => {
                Target::Party(u32::try_from(party).expect("parties are counted in 32 bits"))
            }
            None if what.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
                Target::Id(what.to_ascii_lowercase())
            }
            None => {
                let text = format!(
                    "`{what}` is neither a party of this run nor the first digits of an id"
                );
                return Err(Failure::usage(text).next(self.list_command()));
            }
        };
        let mut follow = Follow::new(target);
        each(&out, &made, stop, |row| follow.row(row))?;
        let told = follow.tell(&names).map_err(|error| {
            Failure::new(Exit::NotFound, error.to_string()).next(self.list_command())
        })?;
        out.answer(&json!(told), |out| {
            let left_out = told.lines.len().saturating_sub(limit);
            let (head, tail) =
                (limit / 2, told.lines.len() - (limit - limit / 2).min(told.lines.len()));
            for (number, line) in told.lines.iter().enumerate() {
                if left_out > 0 && number == head {
                    out.styled(format!("… {left_out} lines left out (--limit)"), Style::Faint);
                }
                if left_out > 0 && (head..tail).contains(&number) {
                    continue;
                }
                let (mark, style) =
                    if line.beside { ("·", Style::Faint) } else { (" ", Style::Plain) };
                out.styled(format!("{} {mark} {}", line.at, line.text), style);
            }
            out.line("");
            for sentence in &told.why {
                out.styled(sentence, Style::Strong);
            }
        });
        Ok(())
    }

    fn list_command(&self) -> String {
        format!("see what can be followed: {CALLED} explain {}", quoted_path(&self.run))
    }

    fn list(&self, out: &Output, made: &Made, stop: &AtomicBool, limit: usize) -> Outcome {
        let mut threads = Threads::default();
        each(out, made, stop, |row| threads.row(&row))?;
        let list = threads.list();
        let shown = &list[..list.len().min(limit)];
        out.answer(&json!(shown), |out| {
            let rows: Vec<_> = shown.iter().map(thread).collect();
            let heads = ["ID", "WHAT", "FROM", "TOOK", "ROWS", "END", "PATIENT"];
            out.table(&heads, &rows, "nothing in this trace can be followed");
            if shown.len() < list.len() {
                out.note(format!("{} of {}; see more with --limit", shown.len(), list.len()));
            }
        });
        Ok(())
    }
}

fn thread(thread: &Thread) -> Vec<crate::output::Cell> {
    let took = (thread.until_us - thread.from_us) as f64;
    row![
        thread.id.as_str(),
        thread.what.as_str(),
        moment(thread.from_us),
        format::span(took),
        thread.rows.to_string(),
        if thread.end.is_empty() { "–" } else { thread.end.as_str() },
        faint(thread.patient.clone().unwrap_or_default()),
    ]
}

/// Gives each row of a run's trace: of the file, or of the run once more.
fn each(out: &Output, made: &Made, stop: &AtomicBool, mut row: impl FnMut(ReadRow)) -> Outcome {
    if let Some(path) = made.trace() {
        let read = read_trace(&path, &(0..=u64::MAX), |read| {
            row(read);
            true
        });
        return read.map_err(|error| folder(&error));
    }
    made.repeats()?;
    with_stand_ins(made.manifest.stand_ins)?;
    let mut watch = Watch::new(*out, stop);
    let (scenario, seed) = (&made.manifest.scenario, made.manifest.seed);
    let outcome = chartmesh_scenarios::run(scenario, seed, &mut watch, &mut Each(row));
    let outcome = outcome.map_err(|error| Failure::new(Exit::Failed, error.to_string()))?;
    if outcome.stopped && !made.manifest.stopped {
        return Err(Failure::new(Exit::Interrupted, "stopped with Ctrl-C"));
    }
    Ok(())
}

fn timeline(out: &Output, made: &Made, file: &Path, stop: &AtomicBool) -> Outcome {
    if file.exists() {
        let text = format!("{} is there already", file.display());
        return Err(Failure::new(Exit::State, text).next("name a file that is not there yet"));
    }
    let names = names(out, made, stop)?;
    let scenario = &made.manifest.scenario.name;
    let mut timeline = Timeline::create(file, scenario, &names).map_err(|error| folder(&error))?;
    each(out, made, stop, |row| {
        // A disk that is full ends a run that is made once more, too.
        if !timeline.row(&row) {
            stop.store(true, Ordering::Relaxed);
        }
    })?;
    timeline.finish().map_err(|error| folder(&error))?;
    out.note(format!("wrote {}; open it at https://ui.perfetto.dev", file.display()));
    Ok(())
}

/// The parties' names: as they were kept with the trace, or of the run once more.
fn names(out: &Output, made: &Made, stop: &AtomicBool) -> Outcome<Vec<String>> {
    if let Some(names) = made.names().filter(|_| made.trace().is_some()) {
        return Ok(names);
    }
    made.repeats()?;
    with_stand_ins(made.manifest.stand_ins)?;
    // Of as little of it as gives the parties: they are there before time runs.
    let mut scenario = made.manifest.scenario.clone();
    scenario.duration = chartmesh_scenarios::scenario::Span::from_micros(1);
    let mut watch = Watch::new(*out, stop);
    let none = &mut chartmesh_scenarios::result::Unwatched;
    let outcome = chartmesh_scenarios::run(&scenario, made.manifest.seed, &mut watch, none);
    let outcome = outcome.map_err(|error| Failure::new(Exit::Failed, error.to_string()))?;
    Ok(outcome.parties.into_iter().map(|party| party.name).collect())
}

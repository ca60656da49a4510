//! The smallest scenario that still fails.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use chartmesh_scenarios::experiment::{ShrinkError, Shrinking, Shrunk, shrink};
use chartmesh_scenarios::output::format;
use chartmesh_scenarios::scenario::Change;
use serde_json::json;

use super::program::{STAND_INS, with_stand_ins};
use super::show;
use super::subject::{FileArgs, Made, again, is_made, refused};
use crate::exit::{Exit, Failure, Outcome};
use crate::output::{Output, Style};

/// Find the smallest scenario that still fails in the same way
///
/// Takes events, work, faults, dishonest parties, keys and parties out of a scenario that fails, and time
/// off it, for as long as the same checker finds something or the same expectation does not come. Writes
/// what is left, and says the one command that runs it. Ctrl-C, or the end of --for, leaves the smallest
/// so far.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  chartmesh sim shrink outage-7\n  chartmesh sim shrink outage.toml --seed 7 --out small.toml --for 10min"
)]
pub(crate) struct Args {
    /// The folder or manifest of a run that failed, or a scenario file
    #[arg(value_name = "RUN|FILE")]
    subject: PathBuf,
    /// Change a value of the scenario file
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = super::subject::change)]
    changes: Vec<Change>,
    /// The seed [default: the run's; 1 for a scenario file]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Where to write it, a new file [default: the scenario's name and -small.toml]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// For how long to search
    #[arg(long = "for", value_name = "TIME", value_parser = super::subject::real_time)]
    limit: Option<Duration>,
    /// Cheap stand-ins for signatures and ciphers
    #[arg(long)]
    fast: bool,
}

impl Args {
    pub(super) fn run(self, out: Output, stop: &AtomicBool) -> Outcome {
        let (scenario, seed, stand_ins) = if is_made(&self.subject) {
            let run = Made::read(&self.subject)?.manifest;
            run.scenario.check().map_err(|error| refused(&error))?;
            (run.scenario, self.seed.unwrap_or(run.seed), run.stand_ins || self.fast)
        } else {
            let file = FileArgs { file: self.subject.clone(), changes: self.changes.clone() };
            let fast = self.fast || STAND_INS;
            (file.scenario()?, self.seed.unwrap_or(1), fast)
        };
        with_stand_ins(stand_ins)?;
        let path = self.out.unwrap_or_else(|| format!("{}-small.toml", scenario.name).into());
        if path.exists() {
            let text = format!("{} is there already", path.display());
            return Err(Failure::new(Exit::State, text).next("name a new file with --out"));
        }
        let began = Instant::now();
        let bar = out.steps(0);
        let mut told = began;
        let mut go_on = |so_far: &Shrinking| {
            let Shrinking { tried, lines, duration } = so_far;
            let duration = String::from(*duration);
            let text = format!("{tried} runs; {lines} lines, {duration} so far");
            if out.tells_progress() && told.elapsed() > Duration::from_secs(10) {
                told = Instant::now();
                out.note(&text);
            }
            bar.set_message(text);
            let over = self.limit.is_some_and(|limit| began.elapsed() >= limit);
            !over && !stop.load(Ordering::Relaxed)
        };
        // A run that panics is one of those looked for, many times over: it says so once, at the end.
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(|_| {}));
        let shrunk = shrink(&scenario, seed, &chartmesh_scenarios::run, &mut go_on);
        std::panic::set_hook(hook);
        bar.finish_and_clear();
        let shrunk = shrunk.map_err(|error| match error {
            ShrinkError::Holds(_) => Failure::new(Exit::State, error.to_string()),
            ShrinkError::Stopped => Failure::new(Exit::Interrupted, error.to_string()),
            ShrinkError::Run(_) => Failure::new(Exit::Failed, error.to_string()),
        })?;
        let command = again(&path, &[], seed, stand_ins);
        std::fs::write(&path, file(&shrunk, &command))
            .map_err(|error| Failure::file("write", &path, &error))?;
        let answer = json!({"file": path, "command": command, "failing": shrunk.failing.to_string(),
            "runs": shrunk.tried, "minimal": shrunk.minimal, "stand_ins": stand_ins,
            "scenario": shrunk.scenario});
        out.answer(&answer, |out| {
            if stand_ins {
                out.styled(show::WITH_STAND_INS, Style::Waiting);
            }
            out.block(shrunk.file.trim_end());
            out.line("");
            let took = format::span((began.elapsed().as_secs_f64() * 1e6).round());
            let whether = if shrunk.minimal {
                "nothing more can be taken out"
            } else {
                "not searched to the end"
            };
            out.styled(format!("{}", shrunk.failing), Style::Bad);
            out.line(format!("{} runs in {took}; {whether}", shrunk.tried));
        });
        out.note(format!("wrote {}", path.display()));
        out.next(&command);
        if stop.load(Ordering::Relaxed) {
            return Err(Failure::new(
                Exit::Interrupted,
                "stopped with Ctrl-C; the smallest so far is written",
            ));
        }
        Ok(())
    }
}

fn file(shrunk: &Shrunk, command: &str) -> String {
    let Shrunk { file, failing, .. } = shrunk;
    format!("# The smallest scenario found in which {failing}:\n#\n#     {command}\n\n{file}")
}

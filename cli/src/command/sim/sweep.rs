//! A scenario at several values of its keys.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use chartmesh_scenarios::experiment::{Folders, sweep};
use chartmesh_scenarios::metric::Unit;
use chartmesh_scenarios::output::{SweepReport, format, write_sweep};
use chartmesh_scenarios::scenario::{Change, Scenario, Vary};
use chartmesh_scenarios::stats::{Interval, SweptFigure, is_main, side_by_side};
use serde_json::json;

use super::program::{CALLED, STAND_INS, with_stand_ins};
use super::progress::Sweeping;
use super::shell::{folder, quoted, quoted_path};
use super::show;
use super::subject::{FileArgs, again, refused};
use crate::exit::{Exit, Failure, Outcome};
use crate::output::{Cell, Output, Style, row};

/// Run a scenario at several values of its keys, each with the same seeds
///
/// Tries every combination of the values. Runs of equal seeds share what happens by lot, so differences
/// from the first combination are taken seed by seed. Runs that are in DIR already are not run again: a
/// sweep that was stopped goes on with the same command.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  chartmesh sim sweep loss.toml --vary providers.vault.count=1,2,3 \\\n    --seeds 30 --jobs 2\n  chartmesh sim sweep loss.toml        (what its [sweep] says)"
)]
pub(crate) struct Args {
    #[command(flatten)]
    file: FileArgs,
    /// A key and the values to try; can be given more than once [default: the file's [sweep]]
    #[arg(long, value_name = "KEY=A,B,C")]
    vary: Vec<Vary>,
    /// How many seeds
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    seeds: u64,
    /// The first seed
    #[arg(long, value_name = "N", default_value_t = 1)]
    first_seed: u64,
    /// Runs at a time [default: the processors of this machine]
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Where the runs are kept, with tables and a report [default: the scenario's name and -sweep]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Show every figure
    #[arg(long)]
    all: bool,
    /// Cheap stand-ins for signatures and ciphers, for very large runs
    #[arg(long)]
    fast: bool,
}

impl Args {
    pub(super) fn run(self, out: Output, stop: &AtomicBool) -> Outcome {
        with_stand_ins(self.fast || STAND_INS)?;
        let scenario = self.file.scenario()?;
        let varied = self.varied(&scenario);
        let points = self.points(&varied)?;
        let last = self.first_seed.checked_add(self.seeds - 1);
        let last = last.ok_or_else(|| Failure::usage("--first-seed is too large"))?;
        let seeds: Vec<u64> = (self.first_seed..=last).collect();
        let dir = self.out.clone().unwrap_or_else(|| format!("{}-sweep", scenario.name).into());
        let jobs = self.jobs.or_else(|| std::thread::available_parallelism().ok());
        let jobs = jobs.map_or(1, NonZeroUsize::get);
        let shelf = Folders::new(dir.join("runs"), STAND_INS);
        let runs: Vec<_> =
            points.iter().map(|point| (point.name.clone(), point.scenario.clone())).collect();
        let overseer = Sweeping::new(out, stop, runs.len() * seeds.len());
        let swept = sweep(&runs, &seeds, jobs, &shelf, &chartmesh_scenarios::run, &overseer);
        let found = overseer.end();
        let swept = swept.map_err(|error| {
            Failure::new(Exit::Failed, format!("cannot keep a run in {}: {error}", dir.display()))
        })?;
        let keys: Vec<_> = varied.iter().map(|vary| vary.key.as_str()).collect();
        let figures = side_by_side(&swept.points);
        let varied = keys.join(", ");
        let report = SweepReport {
            scenario: &scenario,
            varied: &varied,
            figures: &figures,
            drawn: figures.iter().filter(|figure| is_main(figure)).count(),
            failed: &swept.failed,
            runs: runs.len() * seeds.len(),
            stand_ins: STAND_INS,
            stopped: swept.stopped,
            again: &self.again(&dir),
        };
        write_sweep(&dir, &report, true).map_err(|error| folder(&error))?;
        let answer = json!({"figures": figures, "failed": swept.failed, "stopped": swept.stopped,
            "stand_ins": report.stand_ins, "dir": dir});
        out.answer(&answer, |out| {
            if report.stand_ins {
                out.styled(show::WITH_STAND_INS, Style::Waiting);
            }
            table(out, &figures, self.all, points.len() > 1);
            if self.seeds == 1 {
                out.styled(
                    "one seed says nothing about how much seeds differ: no intervals",
                    Style::Waiting,
                );
            }
        });
        if found > 0 {
            out.note(format!("{found} runs were there already"));
        }
        out.note(format!("wrote {0}; look at {0}/report.html", dir.display()));
        for (point, seed, why) in &swept.failed {
            let changes =
                points.iter().find(|known| known.name == *point).map_or(&[][..], |p| &p.changes);
            let command =
                again(&self.file.file, &[&self.file.changes, changes].concat(), *seed, self.fast);
            out.note(format!("failed: {why}: {command}"));
        }
        if swept.stopped {
            let text = "stopped with Ctrl-C; the figures are of the runs that ended";
            return Err(Failure::new(Exit::Interrupted, text).next("the same command goes on"));
        }
        if swept.failed.is_empty() {
            return Ok(());
        }
        let text = format!("{} of {} runs failed", swept.failed.len(), runs.len() * seeds.len());
        Err(Failure::new(Exit::NotHeld, text))
    }

    /// What is varied: by the command, else by the file.
    fn varied(&self, scenario: &Scenario) -> Vec<Vary> {
        if !self.vary.is_empty() {
            return self.vary.clone();
        }
        let varies = scenario.sweep.iter();
        varies.map(|(key, values)| Vary { key: key.clone(), values: values.clone() }).collect()
    }

    /// Every combination of the values; the first key's change slowest.
    fn points(&self, varied: &[Vary]) -> Outcome<Vec<Point>> {
        let document = self.file.document()?;
        let mut combinations: Vec<Vec<Change>> = vec![Vec::new()];
        for vary in varied {
            combinations = combinations
                .into_iter()
                .flat_map(|so_far| {
                    vary.changes().map(move |change| [&so_far[..], &[change]].concat())
                })
                .collect();
        }
        let point = |changes: Vec<Change>| {
            let all = [&self.file.changes[..], &changes].concat();
            let scenario = document.with(&all).map_err(|error| refused(&error))?;
            let said = changes.iter().map(|Change { key, value }| {
                let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                format!("{key}={value}")
            });
            Ok(Point { name: said.collect::<Vec<_>>().join(", "), scenario, changes })
        };
        combinations.into_iter().map(point).collect()
    }

    /// The command that makes it again.
    fn again(&self, dir: &std::path::Path) -> String {
        let mut command = format!("{CALLED} sweep {}", quoted_path(&self.file.file));
        let text =
            |value: &toml::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        for Change { key, value } in &self.file.changes {
            command += &format!(" --set {}", quoted(&format!("{key}={}", text(value))));
        }
        for Vary { key, values } in &self.vary {
            let values: Vec<_> = values.iter().map(text).collect();
            command += &format!(" --vary {}", quoted(&format!("{key}={}", values.join(","))));
        }
        command += &format!(" --seeds {} --first-seed {}", self.seeds, self.first_seed);
        if self.fast && !STAND_INS {
            command += " --fast";
        }
        format!("{command} --out {}", quoted_path(dir))
    }
}

/// A combination of values.
struct Point {
    name: String,
    scenario: Scenario,
    changes: Vec<Change>,
}

/// Figures by point, with differences from the first if there are several.
pub(super) fn table(out: &Output, figures: &[SweptFigure], all: bool, several: bool) {
    let shown = figures.iter().filter(|figure| all || is_main(figure));
    let rows: Vec<Vec<Cell>> = shown
        .flat_map(|figure| figure.points.iter().map(move |point| (figure, point)))
        .map(|(figure, at)| {
            let least = if at.at_least > 0 { "≥ " } else { "" };
            let mean = format!("{least}{}", interval(figure.unit, &at.mean));
            let difference = at.difference.as_ref().map_or(Cell::from(""), |difference| {
                let style = if difference.excludes_zero() { Style::Strong } else { Style::Plain };
                Cell::new(interval(figure.unit, difference), style)
            });
            let point = at.point.as_str();
            row![figure.name.as_str(), point, mean, at.mean.seeds.to_string(), difference]
        })
        .collect();
    let heads = ["FIGURE", "POINT", "MEAN [95 %]", "SEEDS", "DIFFERENCE [95 %]"];
    let width = if several { 5 } else { 4 };
    let rows: Vec<Vec<Cell>> =
        rows.into_iter().map(|row| row.into_iter().take(width).collect()).collect();
    out.table(&heads[..width], &rows, "nothing was measured");
}

/// A value with its interval.
fn interval(unit: Unit, interval: &Interval) -> String {
    let value = format::value(unit, interval.value);
    match (interval.low, interval.high) {
        (Some(low), Some(high)) => {
            format!("{value} [{} – {}]", format::value(unit, low), format::value(unit, high))
        }
        _ => value,
    }
}

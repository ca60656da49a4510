//! Two runs, or two sets of runs, side by side.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use chartmesh_scenarios::output::{
    Comparison, Manifest, RunRead, Tiers, write_comparison, write_tiers,
};
use chartmesh_scenarios::stats::{BySeed, side_by_side};
use serde_json::{Value, json};

use super::program::CALLED;
use super::shell::{folder, quoted_path};
use super::subject::{all_made, figures};
use super::{show, sweep};
use crate::exit::{Exit, Failure, Outcome};
use crate::output::{Output, Style, counted};

/// Compare two runs, or two folders of runs, seed by seed
///
/// Each of A and B is a run's folder, a manifest, or a folder with many runs, such as the same sweep made
/// by two versions. Runs of the same scenario are paired by their seeds; where the scenarios differ, it
/// says in which keys. Differences are B minus A.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  chartmesh sim compare outage-7 outage-7-two-replicas\n  chartmesh sim compare before/runs after/runs\n  chartmesh sim compare core-1 stack-1 --out calibration\n  chartmesh sim compare core-1 stack-1 process-1 --out tiers"
)]
pub(crate) struct Args {
    /// A run, or a folder of runs
    #[arg(value_name = "A")]
    a: PathBuf,
    /// The other one
    #[arg(value_name = "B")]
    b: PathBuf,
    /// More runs for the page of --out, each of another tier; the screen shows A and B
    #[arg(value_name = "C", requires = "out")]
    more: Vec<PathBuf>,
    /// Show every figure
    #[arg(long)]
    all: bool,
    /// Write a page with them side by side into DIR; A and B are one run each
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl Args {
    pub(super) fn run(self, out: Output) -> Outcome {
        let (a, b) = (all_made(&self.a)?, all_made(&self.b)?);
        let pairs = pairs(&a, &b);
        if pairs.is_empty() {
            let text = format!("no seed of {} is in {}, too", self.a.display(), self.b.display());
            return Err(Failure::new(Exit::State, text)
                .next("compare runs that were made with the same seeds"));
        }
        let names = sides(&self.a, &self.b);
        if let Some(dir) = &self.out {
            self.lay(dir)?;
            out.note(format!("wrote {0}; look at {0}/report.html", dir.display()));
        }
        let mut answers = Vec::new();
        for pair in &pairs {
            let points = [(names.0.clone(), pair.a.clone()), (names.1.clone(), pair.b.clone())];
            let found = side_by_side(&points);
            answers.push(
                json!({"scenario": pair.scenario, "seeds": pair.seeds, "differ": pair.differ,
                "same_traces": pair.same_traces, "stand_ins": pair.stand_ins, "figures": found}),
            );
            if out.json {
                continue;
            }
            out.styled(
                format!("{}, {}", pair.scenario, counted(pair.seeds, "seed", "seeds")),
                Style::Strong,
            );
            for key in &pair.differ {
                out.line(format!("  {key}"));
            }
            if pair.stand_ins > 0 {
                let many = counted(pair.stand_ins, "run", "runs");
                out.styled(format!("{many} {}", show::WITH_STAND_INS), Style::Waiting);
            }
            out.line(format!("the same trace in {} of {}", pair.same_traces, pair.seeds));
            sweep::table(&out, &found, self.all, true);
            if pair.seeds == 1 {
                out.styled(
                    "one seed says nothing about how much seeds differ: no intervals",
                    Style::Waiting,
                );
            }
            out.line("");
        }
        if out.json {
            out.json(&Value::Array(answers));
        }
        Ok(())
    }
}

impl Args {
    /// Writes the page: of two tiers how far they agree, of two runs of one tier what differs.
    fn lay(&self, dir: &Path) -> Outcome {
        let paths: Vec<&Path> =
            [&self.a, &self.b].into_iter().chain(&self.more).map(PathBuf::as_path).collect();
        let runs: Result<Vec<_>, _> = paths.iter().map(|path| RunRead::read(path)).collect();
        let runs = runs.map_err(|error| folder(&error))?;
        let quoted: Vec<String> = paths.iter().map(|path| quoted_path(path)).collect();
        let again = format!("{CALLED} compare {} --out {}", quoted.join(" "), quoted_path(dir));
        let tiers: Vec<String> = runs.iter().map(|run| run.manifest.tier.clone()).collect();
        let different = tiers.iter().collect::<BTreeSet<_>>().len();
        let written = match &runs[..] {
            [a_run, b_run] if different == 1 => {
                let (a, b) = sides(&self.a, &self.b);
                let names = [a.as_str(), b.as_str()];
                let runs = [a_run, b_run];
                let comparison = Comparison { names, runs, paired: &[], again: &again };
                write_comparison(dir, &comparison, false)
            }
            _ if different == runs.len() => {
                // The one that models least comes last: the others are measured against it.
                let mut runs = runs;
                runs.sort_by_key(|run| {
                    ["core", "stack", "process"].iter().position(|tier| *tier == run.manifest.tier)
                });
                let names: Vec<String> = runs.iter().map(|run| run.manifest.tier.clone()).collect();
                write_tiers(dir, &Tiers { names: &names, runs: &runs, again: &again }, false)
            }
            _ => {
                let text = format!(
                    "more than two runs are compared by their tiers, and these are of {}",
                    tiers.join(", ")
                );
                return Err(Failure::new(Exit::Usage, text));
            }
        };
        written.map(drop).map_err(|error| folder(&error))
    }
}

/// Runs of one scenario on both sides, by seed.
struct Pair {
    scenario: String,
    seeds: usize,
    /// Keys that differ, with both values.
    differ: Vec<String>,
    same_traces: usize,
    stand_ins: usize,
    a: BySeed,
    b: BySeed,
}

fn pairs(a: &[Manifest], b: &[Manifest]) -> Vec<Pair> {
    let (a, b) = (by_scenario(a), by_scenario(b));
    // The same scenarios with each other; what is left if it is one on each side, two variants of one question.
    let mut matched: Vec<(&Vec<&Manifest>, &Vec<&Manifest>)> =
        a.iter().filter_map(|(key, a)| Some((a, b.get(key)?))).collect();
    if let ([one], [other]) =
        (&a.values().collect::<Vec<_>>()[..], &b.values().collect::<Vec<_>>()[..])
        && matched.is_empty()
    {
        matched.push((one, other));
    }
    matched.into_iter().filter_map(|(a, b)| pair(a, b)).collect()
}

fn by_scenario(runs: &[Manifest]) -> BTreeMap<String, Vec<&Manifest>> {
    let mut by_scenario = BTreeMap::<String, Vec<&Manifest>>::new();
    for run in runs {
        by_scenario.entry(run.scenario.to_toml()).or_default().push(run);
    }
    by_scenario
}

fn pair(a: &[&Manifest], b: &[&Manifest]) -> Option<Pair> {
    let both: Vec<(&Manifest, &Manifest)> =
        a.iter().filter_map(|a| Some((*a, *b.iter().find(|b| b.seed == a.seed)?))).collect();
    let (first, other) = both.first()?;
    let of = |run: &Manifest| (run.seed, figures(run));
    let differ = differ(first, other);
    Some(Pair {
        scenario: first.scenario.name.clone(),
        seeds: both.len(),
        differ,
        same_traces: both.iter().filter(|(a, b)| a.trace_hash == b.trace_hash).count(),
        stand_ins: both.iter().flat_map(|(a, b)| [a, b]).filter(|run| run.stand_ins).count(),
        a: both.iter().map(|(a, _)| of(a)).collect(),
        b: both.iter().map(|(_, b)| of(b)).collect(),
    })
}

/// What two runs were made from that differs: keys of the scenario, and the version.
fn differ(a: &Manifest, b: &Manifest) -> Vec<String> {
    fn look(path: &str, a: &Value, b: &Value, found: &mut Vec<String>) {
        let join =
            |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
        match (a, b) {
            _ if a == b => {}
            (Value::Object(a), Value::Object(b)) => {
                let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
                for key in keys {
                    let null = &Value::Null;
                    look(&join(key), a.get(key).unwrap_or(null), b.get(key).unwrap_or(null), found);
                }
            }
            (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
                for (at, (a, b)) in a.iter().zip(b).enumerate() {
                    let id = a["id"].as_str().map_or_else(|| (at + 1).to_string(), str::to_owned);
                    look(&join(&id), a, b, found);
                }
            }
            (Value::Array(a), Value::Array(b)) => {
                found.push(format!("{path}: {} entries in A, {} in B", a.len(), b.len()));
            }
            _ => {
                let said = |value: &Value| match value {
                    Value::Null => "not there".to_owned(),
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                };
                found.push(format!("{path}: {} in A, {} in B", said(a), said(b)));
            }
        }
    }
    let mut found = Vec::new();
    if a.version != b.version {
        found.push(format!("version: {} in A, {} in B", a.version, b.version));
    }
    if a.tier != b.tier {
        found.push(format!("tier: {} in A, {} in B", a.tier, b.tier));
    }
    let value = |run: &Manifest| serde_json::to_value(&run.scenario).expect("a scenario is JSON");
    look("", &value(a), &value(b), &mut found);
    found
}

/// What the two sides are called: their folders' names where those differ.
fn sides(a: &Path, b: &Path) -> (String, String) {
    let name = |path: &Path| path.display().to_string();
    if a == b {
        ("A".into(), "B".into())
    } else {
        (format!("A {}", name(a)), format!("B {}", name(b)))
    }
}

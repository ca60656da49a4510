//! A scenario file on whole nodes, or on both tiers.
//!
//! `cargo run --release --bin run -- FILE --seed N --out DIR [--tier stack|core|both]`: the folder is like that of
//! `chartmesh sim run`. `--tier both` runs both, into `DIR/core` and `DIR/stack`, and lays them side by side in
//! `DIR/report.html`, as `chartmesh sim compare` does.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use chartmesh_scenarios::output::{Formats, Leave, RunFolder, RunRead, Tiers, write_tiers};
use chartmesh_scenarios::result::{Progress, Watcher};
use chartmesh_stack::tier;

/// What was asked for.
struct Asked {
    file: PathBuf,
    seed: u64,
    out: PathBuf,
    tier: Tier,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Tier {
    Stack,
    Core,
    Both,
}

fn main() -> ExitCode {
    match asked(std::env::args().skip(1)).and_then(|asked| run(&asked)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn asked(mut words: impl Iterator<Item = String>) -> Result<Asked, String> {
    let usage = "run FILE --seed N --out DIR [--tier stack|core|both]";
    let (mut file, mut seed, mut out, mut tier) = (None, 1, None, Tier::Stack);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{word} what? {usage}"));
        match word.as_str() {
            "--seed" => seed = value()?.parse().map_err(|_| "a seed is a number".to_owned())?,
            "--out" => out = Some(PathBuf::from(value()?)),
            "--tier" => {
                tier = match value()?.as_str() {
                    "stack" => Tier::Stack,
                    "core" => Tier::Core,
                    "both" => Tier::Both,
                    other => return Err(format!("no tier `{other}`: stack, core, both")),
                }
            }
            _ => file = Some(PathBuf::from(word)),
        }
    }
    let (file, out) = file.zip(out).ok_or(usage)?;
    Ok(Asked { file, seed, out, tier })
}

fn run(asked: &Asked) -> Result<(), String> {
    if asked.tier != Tier::Both {
        return run_one(asked, asked.tier, &asked.out);
    }
    let dirs = [asked.out.join("core"), asked.out.join("stack")];
    run_one(asked, Tier::Core, &dirs[0])?;
    run_one(asked, Tier::Stack, &dirs[1])?;
    let read = |dir: &PathBuf| RunRead::read(dir).map_err(|error| error.to_string());
    let runs = [read(&dirs[0])?, read(&dirs[1])?];
    let names = runs.each_ref().map(|run| run.manifest.tier.clone());
    let again = &again(asked, "both", &asked.out);
    let written = write_tiers(&asked.out, &Tiers { names: &names, runs: &runs, again }, false);
    written.map_err(|error| error.to_string())?;
    println!("look at {}", asked.out.join("report.html").display());
    Ok(())
}

fn run_one(asked: &Asked, tier: Tier, out: &Path) -> Result<(), String> {
    let said = |error: &dyn std::fmt::Display| error.to_string();
    let scenario = chartmesh_scenarios::scenario::load(&asked.file).map_err(|e| said(&e))?;
    let leave =
        Leave { trace: Formats { csv: false, parquet: true }, png: false, ..Leave::default() };
    let mut folder = RunFolder::begin(out, leave).map_err(|e| said(&e))?;
    let mut watch = Hours(0);
    let outcome = if tier == Tier::Core {
        chartmesh_scenarios::run(&scenario, asked.seed, &mut watch, &mut folder)
            .map_err(|e| said(&e))?
    } else {
        tier::run(&scenario, asked.seed, &mut watch, &mut folder).map_err(|e| said(&e))?
    };
    folder.finish(&outcome, &again(asked, outcome.tier, out)).map_err(|e| said(&e))?;
    println!("{}: {} in {:.0} s", out.display(), outcome.trace_hash, outcome.cost.wall_s);
    Ok(())
}

/// The command that does it again.
fn again(asked: &Asked, tier: &str, out: &Path) -> String {
    let (file, seed, out) = (asked.file.display(), asked.seed, out.display());
    format!("cargo run --release --bin run -- {file} --seed {seed} --out {out} --tier {tier}")
}

/// Says each hour.
struct Hours(u64);

impl Watcher for Hours {
    fn progress(&mut self, progress: &Progress) -> bool {
        let hour = progress.simulated_us / 3_600_000_000;
        if hour > self.0 {
            self.0 = hour;
            eprintln!("{hour} h simulated in {:.0} s", progress.wall_s);
        }
        true
    }
}

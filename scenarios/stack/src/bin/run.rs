//! A scenario file on whole nodes.
//!
//! `cargo run --release --bin run -- FILE --seed N --out DIR [--tier stack|core]`: the folder is like that of `chartmesh
//! sim run`, so that `chartmesh sim compare` lays both side by side. `--tier core` runs the other tier of this build.

use std::path::PathBuf;
use std::process::ExitCode;

use chartmesh_scenarios::output::{Formats, Leave, RunFolder};
use chartmesh_scenarios::result::{Progress, Watcher};
use chartmesh_stack::tier;

/// What was asked for.
struct Asked {
    file: PathBuf,
    seed: u64,
    out: PathBuf,
    core: bool,
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
    let usage = "run FILE --seed N --out DIR [--tier stack|core]";
    let (mut file, mut seed, mut out, mut core) = (None, 1, None, false);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{word} what? {usage}"));
        match word.as_str() {
            "--seed" => seed = value()?.parse().map_err(|_| "a seed is a number".to_owned())?,
            "--out" => out = Some(PathBuf::from(value()?)),
            "--tier" => {
                core = match value()?.as_str() {
                    "core" => true,
                    "stack" => false,
                    other => return Err(format!("no tier `{other}`: stack, core")),
                }
            }
            _ => file = Some(PathBuf::from(word)),
        }
    }
    let (file, out) = file.zip(out).ok_or(usage)?;
    Ok(Asked { file, seed, out, core })
}

fn run(asked: &Asked) -> Result<(), String> {
    let said = |error: &dyn std::fmt::Display| error.to_string();
    let scenario = chartmesh_scenarios::scenario::load(&asked.file).map_err(|e| said(&e))?;
    let leave =
        Leave { trace: Formats { csv: false, parquet: true }, png: false, ..Leave::default() };
    let mut folder = RunFolder::begin(&asked.out, leave).map_err(|e| said(&e))?;
    let mut watch = Hours(0);
    let outcome = if asked.core {
        chartmesh_scenarios::run(&scenario, asked.seed, &mut watch, &mut folder)
            .map_err(|e| said(&e))?
    } else {
        tier::run(&scenario, asked.seed, &mut watch, &mut folder).map_err(|e| said(&e))?
    };
    let (file, seed, out) = (asked.file.display(), asked.seed, asked.out.display());
    let tier = outcome.tier;
    let again =
        format!("cargo run --release --bin run -- {file} --seed {seed} --out {out} --tier {tier}");
    folder.finish(&outcome, &again).map_err(|e| said(&e))?;
    println!("{out}: {} in {:.0} s", outcome.trace_hash, outcome.cost.wall_s);
    Ok(())
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

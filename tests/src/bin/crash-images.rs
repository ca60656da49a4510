//! `scripts/crash-images`: looks at many images that power cuts could leave of a region's stores, or
//! at one of them again.

use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context as _, bail};
use chartmesh_tests::images::{CUTS_MAX, Campaign, Fate, ImageId, Tally, replay};

/// A night's work.
const IMAGES: u64 = 1_000_000;
const USAGE: &str = "scripts/crash-images [COUNT] [--seed N] [--threads N], or --replay IMAGE";

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error:#}; usage: {USAGE}");
            ExitCode::from(2)
        }
    }
}

/// Whether all images were as they should be.
fn run() -> anyhow::Result<bool> {
    let mut campaign = Campaign { images: IMAGES, seed: 1, threads: 2 };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().with_context(|| format!("{word} needs a value"));
        match word.as_str() {
            "--replay" => return again(value()?.parse()?),
            "--seed" => campaign.seed = number(&value()?)?,
            "--threads" => campaign.threads = number(&value()?)?,
            option if option.starts_with('-') => bail!("there is no option {option}"),
            count => campaign.images = number(count)?,
        }
    }
    let begun = Instant::now();
    let tally = campaign.run(|seen, of| eprintln!("{seen} of {of} images"));
    print!("{}", report(&tally, begun.elapsed().as_secs_f64(), cpu_seconds()));
    Ok(tally.failures.is_empty())
}

fn number(text: &str) -> anyhow::Result<u64> {
    text.replace('_', "").parse().with_context(|| format!("{text} is no number"))
}

fn again(id: ImageId) -> anyhow::Result<bool> {
    let seen = replay(id).with_context(|| format!("there is no image {id}"))?;
    let fates: Vec<_> = seen.fates.iter().map(|fate| fate.name()).collect();
    match &seen.fault {
        Some(fault) => println!("{id} ({}) {fault}", fates.join(", then ")),
        None => println!("{id} ({}) is as it should be", fates.join(", then ")),
    }
    Ok(seen.fault.is_none())
}

fn report(tally: &Tally, seconds: f64, cpu: Option<f64>) -> String {
    let mut out = String::new();
    let mut line = |text: String| writeln!(out, "{text}").expect("a string takes everything");
    line(format!(
        "{} stores, {} transactions, {} operations of their disks",
        tally.stores, tally.commits, tally.operations
    ));
    line(format!(
        "{:<16}{:>12}{:>12}{:>12}{:>12}{:>12}",
        "not synced:", "dropped", "kept", "partly kept", "torn", "together"
    ));
    for cuts in 1..=CUTS_MAX {
        let kinds = Fate::ALL.map(|fate| tally.images.get(&(cuts, fate)).copied().unwrap_or(0));
        let kinds: String = kinds.iter().map(|count| format!("{count:>12}")).collect();
        let cut = ["first cut", "second cut", "third cut"][cuts - 1];
        line(format!("{cut:<16}{kinds}{:>12}", tally.after_cuts(cuts)));
    }
    line(format!("{} of them were lived on by their peer", tally.lived_on));
    let rate = match cpu {
        Some(cpu) => format!(", {:.0} per CPU second", tally.total() as f64 / cpu),
        None => String::new(),
    };
    line(format!("{} images in {seconds:.0} s{rate}", tally.total()));
    for (id, fault) in &tally.failures {
        line(format!("FAILED: the image {id} {fault}\n  scripts/crash-images --replay {id}"));
    }
    if tally.failures.is_empty() {
        line("Each opened, with nothing lost that was acknowledged and nothing half done.".into());
    }
    out
}

/// Processor time of this process.
fn cpu_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // Fields 14 and 15, in ticks of 10 ms; the name before them may contain spaces.
    let after = stat.rsplit_once(')')?.1;
    let ticks: u64 = after
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|ticks| ticks.parse::<u64>().ok())
        .sum();
    Some(ticks as f64 / 100.0)
}

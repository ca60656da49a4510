//! The runs of a sweep on disk, a folder each, so that a sweep that was broken off goes on.

use super::sweep::{Job, RunResult, Shelf};
use crate::output::{Formats, Leave, Manifest, RunFolder, Version};
use crate::result::Outcome;
use std::io;
use std::path::PathBuf;

/// A folder with one folder for each point, and in it one for each seed, which holds the run's manifest.
#[derive(Debug, Clone)]
pub struct Folders {
    dir: PathBuf,
    stand_ins: bool,
}

/// Letters of a folder's name that are the point's own.
const LETTERS: usize = 60;

impl Folders {
    /// In this folder; whether signatures and ciphers are stand-ins.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>, stand_ins: bool) -> Self {
        Self { dir: dir.into(), stand_ins }
    }

    /// Where a run is kept.
    #[must_use]
    pub fn path(&self, job: &Job<'_>) -> PathBuf {
        self.dir.join(folder_name(job.point)).join(format!("seed-{}", job.seed))
    }
}

impl Shelf for Folders {
    fn find(&self, job: &Job<'_>) -> Option<RunResult> {
        let manifest = Manifest::read(&self.path(job)).ok()?;
        let same = manifest.seed == job.seed
            && manifest.scenario == *job.scenario
            && manifest.version == Version::this()
            && manifest.tier == "core"
            && manifest.stand_ins == self.stand_ins
            && !manifest.stopped;
        same.then(|| RunResult { failing: manifest.failing(), figures: manifest.figures })
    }

    fn put(&self, job: &Job<'_>, outcome: &Outcome) -> io::Result<()> {
        let none = Formats { csv: false, parquet: false };
        // Whoever wants one run's tables and trace runs it again from its manifest.
        let leave = Leave { tables: none, trace: none, report: false, png: false };
        let written = RunFolder::begin(&self.path(job), leave);
        let written = written.and_then(|folder| folder.finish(outcome, ""));
        written.map(drop).map_err(io::Error::other)
    }
}

/// A name that every file system takes: the point's own where that is one.
fn folder_name(point: &str) -> String {
    if point.is_empty() {
        return "as-written".to_owned();
    }
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.,=".contains(c) { c } else { '_' };
    let name: String = point.chars().take(LETTERS).map(plain).collect();
    if name == point {
        name
    } else {
        format!("{name}-{}", &blake3::hash(point.as_bytes()).to_hex()[..8])
    }
}

#[cfg(test)]
mod tests {
    use super::super::fake;
    use super::*;
    use crate::result::Unwatched;

    fn job(scenario: &crate::scenario::Scenario) -> Job<'_> {
        Job { point: "policy.replicas=2", scenario, seed: 3 }
    }

    #[test]
    fn a_run_is_found_again_only_if_it_is_the_very_same() {
        let dir = tempfile::tempdir().unwrap();
        let folders = Folders::new(dir.path(), false);
        let mut scenario = fake::smallest();
        let run = |scenario: &_| fake::run(scenario, 3, &mut Unwatched, &mut Unwatched);
        let mut outcome = run(&scenario).unwrap();
        outcome.violations.push(fake::violation("quotas-hold", 5));
        folders.put(&job(&scenario), &outcome).unwrap();
        assert_eq!(folders.find(&job(&scenario)), Some(RunResult::of(&outcome)));
        assert_eq!(folders.find(&Job { seed: 4, ..job(&scenario) }), None);
        assert_eq!(Folders::new(dir.path(), true).find(&job(&scenario)), None);
        scenario.policy.replicas = 2;
        assert_eq!(folders.find(&job(&scenario)), None, "another scenario");
        outcome.scenario = scenario.clone();
        outcome.stopped = true;
        folders.put(&job(&scenario), &outcome).unwrap();
        assert_eq!(folders.find(&job(&scenario)), None, "half a run is none");
    }

    #[test]
    fn points_have_folders_of_their_own_whatever_stands_in_them() {
        assert_eq!(folder_name(""), "as-written");
        assert_eq!(folder_name("policy.replicas=2"), "policy.replicas=2");
        let (one, other) = (folder_name("a.b=\"../x\""), folder_name("a.b=\"../y\""));
        assert!(one != other && !one.contains('/'), "{one} {other}");
        assert!(folder_name(&"x".repeat(500)).len() < 80);
    }
}

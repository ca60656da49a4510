//! What a command is about: a scenario file with changes, or a run that was made.

use std::path::{Path, PathBuf};
use std::time::Duration;

use chartmesh_scenarios::output::{MANIFEST, Manifest};
use chartmesh_scenarios::scenario::{Change, Document, LoadError, Scenario, Span, Vary};
use chartmesh_scenarios::stats::Figures;

use super::program::{CALLED, STAND_INS};
use super::shell::{folder, quoted, quoted_path};
use crate::exit::{Exit, Failure, Outcome};

/// A scenario file, and how it is changed.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct FileArgs {
    /// The scenario, a TOML file
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
    /// Change a value of it, such as `providers.vault.count=3`; can be given more than once
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = change)]
    pub(super) changes: Vec<Change>,
}

impl FileArgs {
    pub(super) fn document(&self) -> Outcome<Document> {
        let there = std::fs::metadata(&self.file);
        there.map_err(|error| Failure::file("read", &self.file, &error))?;
        Document::read(&self.file).map_err(|error| refused(&error))
    }

    pub(super) fn scenario(&self) -> Outcome<Scenario> {
        let document = self.document()?;
        if self.changes.is_empty() { document.scenario() } else { document.with(&self.changes) }
            .map_err(|error| refused(&error))
    }

    /// The command that runs it with a seed.
    pub(super) fn again(&self, seed: u64, fast: bool) -> String {
        again(&self.file, &self.changes, seed, fast)
    }
}

/// The command that runs a file with changes and a seed.
pub(super) fn again(file: &Path, changes: &[Change], seed: u64, fast: bool) -> String {
    let mut command = format!("{CALLED} run {} --seed {seed}", quoted_path(file));
    for Change { key, value } in changes {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        command += &format!(" --set {}", quoted(&format!("{key}={value}")));
    }
    if fast && !STAND_INS {
        command += " --fast";
    }
    command
}

/// Reads `key=value`.
pub(super) fn change(text: &str) -> Result<Change, String> {
    let vary: Vary =
        text.parse().map_err(|_| "write a key and its value, such as providers.vault.count=3")?;
    let mut changes = vary.changes();
    match (changes.next(), changes.next()) {
        (Some(change), None) => Ok(change),
        _ => Err("one value for a key; `chartmesh sim sweep --vary` tries several".to_owned()),
    }
}

/// Reads how long a person wants to wait: `90s`, `10min`.
pub(super) fn real_time(text: &str) -> Result<Duration, String> {
    let span = Span::try_from(text.to_owned()).map_err(|error| error.to_string())?;
    Ok(Duration::from_micros(span.micros()))
}

/// A scenario that is not taken. Its text has file, line and what is allowed.
pub(super) fn refused(error: &LoadError) -> Failure {
    Failure::usage(error.to_string())
}

/// A run that was made: its folder, or its manifest alone.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) manifest: Manifest,
    /// The folder.
    pub(super) dir: PathBuf,
}

impl Made {
    pub(super) fn read(path: &Path) -> Outcome<Self> {
        let whole = std::fs::metadata(path).map_err(|e| Failure::file("read", path, &e))?;
        let dir = if whole.is_dir() { path } else { path.parent().unwrap_or(Path::new("")) };
        if whole.is_dir() && !path.join(MANIFEST).exists() {
            let text = format!(
                "{} is not the folder of a whole run: it has no {MANIFEST}",
                path.display()
            );
            return Err(Failure::new(Exit::NotFound, text)
                .next(format!("name what `{CALLED} run --out` wrote, or run it again")));
        }
        let manifest = Manifest::read(path).map_err(|error| folder(&error))?;
        Ok(Self { manifest, dir: dir.to_owned() })
    }

    /// Refuses where it is to be run again, and real processes ran it.
    pub(super) fn repeats(&self) -> Outcome {
        if self.manifest.tier == "core" {
            return Ok(());
        }
        let text = format!(
            "this run was made by the tier `{}`; what this repeats is the tier `core`",
            self.manifest.tier
        );
        Err(Failure::new(Exit::State, text).next(format!("run its scenario with `{CALLED} run`")))
    }

    /// Its trace, if it was kept.
    pub(super) fn trace(&self) -> Option<PathBuf> {
        Some(self.dir.join("trace.parquet")).filter(|path| path.exists())
    }

    /// The parties' names, by number, if they were kept.
    pub(super) fn names(&self) -> Option<Vec<String>> {
        let text = std::fs::read_to_string(self.dir.join("parties.csv")).ok()?;
        // Ids are letters, digits and `-`: no field before the name needs quotes.
        text.lines().skip(1).map(|line| line.split(',').nth(1).map(str::to_owned)).collect()
    }
}

/// Whether a path names a run that was made rather than a scenario file.
pub(super) fn is_made(path: &Path) -> bool {
    path.is_dir() || path.extension().is_some_and(|extension| extension == "json")
}

/// All runs below a folder, or the one that a path names.
pub(super) fn all_made(path: &Path) -> Outcome<Vec<Manifest>> {
    if !path.is_dir() || path.join(MANIFEST).exists() {
        return Ok(vec![Made::read(path)?.manifest]);
    }
    let mut found = Vec::new();
    let mut dirs = vec![path.to_owned()];
    while let Some(dir) = dirs.pop() {
        let entries = std::fs::read_dir(&dir).map_err(|e| Failure::file("read", &dir, &e))?;
        let mut below: Vec<PathBuf> = entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.is_dir())
            .collect();
        below.sort();
        for dir in below {
            if dir.join(MANIFEST).exists() {
                found.push(Manifest::read(&dir).map_err(|error| folder(&error))?);
            } else {
                dirs.push(dir);
            }
        }
    }
    if found.is_empty() {
        let text =
            format!("there is no run in {}: no folder below it has a {MANIFEST}", path.display());
        return Err(Failure::new(Exit::NotFound, text));
    }
    Ok(found)
}

/// The figures of a manifest.
pub(super) fn figures(manifest: &Manifest) -> Figures {
    manifest.figures.clone()
}

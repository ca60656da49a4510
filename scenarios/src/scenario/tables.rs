//! CSV files beside a scenario: columns of lengths and of times, matrices of latencies. What they hold is
//! put into the scenario, which needs no file afterwards.

use super::node::{Node, Shown, Step, read_bounded};
use super::problem::{LoadError, Problems, allowed};
use super::topology::{FromFile, Link, LinkMatrix, Machine, Spread};
use super::units::Span;
use super::{Distribution, Scenario, limits};
use std::collections::BTreeMap;
use std::path::Path;

use Step::{Index, Key};

/// Loads every file that the scenario names and that is not in it yet.
///
/// # Errors
/// [`LoadError`] with the line of the CSV file; what is wrong with the scenario's own keys goes to `problems`.
pub(super) fn fill(
    scenario: &mut Scenario,
    root: &Node,
    base_dir: &Path,
    problems: &mut Problems,
) -> Result<(), LoadError> {
    let mut files = Files { root, base_dir, problems };
    for (path, spread) in spreads(scenario) {
        if let Spread::From(FromFile { csv, column, unit, values_ms }) = spread
            && values_ms.is_empty()
        {
            let millis = unit.millis();
            let values = files.column(&path, csv, column, limits::MILLISECONDS / millis)?;
            *values_ms = values.into_iter().map(|value| value * millis).collect();
        }
    }
    for (index, work) in scenario.work.iter_mut().enumerate() {
        if let Some(trace) = &mut work.trace
            && trace.at_s.is_empty()
        {
            let path = [Key("work"), Index(index), Key("trace")];
            trace.at_s =
                files.column(&path, &trace.csv, &trace.column, limits::MILLISECONDS / 1000.0)?;
            trace.at_s.sort_by(f64::total_cmp);
        }
    }
    if let Some(matrix) = scenario.link_matrix.take() {
        let regions: Vec<_> = scenario.regions.iter().map(|region| region.id.as_str()).collect();
        let links = files.matrix(&matrix, &regions, &scenario.links)?;
        scenario.links.extend(links);
    }
    Ok(())
}

/// Every length in a scenario that can differ from case to case, with its path.
pub(super) fn spreads(scenario: &mut Scenario) -> Vec<(Vec<Step<'static>>, &mut Spread)> {
    let mut found = vec![(vec![Key("patients"), Key("reaction")], &mut scenario.patients.reaction)];
    for (index, link) in scenario.links.iter_mut().enumerate() {
        found.push((vec![Key("link"), Index(index), Key("latency")], &mut link.latency));
    }
    let hospitals = scenario.hospitals.iter_mut().map(|group| &mut group.machine).enumerate();
    let providers = scenario.providers.iter_mut().map(|group| &mut group.machine).enumerate();
    let relays = scenario.relays.iter_mut().map(|group| &mut group.machine).enumerate();
    let machines = (hospitals.map(|(index, machine)| ("hospitals", index, machine)))
        .chain(providers.map(|(index, machine)| ("providers", index, machine)))
        .chain(relays.map(|(index, machine)| ("relays", index, machine)));
    for (list, index, machine) in machines {
        let Machine { up, down, sync, .. } = machine;
        for (key, spread) in [("up", up), ("down", down), ("sync", sync)] {
            if let Some(spread) = spread {
                found.push((vec![Key(list), Index(index), Key(key)], spread));
            }
        }
    }
    found
}

struct Files<'a> {
    root: &'a Node,
    base_dir: &'a Path,
    problems: &'a mut Problems,
}

/// A CSV file in memory: its heads, and each row with its line.
struct Table {
    name: String,
    heads: Vec<String>,
    heads_line: u64,
    rows: Vec<(u64, csv::StringRecord)>,
}

impl Files<'_> {
    /// One column of numbers from 0 to `most`; empty when the scenario itself was wrong.
    fn column(
        &mut self,
        path: &[Step<'_>],
        csv: &Path,
        column: &str,
        most: f64,
    ) -> Result<Vec<f64>, LoadError> {
        let Some(table) = self.read(path, csv)? else { return Ok(Vec::new()) };
        let Some(place) = table.heads.iter().position(|head| head == column) else {
            let what = allowed(column, table.heads.iter().map(String::as_str));
            self.say(path, "column", format!("{} has no column `{column}`; {what}", table.name));
            return Ok(Vec::new());
        };
        let mut values = Vec::with_capacity(table.rows.len());
        for (line, row) in &table.rows {
            values.push(number(&table, *line, row.get(place).unwrap_or_default(), most)?);
        }
        if values.is_empty() {
            return Err(LoadError::one(table.name, "has no rows"));
        }
        Ok(values)
    }

    /// A link for each pair of regions that has none yet.
    fn matrix(
        &mut self,
        matrix: &LinkMatrix,
        regions: &[&str],
        there: &[Link],
    ) -> Result<Vec<Link>, LoadError> {
        let Some(table) = self.read(&[Key("link_matrix")], &matrix.csv)? else {
            return Ok(Vec::new());
        };
        let known = |line: u64, id: &str| {
            regions.iter().position(|region| *region == id).ok_or_else(|| {
                let what = allowed(id, regions.iter().copied());
                LoadError::one(
                    format!("{}:{line}", table.name),
                    format!("unknown region `{id}`; {what}"),
                )
            })
        };
        let mut columns = Vec::new();
        for head in table.heads.iter().skip(1) {
            columns.push(known(table.heads_line, head)?);
        }
        let mut latencies = BTreeMap::new();
        for (line, row) in &table.rows {
            let from = known(*line, row.get(0).unwrap_or_default())?;
            for (to, text) in
                columns.iter().zip(row.iter().skip(1)).filter(|(_, text)| !text.is_empty())
            {
                let millis = number(&table, *line, text, limits::MILLISECONDS)?;
                let pair = (from.min(*to), from.max(*to));
                let before = latencies.insert(pair, millis).unwrap_or(millis);
                if before.to_bits() != millis.to_bits() {
                    let (one, other) = (regions[from], regions[*to]);
                    let what = format!(
                        "{one} to {other} takes {millis} ms here and {before} ms before; links take the same \
                         both ways"
                    );
                    return Err(LoadError::one(format!("{}:{line}", table.name), what));
                }
            }
        }
        let mut links = Vec::new();
        for (number, one) in regions.iter().enumerate() {
            for (other_number, other) in regions.iter().enumerate().skip(number) {
                if there.iter().any(|link| link.is_between(one, other)) {
                    continue;
                }
                let Some(millis) = latencies.get(&(number, other_number)) else {
                    if one == other {
                        continue;
                    }
                    let what = format!("says nothing of {one} and {other}");
                    return Err(LoadError::one(table.name, what));
                };
                let mut link = Link::after(one, other, around(*millis, matrix.jitter.get()));
                link.loss = matrix.loss.clone();
                link.bandwidth = matrix.bandwidth;
                links.push(link);
            }
        }
        Ok(links)
    }

    /// Reads a file; none when it cannot be read, which is a problem of the scenario's key.
    fn read(&mut self, path: &[Step<'_>], csv: &Path) -> Result<Option<Table>, LoadError> {
        let bytes = match read_bounded(&self.base_dir.join(csv), limits::CSV_BYTES) {
            Ok(bytes) => bytes,
            Err(what) => {
                self.say(path, "csv", format!("{} {what}", csv.display()));
                return Ok(None);
            }
        };
        let name = self.base_dir.join(csv).display().to_string();
        let mut reader = csv::ReaderBuilder::new()
            .trim(csv::Trim::All)
            .comment(Some(b'#'))
            .from_reader(bytes.as_slice());
        let wrong = |error: csv::Error| {
            let line = line(&bytes, error.position());
            let what = match error.kind() {
                csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
                    format!("has {len} values where the first row has {expected_len}")
                }
                csv::ErrorKind::Utf8 { .. } => "is not UTF-8 text".into(),
                _ => "is not CSV".into(),
            };
            LoadError::one(format!("{name}:{line}"), what)
        };
        let heads = reader.headers().map_err(wrong)?;
        let heads_line = line(&bytes, heads.position());
        let heads = heads.iter().map(str::to_owned).collect();
        let mut rows = Vec::new();
        for row in reader.records() {
            let row = row.map_err(wrong)?;
            if rows.len() == limits::CSV_ROWS {
                let what = format!("has more than {} rows", limits::CSV_ROWS);
                return Err(LoadError::one(name, what));
            }
            rows.push((line(&bytes, row.position()), row));
        }
        Ok(Some(Table { name, heads, heads_line, rows }))
    }

    fn say(&mut self, path: &[Step<'_>], key: &str, what: String) {
        let path: Vec<_> = path.iter().copied().chain([Key(key)]).collect();
        self.problems.say(self.root.at(&path), Shown(&path).to_string(), what);
    }
}

/// The line on which a row begins. The reader's position is before the empty lines and notes that it skipped.
fn line(bytes: &[u8], position: Option<&csv::Position>) -> u64 {
    let Some(position) = position else { return 1 };
    let from = usize::try_from(position.byte()).unwrap_or(usize::MAX).min(bytes.len());
    let skipped = |line: &&[u8]| matches!(line.first(), None | Some(b'\r' | b'#'));
    let lines = bytes[from..].split(|byte| *byte == b'\n').take_while(skipped).count();
    position.line() + lines as u64
}

fn number(table: &Table, line: u64, text: &str, most: f64) -> Result<f64, LoadError> {
    let value = text.parse().ok().filter(|value| (0.0..=most).contains(value));
    value.ok_or_else(|| {
        let what = format!("`{text}` is not a number from 0 to {most}");
        LoadError::one(format!("{}:{line}", table.name), what)
    })
}

/// A latency that varies by a share either way.
fn around(millis: f64, jitter: f64) -> Spread {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and 20 years of microseconds"
    )]
    let span = |millis: f64| Span::from_micros((millis * 1000.0).round() as u64);
    if jitter > 0.0 {
        let (from, to) = (span(millis * (1.0 - jitter)), span(millis * (1.0 + jitter)));
        Spread::By(Distribution::Uniform { from, to })
    } else {
        Spread::Always(span(millis))
    }
}

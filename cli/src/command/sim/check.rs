//! Scenario files: a new one, what one would run, and their schema.

use std::io::Write as _;
use std::path::PathBuf;

use chartmesh_scenarios::output::format;
use chartmesh_scenarios::scenario::{Event, Scenario, Work, json_schema, new_scenario};
use serde_json::json;

use super::program::CALLED;
use super::shell::quoted_path;
use super::subject::FileArgs;
use crate::exit::{Failure, Outcome};
use crate::output::{Output, Style, row};

/// Write a commented scenario that runs in seconds
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  chartmesh sim new outage.toml")]
pub(crate) struct NewArgs {
    /// The new file
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

impl NewArgs {
    pub(super) fn run(self, out: Output) -> Outcome {
        let name = self.file.file_stem().map(|stem| stem.to_string_lossy().to_lowercase());
        let letters = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
        let name: String = name.unwrap_or_default().chars().map(letters).collect();
        // An id that ends in a number would look like one party of a group.
        let name = name.trim_matches(|c: char| !c.is_ascii_alphabetic());
        let name = if name.is_empty() { "scenario" } else { name };
        let failed = |error: &std::io::Error| Failure::file("write", &self.file, error);
        let mut file = std::fs::File::create_new(&self.file).map_err(|error| failed(&error))?;
        let text = new_scenario(name);
        file.write_all(text.as_bytes()).map_err(|error| failed(&error))?;
        out.note(format!("wrote {}", self.file.display()));
        out.next(format!("{CALLED} run {} --out out", quoted_path(&self.file)));
        Ok(())
    }
}

/// Print the JSON Schema of scenario files, for editors
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  chartmesh sim schema > scenario.schema.json\n\nWith `#:schema scenario.schema.json` as its first line, editors complete a\nscenario's keys."
)]
pub(crate) struct SchemaArgs {}

pub(super) fn schema(out: Output) -> Outcome {
    out.block(json_schema().trim_end());
    Ok(())
}

/// Read a scenario and say what would be run, without running it
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  chartmesh sim check outage.toml --set policy.replicas=2")]
pub(crate) struct Args {
    #[command(flatten)]
    file: FileArgs,
}

impl Args {
    pub(super) fn run(self, out: Output) -> Outcome {
        let scenario = self.file.scenario()?;
        let answer = serde_json::to_value(&scenario).expect("a scenario is JSON");
        out.answer(&answer, |out| tell(out, &scenario));
        Ok(())
    }
}

fn tell(out: &Output, scenario: &Scenario) {
    out.styled(&scenario.name, Style::Strong);
    if !scenario.question.is_empty() {
        out.block(&scenario.question);
    }
    let time = format!(
        "{} and a warm-up of {}",
        String::from(scenario.duration),
        String::from(scenario.warmup)
    );
    out.facts(&[("runs for", time.into()), ("parties", parties(scenario).to_string().into())]);
    out.line("");
    groups(out, scenario);
    let work: Vec<_> = scenario.work.iter().map(work).collect();
    out.line("");
    out.table(&["WORK", "BY", "HOW OFTEN EACH", "SIZE"], &work, "nobody does anything");
    let mut events: Vec<&Event> = scenario.events.iter().collect();
    events.sort_by_key(|event| event.at);
    let events: Vec<_> = events.into_iter().map(event).collect();
    if !events.is_empty() {
        out.line("");
        out.table(&["AT", "HAPPENS", "TO", "FOR"], &events, "");
    }
    out.line("");
    for hostile in &scenario.hostile {
        out.line(format!("dishonest: {} does {}", hostile.party, word(&hostile.does)));
    }
    for expect in &scenario.expect {
        for (how, limit) in [("below", &expect.below), ("above", &expect.above)] {
            if let Some(limit) = limit {
                out.line(format!("expected: {} {how} {limit}", expect.metric));
            }
        }
    }
    let points: usize = scenario.sweep.values().map(Vec::len).product();
    if !scenario.sweep.is_empty() {
        out.line(format!("a sweep tries {points} combinations:"));
        for (key, values) in &scenario.sweep {
            let values: Vec<_> = values.iter().map(ToString::to_string).collect();
            out.line(format!("  {key} = {}", values.join(", ")));
        }
    }
}

/// Hospitals, providers and relays.
fn parties(scenario: &Scenario) -> u64 {
    let hospitals: u64 = scenario.hospitals.iter().map(|group| u64::from(group.count)).sum();
    let providers: u64 = scenario.providers.iter().map(|group| u64::from(group.count)).sum();
    let relays: u64 = scenario.relays.iter().map(|group| relays(scenario, &group.id)).sum();
    hospitals + providers + relays
}

/// Machines of a group of relays, as many as its patients need.
fn relays(scenario: &Scenario, id: &str) -> u64 {
    let each =
        scenario.relays.iter().find(|group| group.id == id).map_or(1, |g| g.patients_each.max(1));
    let hospitals = scenario.hospitals.iter().filter(|group| group.relays.as_deref() == Some(id));
    hospitals.map(|group| u64::from(group.count) * u64::from(group.patients.div_ceil(each))).sum()
}

fn groups(out: &Output, scenario: &Scenario) {
    let count = |count: u64| format::count(count as f64);
    let mut rows = Vec::new();
    for group in &scenario.hospitals {
        let patients = u64::from(group.count) * u64::from(group.patients);
        let entries = patients * u64::from(group.entries);
        let (hospitals, region) = (count(group.count.into()), group.region.as_str());
        rows.push(row![
            group.id.as_str(),
            "hospitals",
            region,
            hospitals,
            count(patients),
            count(entries)
        ]);
    }
    for group in &scenario.providers {
        let (providers, region) = (count(group.count.into()), group.region.as_str());
        rows.push(row![group.id.as_str(), "providers", region, providers, "", ""]);
    }
    for group in &scenario.relays {
        let region = group.region.as_deref().unwrap_or("the patient's");
        rows.push(row![
            group.id.as_str(),
            "relays",
            region,
            count(relays(scenario, &group.id)),
            "",
            ""
        ]);
    }
    out.table(&["GROUP", "OF", "REGION", "COUNT", "PATIENTS", "ENTRIES"], &rows, "there is nobody");
}

fn work(work: &Work) -> Vec<crate::output::Cell> {
    let often = match (&work.rate, &work.trace) {
        (Some(rate), _) => String::from(*rate),
        (None, Some(trace)) => format!("{} times of {}", trace.at_s.len(), trace.csv.display()),
        (None, None) => String::new(),
    };
    let often = if work.by_day { format!("{often}, by day") } else { often };
    let by = work.by.as_deref().unwrap_or("all hospitals");
    row![word(&work.act), by, often, String::from(work.size)]
}

fn event(event: &Event) -> Vec<crate::output::Cell> {
    let other = event.other.as_ref().map_or(String::new(), |other| format!(" and {other}"));
    let lasts = event.lasts.map_or("good".to_owned(), String::from);
    row![String::from(event.at), word(&event.what), format!("{}{other}", event.target), lasts]
}

/// How a file writes it.
fn word(word: &impl serde::Serialize) -> String {
    json!(word).as_str().unwrap_or_default().to_owned()
}

//! Records of enrolled patients, imported as a person does: a file a command.

use std::time::Duration;

use super::report::{Aim, Report, shown};
use super::ward::{Ward, folder, is_told, number_after, person, waited, written};
use super::watch::cpu;

/// Entries of one patient on the average: those of a long life.
const OF_ONE: usize = 400;
/// Patients at most. More would only take longer to enrol; each then has several lives.
const PATIENTS: usize = 256;
/// Resources a second that the issue asks for.
const RATE: f64 = 3000.0;
/// What is left of the rate at the end, at least.
const KEPT: f64 = 0.8;
/// How long the relay may take to hear of all.
const HEARING: Duration = Duration::from_secs(4 * 60 * 60);

/// What one command brought.
#[derive(Debug, Clone, Copy)]
struct Step {
    entries: usize,
    resources: usize,
    took: Duration,
}

/// Imports until the size is there.
///
/// # Panics
/// When the program fails: there is nothing to measure then.
pub fn import(ward: &mut Ward, report: &mut Report) {
    let size = ward.options.size;
    report.part(&format!(
        "import into charts of enrolled patients, up to {} entries",
        shown(size as f64)
    ));
    let patients = (size / OF_ONE).clamp(2, PATIENTS);
    for number in 0..patients {
        let who = ward.enrolled(number as u64);
        ward.patients.push(who);
    }
    let files = folder(&ward.root, "files");
    let computed = |ward: &Ward| [&ward.region.a, &ward.region.relay].map(|at| cpu(at.process()));
    let before = computed(ward);
    let (mut steps, mut entries) = (Vec::new(), 0);
    while entries < size {
        let number = steps.len();
        let who = &ward.patients[number % patients];
        let life = ward.corpus.life(number as u64, &who.person);
        let file = written(&files.join("life.json"), &life.text);
        let args = ["record", "import", &who.patient, &file, "--user", "Dr Mori"];
        let told = person(&ward.region.a, &args).unwrap_or_else(|why| panic!("{why}"));
        let new = number_after(&told.out, "became").expect("it says how many");
        entries += new;
        steps.push(Step { entries: new, resources: life.resources, took: told.took });
    }
    let late = waited(HEARING, || is_told(&ward.region.a, &ward.region.relay));
    told(report, &steps, patients, late);
    let resources: usize = steps.iter().map(|step| step.resources).sum();
    let after = computed(ward);
    let [hospital, relay] =
        [0, 1].map(|at| shown((after[at] - before[at]) * 1e6 / resources as f64));
    let figure = format!("{hospital} and {relay} us");
    report.say("CPU of hospital and relay for each resource", &figure, None, "not the commands'");
}

fn told(report: &mut Report, steps: &[Step], patients: usize, late: Option<Duration>) {
    let rate = |steps: &[Step]| {
        let resources: usize = steps.iter().map(|step| step.resources).sum();
        resources as f64 / steps.iter().map(|step| step.took).sum::<Duration>().as_secs_f64()
    };
    // Lives differ in length: the ends are of several.
    let part = (steps.len() / 10).max(1);
    let (all, first, last) =
        (rate(steps), rate(&steps[..part]), rate(&steps[steps.len() - part..]));
    let entries: usize = steps.iter().map(|step| step.entries).sum();
    let resources: usize = steps.iter().map(|step| step.resources).sum();
    let what = format!(
        "{} resources as {} entries of {patients} patients, in {} commands",
        shown(resources as f64),
        shown(entries as f64),
        steps.len()
    );
    report.say("resources a second, wall", &shown(all), Some(Aim::at_least(all, RATE, "")), &what);
    let figure = format!("{} of {} a second", shown(last), shown(first));
    let ratio = last / first;
    report.say(
        "the rate at the end, of that at the beginning",
        &format!("{} ({figure})", shown(ratio)),
        Some(Aim::at_least(ratio, KEPT, "")),
        "a tenth of the commands each",
    );
    match late {
        Some(late) => {
            let late = format!("{} s after the last command", shown(late.as_secs_f64()));
            report.say("the patients' relay has heard of all", &late, None, "");
        }
        None => report.failed("the patients' relay has heard of all", "at once", "it has not"),
    }
}

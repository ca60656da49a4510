//! A folder of files, imported by one command and then kept by a provider, beside `restic`.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::against::{Restic, restic_version};
use super::report::{Aim, Report, shown};
use super::steady::Steady;
use super::ward::{Ward, folder, new_chart, person};
use super::watch::{MIB, forget_peak};
use crate::Numbers;

/// Files, at full size.
const FILES: usize = 12_000;
/// Bytes of one on the average: a GiB in all.
const MEAN: u64 = (1 << 30) / FILES as u64;
/// Bytes of the smallest.
const LEAST: u64 = 16 << 10;
/// Folders that they lie in.
const FOLDERS: usize = 12;
/// How long one command may take.
const TIMEOUT: &str = "60m";
/// Of what `restic` takes for the same folder, to a local repository.
const OF_LOCAL: f64 = 1.2;
/// The same, to another process.
const OF_SERVER: f64 = 1.5;
/// MiB that the node may have resident meanwhile.
const RESIDENT: f64 = 150.0;

/// Imports the folder and has it kept.
pub fn files(ward: &Ward, report: &mut Report) {
    let count = ward.options.scaled(FILES, FOLDERS);
    let dir = folder(&ward.root, "scans");
    let bytes = write(ward, &dir, count);
    report.part(&format!(
        "{} files, {} MiB, in one folder",
        shown(count as f64),
        shown(bytes as f64 / MIB)
    ));
    report.note("half of the bytes are random, half are text; the program compresses nothing, restic 0.14 and later do");
    let local = restic(
        report,
        "to a local repository",
        Some(Restic::local(&ward.root.join("restic"))),
        &dir,
    );
    let (_, subject) = new_chart(&ward.region.a, &ward.corpus.person(600_000));
    let process = ward.region.a.process();
    forget_peak(process);
    let other = &ward.patients[0];
    let resource = ward.corpus.measurement(5_000_000, &other.person);
    let steady = Steady::start(&ward.region.a.dir, &other.patient, resource.clone());
    let imported = import(ward, report, &subject, &dir);
    compared(report, "`record import DIR`", imported, local, OF_LOCAL);
    steady.end().say(report, "they are imported");
    let peak = ward.region.a.memory().1 as f64 / MIB;
    let aim = Aim::at_most(peak, RESIDENT, " MiB");
    report.say(
        "the hospital's memory at most meanwhile",
        &format!("{} MiB", shown(peak)),
        Some(aim),
        "",
    );
    let server = restic(
        report,
        "by SFTP on this machine",
        Restic::sftp(&ward.root.join("restic-sftp")),
        &dir,
    );
    forget_peak(process);
    let steady = Steady::start(&ward.region.a.dir, &other.patient, resource);
    let provider = &ward.region.provider;
    forget_peak(provider.process());
    let args = ["backup", "keep", &provider.id, &subject, "--wait", "--timeout", TIMEOUT];
    let kept = match person(&ward.region.a, &args) {
        Ok(told) => Some(told.took),
        Err(why) => {
            report.failed("`backup keep`", "1.5 times restic", &why);
            None
        }
    };
    compared(report, "`backup keep` to a provider", kept, server, OF_SERVER);
    steady.end().say(report, "they are deposited");
    let [hospital, provider] =
        [&ward.region.a, provider].map(|node| shown(node.memory().1 as f64 / MIB));
    let figure = format!("{hospital} and {provider} MiB");
    report.say("memory of hospital and provider at most meanwhile", &figure, None, "");
}

fn compared(
    report: &mut Report,
    what: &str,
    took: Option<Duration>,
    restic: Option<Duration>,
    most: f64,
) {
    let Some(took) = took.map(|took| took.as_secs_f64()) else { return };
    let figure = format!("{} s", shown(took));
    match restic.map(|restic| restic.as_secs_f64()) {
        Some(restic) => {
            let times = took / restic;
            let figure = format!("{figure}, {} times restic", shown(times));
            let with = format!("restic {} s", shown(restic));
            report.say(what, &figure, Some(Aim::at_most(times, most, " times restic")), &with);
        }
        None => report.say(what, &figure, None, "nothing to compare with"),
    }
}

/// `restic` over the same folder, where it can be had.
fn restic(
    report: &mut Report,
    how: &str,
    repository: Option<Restic>,
    dir: &Path,
) -> Option<Duration> {
    let Some(version) = restic_version() else {
        report.note("restic is not installed here: nothing to compare with (Debian: restic)");
        return None;
    };
    let Some(repository) = repository else {
        report.note("there is no sftp-server here (Debian: openssh-sftp-server)");
        return None;
    };
    match repository.backup(dir) {
        Ok(took) => {
            let took_s = shown(took.as_secs_f64());
            report.note(&format!("{version}, backup {how}: {took_s} s"));
            Some(took)
        }
        Err(why) => {
            report.note(&format!("restic {how} did not work: {}", why.trim()));
            None
        }
    }
}

/// By one command; where that is refused, folder by folder.
fn import(ward: &Ward, report: &mut Report, subject: &str, dir: &Path) -> Option<Duration> {
    let by = |dir: &Path| {
        let dir = dir.display().to_string();
        person(&ward.region.a, &["record", "import", subject, &dir, "--user", "Dr Mori"])
    };
    match by(dir) {
        Ok(told) => return Some(told.took),
        Err(why) => report.failed("one `record import DIR`", "all of it", &why),
    }
    report.note("so the rest is of the same folder, a twelfth a command:");
    let mut took = Duration::ZERO;
    for part in 0..FOLDERS {
        match by(&part_of(dir, part)) {
            Ok(told) => took += told.took,
            Err(why) => {
                report.failed("a twelfth", "all of it", &why);
                return None;
            }
        }
    }
    Some(took)
}

fn part_of(dir: &Path, part: usize) -> PathBuf {
    dir.join(format!("{part:02}"))
}

/// Writes the folder; gives its bytes.
fn write(ward: &Ward, dir: &Path, count: usize) -> u64 {
    let mut numbers = Numbers::keyed(&[ward.options.seed, 3]);
    let person = ward.corpus.person(600_001);
    let mut text = String::from("Notes\n");
    for number in 0.. {
        text.push_str(&ward.corpus.life(number, &person).text.replace("resourceType", "type"));
        if text.len() > 8 << 20 {
            break;
        }
    }
    let mut total = 0;
    for number in 0..count {
        let bytes = LEAST + numbers.below(2 * (MEAN - LEAST));
        let len = usize::try_from(bytes).unwrap_or(0);
        let part = part_of(dir, number % FOLDERS);
        std::fs::create_dir_all(&part).expect("room on the disk");
        let (name, content) = match number / FOLDERS % 2 {
            0 => {
                let mut random = vec![0; len];
                let mut hasher = blake3::Hasher::new();
                hasher.update(&[ward.options.seed, number as u64].map(u64::to_be_bytes).concat());
                hasher.finalize_xof().fill(&mut random);
                (format!("{number:05}.bin"), random)
            }
            _ => {
                let from = usize::try_from(numbers.below((text.len() - len) as u64)).unwrap_or(0);
                let head = format!("Notes {number}\n");
                let body = &text.as_bytes()[from..from + len - head.len()];
                (format!("{number:05}.txt"), [head.as_bytes(), body].concat())
            }
        };
        let mut file = std::fs::File::create(part.join(name)).expect("room on the disk");
        file.write_all(&content).expect("room on the disk");
        total += bytes;
    }
    total
}

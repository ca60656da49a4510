//! What the machine says of a node's process and of its files.

use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::JoinHandle;

/// A mebibyte.
pub const MIB: f64 = 1_048_576.0;

/// Seconds that a process computed so far, which Linux counts in hundredths.
///
/// # Panics
/// When there is no such process.
#[must_use]
pub fn cpu(process: u32) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).expect("a process");
    let fields = text.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks = fields.skip(11).take(2).filter_map(|field| field.parse::<f64>().ok());
    ticks.sum::<f64>() / 100.0
}

/// From now on the peak of a process's memory counts anew.
pub fn forget_peak(process: u32) {
    // Where Linux does not let us, the peak is that of the whole run.
    let _denied = std::fs::write(format!("/proc/{process}/clear_refs"), "5");
}

/// Bytes that a folder takes on the disk.
#[must_use]
pub fn disk(dir: &Path) -> u64 {
    let blocks = |file: &Path| std::fs::metadata(file).map_or(0, |found| found.blocks());
    crate::files(dir).iter().map(|file| blocks(file) * 512).sum()
}

/// Counts the syncs of a process while it goes on, where `perf` may be used.
#[derive(Debug)]
pub struct Syncs(Option<(std::process::Child, JoinHandle<String>)>);

impl Syncs {
    /// Begins to count.
    #[must_use]
    pub fn of(process: u32) -> Self {
        let mut command = Command::new("perf");
        command.args(["stat", "-x", ",", "-e"]);
        command.arg("syscalls:sys_enter_fdatasync,syscalls:sys_enter_fsync");
        command.args(["-p", &process.to_string()]);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let Ok(mut child) = child.spawn() else { return Self(None) };
        let mut told = child.stderr.take().expect("it was asked for");
        let reading = std::thread::spawn(move || {
            let mut text = String::new();
            let _cut = told.read_to_string(&mut text);
            text
        });
        Self(Some((child, reading)))
    }

    /// How many there were; none where nobody could count them.
    #[must_use]
    pub fn end(self) -> Option<u64> {
        let (mut child, reading) = self.0?;
        // It tells its counts when it is interrupted.
        let interrupted = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
        if !interrupted.is_ok_and(|status| status.success()) {
            let _ended = child.kill();
        }
        let _ended = child.wait();
        let text = reading.join().ok()?;
        let counts = text.lines().filter(|line| line.contains("sys_enter_f"));
        let counts: Vec<u64> =
            counts.filter_map(|line| line.split(',').next()?.parse().ok()).collect();
        (!counts.is_empty()).then(|| counts.iter().sum())
    }
}

//! What is measured beside the program in the same run: a write that is synced, and `restic`.

use std::fs::File;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// A file of the same disk, written and synced 4 KiB at a time.
#[derive(Debug)]
pub struct Control(File);

impl Control {
    /// In a folder on the disk that is measured.
    ///
    /// # Panics
    /// When it cannot be made.
    #[must_use]
    pub fn new(dir: &Path) -> Self {
        let file = File::create(dir.join("control")).expect("a file");
        Self(file)
    }

    /// Writes and syncs once.
    ///
    /// # Panics
    /// When the disk fails.
    pub fn write(&mut self) -> Duration {
        let begun = Instant::now();
        // Within the first MiB, as a store's file is written that does not grow.
        if self.0.stream_position().expect("a file") >= 1 << 20 {
            self.0.seek(SeekFrom::Start(0)).expect("a file");
        }
        self.0.write_all(&[0xa5; 4096]).expect("room on the disk");
        self.0.sync_data().expect("a disk");
        begun.elapsed()
    }
}

/// The first line of what `restic version` says; none where it is not installed.
#[must_use]
pub fn restic_version() -> Option<String> {
    let said = Command::new("restic").arg("version").output().ok()?;
    let text = String::from_utf8_lossy(&said.stdout).lines().next()?.to_owned();
    said.status.success().then_some(text)
}

/// Where `sftp-server` is on the distributions that we know.
const SFTP_SERVERS: [&str; 3] = [
    "/usr/lib/openssh/sftp-server",
    "/usr/libexec/openssh/sftp-server",
    "/usr/lib/ssh/sftp-server",
];

/// A repository of `restic`'s.
#[derive(Debug)]
pub struct Restic {
    repository: String,
    options: Vec<String>,
}

impl Restic {
    /// In a folder of this machine.
    #[must_use]
    pub fn local(dir: &Path) -> Self {
        Self { repository: dir.display().to_string(), options: Vec::new() }
    }

    /// By SFTP through a pipe, without `ssh`; none where there is no server for it.
    #[must_use]
    pub fn sftp(dir: &Path) -> Option<Self> {
        let server = SFTP_SERVERS.into_iter().find(|server| Path::new(server).exists())?;
        Some(Self {
            repository: format!("sftp:here:{}", dir.display()),
            options: vec!["-o".to_owned(), format!("sftp.command={server}")],
        })
    }

    fn run(&self, args: &[&str]) -> Result<Duration, String> {
        let begun = Instant::now();
        let mut command = Command::new("restic");
        command.args(["--quiet", "--no-cache", "-r", &self.repository]).args(&self.options);
        let said = command.args(args).env("RESTIC_PASSWORD", "a benchmark").output();
        let said = said.map_err(|error| error.to_string())?;
        match said.status.success() {
            true => Ok(begun.elapsed()),
            false => Err(String::from_utf8_lossy(&said.stderr).into_owned()),
        }
    }

    /// Makes the repository and backs up a folder into it; gives how long the backup took.
    ///
    /// # Errors
    /// What `restic` said.
    pub fn backup(&self, folder: &Path) -> Result<Duration, String> {
        self.run(&["init"])?;
        self.run(&["backup", &folder.display().to_string()])
    }
}

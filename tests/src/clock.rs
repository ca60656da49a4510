//! The clock of one node's process, which a test sets: by libfaketime, since a process has no clock
//! of its own.

use std::path::{Path, PathBuf};

/// Where Debian and its relatives put the library, by machine.
const PLACES: [&str; 3] = [
    "/usr/lib/x86_64-linux-gnu/faketime",
    "/usr/lib/aarch64-linux-gnu/faketime",
    "/usr/lib64/faketime",
];
const LIBRARY: &str = "libfaketimeMT.so.1";

/// A process's clock: the machine's, and so many seconds more or less.
#[derive(Debug, Clone)]
pub struct Clock {
    library: PathBuf,
    file: PathBuf,
}

impl Clock {
    /// A clock that goes right, kept in `dir`. `None`, and it is said, when libfaketime is not here.
    ///
    /// # Panics
    /// When it is not here although `CHARTMESH_FAKETIME=required` says that it must be.
    #[must_use]
    pub fn new(dir: &Path) -> Option<Self> {
        let library = PLACES.map(|place| Path::new(place).join(LIBRARY));
        let Some(library) = library.into_iter().find(|library| library.exists()) else {
            let required = std::env::var_os("CHARTMESH_FAKETIME");
            assert!(required.is_none_or(|value| value != "required"), "{LIBRARY} is not here");
            println!(
                "skipped: needs {LIBRARY}, which scripts/setup installs (Debian: libfaketime)"
            );
            return None;
        };
        let clock = Self { library, file: dir.join("clock") };
        clock.set(0);
        Some(clock)
    }

    /// Sets it to so many seconds after the machine's; negative for before. Counts at once, in a
    /// running process, too.
    ///
    /// # Panics
    /// When the disk fails.
    pub fn set(&self, seconds: i64) {
        // Read at every look at the clock, so never half written.
        let draft = self.file.with_extension("new");
        std::fs::write(&draft, format!("{seconds:+}\n")).expect("a folder of the test");
        std::fs::rename(&draft, &self.file).expect("a folder of the test");
    }

    /// What makes a process go by it. The steady clock stays the machine's, as it would.
    pub(crate) fn environment(&self) -> [(&'static str, PathBuf); 5] {
        [
            ("LD_PRELOAD", self.library.clone()),
            ("FAKETIME_TIMESTAMP_FILE", self.file.clone()),
            ("FAKETIME_NO_CACHE", "1".into()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".into()),
            ("NO_FAKE_STAT", "1".into()),
        ]
    }
}

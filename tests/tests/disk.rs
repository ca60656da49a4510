//! A disk that is almost full, and one that is: a real file system of a few MiB, in a mount namespace of its own.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use chartmesh_tests::{Node, admit, is_member, join, until};
use serde_json::{Value, json};

/// Puts a file system of this size in the place of a folder, with what is in the folder, says so, and stays until nobody
/// listens any more.
const MOUNT: &str = r#"
cp -a "$1" "$1.before" && mount -t tmpfs -o "size=$2" none "$1" && cp -a "$1.before/." "$1/" && echo mounted && cat
"#;

/// A small disk, seen by whoever is in its namespace.
struct SmallDisk {
    keeper: Child,
    folder: PathBuf,
}

impl SmallDisk {
    /// None where this system lets nobody make namespaces.
    fn over(folder: &Path, size: &str) -> Option<Self> {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--mount", "sh", "-c", MOUNT, "sh"]);
        command.arg(folder).arg(size).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut keeper = command.spawn().ok()?;
        let mut line = String::new();
        let said = BufReader::new(keeper.stdout.take()?).read_line(&mut line);
        let disk = Self { keeper, folder: folder.to_owned() };
        (said.is_ok() && line.trim() == "mounted").then_some(disk)
    }

    /// What runs a program that sees the disk.
    fn inside(&self) -> Vec<String> {
        let of = self.keeper.id().to_string();
        let words = ["nsenter", "--user", "--mount", "--preserve-credentials", "--target", &of];
        words.map(str::to_owned).to_vec()
    }

    fn run(&self, script: &str) -> String {
        let words = self.inside();
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).args(["sh", "-c", script, "sh"]).arg(&self.folder);
        let out = command.stderr(Stdio::null()).output().expect("nsenter");
        String::from_utf8_lossy(&out.stdout).trim().to_owned()
    }

    /// Bytes that are free.
    fn free(&self) -> u64 {
        let blocks = self.run(r#"stat -f -c '%a %S' "$1""#);
        let numbers: Vec<u64> = blocks.split(' ').map(|word| word.parse().unwrap()).collect();
        numbers[0] * numbers[1]
    }

    /// Somebody else writes until so many bytes are free.
    fn fill(&self, left: u64) {
        let more = self.free().saturating_sub(left);
        self.run(&format!(r#"head -c {more} /dev/zero >> "$1/others""#));
    }

    /// Somebody else writes whatever fits.
    fn fill_whole(&self) {
        self.run(r#"cat /dev/zero >> "$1/others""#);
    }

    fn empty(&self) {
        self.run(r#"rm -f "$1/others""#);
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ended = self.keeper.kill();
        let _ended = self.keeper.wait();
    }
}

/// A provider on a disk of 64 MiB, a hospital on this machine's, and a chart there.
struct Small {
    hospital: Node,
    provider: Node,
    disk: SmallDisk,
    subject: String,
    root: tempfile::TempDir,
}

impl Small {
    fn new() -> Option<Self> {
        let root = tempfile::tempdir().unwrap();
        let hospital = Node::create(root.path(), "hospital", "Kita Hospital");
        let dir = root.path().join("Midori-Backup");
        let (data, socket) = (dir.join("data"), dir.join("api.sock"));
        let listen = ["--no-mdns", "--listen", "/ip4/127.0.0.1/tcp/0"];
        let places = ["--data-dir", data.to_str().unwrap(), "--socket", socket.to_str().unwrap()];
        let more = [&listen[..], &places].concat();
        let mut provider = Node::init(root.path(), "backup", "Midori Backup", &more);
        let Some(disk) = SmallDisk::over(&data, "64m") else {
            println!("skipped: this system lets nobody make user and mount namespaces");
            return None;
        };
        let inside = disk.inside();
        provider.run_below(&inside.iter().map(String::as_str).collect::<Vec<_>>());
        provider.start();
        hospital.cli(&["federation", "found", "Kita"]);
        join(&hospital, &provider);
        admit(&hospital, &provider);
        until("the founding", || is_member(&provider, &hospital).then_some(()));
        let chart = hospital.cli(&["patient", "new", "Yamada Taro"]);
        let subject = chart["subject"].as_str().unwrap().to_owned();
        Some(Self { hospital, provider, disk, subject, root })
    }

    /// The hospital records so many bytes; gives the entry.
    fn record(&self, name: &str, bytes: usize) -> String {
        let file = self.root.path().join(name);
        std::fs::write(&file, vec![7; bytes]).unwrap();
        let file = file.to_str().unwrap();
        let done =
            self.hospital.cli(&["record", "import", &self.subject, file, "--user", "Dr. Sato"]);
        done["entries"][0].as_str().unwrap_or_else(|| panic!("{done}")).to_owned()
    }

    fn keep(&self, entry: &str) -> Result<(), String> {
        let words = ["backup", "keep", "Midori Backup", &self.subject, entry, "--wait"];
        let out = self.hospital.try_cli(&words);
        match out.status.success() {
            true => Ok(()),
            false => Err(String::from_utf8_lossy(&out.stderr).into_owned()),
        }
    }

    fn delete(&self, entry: &str) {
        self.hospital.cli(&["backup", "delete", "Midori Backup", entry]);
        until("the deletion", || (!self.kept().contains(&entry.to_owned())).then_some(()));
    }

    /// The entries that the provider keeps.
    fn kept(&self) -> Vec<String> {
        let kept = self.provider.list(json!({"kept": {}}), None).unwrap();
        kept.iter().filter_map(|one| one["entry"].as_str().map(str::to_owned)).collect()
    }

    fn disk_view(&self) -> Value {
        self.provider.get("/v1/status").unwrap()["disk"].clone()
    }

    fn until_low(&self, low: bool) {
        until("the node to see its disk", || (self.disk_view()["low"] == low).then_some(()));
    }
}

#[test]
fn below_the_mark_nothing_is_taken_in_and_all_else_goes_on() {
    let Some(small) = Small::new() else { return };
    let (first, second) = (small.record("scan.bin", 1_000_000), small.record("note.txt", 10));
    small.keep(&first).unwrap();
    let mark = small.disk_view()["mark"].as_u64().unwrap();
    assert_eq!(mark, 8 << 20, "an eighth of a small disk");
    small.disk.fill(mark - (1 << 20));
    small.until_low(true);
    let why = small.keep(&second).unwrap_err();
    assert!(why.contains("almost full"), "{why}");
    let unkept = small.hospital.cli(&["backup", "list", "--unkept"]);
    assert!(unkept.to_string().contains("store.disk-low"), "{unkept}");
    // Giving back, and deleting.
    assert_eq!(small.kept(), std::slice::from_ref(&first));
    small.hospital.cli(&["backup", "restore", "Midori Backup", "--wait"]);
    small.delete(&first);
    assert!(small.kept().is_empty());
    // There is as much room as the mark again, but not a quarter more: it does not flap.
    small.disk.empty();
    small.disk.fill(mark + (1 << 20));
    small.disk_view();
    assert_eq!(small.disk_view()["low"], true);
    small.disk.empty();
    small.until_low(false);
    small.keep(&second).unwrap();
}

#[test]
fn on_a_full_disk_a_node_is_read_from_deletes_starts_and_takes_up_again() {
    let Some(mut small) = Small::new() else { return };
    let (first, second) = (small.record("scan.bin", 1_000_000), small.record("note.txt", 10));
    small.keep(&first).unwrap();
    small.keep(&second).unwrap();
    small.disk.fill_whole();
    small.until_low(true);
    // What was kept for that gives it room to delete.
    small.delete(&first);
    assert_eq!(small.kept(), std::slice::from_ref(&second));
    // Then that is gone, too.
    until("a full disk", || {
        small.disk.fill_whole();
        (small.disk.free() == 0).then_some(())
    });
    assert_eq!(small.kept(), std::slice::from_ref(&second), "it is read from");
    let refused =
        small.provider.command(json!({"quota": {"set-default": {"each": "patient"}}}), None);
    assert!(refused.is_err(), "nothing can be written");
    assert_eq!(small.kept(), std::slice::from_ref(&second), "and goes on being read from");
    let process = small.provider.process();
    // It is killed, and starts on the full disk.
    small.provider.kill();
    small.provider.start();
    assert_ne!(small.provider.process(), process);
    assert_eq!(small.kept(), std::slice::from_ref(&second));
    assert_eq!(small.disk_view()["free"], 0);
    // Somebody makes room.
    small.disk.empty();
    small.until_low(false);
    let third = small.record("more.bin", 500_000);
    small.keep(&third).unwrap();
    assert_eq!(small.kept().len(), 2);
}

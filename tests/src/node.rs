//! A node as a process of its own.

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Instant;

use serde_json::Value;

use crate::{Api, Clock, PATIENCE, until};

/// The program that was built beside the running test.
///
/// # Panics
/// When it is not there.
#[must_use]
pub fn program() -> PathBuf {
    let test = std::env::current_exe().expect("a test is a file");
    let built = test.ancestors().nth(2).expect("tests stand in target/PROFILE/deps");
    let program = built.join("chartmesh");
    assert!(
        program.exists(),
        "{} is not there: build it first with `cargo build -p chartmesh`",
        program.display()
    );
    program
}

/// A node. Its process ends with it, by SIGKILL.
#[derive(Debug)]
pub struct Node {
    /// The institution's name.
    pub name: &'static str,
    /// Its data directory.
    pub dir: PathBuf,
    /// The institution's id in hex; empty until it ran once.
    pub id: String,
    /// The institution's 24 words, as they were shown when it was made; empty where they were not.
    pub words: String,
    api: Api,
    child: Option<Child>,
    prefix: Vec<String>,
    log: Option<&'static str>,
    clock: Option<Clock>,
}

impl Deref for Node {
    type Target = Api;

    fn deref(&self) -> &Api {
        &self.api
    }
}

impl Node {
    /// Makes a node below `root` and starts it, on free ports of the loopback interface.
    #[must_use]
    pub fn create(root: &Path, role: &str, name: &'static str) -> Self {
        let mut node = Self::init(
            root,
            role,
            name,
            &[
                "--no-mdns",
                "--listen",
                "/ip4/127.0.0.1/tcp/0",
                "--listen",
                "/ip4/127.0.0.1/udp/0/quic-v1",
            ],
        );
        node.start();
        node
    }

    /// Makes a node and does not start it.
    #[must_use]
    pub fn init(root: &Path, role: &str, name: &'static str, more: &[&str]) -> Self {
        let mut node = Self::at(&root.join(name.replace(' ', "-")), name);
        let mut args = vec!["init", "--role", role, "--name", name, "--no-passphrase"];
        args.extend(more);
        let made = node.cli(&args);
        node.words = made["words"].as_str().unwrap_or_default().to_owned();
        node
    }

    /// A node in a folder where its files are, or where they are to be made.
    #[must_use]
    pub fn at(dir: &Path, name: &'static str) -> Self {
        Self {
            name,
            api: Api::new(dir),
            dir: dir.to_owned(),
            id: String::new(),
            words: String::new(),
            child: None,
            prefix: Vec::new(),
            log: None,
            clock: None,
        }
    }

    /// Runs the node's process below another program, such as `ip netns exec NAME`.
    pub fn run_below(&mut self, prefix: &[&str]) {
        self.prefix = prefix.iter().map(|&word| word.to_owned()).collect();
    }

    /// Has the node's process log with this filter from its next start on.
    pub fn log_with(&mut self, filter: &'static str) {
        self.log = Some(filter);
    }

    /// Has the node's process go by this clock from its next start on.
    pub fn go_by(&mut self, clock: &Clock) {
        self.clock = Some(clock.clone());
    }

    /// Starts the process and waits until it answers.
    pub fn start(&mut self) {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.log_file());
        let mut command = match self.prefix.split_first() {
            None => Command::new(program()),
            Some((first, rest)) => {
                let mut command = Command::new(first);
                command.args(rest).arg(program());
                command
            }
        };
        command.arg("--dir").arg(&self.dir).arg("run");
        if let Some(filter) = self.log {
            command.args(["--log", filter]);
        }
        command.envs(self.clock.iter().flat_map(Clock::environment));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log.expect("a log file"));
        // Kept before anything can fail, so that it ends with the node then, too.
        self.child = Some(command.spawn().expect("the program starts"));
        let begun = Instant::now();
        let status =
            until(&format!("{} to answer; see {}", self.name, self.log_file().display()), || {
                let child = self.child.as_mut().expect("it was just started");
                if let Some(ended) = child.try_wait().expect("a child of ours") {
                    let log = std::fs::read_to_string(self.log_file()).unwrap_or_default();
                    panic!(
                        "{} ended at once ({ended}) after {:?}:\n{log}",
                        self.name,
                        begun.elapsed()
                    );
                }
                self.api.get("/v1/status").ok()
            });
        assert!(begun.elapsed() < PATIENCE);
        self.id = status["institution"].as_str().expect("an id").to_owned();
    }

    /// SIGKILL: nothing is told to the process.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("a child of ours");
            child.wait().expect("a child of ours");
        }
    }

    /// The id of the process.
    ///
    /// # Panics
    /// When it does not run.
    #[must_use]
    pub fn process(&self) -> u32 {
        self.child.as_ref().expect("the node runs").id()
    }

    /// The TCP port on which other nodes come in.
    ///
    /// # Panics
    /// When it does not run, or listens on none.
    #[must_use]
    pub fn port(&self) -> u16 {
        let status = self.get("/v1/status").expect("an answer");
        let doors = status["doors"]["network"].as_array().expect("its doors");
        let mut numbers = doors.iter().filter_map(|door| {
            let rest = door.as_str()?.split_once("/tcp/")?.1;
            rest.split('/').next()?.parse().ok()
        });
        numbers.next().expect("a TCP port")
    }

    /// The process's memory in bytes: what is resident now, and the most that ever was.
    ///
    /// # Panics
    /// When it does not run.
    #[must_use]
    pub fn memory(&self) -> (u64, u64) {
        let file = format!("/proc/{}/status", self.process());
        let status = std::fs::read_to_string(file).expect("Linux says it");
        let field = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name)).expect("Linux says it");
            let kib = line.split_whitespace().nth(1).and_then(|number| number.parse::<u64>().ok());
            kib.expect("a number of KiB") * 1024
        };
        (field("VmRSS:"), field("VmHWM:"))
    }

    /// Where the process logs: beside the data directory.
    #[must_use]
    pub fn log_file(&self) -> PathBuf {
        self.dir.with_extension("log")
    }

    /// Runs the program as a person would, with `--json`, whatever comes of it.
    #[must_use]
    pub fn try_cli(&self, args: &[&str]) -> Output {
        let mut command = Command::new(program());
        command.arg("--json").arg("--dir").arg(&self.dir).args(args).stdin(Stdio::null());
        command.output().expect("the program starts")
    }

    /// Runs the program as a person would; gives its answer.
    ///
    /// # Panics
    /// When it fails.
    pub fn cli(&self, args: &[&str]) -> Value {
        let output = self.try_cli(args);
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{}: {args:?}: {words}", self.name);
        if output.stdout.is_empty() {
            return Value::Null;
        }
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{}: {args:?}: {error}: {words}", self.name))
    }

    /// Runs the program, which must fail; gives what it says to the person.
    ///
    /// # Panics
    /// When it does not fail.
    #[must_use]
    pub fn cli_fails(&self, args: &[&str]) -> String {
        let output = self.try_cli(args);
        assert!(!output.status.success(), "{}: {args:?} did not fail", self.name);
        String::from_utf8_lossy(&output.stderr).into_owned()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
        // Long, and with a debug log longer: for whoever asks for it.
        if std::thread::panicking() && std::env::var_os("CHARTMESH_TEST_LOGS").is_some() {
            let log = std::fs::read_to_string(self.log_file()).unwrap_or_default();
            let lines: Vec<&str> = log.lines().collect();
            let last = lines.len().saturating_sub(12);
            eprintln!("--- the last lines of {}'s log\n{}", self.name, lines[last..].join("\n"));
        }
    }
}

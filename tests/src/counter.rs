//! What a command asks of its node.

use std::io::{self, Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use crate::{Node, program};

/// A socket before a node's own, which passes everything on and keeps the first line of each request.
#[derive(Debug)]
pub struct Counter {
    dir: PathBuf,
    socket: PathBuf,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Counter {
    /// Listens at `socket` until the test's process ends.
    ///
    /// # Panics
    /// When it cannot.
    #[must_use]
    pub fn before(node: &Node, socket: PathBuf) -> Self {
        let listener = UnixListener::bind(&socket).expect("a socket");
        let (to, asked) = (node.dir.join("api.sock"), Arc::<Mutex<Vec<String>>>::default());
        let counting = Arc::clone(&asked);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (to, counting) = (to.clone(), Arc::clone(&counting));
                std::thread::spawn(move || pass_on(client?, &to, &counting));
            }
        });
        Self { dir: node.dir.clone(), socket, asked }
    }

    /// The paths of all requests so far.
    ///
    /// # Panics
    /// When a thread did.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        let asked = self.asked.lock().expect("no panic");
        asked.iter().filter_map(|line| line.split(' ').nth(1).map(str::to_owned)).collect()
    }

    /// Requests for this path so far.
    #[must_use]
    pub fn count(&self, path: &str) -> usize {
        self.asked().iter().filter(|asked| *asked == path).count()
    }

    /// The program, as a person would run it, with `--json`.
    #[must_use]
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(program());
        command.arg("--json").arg("--dir").arg(&self.dir).arg("--socket").arg(&self.socket);
        command.args(args).stdin(Stdio::null());
        command
    }
}

fn pass_on(mut client: UnixStream, to: &Path, asked: &Mutex<Vec<String>>) -> io::Result<()> {
    let mut node = UnixStream::connect(to)?;
    let mut head = vec![0; 4096];
    let length = client.read(&mut head)?;
    head.truncate(length);
    let text = String::from_utf8_lossy(&head);
    asked.lock().expect("no panic").extend(text.lines().next().map(str::to_owned));
    node.write_all(&head)?;
    let (mut from, mut into) = (client.try_clone()?, node.try_clone()?);
    std::thread::spawn(move || {
        let _broke = io::copy(&mut from, &mut into);
        into.shutdown(Shutdown::Both)
    });
    let _broke = io::copy(&mut node, &mut client);
    client.shutdown(Shutdown::Both)
}

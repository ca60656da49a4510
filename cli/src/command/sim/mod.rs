//! The simulator: whole federations from a scenario file, repeatable to the byte.
//!
//! Also the whole of the program `chartmesh-sim`, which is built with stand-ins for cryptography and
//! without a node (`cli/src/stand_ins.rs`); what needs them goes there.

mod check;
mod compare;
mod explain;
#[cfg(feature = "node")]
mod processes;
mod progress;
mod replay;
mod run;
mod show;
mod shrink;
mod subject;
mod sweep;

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::signal::unix::{SignalKind, signal};

use crate::Context;
use crate::exit::{Exit, Failure, Outcome};

/// Whether this program has stand-ins for signatures and ciphers.
const STAND_INS: bool = chartmesh_protocol::STAND_INS;
/// How a person calls these commands of this program.
const CALLED: &str = if STAND_INS { "chartmesh-sim" } else { "chartmesh sim" };
/// The program with stand-ins.
const FAST: &str = "chartmesh-sim";

/// Simulate whole federations from a scenario file, repeatable to the byte
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Args {
    Run(run::Args),
    Sweep(sweep::Args),
    Compare(compare::Args),
    Replay(replay::Args),
    Explain(explain::Args),
    Shrink(shrink::Args),
    New(check::NewArgs),
    Check(check::Args),
    Schema(check::SchemaArgs),
}

impl Args {
    pub(crate) async fn run(self, context: &Context) -> Outcome {
        let out = context.out;
        let stop = stop_with_ctrl_c();
        // A simulation keeps its thread busy until it ends; the signal is waited for beside it.
        tokio::task::block_in_place(|| match self {
            Self::Run(args) => args.run(out, &stop),
            Self::Sweep(args) => args.run(out, &stop),
            Self::Compare(args) => args.run(out),
            Self::Replay(args) => args.run(out, &stop),
            Self::Explain(args) => args.run(out, &stop),
            Self::Shrink(args) => args.run(out, &stop),
            Self::New(args) => args.run(out),
            Self::Check(args) => args.run(out),
            Self::Schema(_) => check::schema(out),
        })
    }
}

/// Becomes true with the first Ctrl-C or SIGTERM: what runs then ends in order. The second ends the program.
fn stop_with_ctrl_c() -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&stop);
    tokio::spawn(async move {
        let Ok(mut terminate) = signal(SignalKind::terminate()) else { return };
        loop {
            tokio::select! {
                pressed = tokio::signal::ctrl_c() => if pressed.is_err() { return },
                _ = terminate.recv() => {}
            }
            if told.swap(true, Ordering::SeqCst) {
                std::process::exit(i32::from(Exit::Interrupted as u8));
            }
        }
    });
    stop
}

/// Goes on in this program if it has the cryptography that is wanted, in the other one if that is there.
fn with_stand_ins(wanted: bool) -> Outcome {
    let here = STAND_INS;
    if wanted == here {
        return Ok(());
    }
    if here {
        let text =
            "this run was made with real cryptography, and this program has stand-ins for it";
        return Err(Failure::new(Exit::State, text).next("use `chartmesh sim` for it"));
    }
    let path = std::env::current_exe().ok().map(|path| path.with_file_name(FAST));
    let Some(path) = path.filter(|path| path.exists()) else {
        let text = format!(
            "stand-ins for cryptography are a program of their own, {FAST}, and it is not beside this one"
        );
        let next = "build it, and put target/release/chartmesh-sim there: \
                    cargo build --release -p chartmesh --no-default-features --features stand-ins";
        return Err(Failure::new(Exit::NotFound, text).next(next));
    };
    let error = std::process::Command::new(&path).args(without_sim(std::env::args_os())).exec();
    Err(Failure::file("start", &path, &error))
}

/// The same arguments for a program that has no other commands: without its own name and without `sim`.
fn without_sim(arguments: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut arguments: Vec<_> = arguments.skip(1).collect();
    if let Some(at) = arguments.iter().position(|argument| argument == "sim") {
        arguments.remove(at);
    }
    arguments
}

/// What writing or reading a run's folder ran into.
fn folder(error: &chartmesh_scenarios::output::WriteError) -> Failure {
    Failure::new(Exit::Failed, error.to_string())
}

/// A word of a shell's command line.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+%@".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

fn quoted_path(path: &Path) -> String {
    quoted(&path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_other_program_gets_the_same_arguments_without_the_word_sim() {
        let given = ["chartmesh", "--json", "sim", "run", "sim", "--fast"].map(OsString::from);
        let passed = without_sim(given.into_iter());
        assert_eq!(passed, ["--json", "run", "sim", "--fast"].map(OsString::from));
    }

    #[test]
    fn a_command_that_is_shown_can_be_pasted() {
        assert_eq!(quoted("policy.replicas=2"), "policy.replicas=2");
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("it's"), "'it'\\''s'");
    }
}

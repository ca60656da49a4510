//! The two programs that have these commands: with the protocol's cryptography, and with stand-ins for it.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;

use crate::exit::{Exit, Failure, Outcome};

/// Whether this program has stand-ins for signatures and ciphers.
pub(super) const STAND_INS: bool = chartmesh_protocol::STAND_INS;
/// How a person calls these commands of this program.
pub(super) const CALLED: &str = if STAND_INS { "chartmesh-sim" } else { "chartmesh sim" };
/// The program with stand-ins.
const FAST: &str = "chartmesh-sim";

/// Goes on in this program if it has the cryptography that is wanted, in the other one if that is there.
pub(super) fn with_stand_ins(wanted: bool) -> Outcome {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_other_program_gets_the_same_arguments_without_the_word_sim() {
        let given = ["chartmesh", "--json", "sim", "run", "sim", "--fast"].map(OsString::from);
        let passed = without_sim(given.into_iter());
        assert_eq!(passed, ["--json", "run", "sim", "--fast"].map(OsString::from));
    }
}

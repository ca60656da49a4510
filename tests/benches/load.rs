//! A whole hospital's record, measured: `scripts/bench load [SIZE] [--fhir DIR] [--only PART,PART] [--seed N]`.

use std::process::ExitCode;

use chartmesh_tests::load::{Options, run};

fn main() -> ExitCode {
    let ran = Options::read(std::env::args().skip(1)).and_then(run);
    match ran {
        Ok(_) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

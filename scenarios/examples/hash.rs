//! Runs a scenario file and prints its trace's hash, by the library alone:
//! `cargo run -p chartmesh-scenarios --example hash -- FILE [SEED]`. `scripts/same-trace` compares two builds by it.

use chartmesh_scenarios::result::Unwatched;
use chartmesh_scenarios::scenario::Document;
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let file = PathBuf::from(args.next().ok_or("which scenario file?")?);
    let seed = args.next().map_or(Ok(1), |seed| seed.parse())?;
    let scenario = Document::read(&file)?.scenario()?;
    let outcome = chartmesh_scenarios::run(&scenario, seed, &mut Unwatched, &mut Unwatched)?;
    println!("{}", outcome.trace_hash);
    Ok(())
}

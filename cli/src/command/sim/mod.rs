//! The simulator: whole federations from a scenario file, repeatable to the byte.
//!
//! Also the whole of the program `chartmesh-sim`, which is built with stand-ins for cryptography and
//! without a node (`cli/src/stand_ins.rs`); what needs them goes there.

mod check;
mod compare;
mod explain;
mod program;
mod progress;
mod replay;
mod run;
mod shell;
mod show;
mod shrink;
mod subject;
mod sweep;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::signal::unix::{SignalKind, signal};

use crate::context::Context;
use crate::exit::{Exit, Outcome};

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

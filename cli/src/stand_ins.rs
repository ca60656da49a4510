//! `chartmesh-sim`: the commands of `chartmesh sim`, built with stand-ins for signatures and ciphers and
//! without a node, for very large runs.

// `command/mod.rs` is the other program's: it has the node's commands, too.
#[path = "command/sim/mod.rs"]
mod sim;

#[expect(dead_code, reason = "some of it only the node's commands end with")]
mod exit;
#[expect(dead_code, unused_imports, reason = "some of it only the node's commands print")]
mod output;
mod style;
mod table;

use std::process::ExitCode;

use clap::Parser;

use context::Context;
use output::Output;

/// Simulate whole federations with stand-ins for signatures and ciphers.
///
/// The commands of `chartmesh sim`, for very large runs: what takes part is of the same size and
/// protects nothing, and every result says so.
#[derive(Debug, Parser)]
#[command(
    name = "chartmesh-sim",
    version,
    arg_required_else_help = true,
    subcommand_required = true,
    disable_help_subcommand = true,
    after_help = "Example:\n  chartmesh-sim run growth.toml --seed 1 --out growth-1",
    after_long_help = exit::TABLE,
)]
struct Cli {
    /// Answer in JSON
    #[arg(long, global = true)]
    json: bool,
    /// Say nothing but what was asked for
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Say more
    #[arg(short, long, global = true)]
    verbose: bool,
    #[command(subcommand)]
    command: sim::Args,
}

/// What a command is given beside its own arguments.
mod context {
    pub(crate) struct Context {
        pub(crate) out: crate::output::Output,
    }
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let context = Context { out: Output::new(cli.json, cli.quiet, cli.verbose) };
    context.out.conclude(cli.command.run(&context))
}

//! `chartmesh`: runs a node of any role, and talks to one that runs.
//!
//! One file per command under `command/`. Every command but `init`, `run` and those that work on
//! files alone asks a running node through its local API ([`chartmesh_node::client`]). [`output`] is the one place
//! that prints, [`exit`] has the one list of exit codes.

mod args;
mod changes;
mod check;
mod client;
mod command;
mod context;
#[cfg_attr(
    not(feature = "simulator"),
    expect(dead_code, reason = "some only simulations end with")
)]
mod exit;
mod limits;
mod node;
mod output;
mod resolve;
mod secret;
mod style;
mod table;
mod wait;
mod when;
mod words;

use std::process::ExitCode;

use chartmesh_node::guard;
use clap::{CommandFactory, FromArgMatches, Parser};

use args::Global;
use context::Context;
use exit::{Exit, Failure};

/// Medical records between hospitals, patients and backup providers, without a central server.
///
/// `chartmesh init` makes a node, `chartmesh run` runs it; every other command talks to it.
#[derive(Debug, Parser)]
#[command(
    name = "chartmesh",
    version,
    arg_required_else_help = true,
    subcommand_required = true,
    disable_help_subcommand = true,
    after_help = "Example, a hospital's first three commands:\n  chartmesh init --role hospital --name Alder\n  chartmesh run                    # in a terminal of its own\n  chartmesh federation found \"River valley\"",
    after_long_help = format!("{}{}", exit::TABLE, left_out()),
)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: command::Command,
}

/// The commands that this program was built without, for whoever looks for them.
fn left_out() -> String {
    let commands = [("demo", cfg!(feature = "demo")), ("sim", cfg!(feature = "simulator"))];
    let missing: Vec<_> =
        commands.iter().filter(|(_, here)| !here).map(|(name, _)| *name).collect();
    if missing.is_empty() {
        return String::new();
    }
    format!(
        "\n\nBuilt without {}: `cargo install --locked --path cli` builds all.",
        missing.join(" and ")
    )
}

/// The whole command line, for help, completions and manual pages.
fn definition() -> clap::Command {
    Cli::command()
}

fn main() -> ExitCode {
    let cli = Cli::from_arg_matches(&definition().get_matches()).unwrap_or_else(|e| e.exit());
    let context = Context::new(cli.global, definition);
    // Before anything secret is read, whatever the command: none leaves a core behind or lets itself be looked into.
    let closed = guard::close_process().map_err(|error| {
        Failure::new(Exit::Failed, format!("cannot guard this process's memory: {error}"))
    });
    context.out.conclude(async {
        closed?;
        cli.command.run(&context).await
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_of_the_command_line_is_sound() {
        definition().debug_assert();
    }

    #[test]
    fn every_command_has_a_help_and_an_example() {
        fn look(command: &clap::Command, path: &str) {
            for sub in command.get_subcommands() {
                let path = format!("{path} {}", sub.get_name());
                assert!(sub.get_about().is_some(), "{path} has no help");
                if sub.has_subcommands() {
                    look(sub, &path);
                } else {
                    let example = sub.get_after_help().map(ToString::to_string).unwrap_or_default();
                    assert!(example.contains(&path), "{path}: its example is missing or another's");
                    // A line that the help breaks can no longer be copied.
                    let widest = example.lines().map(str::len).max().unwrap_or(0);
                    assert!(widest <= 79, "{path}: its example is {widest} characters wide");
                }
            }
        }
        look(&definition(), "chartmesh");
    }
}

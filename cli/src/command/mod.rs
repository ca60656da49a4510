//! The commands: one file per feature. A new one is its file, its `mod` line and its line below.

mod backup;
mod completions;
mod consent;
mod demo;
mod federation;
mod init;
mod log;
mod man;
mod patient;
mod peers;
mod record;
mod request;
mod run;
pub(crate) mod sim;
mod status;
mod stop;
mod token;
mod transfers;
mod wish;

use crate::context::Context;
use crate::exit::Outcome;

macro_rules! commands {
    ($($(#[$meta:meta])* $name:ident: $module:ident),* $(,)?) => {
        /// What can be asked for, in the order of the help.
        #[derive(Debug, clap::Subcommand)]
        pub(crate) enum Command {
            $($(#[$meta])* $name($module::Args),)*
        }

        impl Command {
            /// Does it.
            pub(crate) async fn run(self, context: &Context) -> Outcome {
                match self {
                    $(Self::$name(args) => args.run(context).await,)*
                }
            }
        }
    };
}

// The doc comment of each `Args` is the command's help.
commands! {
    Demo: demo,
    Init: init,
    Run: run,
    Status: status,
    Peers: peers,
    Transfers: transfers,
    Stop: stop,
    #[command(subcommand)]
    Federation: federation,
    #[command(subcommand)]
    Patient: patient,
    #[command(subcommand)]
    Record: record,
    #[command(subcommand)]
    Request: request,
    #[command(subcommand)]
    Consent: consent,
    #[command(subcommand)]
    Token: token,
    #[command(subcommand)]
    Backup: backup,
    Log: log,
    #[command(subcommand)]
    Sim: sim,
    Completions: completions,
    Man: man,
}

//! The commands: one file for each. A new one is its file, its `mod` line and its line below.
//! `if` names the feature of the crate without which the program does not have it.

mod backup;
mod completions;
mod consent;
#[cfg(feature = "demo")]
mod demo;
mod federation;
mod fingerprint;
mod init;
mod key;
mod log;
mod man;
mod patient;
mod peers;
mod quota;
mod record;
mod request;
mod run;
#[cfg(feature = "simulator")]
mod sim;
mod status;
mod stop;
mod token;
mod transfers;
mod wish;

use crate::context::Context;
use crate::exit::Outcome;

macro_rules! commands {
    ($($(#[$meta:meta])* $name:ident: $module:ident $(if $feature:literal)?),* $(,)?) => {
        /// What can be asked for, in the order of the help.
        #[derive(Debug, clap::Subcommand)]
        pub(crate) enum Command {
            $(
                $(#[cfg(feature = $feature)])?
                $(#[$meta])*
                $name($module::Args),
            )*
        }

        impl Command {
            /// Does it.
            pub(crate) async fn run(self, context: &Context) -> Outcome {
                match self {
                    $(
                        $(#[cfg(feature = $feature)])?
                        Self::$name(args) => args.run(context).await,
                    )*
                }
            }
        }
    };
}

// The doc comment of each `Args` is the command's help.
commands! {
    Demo: demo if "demo",
    Init: init,
    Run: run,
    Status: status,
    Peers: peers,
    Fingerprint: fingerprint,
    Transfers: transfers,
    Quota: quota,
    Stop: stop,
    #[command(subcommand)]
    Key: key,
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
    Sim: sim if "simulator",
    Completions: completions,
    Man: man,
}

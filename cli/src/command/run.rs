//! Runs the node.

use std::io::IsTerminal;
use std::path::PathBuf;

use chartmesh_node::api::Api;
use chartmesh_node::config::{Config, LogFormat, Settings, UnlockWith};
use chartmesh_node::driver::Ended;
use chartmesh_node::guard;
use chartmesh_node::keystore::Passphrase;
use chartmesh_node::run::{self, RunError};
use clap::ValueEnum;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use crate::context::Context;
use crate::exit::{Exit, Failure, Outcome};

/// Run the node, until it is stopped with Ctrl-C, SIGTERM or `chartmesh stop`
///
/// Log lines go to standard error. Once the node can be reached, its addresses are printed, in JSON
/// with --json.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  chartmesh run --dir alder")]
pub(crate) struct Args {
    /// Listen here, a multiaddress, instead of where the configuration says. Can be repeated
    #[arg(long, value_name = "ADDR")]
    listen: Vec<String>,
    /// Tell others this address besides, such as a router's. Can be repeated
    #[arg(long, value_name = "ADDR")]
    announce: Vec<String>,
    /// Neither announce the node on the local network nor look for others there
    #[arg(long)]
    no_mdns: bool,
    /// Members stand in private networks (10.*, 192.168.* and the like): dial such addresses,
    /// whoever tells them
    #[arg(long)]
    private_networks: bool,
    /// Announce the node on the local network, whatever the configuration says
    #[arg(long, conflicts_with = "no_mdns")]
    mdns: bool,
    /// Open the keystore with the 32 bytes in FILE
    #[arg(long, value_name = "FILE", conflicts_with = "credential")]
    key_file: Option<PathBuf>,
    /// Open the keystore with the systemd credential `chartmesh-key`
    #[arg(long)]
    credential: bool,
    /// MiB of memory for the store's pages
    #[arg(long, value_name = "N")]
    cache_mib: Option<u16>,
    /// MiB of the disk to leave free: below, nothing more is taken in [default: as suits the disk]
    #[arg(long, value_name = "N")]
    keep_free_mib: Option<u64>,
    /// What to log, as in info,libp2p=warn [default: as configured, else info]
    #[arg(long, value_name = "FILTER")]
    log: Option<String>,
    /// How log lines look
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<LogFormatArg>,
    /// The machine's clock is right now, and was wrong and ahead before: take its time for the time
    /// that counts. What expired by the wrong time alone holds again; it is on the record
    #[arg(long)]
    accept_clock: bool,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum LogFormatArg {
    /// For people
    Text,
    /// One JSON object a line
    Json,
}

impl Args {
    pub(crate) async fn run(self, context: &Context) -> Outcome {
        let accept_clock = self.accept_clock;
        let config = context.config(self.settings(context)?)?;
        start_logging(&config)?;
        guard::lock_memory();
        let unlock = config.unlock(|| {
            let typed = context.global.passphrase.existing("the node")?;
            Ok::<_, Failure>(Passphrase::new(typed.to_string()))
        })?;
        let node = if accept_clock {
            run::run_accepting_clock(config, unlock).await
        } else {
            run::run(config, unlock).await
        };
        let node = node.map_err(|error| refused(&error))?;
        let api =
            Api::start(&node).map_err(|error| Failure::new(Exit::Failed, error.to_string()))?;
        let listen: Vec<String> = node.net().listeners().iter().map(ToString::to_string).collect();
        let answer = json!({
            "name": node.identity().name, "role": node.role(), "listen": listen,
            "announced": node.handle().addresses(), "socket": node.config().socket,
        });
        context.out.answer(&answer, |out| {
            out.line(format!("`{}` runs, a {} node", node.identity().name, node.role().name()));
            listen.iter().for_each(|address| out.line(format!("  {address}")));
        });
        tokio::select! {
            ended = node.ended() => {
                api.stop().await;
                return end(ended);
            }
            () = told_to_stop() => context.out.note("stopping; once more to stop at once"),
        }
        // What is queued is done first. Whoever cannot wait for that asks a second time, and gets
        // what a power cut would do, which loses nothing that was acknowledged.
        let stopping = async {
            api.stop().await;
            node.shutdown().await
        };
        tokio::select! {
            ended = stopping => end(ended),
            () = told_to_stop() => Err(Failure::new(Exit::Failed, "stopped at once, as asked")),
        }
    }

    fn settings(self, context: &Context) -> Outcome<Settings> {
        let log = match (context.global.quiet, context.global.verbose) {
            (true, _) => Some("warn"),
            (_, 0) => None,
            (_, 1) => Some("debug,libp2p=info,quinn=info,hickory=warn"),
            _ => Some("trace"),
        };
        let unlock = match (self.key_file, self.credential) {
            (Some(path), _) => Some(UnlockWith::KeyFile(
                std::path::absolute(&path)
                    .map_err(|error| Failure::file("use the key file", &path, &error))?,
            )),
            (None, true) => Some(UnlockWith::Credential),
            (None, false) => None,
        };
        let some = |list: Vec<String>| (!list.is_empty()).then_some(list);
        Ok(Settings {
            listen: some(self.listen),
            announce: some(self.announce),
            mdns: (self.mdns || self.no_mdns).then_some(self.mdns),
            private_networks: self.private_networks.then_some(true),
            unlock,
            cache_mib: self.cache_mib,
            keep_free_mib: self.keep_free_mib,
            log: self.log.or(log.map(str::to_owned)),
            log_format: self.log_format.map(|format| match format {
                LogFormatArg::Text => LogFormat::Text,
                LogFormatArg::Json => LogFormat::Json,
            }),
            ..Settings::default()
        })
    }
}

async fn told_to_stop() {
    let wait = |kind| async move {
        match signal(kind) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            // Without a handler the signal ends the process by itself.
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        () = wait(SignalKind::interrupt()) => {}
        () = wait(SignalKind::terminate()) => {}
    }
}

fn end(ended: Ended) -> Outcome {
    match ended {
        Ended::Stopped => Ok(()),
        other => Err(Failure::new(Exit::Failed, other.to_string())),
    }
}

fn refused(error: &RunError) -> Failure {
    use chartmesh_node::keystore::KeystoreError;
    let exit = match error {
        RunError::Identity(_) => Exit::NotFound,
        RunError::Keystore(KeystoreError::Sealed { .. } | KeystoreError::Unlock(_)) => Exit::Locked,
        _ => Exit::Failed,
    };
    Failure::new(exit, error.to_string())
}

fn start_logging(config: &Config) -> Outcome {
    let filter = tracing_subscriber::EnvFilter::try_new(&config.log).map_err(|error| {
        Failure::usage(format!("log filter `{}`: {error}", config.log))
            .next("write it as in info,libp2p=warn")
    })?;
    let colours = std::io::stderr().is_terminal()
        && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(colours)
        .with_writer(std::io::stderr);
    match config.log_format {
        LogFormat::Text => lines.init(),
        LogFormat::Json => lines.json().init(),
    }
    Ok(())
}

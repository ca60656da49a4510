//! What every command is given: the arguments that all have, where to print, and the way to the running node.

use std::io::ErrorKind;
use std::path::PathBuf;

use chartmesh_node::client::Client;
use chartmesh_node::config::{Config, ConfigError, Flags, Settings};

use crate::args::Global;
use crate::exit::{Exit, Failure, Outcome};
use crate::node::Node;
use crate::output::Output;

/// What a command is given beside its own arguments.
pub(crate) struct Context {
    pub(crate) global: Global,
    pub(crate) out: Output,
    /// The whole command line, for completions and manual pages.
    pub(crate) definition: fn() -> clap::Command,
}

impl Context {
    pub(crate) fn new(global: Global, definition: fn() -> clap::Command) -> Self {
        let out = Output::new(global.json, global.quiet, global.verbose > 0);
        Self { global, out, definition }
    }

    /// How this node runs, by the command line, the environment and its file.
    pub(crate) fn config(&self, mut settings: Settings) -> Outcome<Config> {
        let whole = |path: &Option<PathBuf>| {
            let whole = path.as_deref().map(std::path::absolute).transpose();
            whole.map_err(|error| {
                Failure::usage(format!("--dir, --config, --data-dir or --socket: {error}"))
            })
        };
        let dir = whole(&self.global.dir)?;
        settings.socket = whole(&self.global.socket)?;
        settings.data_dir = whole(&self.global.data_dir)?;
        let config = whole(&self.global.config)?;
        Config::load(Flags { dir, config, settings }).map_err(|error| match &error {
            ConfigError::Io { source, .. } if source.kind() == ErrorKind::PermissionDenied => {
                Failure::new(Exit::NotPermitted, error.to_string()).next(
                    "run the command as the user whose node it is, or name another with --dir",
                )
            }
            ConfigError::Io { .. } => Failure::new(Exit::Failed, error.to_string()),
            _ => Failure::usage(error.to_string()),
        })
    }

    /// The running node.
    pub(crate) fn node(&self) -> Outcome<Node> {
        let config = self.config(Settings::default())?;
        let client = Client::new(&config.socket);
        Ok(Node::new(client, self.out, self.global.passphrase.clone()))
    }
}

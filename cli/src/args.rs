//! What every command takes.

use std::path::PathBuf;

use clap::Args;

use crate::secret::PassphraseArgs;

/// Flags of every command.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
#[command(next_help_heading = "Common options")]
pub(crate) struct Global {
    /// Keep all of one node, configuration and data, in DIR
    #[arg(long, value_name = "DIR", global = true, env = "CHARTMESH_DIR", hide_env_values = true)]
    pub(crate) dir: Option<PathBuf>,
    /// Use this configuration file
    #[arg(
        long,
        value_name = "FILE",
        global = true,
        env = "CHARTMESH_CONFIG",
        hide_env_values = true,
        conflicts_with = "dir"
    )]
    pub(crate) config: Option<PathBuf>,
    /// Keep the node's data in DIR, apart from its configuration
    #[arg(
        long,
        value_name = "DIR",
        global = true,
        env = "CHARTMESH_DATA_DIR",
        hide_env_values = true
    )]
    pub(crate) data_dir: Option<PathBuf>,
    /// The socket of the node's local API [default: api.sock beside its data]
    #[arg(
        long,
        value_name = "FILE",
        global = true,
        env = "CHARTMESH_SOCKET",
        hide_env_values = true
    )]
    pub(crate) socket: Option<PathBuf>,
    /// Answer in JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Say nothing but what was asked for
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Say more, such as every id; at `run` log more, and twice for everything
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    #[command(flatten)]
    pub(crate) passphrase: PassphraseArgs,
}

/// On whose behalf a command acts. The institution attests it; holders log it.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub(crate) struct UserArg {
    /// The person on whose behalf this is done [default: your login name]
    #[arg(long = "user", value_name = "NAME", env = "CHARTMESH_USER", hide_env_values = true)]
    user: Option<String>,
}

impl UserArg {
    /// The person.
    pub(crate) fn name(&self) -> String {
        let login = || ["LOGNAME", "USER"].iter().find_map(|name| std::env::var(name).ok());
        self.user.clone().or_else(login).unwrap_or_else(account)
    }
}

/// The account that this process runs as, where nothing names a login.
fn account() -> String {
    use std::os::unix::fs::MetadataExt as _;
    let Ok(process) = std::fs::metadata("/proc/self") else { return "unnamed".to_owned() };
    let uid = process.uid().to_string();
    let accounts = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let found = accounts.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == uid).then(|| name.to_owned())
    });
    found.unwrap_or_else(|| format!("account {uid}"))
}

/// Waiting for what another node or a person does.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub(crate) struct WaitArgs {
    /// Wait until it is decided or done
    #[arg(long)]
    pub(crate) wait: bool,
    /// How long to wait at most
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = crate::when::span, requires = "wait")]
    pub(crate) timeout: crate::when::Span,
}

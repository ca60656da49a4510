//! Makes a node.

use std::path::PathBuf;

use chartmesh_node::config::{Config, Settings, UnlockWith};
use chartmesh_node::guard;
use chartmesh_node::keystore::{Passphrase, UnlockError};
use chartmesh_node::run::{self, InitError, NodeIdentity};
use chartmesh_protocol::identity::Role;
use chartmesh_protocol::limits::NAME_BYTES_MAX;
use chartmesh_protocol::naming::can_be_named;
use clap::ValueEnum;
use serde_json::json;

use crate::context::Context;
use crate::exit::{Exit, Failure, Outcome};
use crate::output::{Cell, Style};

/// Make a node: its keys, its empty store, its configuration
///
/// The keystore is sealed under a passphrase, which `chartmesh run` then asks for, or under a key
/// file, with which the node starts by itself.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  chartmesh init --role hospital --name \"Alder Hospital\"")]
pub(crate) struct Args {
    /// What the node does
    #[arg(long, required_unless_present = "new_store")]
    role: Option<RoleArg>,
    /// The name that others see
    #[arg(long, required_unless_present = "new_store")]
    name: Option<String>,
    /// After the store was lost: make an empty one under the keys that are left. Join the
    /// federation again with an invite, then `chartmesh backup restore` brings entries back
    #[arg(long, conflicts_with_all = ["role", "name"])]
    new_store: bool,
    /// Listen here, a multiaddress; port 0 lets the system choose once. Can be repeated
    /// [default: everywhere, TCP and QUIC]
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
    /// Seal the keystore under the 32 bytes in FILE; makes the file if it is not there
    #[arg(long, value_name = "FILE", conflicts_with_all = ["no_passphrase", "credential"])]
    key_file: Option<PathBuf>,
    /// Protect the keys by nothing but this user's file permissions: a key file beside the
    /// configuration. Whoever gets the disk or a backup of it can open the node
    #[arg(long, conflicts_with = "credential")]
    no_passphrase: bool,
    /// Seal the keystore under the systemd credential `chartmesh-key`
    #[arg(long)]
    credential: bool,
}

/// What a node does.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum RoleArg {
    /// Keeps its patients' records, and asks to see others'
    Hospital,
    /// A relay: holds patients' keys, shows them requests, signs their permissions
    Patient,
    /// Keeps sealed records that it cannot read
    Backup,
}

impl From<RoleArg> for Role {
    fn from(role: RoleArg) -> Self {
        match role {
            RoleArg::Hospital => Self::Hospital,
            RoleArg::Patient => Self::Patient,
            RoleArg::Backup => Self::Backup,
        }
    }
}

impl Args {
    pub(crate) async fn run(self, context: &Context) -> Outcome {
        guard::lock_memory();
        if self.new_store {
            return new_store(context);
        }
        let (Some(role), Some(name)) = (self.role.map(Role::from), self.name.clone()) else {
            return Err(Failure::usage("a node needs a role and a name"));
        };
        if !can_be_named(&name) {
            return Err(Failure::usage(format!(
                "a node's name has 1 to {NAME_BYTES_MAX} bytes that can be read, on one line"
            )));
        }
        let config = context.config(self.settings(context)?)?;
        // Nobody should think of a passphrase for a node that is there already.
        if config.data_dir.join("identity.json").exists() {
            return Err(refused(&InitError::Exists { dir: config.data_dir }));
        }
        let unlock = config.unlock(|| {
            let typed = context.global.passphrase.new_one(&format!("the node `{name}`"))?;
            Ok::<_, Failure>(Passphrase::new(typed.to_string()))
        })?;
        let made = run::init(&config, &unlock, role, &name).map_err(|error| refused(&error))?;
        show(context, &config, &made);
        Ok(())
    }

    fn settings(self, context: &Context) -> Outcome<Settings> {
        let unlock = if self.credential {
            Some(UnlockWith::Credential)
        } else if self.no_passphrase {
            let config = context.config(Settings::default())?;
            Some(UnlockWith::KeyFile(config.file.with_file_name("key")))
        } else if let Some(path) = self.key_file {
            let path = std::path::absolute(&path)
                .map_err(|error| Failure::file("use the key file", &path, &error))?;
            Some(UnlockWith::KeyFile(path))
        } else {
            None
        };
        let some = |list: Vec<String>| (!list.is_empty()).then_some(list);
        Ok(Settings {
            listen: some(self.listen),
            announce: some(self.announce),
            mdns: self.no_mdns.then_some(false),
            private_networks: self.private_networks.then_some(true),
            unlock,
            ..Settings::default()
        })
    }
}

/// An empty store for a node that has everything else.
fn new_store(context: &Context) -> Outcome {
    let config = context.config(Settings::default())?;
    let unlock = config.unlock(|| {
        let typed = context.global.passphrase.existing("the node")?;
        Ok::<_, Failure>(Passphrase::new(typed.to_string()))
    })?;
    let identity = run::new_store(&config, &unlock).map_err(|error| refused(&error))?;
    show(context, &config, &identity);
    Ok(())
}

fn refused(error: &InitError) -> Failure {
    let exit = match error {
        InitError::Exists { .. } => Exit::State,
        InitError::Name | InitError::Config(_) => Exit::Usage,
        _ => Exit::Failed,
    };
    Failure::new(exit, error.to_string())
}

impl From<UnlockError> for Failure {
    fn from(error: UnlockError) -> Self {
        Self::new(Exit::Locked, error.to_string())
    }
}

/// What is lost without a passphrase, for whoever chose that.
const NO_PASSPHRASE: &str = "\nNO PASSPHRASE: the key is on the disk that it is to protect. Whoever gets this disk, a backup of\nit, or a shell as this user reads every record that this node can read, and speaks for it. To be\nsafe from that, make the node without --no-passphrase, keep the key file on a disk that is taken\nout, or use a systemd credential (--credential), which this machine's TPM can hold.";

fn show(context: &Context, config: &Config, made: &NodeIdentity) {
    let party = made.key_log.party_unverified();
    let answer = json!({
        "name": made.name,
        "role": made.role,
        "institution": party,
        "node": made.node,
        "config": config.file,
        "data_dir": config.data_dir,
        "socket": config.socket,
    });
    context.out.answer(&answer, |out| {
        out.facts(&[
            ("name", Cell::new(&made.name, Style::Strong)),
            ("role", made.role.name().into()),
            ("institution", party.to_string().into()),
            ("node", made.node.to_string().into()),
            ("configuration", config.file.display().to_string().into()),
            ("data", config.data_dir.display().to_string().into()),
        ]);
        if let UnlockWith::KeyFile(path) = &config.unlock {
            let (path_of_key, path) = (path, path.display());
            out.note(format!(
                "\nThe node's keys are sealed under {path}. Keep a copy elsewhere: without it the node\nnever opens again."
            ));
            if run::on_one_disk(path_of_key, &config.data_dir) {
                out.note(NO_PASSPHRASE);
            }
        }
        let dir = context.global.dir.as_ref();
        let dir = dir.map(|dir| format!(" --dir {}", dir.display())).unwrap_or_default();
        out.next(format!("chartmesh run{dir}"));
    });
}

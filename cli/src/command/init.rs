//! Makes a node.

use std::path::{Path, PathBuf};

use chartmesh_node::config::{Config, Settings, UnlockWith};
use chartmesh_node::guard;
use chartmesh_node::keystore::{KeystoreError, Passphrase, Unlock, UnlockError};
use chartmesh_node::run::{self, InitError, Made};
use chartmesh_protocol::identity::{InstitutionPhrase, KeyLog, Role};
use chartmesh_protocol::limits::NAME_BYTES_MAX;
use chartmesh_protocol::naming::can_be_named;
use clap::ValueEnum;
use serde_json::json;

use crate::command::key;
use crate::context::Context;
use crate::exit::{Exit, Failure, Outcome};
use crate::output::{Cell, Style};
use crate::secret;
use crate::words;

/// Make a node: its keys, its empty store, its configuration
///
/// The keystore is sealed under a passphrase, which `chartmesh run` then asks for, or under a key
/// file, with which the node starts by itself. A hospital's and a backup provider's 24 words are shown
/// once, with which its keys are replaced when they were stolen.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  chartmesh init --role hospital --name \"Alder Hospital\"")]
pub(crate) struct Args {
    /// What the node does
    #[arg(long, required_unless_present_any = ["new_store", "import"])]
    role: Option<RoleArg>,
    /// The name that others see
    #[arg(long, required_unless_present_any = ["new_store", "import"])]
    name: Option<String>,
    /// After the store was lost: make an empty one under the keys that are left. Join the
    /// federation again with an invite, then `chartmesh backup restore` brings entries back
    #[arg(long, conflicts_with_all = ["role", "name"])]
    new_store: bool,
    /// Make the node from an export (`chartmesh key export`): as it was where its store is here still, else another node
    /// of the institution, with an empty store. Stop the first for good before: both would sign for the institution in
    /// the federation, and two that contradict each other are taken for a dishonest member
    #[arg(long, value_name = "FILE", conflicts_with_all = ["role", "name", "new_store"])]
    import: Option<PathBuf>,
    /// Read the passphrase of the export from the first line of FILE instead of the terminal
    #[arg(long, value_name = "FILE", requires = "import")]
    export_passphrase_file: Option<PathBuf>,
    /// After all copies of the keystore were lost: make a node of the institution anew from its 24 words, with an empty
    /// store. Join the federation again with an invite, then `chartmesh backup restore` brings entries back
    #[arg(long, conflicts_with_all = ["new_store", "import"])]
    recover: bool,
    /// Read the 24 words from FILE instead of the terminal
    #[arg(long, value_name = "FILE", requires = "recover")]
    words_file: Option<PathBuf>,
    /// The key log of an institution that has rotated its keys: as a member's `chartmesh token keys NAME` prints it, or
    /// an identity.json
    #[arg(long, value_name = "FILE", requires = "recover")]
    keys: Option<PathBuf>,
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
        if let Some(export) = self.import.clone() {
            return self.take_up(context, &export);
        }
        let (Some(role), Some(name)) = (self.role.map(Role::from), self.name.clone()) else {
            return Err(Failure::usage("a node needs a role and a name"));
        };
        if !can_be_named(&name) {
            return Err(Failure::usage(format!(
                "a node's name has 1 to {NAME_BYTES_MAX} bytes that can be read, on one line"
            )));
        }
        let again = self.recover.then(|| (self.words_file.clone(), self.keys.clone()));
        let config = self.new_config(context)?;
        let words = again.map(|(words, keys)| words_of(words, keys)).transpose()?;
        let unlock = new_unlock(context, &config, &format!("the node `{name}`"))?;
        let made = match &words {
            None => run::init(&config, &unlock, role, &name),
            Some((phrase, log)) => {
                run::recover(&config, &unlock, (role, &name), phrase, log.clone())
            }
        };
        let keys = match &words {
            None => Keys::New,
            Some((_, Some(_))) => Keys::Newest,
            Some((_, None)) => Keys::WrittenDown,
        };
        show(context, &config, &made.map_err(|error| refused(&error))?, keys);
        Ok(())
    }

    fn take_up(self, context: &Context, export: &Path) -> Outcome {
        let file = self.export_passphrase_file.clone();
        let config = self.new_config(context)?;
        let passphrase = secret::of_export(file.as_deref())?;
        let passphrase = Passphrase::new(passphrase.to_string());
        let unlock = new_unlock(context, &config, "the node")?;
        let made = run::import(&config, &unlock, export, &passphrase);
        show(context, &config, &made.map_err(|error| refused(&error))?, Keys::WrittenDown);
        Ok(())
    }

    /// The configuration of a node that is not there yet: nobody should think of a passphrase for one that is.
    fn new_config(self, context: &Context) -> Outcome<Config> {
        let config = context.config(self.settings(context)?)?;
        match config.data_dir.join("identity.json").exists() {
            true => Err(refused(&InitError::Exists { dir: config.data_dir })),
            false => Ok(config),
        }
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

/// The words and the key log of an institution that is made anew.
fn words_of(
    words: Option<PathBuf>,
    keys: Option<PathBuf>,
) -> Outcome<(InstitutionPhrase, Option<KeyLog>)> {
    let log = keys.as_deref().map(key::read_log).transpose()?;
    let words = secret::words("The institution's", words.as_deref())?;
    Ok((key::parse(&words)?, log))
}

/// What is to unlock a new keystore; a passphrase is asked for twice.
fn new_unlock(context: &Context, config: &Config, whose: &str) -> Outcome<Unlock> {
    config.unlock(|| {
        let typed = context.global.passphrase.new_one(whose)?;
        Ok::<_, Failure>(Passphrase::new(typed.to_string()))
    })
}

/// An empty store for a node that has everything else.
fn new_store(context: &Context) -> Outcome {
    let config = context.config(Settings::default())?;
    let unlock = config.unlock(|| {
        let typed = context.global.passphrase.existing("the node")?;
        Ok::<_, Failure>(Passphrase::new(typed.to_string()))
    })?;
    let identity = run::new_store(&config, &unlock).map_err(|error| refused(&error))?;
    show(context, &config, &Made { identity, words: None, with_store: false }, Keys::Newest);
    Ok(())
}

fn refused(error: &InitError) -> Failure {
    let exit = match error {
        InitError::Exists { .. } | InitError::OtherStore(_) => Exit::State,
        InitError::Name | InitError::Config(_) | InitError::RelayHasNoWords => Exit::Usage,
        InitError::OthersWords | InitError::KeyLog(_) => Exit::NotAuthentic,
        InitError::Keystore(KeystoreError::Sealed { .. } | KeystoreError::Unlock(_)) => {
            Exit::Locked
        }
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

/// What an institution's words are for.
const WORDS: &str = "Write them down now, and keep them in a safe, away from this machine: they are not shown again, and\nnowhere stored. They alone replace the institution's keys when those were stolen (`chartmesh key\nrotate`), and make its node anew when all else is lost. Whoever has them is the institution.";

/// What an empty store lacks, of an institution that is not new.
const EMPTY_STORE: &str = "\nThe store is empty: join the federation again with an invite, then `chartmesh backup restore` brings\nback the entries that a backup provider keeps for this institution. What was kept here alone is lost:\nother entries, requests, the access log, which patients are enrolled. Run one node of an institution\nat a time: both would sign for it in the federation, and two that contradict each other are taken for a\ndishonest member.";

/// What may be amiss with keys that were written down once.
const EARLIER_KEYS: &str = "\nIf the institution has rotated its keys since these were written down, they count no more, and no member\nlets this node in. Then, before anything else: have a member make FILE with `chartmesh token keys NAME`,\nand `chartmesh key rotate --keys FILE` here.";

/// From where the keys of a node are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keys {
    /// They are new.
    New,
    /// The institution's newest, as far as anybody here can tell.
    Newest,
    /// The institution's as they were written down once, in words or in an export.
    WrittenDown,
}

/// Shows what was made.
fn show(context: &Context, config: &Config, made: &Made, keys: Keys) {
    let Made { identity, words, with_store } = made;
    let party = identity.institution();
    let words = words.as_ref().map(|words| words.as_str());
    let answer = json!({
        "name": identity.name,
        "role": identity.role,
        "institution": party,
        "node": identity.node,
        "words": words,
        "with_store": with_store,
        "config": config.file,
        "data_dir": config.data_dir,
        "socket": config.socket,
    });
    context.out.answer(&answer, |out| {
        out.facts(&[
            ("name", Cell::new(&identity.name, Style::Strong)),
            ("role", identity.role.name().into()),
            ("institution", party.to_string().into()),
            ("node", identity.node.to_string().into()),
            ("configuration", config.file.display().to_string().into()),
            ("data", config.data_dir.display().to_string().into()),
        ]);
        if let Some(words) = words {
            words::show(out, "The institution's", words, WORDS);
        }
        if keys != Keys::New && !with_store {
            out.note(EMPTY_STORE);
        }
        if keys == Keys::WrittenDown && identity.role != Role::Patient {
            out.note(EARLIER_KEYS);
        }
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

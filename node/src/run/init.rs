//! Making a node: fresh secrets, an institution's inception, an empty store.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
};
use std::path::{Path, PathBuf};

use chartmesh_protocol::crypto::{Secret32, SigningKey};
use chartmesh_protocol::id::NodeId;
use chartmesh_protocol::identity::{InstitutionPhrase, KeyLog, KeyLogError, Role, incept_for_good};
use chartmesh_protocol::limits::NAME_BYTES_MAX;
use chartmesh_protocol::naming::can_be_named;
use rand_core::Rng as _;
use zeroize::Zeroizing;

use super::file;
use super::identity::{IdentityError, NodeIdentity};
use super::keys::number;
use crate::config::{Config, ConfigError, UnlockWith};
use crate::keystore::{
    ContentsError, Keystore, KeystoreError, Passphrase, Secrets, Unlock, name, read_export,
};
use crate::random::system;
use crate::store::{CreateError, OpenError, StorageKey, Store};

/// Why no node was made.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// There is one.
    #[error("there is a node in {} already; run it with `chartmesh run`, or choose another directory with `--dir DIR`", .dir.display())]
    Exists {
        /// Its data directory.
        dir: PathBuf,
    },
    /// The keystore has no key for a store.
    #[error("the keystore lacks the storage key; restore the keystore that belongs to this node")]
    NoStorageKey,
    /// No name, or one that others refuse.
    #[error(
        "a node's name has 1 to {NAME_BYTES_MAX} bytes that can be read, on one line; say one with `--name`"
    )]
    Name,
    /// The words are not those of the key log.
    #[error(
        "these 24 words are not this institution's: its keys do not follow from them. If it has rotated its keys, bring its key log, too: a member makes it with `chartmesh token keys NAME`, for `--keys FILE`"
    )]
    OthersWords,
    /// The key log proves nothing.
    #[error(
        "the key log proves nothing: {0}; have a member make it again with `chartmesh token keys NAME`"
    )]
    KeyLog(#[from] KeyLogError),
    /// A relay's keys follow from no words.
    #[error("a relay has no words of its own: make a new one, and its patients move to it")]
    RelayHasNoWords,
    /// The store that is there is not the export's.
    #[error("{0}; to begin with an empty one, move it away first")]
    OtherStore(#[from] OpenError),
    /// A directory or the key file cannot be made.
    #[error("cannot make {}: {source}", .path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What failed.
        source: io::Error,
    },
    /// The keystore.
    #[error(transparent)]
    Keystore(#[from] KeystoreError),
    /// The store.
    #[error(transparent)]
    Store(#[from] CreateError),
    /// The identity.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The configuration file.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

/// A node that was made.
#[derive(Debug)]
pub struct Made {
    /// Who it is.
    pub identity: NodeIdentity,
    /// The institution's 24 words where they are new, to be shown once: they are kept nowhere. A relay has none.
    pub words: Option<Zeroizing<String>>,
    /// Whether the store that was there goes on.
    pub with_store: bool,
}

/// Makes a node of a new institution: its data directory (mode 0700), secrets, store, identity and configuration file.
/// A key file that is named and not there is made. The node exists once `identity.json` does,
/// which is written last; before that a crash leaves something that another call refuses to build
/// on.
///
/// # Errors
/// [`InitError`].
pub fn init(config: &Config, unlock: &Unlock, role: Role, name: &str) -> Result<Made, InitError> {
    if !can_be_named(name) {
        return Err(InitError::Name);
    }
    make(config, unlock, || {
        let (words, keys) = match role {
            Role::Patient => (None, InstitutionKeys::of_relay()),
            Role::Hospital | Role::Backup => {
                let (words, phrase) = InstitutionPhrase::generate(&mut system());
                (Some(words), InstitutionKeys::of_phrase(&phrase, phrase.incept()))
            }
        };
        Ok((keys.into_node(role, name), words))
    })
}

/// Makes a node of an institution whose keystores are all lost, from its 24 words; of one that has rotated, from its
/// key log as well, which every member knows.
///
/// # Errors
/// [`InitError`].
pub fn recover(
    config: &Config,
    unlock: &Unlock,
    (role, name): (Role, &str),
    phrase: &InstitutionPhrase,
    log: Option<KeyLog>,
) -> Result<Made, InitError> {
    if !can_be_named(name) {
        return Err(InitError::Name);
    }
    if role == Role::Patient {
        return Err(InitError::RelayHasNoWords);
    }
    make(config, unlock, || {
        let log = log.unwrap_or_else(|| phrase.incept());
        if !phrase.is_of(&log.clone().verify()?) {
            return Err(InitError::OthersWords);
        }
        Ok((InstitutionKeys::of_phrase(phrase, log).into_node(role, name), None))
    })
}

/// Makes a node from an export: where its store is there still, that node as it was; else another node of the same
/// institution, with an empty store.
///
/// # Errors
/// [`InitError`].
pub fn import(
    config: &Config,
    unlock: &Unlock,
    export: &Path,
    passphrase: &Passphrase,
) -> Result<Made, InitError> {
    make(config, unlock, || {
        let (identity, mut secrets) = read_export(export, passphrase)?;
        let damaged = |why| IdentityError::Damaged { path: export.to_owned(), why };
        let text = String::from_utf8(identity).map_err(|error| damaged(error.to_string()))?;
        let mut identity = NodeIdentity::from_json(&text).map_err(damaged)?;
        if !config.data_dir.join(file::STORE).exists() {
            identity.node = fresh_node(&mut secrets);
        }
        Ok(((secrets, identity), None))
    })
}

type Begun = ((Secrets, NodeIdentity), Option<Zeroizing<String>>);

fn make(
    config: &Config,
    unlock: &Unlock,
    begin: impl FnOnce() -> Result<Begun, InitError>,
) -> Result<Made, InitError> {
    let dir = &config.data_dir;
    let identity_path = dir.join(file::IDENTITY);
    if identity_path.exists() {
        return Err(InitError::Exists { dir: dir.clone() });
    }
    let ((secrets, identity), words) = begin()?;
    make_private_dir(dir).map_err(|source| io_error(dir, source))?;
    if let UnlockWith::KeyFile(path) = &config.unlock {
        make_key_file(path).map_err(|source| io_error(path, source))?;
    }
    let Some(key) = secrets.key(name::STORAGE_KEY) else { return Err(InitError::NoStorageKey) };
    let (key, path, options) =
        (StorageKey::from_bytes(key), dir.join(file::STORE), config.store_options());
    let with_store = words.is_none() && path.exists();
    if with_store {
        // Only the keystore that it was made with opens it.
        Store::open_with(&path, &key, &options)?;
    }
    Keystore::create(&dir.join(file::KEYSTORE), unlock, &secrets, &mut system())?;
    if !with_store {
        Store::create_with(&path, &key, &mut system(), &options)?;
    }
    config.save()?;
    identity.write(&identity_path)?;
    Ok(Made { identity, words, with_store })
}

/// Makes an empty store for a node whose store was lost, under the keys that are left: the node keeps
/// its identity, joins its federation again with an invite, and gets back what a depositary keeps.
/// Refused while there is a store.
///
/// # Errors
/// [`InitError`].
pub fn new_store(config: &Config, unlock: &Unlock) -> Result<NodeIdentity, InitError> {
    let dir = &config.data_dir;
    let identity = NodeIdentity::read(&dir.join(file::IDENTITY))?;
    let path = dir.join(file::STORE);
    if path.exists() {
        return Err(InitError::Exists { dir: dir.clone() });
    }
    let secrets = Keystore::open(&dir.join(file::KEYSTORE), unlock)?;
    let Some(key) = secrets.key(name::STORAGE_KEY) else { return Err(InitError::NoStorageKey) };
    Store::create_with(
        &path,
        &StorageKey::from_bytes(key),
        &mut system(),
        &config.store_options(),
    )?;
    Ok(identity)
}

/// The keys of an institution, as far as a keystore has them.
struct InstitutionKeys {
    log: KeyLog,
    /// Of the signing keys, the current one last: the newest view may list an earlier one still.
    signing: Vec<Secret32>,
    /// Of the own keys, likewise.
    own: Vec<Secret32>,
}

impl InstitutionKeys {
    /// They follow from the words. The next signing key is among them nowhere.
    fn of_phrase(phrase: &InstitutionPhrase, log: KeyLog) -> Self {
        let numbers = 0..=number(&log);
        let signing = numbers.clone().map(|number| phrase.signing_seed(number)).collect();
        let own = numbers.map(|number| phrase.own_key(number)).collect();
        Self { log, signing, own }
    }

    /// Random ones, which never change: what a relay does for its patients follows from their words, and a relay whose keys
    /// are lost or stolen is replaced by another.
    fn of_relay() -> Self {
        let signing = fresh();
        let log = incept_for_good(&SigningKey::from_seed(&signing), &mut system());
        Self { log, signing: vec![signing], own: vec![fresh()] }
    }

    /// A node of the institution, with a key and a storage key of its own.
    fn into_node(self, role: Role, name: &str) -> (Secrets, NodeIdentity) {
        let mut secrets = Secrets::new();
        for (number, seed) in (0..).zip(&self.signing) {
            set(&mut secrets, &name::institution_signing_seed(number), seed);
        }
        for (number, seed) in (0..).zip(&self.own) {
            set(&mut secrets, &name::institution_own_key(number), seed);
        }
        let node = fresh_node(&mut secrets);
        let name = name.to_owned();
        (secrets, NodeIdentity { role, name, key_log: self.log, node })
    }
}

/// Gives a node a key and a storage key of its own.
fn fresh_node(secrets: &mut Secrets) -> NodeId {
    set(secrets, name::STORAGE_KEY, &fresh());
    fresh_node_key(secrets)
}

/// Gives a node a key of its own.
pub(super) fn fresh_node_key(secrets: &mut Secrets) -> NodeId {
    let seed = fresh();
    set(secrets, name::NODE_SIGNING_SEED, &seed);
    SigningKey::from_seed(&seed).public().into()
}

pub(super) fn set(secrets: &mut Secrets, name: &str, seed: &Secret32) {
    let set: Result<(), ContentsError> = secrets.set(name, &**seed);
    set.expect("the names are ours, the length is 32, and an institution's rotations are bounded");
}

fn fresh() -> Secret32 {
    let mut seed = Zeroizing::new([0; 32]);
    system().fill_bytes(&mut *seed);
    seed
}

/// Makes the directory and those above it; nobody but the owner may look into it.
fn make_private_dir(dir: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    fs::set_permissions(dir, fs::Permissions::from_mode(0o700))
}

/// Whether two files, or the folders where they are to be, are on one disk: whoever has it has both.
#[must_use]
pub fn on_one_disk(one: &Path, other: &Path) -> bool {
    let device = |path: &Path| fs::metadata(path).map(|found| found.dev());
    matches!((device(one), device(other)), (Ok(one), Ok(other)) if one == other)
}

fn make_key_file(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = match options.write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        other => other?,
    };
    let mut key = Zeroizing::new([0; 32]);
    system().fill_bytes(&mut *key);
    file.write_all(&*key)?;
    file.sync_all()
}

fn io_error(path: &Path, source: io::Error) -> InitError {
    let path = path.to_owned();
    InitError::Io { path, source }
}

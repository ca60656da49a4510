//! Making a node: fresh secrets, an institution's inception, an empty store.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
};
use std::path::{Path, PathBuf};

use chartmesh_protocol::crypto::SigningKey;
use chartmesh_protocol::identity::{Role, incept};
use chartmesh_protocol::limits::NAME_BYTES_MAX;
use chartmesh_protocol::naming::can_be_named;
use rand_core::Rng as _;
use zeroize::Zeroizing;

use super::file;
use super::identity::{IdentityError, NodeIdentity};
use crate::config::{Config, ConfigError, UnlockWith};
use crate::keystore::{ContentsError, Keystore, KeystoreError, Secrets, Unlock, name};
use crate::random::system;
use crate::store::{CreateError, StorageKey, Store};

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

/// Makes a node: its data directory (mode 0700), secrets, store, identity and configuration file.
/// A key file that is named and not there is made. The node exists once `identity.json` does,
/// which is written last; before that a crash leaves something that another call refuses to build
/// on.
///
/// # Errors
/// [`InitError`].
pub fn init(
    config: &Config,
    unlock: &Unlock,
    role: Role,
    name: &str,
) -> Result<NodeIdentity, InitError> {
    if !can_be_named(name) {
        return Err(InitError::Name);
    }
    let dir = &config.data_dir;
    let identity_path = dir.join(file::IDENTITY);
    if identity_path.exists() {
        return Err(InitError::Exists { dir: dir.clone() });
    }
    make_private_dir(dir).map_err(|source| io_error(dir, source))?;
    if let UnlockWith::KeyFile(path) = &config.unlock {
        make_key_file(path).map_err(|source| io_error(path, source))?;
    }
    let (secrets, identity) = new_identity(role, name);
    Keystore::create(&dir.join(file::KEYSTORE), unlock, &secrets, &mut system())?;
    let key = secrets.key(name::STORAGE_KEY).expect("it was just made");
    let key = StorageKey::from_bytes(key);
    let options = config.store_options();
    Store::create_with(&dir.join(file::STORE), &key, &mut system(), &options)?;
    config.save()?;
    identity.write(&identity_path)?;
    Ok(identity)
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

fn new_identity(role: Role, name: &str) -> (Secrets, NodeIdentity) {
    let mut secrets = Secrets::new();
    let mut fresh = |name: &str| -> Zeroizing<[u8; 32]> {
        let mut seed = Zeroizing::new([0; 32]);
        system().fill_bytes(&mut *seed);
        let set: Result<(), ContentsError> = secrets.set(name, &*seed);
        set.expect("the names are constants and the length is 32");
        seed
    };
    fresh(name::STORAGE_KEY);
    fresh(name::INSTITUTION_KEM_SEED);
    let first = SigningKey::from_seed(&fresh(&name::institution_signing_seed(0)));
    let next = SigningKey::from_seed(&fresh(&name::institution_signing_seed(1)));
    let node = SigningKey::from_seed(&fresh(name::NODE_SIGNING_SEED));
    let identity = NodeIdentity {
        role,
        name: name.to_owned(),
        key_log: incept(&first, &next.public()),
        node: node.public().into(),
    };
    (secrets, identity)
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

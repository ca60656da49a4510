//! Who a node is: the public part, beside the keystore with the secrets.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use chartmesh_protocol::codec::Wire as _;
use chartmesh_protocol::id::{NodeId, PartyId};
use chartmesh_protocol::identity::{KeyLog, Role};
use chartmesh_protocol::limits::LIST_STATEMENT_BYTES_MAX;
use data_encoding::BASE64;
use serde::{Deserialize, Serialize};

use super::file;

/// The format of the file.
const VERSION: u16 = 1;

/// Who a node is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeIdentity {
    /// What it does.
    pub role: Role,
    /// Its name, for people.
    pub name: String,
    /// The institution's key log.
    pub key_log: KeyLog,
    /// The node.
    pub node: NodeId,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct OnDisk {
    version: u16,
    role: String,
    name: String,
    institution: PartyId,
    node: NodeId,
    key_log: String,
}

/// Why a node's identity cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// There is no node here.
    #[error("there is no node in {}; make one with `chartmesh init`, or name its directory with `--dir DIR`", .dir.display())]
    Missing {
        /// Where it was looked for.
        dir: PathBuf,
    },
    /// The file is damaged, or a newer program's.
    #[error("{} is not understood: {why}; restore it from a copy", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        why: String,
    },
    /// The disk failed.
    #[error("cannot use {}: {source}; check the disk and the permissions", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What failed.
        source: io::Error,
    },
}

impl NodeIdentity {
    /// Who the node in this data directory is.
    ///
    /// # Errors
    /// [`IdentityError`].
    pub fn of(data_dir: &Path) -> Result<Self, IdentityError> {
        Self::read(&data_dir.join(file::IDENTITY))
    }

    /// The institution.
    #[must_use]
    pub fn institution(&self) -> PartyId {
        self.key_log.party_unverified()
    }

    pub(super) fn read(path: &Path) -> Result<Self, IdentityError> {
        let text = fs::read_to_string(path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => {
                IdentityError::Missing { dir: path.parent().unwrap_or(path).to_owned() }
            }
            _ => io_error(path, source),
        })?;
        Self::from_json(&text).map_err(|why| IdentityError::Damaged { path: path.to_owned(), why })
    }

    /// Reads the text of an `identity.json`.
    ///
    /// # Errors
    /// What does not fit.
    pub fn from_json(text: &str) -> Result<Self, String> {
        let read: OnDisk = serde_json::from_str(text).map_err(|e| e.to_string())?;
        if read.version != VERSION {
            return Err(format!("version {} is not known", read.version));
        }
        let role = role(&read.role).ok_or_else(|| format!("`{}` is no role", read.role))?;
        let log = BASE64.decode(read.key_log.as_bytes()).map_err(|e| e.to_string())?;
        let key_log =
            KeyLog::from_bytes(&log, LIST_STATEMENT_BYTES_MAX).map_err(|e| e.to_string())?;
        if key_log.party_unverified() != read.institution {
            return Err("the key log is another institution's".to_owned());
        }
        Ok(Self { role, name: read.name, key_log, node: read.node })
    }

    pub(super) fn write(&self, path: &Path) -> Result<(), IdentityError> {
        write_durably(path, self.to_json().as_bytes()).map_err(|source| io_error(path, source))
    }

    pub(super) fn to_json(&self) -> String {
        let on_disk = OnDisk {
            version: VERSION,
            role: self.role.name().to_owned(),
            name: self.name.clone(),
            institution: self.institution(),
            node: self.node,
            key_log: BASE64.encode(&self.key_log.to_bytes()),
        };
        serde_json::to_string_pretty(&on_disk).expect("strings and numbers")
    }
}

/// The role of this name, as in `--role`.
#[must_use]
pub(super) fn role(name: &str) -> Option<Role> {
    [Role::Hospital, Role::Patient, Role::Backup].into_iter().find(|role| role.name() == name)
}

fn io_error(path: &Path, source: io::Error) -> IdentityError {
    let path = path.to_owned();
    IdentityError::Io { path, source }
}

/// Puts `bytes` at `path`: after a crash there is the old file or the new one, never a part.
pub(super) fn write_durably(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let draft = path.with_extension("new");
    let mut file = File::create(&draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    File::open(path.parent().unwrap_or(Path::new("/")))?.sync_all()
}

//! What opens a keystore.

use std::collections::BTreeSet;
use std::env;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::mode::is_too_open;

/// Bytes of a key file.
const KEY_LEN: usize = 32;

/// The name of the systemd credential with the raw key (`LoadCredentialEncrypted=chartmesh-key`).
pub const CREDENTIAL_NAME: &str = "chartmesh-key";

/// How dear one guess at a passphrase is: the parameters of Argon2id (RFC 9106).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Argon2Cost {
    pub(super) memory_kib: u32,
    pub(super) passes: u8,
    pub(super) lanes: u8,
}

impl Argon2Cost {
    /// 64 MiB, three passes, one lane: the memory and passes of the second recommendation of RFC
    /// 9106, with one lane because it is computed on one thread. About a fifth of a second.
    pub const STANDARD: Self = Self { memory_kib: 64 << 10, passes: 3, lanes: 1 };

    /// The dearest that is computed for a box from elsewhere: 1 GiB, 16 passes, 4 lanes.
    const DEAREST: Self = Self { memory_kib: 1 << 20, passes: 16, lanes: 4 };

    /// Other parameters; None when Argon2 does not allow them, or they are beyond 1 GiB, 16
    /// passes or 4 lanes. Cheaper ones than [`Argon2Cost::STANDARD`] are for tests only.
    #[must_use]
    pub fn new(memory_kib: u32, passes: u8, lanes: u8) -> Option<Self> {
        let allowed = (1..=Self::DEAREST.lanes).contains(&lanes)
            && (1..=Self::DEAREST.passes).contains(&passes)
            && (8 * u32::from(lanes)..=Self::DEAREST.memory_kib).contains(&memory_kib);
        allowed.then_some(Self { memory_kib, passes, lanes })
    }
}

/// A passphrase as it was typed, in UTF-8. Prints nothing, and is wiped when dropped.
#[derive(Clone)]
pub struct Passphrase {
    text: Zeroizing<String>,
    cost: Argon2Cost,
}

/// Characters that a new passphrase has at least: what NIST SP 800-63B-4, 3.1.1.2, asks of a password that
/// stands alone. Whoever has a copy of the file may guess for years, and Argon2id makes a guess dear, not impossible.
pub const PASSPHRASE_CHARS_MIN: usize = 15;

/// And how many of them differ at least: fewer are one key pressed again and again.
const PASSPHRASE_DIFFERENT_MIN: usize = 5;

/// Why a passphrase is not taken for something new.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a passphrase needs at least {PASSPHRASE_CHARS_MIN} characters, {PASSPHRASE_DIFFERENT_MIN} of them different; four or five words that have nothing to do with each other are good, a blank between them counts"
)]
pub struct WeakPassphrase;

impl Passphrase {
    /// A passphrase that somebody chooses for what is sealed from now on.
    ///
    /// # Errors
    /// [`WeakPassphrase`].
    pub fn chosen(text: String) -> Result<Self, WeakPassphrase> {
        let text = Zeroizing::new(text);
        let trimmed = text.trim();
        let different = trimmed.chars().collect::<BTreeSet<_>>().len();
        if trimmed.chars().count() < PASSPHRASE_CHARS_MIN || different < PASSPHRASE_DIFFERENT_MIN {
            return Err(WeakPassphrase);
        }
        Ok(Self::new((*text).clone()))
    }

    /// A passphrase; what it seals costs [`Argon2Cost::STANDARD`] to guess at.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self::with_cost(text, Argon2Cost::STANDARD)
    }

    /// A passphrase with another cost for what it seals. What it opens states its own cost.
    #[must_use]
    pub fn with_cost(text: String, cost: Argon2Cost) -> Self {
        Self { text: Zeroizing::new(text), cost }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }

    pub(super) fn cost(&self) -> Argon2Cost {
        self.cost
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(..)")
    }
}

/// Where the key to a keystore comes from.
#[derive(Clone, Debug)]
pub enum Unlock {
    /// A person types it.
    Passphrase(Passphrase),
    /// A file with 32 random bytes, readable by its owner only; best on another disk.
    KeyFile(PathBuf),
    /// The directory of systemd's credentials, with the key as [`CREDENTIAL_NAME`].
    Credential(PathBuf),
}

impl Unlock {
    /// The credential that systemd gave to this service, by `$CREDENTIALS_DIRECTORY`.
    ///
    /// # Errors
    /// [`UnlockError::NoCredentials`] when the variable is not set.
    pub fn credential() -> Result<Self, UnlockError> {
        let directory = env::var_os("CREDENTIALS_DIRECTORY").ok_or(UnlockError::NoCredentials)?;
        Ok(Self::Credential(directory.into()))
    }

    pub(super) fn lock(&self) -> Result<Lock<'_>, UnlockError> {
        Ok(match self {
            Self::Passphrase(passphrase) if passphrase.bytes().is_empty() => {
                return Err(UnlockError::EmptyPassphrase);
            }
            Self::Passphrase(passphrase) => Lock::Passphrase(passphrase),
            Self::KeyFile(path) => Lock::Key(read_key(path, true)?),
            // systemd lets the service's user in by an access control list, which shows as
            // permissions of the group; the directory itself is closed to others.
            Self::Credential(directory) => {
                Lock::Key(read_key(&directory.join(CREDENTIAL_NAME), false)?)
            }
        })
    }
}

/// The key itself, or what it derives from.
pub(super) enum Lock<'a> {
    Passphrase(&'a Passphrase),
    Key(Zeroizing<[u8; KEY_LEN]>),
}

fn read_key(
    path: &Path,
    for_the_owner_only: bool,
) -> Result<Zeroizing<[u8; KEY_LEN]>, UnlockError> {
    let mut bytes = Zeroizing::new([0; KEY_LEN + 1]);
    let mut read = || -> io::Result<(u32, usize)> {
        let mut file = File::open(path)?;
        let mode = file.metadata()?.permissions().mode() & 0o777;
        let mut len = 0;
        // Into a fixed buffer, so that no copy of the key is left behind by a growing one.
        while len < bytes.len() {
            match file.read(&mut bytes[len..])? {
                0 => break,
                more => len += more,
            }
        }
        Ok((mode, len))
    };
    let (mode, len) = read().map_err(|source| UnlockError::Io { path: path.into(), source })?;
    if for_the_owner_only && is_too_open(mode) {
        let path = path.into();
        return Err(UnlockError::Permissions { path, mode });
    }
    if len != KEY_LEN {
        return Err(UnlockError::KeyLength { path: path.into() });
    }
    let mut key = Zeroizing::new([0; KEY_LEN]);
    key.copy_from_slice(&bytes[..KEY_LEN]);
    Ok(key)
}

/// Why there is no key to try.
#[derive(Debug, thiserror::Error)]
pub enum UnlockError {
    /// Nothing was typed.
    #[error("the passphrase is empty; type one of several words")]
    EmptyPassphrase,
    /// Not started by systemd, or without a credential.
    #[error(
        "systemd gave no credentials; add LoadCredentialEncrypted={CREDENTIAL_NAME} to the service, or use a key file or passphrase"
    )]
    NoCredentials,
    /// Others than the owner may read the key file.
    #[error("the key file {} has mode {mode:04o}, which lets others read it; run `chmod 600 {}`, and consider changing the key", .path.display(), .path.display())]
    Permissions {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Not 32 bytes.
    #[error("the key file {} must hold exactly 32 random bytes; make one with `head -c 32 /dev/urandom`", .path.display())]
    KeyLength {
        /// The file.
        path: PathBuf,
    },
    /// The key file cannot be read.
    #[error("cannot read the key file {}: {source}; check that it is there and readable for this user", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What failed.
        source: io::Error,
    },
}

//! The keystore: one small file with the secrets of a node, sealed under a passphrase, a key file
//! or a credential that systemd hands over.
//!
//! The file is one sealed box (`sealed_box.rs`: magic, version, how it is locked, AES-256-GCM, checksum)
//! around named secrets. It has mode 0600, and a change appears under its name only when it is
//! whole and on the disk: written beside it, synced, renamed, and the directory synced. An older
//! version may survive in the disk's unused blocks, so whoever has learnt an old passphrase and
//! holds the disk may still open what it sealed; only new secrets help against that.
//!
//! The same box keeps patients' keys in the store: [`seal_with_passphrase`] and
//! [`open_with_passphrase`].

mod error;
mod export;
mod file;
mod limits;
mod mode;
mod sealed_box;
mod secrets;
mod unlock;

use std::path::Path;

use rand_core::CryptoRng;

use error::io_error;

pub use error::KeystoreError;
pub(crate) use export::{read as read_export, write as write_export};
pub use sealed_box::{BoxError, open_with_passphrase, seal_with_passphrase};
pub(crate) use secrets::name;
pub use secrets::{ContentsError, Secrets};
pub use unlock::{
    Argon2Cost, CREDENTIAL_NAME, PASSPHRASE_CHARS_MIN, Passphrase, Unlock, UnlockError,
    WeakPassphrase,
};

/// What the box is bound to, so that a patient's box cannot stand in for a keystore.
const AAD: &[u8] = b"chartmesh/1/keystore";

/// The keystore file's operations; nothing stays open between them.
#[derive(Debug)]
pub struct Keystore;

impl Keystore {
    /// Writes a new keystore at `path`.
    ///
    /// # Errors
    /// [`KeystoreError::Exists`] when there is a file already; it is left as it is.
    pub fn create(
        path: &Path,
        unlock: &Unlock,
        secrets: &Secrets,
        rng: &mut impl CryptoRng,
    ) -> Result<(), KeystoreError> {
        if path.try_exists().map_err(|source| io_error(path, source))? {
            return Err(KeystoreError::Exists { path: path.into() });
        }
        write(path, unlock, secrets, rng)
    }

    /// The secrets in the keystore at `path`.
    ///
    /// # Errors
    /// See [`KeystoreError`]: each cause has its own, and says the next step.
    pub fn open(path: &Path, unlock: &Unlock) -> Result<Secrets, KeystoreError> {
        let sealed = file::read(path)?;
        let lock = unlock.lock()?;
        let contents = sealed_box::open(&lock, &sealed, AAD)
            .map_err(|source| KeystoreError::of_box(path, source))?;
        Secrets::decode(&contents)
            .map_err(|source| KeystoreError::Contents { path: path.into(), source })
    }

    /// Puts `secrets` in the place of those in the keystore, which `unlock` must open.
    ///
    /// # Errors
    /// As [`Keystore::open`]; the file is then as it was.
    pub fn replace(
        path: &Path,
        unlock: &Unlock,
        secrets: &Secrets,
        rng: &mut impl CryptoRng,
    ) -> Result<(), KeystoreError> {
        Self::open(path, unlock)?;
        write(path, unlock, secrets, rng)
    }

    /// Seals the same secrets anew: another passphrase, another key file, or another cost.
    ///
    /// # Errors
    /// As [`Keystore::open`]; the file is then as it was.
    pub fn change_unlock(
        path: &Path,
        old: &Unlock,
        new: &Unlock,
        rng: &mut impl CryptoRng,
    ) -> Result<(), KeystoreError> {
        let secrets = Self::open(path, old)?;
        write(path, new, &secrets, rng)
    }
}

fn write(
    path: &Path,
    unlock: &Unlock,
    secrets: &Secrets,
    rng: &mut impl CryptoRng,
) -> Result<(), KeystoreError> {
    let sealed = sealed_box::seal(&unlock.lock()?, &secrets.encode(), AAD, rng)
        .map_err(|source| KeystoreError::of_box(path, source))?;
    file::write_atomically(path, &sealed).map_err(|source| io_error(path, source))
}

#[cfg(test)]
mod tests;

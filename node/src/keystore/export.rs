//! An export: a keystore's secrets and the public identity that they belong to, sealed under a passphrase of its own.
//!
//! One box, as of a keystore, around: length of the identity (two bytes, big-endian), identity, secrets.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::error::io_error;
use super::file::write_atomically;
use super::limits::PLAINTEXT_BYTES_MAX;
use super::sealed_box::{BoxError, open_with_passphrase, seal_with_passphrase, sealed_len};
use super::{ContentsError, KeystoreError, Passphrase, Secrets};

/// What the box is bound to, so that an export cannot stand in for a keystore.
const AAD: &[u8] = b"chartmesh/1/keystore-export";

/// Writes an export to a file that is not there yet.
pub(crate) fn write(
    path: &Path,
    passphrase: &Passphrase,
    identity: &[u8],
    secrets: &Secrets,
    rng: &mut impl CryptoRng,
) -> Result<(), KeystoreError> {
    if path.try_exists().map_err(|source| io_error(path, source))? {
        return Err(KeystoreError::Exists { path: path.into() });
    }
    let of_box = |source| KeystoreError::of_box(path, source);
    let length = u16::try_from(identity.len()).map_err(|_| of_box(BoxError::TooLong))?;
    let secrets = secrets.encode();
    // The whole size at once, so that no copy of a secret is left behind by a growing buffer.
    let mut contents = Zeroizing::new(Vec::with_capacity(2 + identity.len() + secrets.len()));
    contents.extend(length.to_be_bytes());
    contents.extend(identity);
    contents.extend(secrets.as_slice());
    let sealed = seal_with_passphrase(passphrase, &contents, AAD, rng).map_err(of_box)?;
    write_atomically(path, &sealed).map_err(|source| io_error(path, source))
}

/// The identity and the secrets of an export. Who may read the file does not matter: a stick often has no modes.
pub(crate) fn read(
    path: &Path,
    passphrase: &Passphrase,
) -> Result<(Vec<u8>, Secrets), KeystoreError> {
    let mut sealed = Vec::new();
    let file = File::open(path).map_err(|source| io_error(path, source))?;
    let most = sealed_len(PLAINTEXT_BYTES_MAX) as u64;
    file.take(most + 1)
        .read_to_end(&mut sealed)
        .map_err(|source: io::Error| io_error(path, source))?;
    let contents = open_with_passphrase(passphrase, &sealed, AAD)
        .map_err(|source| KeystoreError::of_box(path, source))?;
    parse(&contents).map_err(|source| KeystoreError::Contents { path: path.into(), source })
}

fn parse(contents: &[u8]) -> Result<(Vec<u8>, Secrets), ContentsError> {
    let (length, rest) = contents.split_first_chunk::<2>().ok_or(ContentsError::Length)?;
    let length = usize::from(u16::from_be_bytes(*length));
    let (identity, secrets) = rest.split_at_checked(length).ok_or(ContentsError::Length)?;
    Ok((identity.to_vec(), Secrets::decode(secrets)?))
}

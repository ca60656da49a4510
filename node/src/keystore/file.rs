//! Reading and writing one small secret file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::error::{KeystoreError, io_error};
use super::limits::PLAINTEXT_BYTES_MAX;
use super::mode::is_too_open;
use super::sealed_box::sealed_len;

/// The file's bytes: at most one more than the longest that can be right.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, KeystoreError> {
    let file = File::open(path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => KeystoreError::Missing { path: path.into() },
        _ => io_error(path, source),
    })?;
    let read = || -> io::Result<(u32, Vec<u8>)> {
        let mode = file.metadata()?.permissions().mode();
        let mut bytes = Vec::new();
        let most = sealed_len(PLAINTEXT_BYTES_MAX) as u64;
        (&file).take(most + 1).read_to_end(&mut bytes)?;
        Ok((mode & 0o777, bytes))
    };
    let (mode, bytes) = read().map_err(|source| io_error(path, source))?;
    if is_too_open(mode) {
        let path = path.into();
        return Err(KeystoreError::Permissions { path, mode });
    }
    Ok(bytes)
}

/// Puts `bytes` at `path`: after a crash there is the old file or the new one, never a part.
pub(super) fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut draft = path.as_os_str().to_owned();
    draft.push(".new");
    let draft = PathBuf::from(draft);
    // What a crash left of an earlier attempt may have any content and mode.
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    let directory = match path.parent() {
        None => Path::new("/"),
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
    };
    File::open(directory)?.sync_all()
}

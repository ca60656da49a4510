//! The socket: never, not for a moment, open to others.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::Path;

use tokio::net::UnixListener;

/// The socket's name in the data directory.
pub const SOCKET_NAME: &str = "api.sock";

/// Listens at `socket`, replacing what an earlier run left there. Whoever has the data directory's
/// store open is the only one to call this.
///
/// The mode of a new socket follows the umask, which belongs to the whole process. So it is made in
/// a directory that nobody else can enter, and moved to its place once its mode is right.
pub(super) fn listen(data_dir: &Path, socket: &Path) -> io::Result<UnixListener> {
    let private = data_dir.join(".api");
    if private.exists() {
        fs::remove_dir_all(&private)?;
    }
    DirBuilder::new().mode(0o700).create(&private)?;
    let made = private.join("s");
    let listener = UnixListener::bind(&made)?;
    fs::set_permissions(&made, Permissions::from_mode(0o600))?;
    fs::rename(&made, socket)?;
    fs::remove_dir(&private)?;
    Ok(listener)
}

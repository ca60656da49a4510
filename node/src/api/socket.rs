//! The socket: never, not for a moment, open to others.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::os::unix::net::UnixStream;
use std::path::Path;

use tokio::net::UnixListener;

/// Listens at `socket`, replacing what an earlier run left there.
///
/// The mode of a new socket follows the umask, which belongs to the whole process. So it is made in
/// a directory that nobody else can enter, and moved to its place once its mode is right.
pub(super) fn listen(socket: &Path) -> io::Result<UnixListener> {
    if UnixStream::connect(socket).is_ok() {
        return Err(io::Error::new(io::ErrorKind::AddrInUse, "another node answers there"));
    }
    let parent = socket.parent().unwrap_or(Path::new("/"));
    // Short: the path of a socket has about a hundred bytes.
    let private = parent.join(format!(".{}", &super::request::fresh_name()[..4]));
    DirBuilder::new().mode(0o700).create(&private)?;
    let made = private.join("s");
    let listening = move_to_place(&made, socket);
    if listening.is_err() {
        // It may not have come that far.
        let _gone = fs::remove_file(&made);
    }
    let removed = fs::remove_dir(&private);
    let listener = listening?;
    removed?;
    Ok(listener)
}

fn move_to_place(made: &Path, socket: &Path) -> io::Result<UnixListener> {
    let listener = UnixListener::bind(made)?;
    fs::set_permissions(made, Permissions::from_mode(0o600))?;
    fs::rename(made, socket)?;
    Ok(listener)
}

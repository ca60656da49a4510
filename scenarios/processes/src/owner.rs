//! Which process a connection to us comes from: every node dials the same door of a party, so that the
//! address does not tell. Linux says it under `/proc`.

use std::net::SocketAddrV4;

/// The inode of the socket whose own end is `end`.
fn inode(end: SocketAddrV4, table: &str) -> Option<u64> {
    // An address is the four bytes as a number of the machine's order, in hexadecimal.
    let address = u32::from_ne_bytes(end.ip().octets());
    let wanted = format!("{address:08X}:{:04X}", end.port());
    table.lines().skip(1).find_map(|line| {
        let mut fields = line.split_ascii_whitespace();
        (fields.nth(1)? == wanted).then_some(())?;
        // What nobody holds any more has inode 0.
        fields.nth(7)?.parse().ok().filter(|inode| *inode != 0)
    })
}

/// The one of `processes` that holds the socket whose own end is `end`; none when none does.
pub(crate) fn owner(end: SocketAddrV4, processes: &[u32]) -> Option<usize> {
    let table = std::fs::read_to_string("/proc/net/tcp").ok()?;
    let socket = format!("socket:[{}]", inode(end, &table)?);
    processes.iter().position(|process| {
        let files = std::fs::read_dir(format!("/proc/{process}/fd")).into_iter().flatten();
        let mut files = files.flatten().filter_map(|file| std::fs::read_link(file.path()).ok());
        files.any(|target| target.as_os_str() == socket.as_str())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{SocketAddr, TcpListener, TcpStream};

    #[test]
    fn a_connection_is_traced_to_the_process_that_made_it() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let dialled = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (_accepted, SocketAddr::V4(end)) = listener.accept().unwrap() else {
            panic!("it came over IPv4")
        };
        let (parent, own) = (std::os::unix::process::parent_id(), std::process::id());
        assert_eq!(owner(end, &[parent, own]), Some(1));
        assert_eq!(owner(end, &[parent]), None);
        drop(dialled);
    }
}

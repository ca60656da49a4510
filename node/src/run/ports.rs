//! The ports that the system chose for the last run.

use std::fs;
use std::path::Path;

use libp2p::Multiaddr;
use libp2p::multiaddr::Protocol;

use super::identity::write_durably;

/// `listen` with the ports of the last run in the places of its zeros, as far as they are known.
/// Whatever is wrong with the file, it is only a convenience.
pub(super) fn recall(path: &Path, listen: &[Multiaddr]) -> Vec<Multiaddr> {
    let kept: Vec<u16> = fs::read(path)
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .filter(|kept: &Vec<u16>| kept.len() == listen.len())
        .unwrap_or_else(|| vec![0; listen.len()]);
    let places = listen.iter().zip(kept);
    places.map(|(address, port)| with_port(address, port)).collect()
}

/// Writes down which ports were chosen.
pub(super) fn remember(path: &Path, listen: &[Multiaddr], listening: &[Multiaddr]) {
    let chosen: Vec<u16> = listen
        .iter()
        .map(|asked| {
            let found = listening.iter().find(|found| kind(found) == kind(asked));
            match port(asked) {
                Some(0) => found.and_then(port).unwrap_or(0),
                _ => 0,
            }
        })
        .collect();
    let bytes = serde_json::to_vec(&chosen).expect("numbers");
    if fs::read(path).is_ok_and(|known| known == bytes) {
        return;
    }
    if let Err(error) = write_durably(path, &bytes) {
        tracing::warn!(%error, "the chosen ports could not be written down");
    }
}

/// The address with its port 0 replaced.
fn with_port(address: &Multiaddr, port: u16) -> Multiaddr {
    address
        .iter()
        .map(|part| match part {
            Protocol::Tcp(0) => Protocol::Tcp(port),
            Protocol::Udp(0) => Protocol::Udp(port),
            other => other,
        })
        .collect()
}

fn port(address: &Multiaddr) -> Option<u16> {
    address.iter().find_map(|part| match part {
        Protocol::Tcp(port) | Protocol::Udp(port) => Some(port),
        _ => None,
    })
}

/// Whether IPv6, and which transport: what tells one listener's addresses from another's.
fn kind(address: &Multiaddr) -> (bool, bool) {
    let v6 = address.iter().any(|part| matches!(part, Protocol::Ip6(_)));
    let tcp = address.iter().any(|part| matches!(part, Protocol::Tcp(_)));
    (v6, tcp)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(texts: &[&str]) -> Vec<Multiaddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn chosen_ports_come_back_and_fixed_ones_stay() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ports.json");
        let listen = all(&["/ip4/0.0.0.0/tcp/0", "/ip4/0.0.0.0/udp/0/quic-v1", "/ip6/::/tcp/7"]);
        assert_eq!(recall(&path, &listen), listen);
        let listening =
            all(&["/ip6/::1/tcp/7", "/ip4/127.0.0.1/udp/22/quic-v1", "/ip4/127.0.0.1/tcp/11"]);
        remember(&path, &listen, &listening);
        let expected =
            all(&["/ip4/0.0.0.0/tcp/11", "/ip4/0.0.0.0/udp/22/quic-v1", "/ip6/::/tcp/7"]);
        assert_eq!(recall(&path, &listen), expected);
        fs::write(&path, "nonsense").unwrap();
        assert_eq!(recall(&path, &listen), listen);
    }
}

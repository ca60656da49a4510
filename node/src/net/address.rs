//! What an address says of itself.

use libp2p::Multiaddr;
use libp2p::multiaddr::Protocol;

/// Whether only the machine itself can use an address.
pub(crate) fn is_loopback(address: &Multiaddr) -> bool {
    match address.iter().next() {
        Some(Protocol::Ip4(ip)) => ip.is_loopback(),
        Some(Protocol::Ip6(ip)) => ip.is_loopback(),
        Some(Protocol::Dns(name) | Protocol::Dns4(name) | Protocol::Dns6(name)) => {
            name == "localhost"
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_this_machine_alone_is_told_apart() {
        let is = |text: &str| is_loopback(&text.parse().unwrap());
        for own in ["/ip4/127.1.2.3/tcp/1", "/ip6/::1/udp/1/quic-v1", "/dns4/localhost/tcp/1"] {
            assert!(is(own), "{own}");
        }
        for others in ["/ip4/192.168.1.2/tcp/1", "/ip6/fe80::1/tcp/1", "/dns/alder.example/tcp/1"] {
            assert!(!is(others), "{others}");
        }
    }
}

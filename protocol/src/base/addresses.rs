//! Where a node says that it listens, and how far inside that is.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::codec::{DecodeError, Decoder, Encoder, Wire};
use crate::limits;

/// Multiaddresses as text, at most [`limits::ADDRESSES_MAX`]; hints, which nobody believes before the
/// node at the other end has proven itself. The bound holds while reading: in a list without one, each
/// byte of input could cost 24 of memory.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
#[cfg_attr(test, derive(arbitrary::Arbitrary))]
pub struct Addresses(
    #[cfg_attr(test, arbitrary(with = crate::codec::property::few::<_, { limits::ADDRESSES_MAX }>))]
     Vec<String>,
);

/// More than [`limits::ADDRESSES_MAX`] are left out, the last ones first.
impl From<Vec<String>> for Addresses {
    fn from(mut addresses: Vec<String>) -> Self {
        addresses.truncate(limits::ADDRESSES_MAX);
        Self(addresses)
    }
}

impl Addresses {
    /// Those that lie no further inside than `most`: what whoever stands there may have us dial.
    #[must_use]
    pub fn within(mut self, most: Reach) -> Self {
        self.0.retain(|address| Reach::of(address).is_some_and(|reach| reach <= most));
        self
    }

    /// How many.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Bytes of all of them.
    pub(crate) fn bytes(&self) -> usize {
        self.0.iter().map(String::len).sum()
    }
}

impl From<Addresses> for Vec<String> {
    fn from(addresses: Addresses) -> Self {
        addresses.0
    }
}

impl Wire for Addresses {
    fn encode(&self, e: &mut Encoder) {
        e.at_most(limits::ADDRESSES_MAX, self.0.len(), "addresses");
        self.0.encode(e);
    }

    fn decode(d: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let len = d.array()?;
        if len > limits::ADDRESSES_MAX {
            return Err(DecodeError::TooMany {
                what: "addresses",
                found: len as u64,
                limit: limits::ADDRESSES_MAX as u64,
            });
        }
        let addresses = (0..len).map(|_| String::decode(d)).collect::<Result<_, _>>()?;
        d.leave();
        Ok(Self(addresses))
    }
}

/// How far inside an address lies, from the internet to the machine itself. What one party tells of addresses reaches
/// no further inside than itself ([NET-11]): otherwise it would have a node knock at doors that are closed to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// Anybody's, and names, whatever they will lead to.
    Internet,
    /// Of a network that shares no addresses with the internet: an institution's, a dedicated line's, a carrier's.
    Private,
    /// Of the cable: neighbours, and what the machine below tells its guests.
    Link,
    /// The machine itself.
    Machine,
}

impl Reach {
    /// Of a multiaddress; nothing where it is no one's, many at once, or reserved; nor where it names more than one place:
    /// a transport may go to the last, whatever the first is.
    #[must_use]
    pub fn of(address: &str) -> Option<Self> {
        let mut parts = address.split('/').skip(1).peekable();
        let reach = match (parts.next()?, parts.peek()) {
            ("ip4", ip) => Self::of_ip4(ip?.parse().ok()?)?,
            ("ip6", ip) => Self::of_ip6(ip?.parse().ok()?)?,
            ("ip6zone", _) => {
                parts.next()?;
                (parts.next()? == "ip6").then_some(Self::Link)?
            }
            ("dns" | "dns4" | "dns6" | "dnsaddr", name) => name.map(|_| Self::Internet)?,
            // Of a transport of its own, which knows no hosts.
            (other, _) => {
                let hosts = ["ip4", "ip6", "ip6zone", "dns", "dns4", "dns6", "dnsaddr"];
                let none = !hosts.contains(&other) && !parts.any(|part| hosts.contains(&part));
                let ports = ["tcp", "udp"].contains(&other);
                return (none && !ports).then_some(Self::Internet);
            }
        };
        parts.next()?;
        while let Some(part) = parts.next() {
            match part {
                "tcp" | "udp" | "p2p" | "certhash" => drop(parts.next()?),
                "quic-v1" | "p2p-circuit" => {}
                _ => return None,
            }
        }
        Some(reach)
    }

    fn of_ip4(ip: Ipv4Addr) -> Option<Self> {
        Some(match ip.octets() {
            [127 | 0, ..] => Self::Machine,
            [169, 254, ..] => Self::Link,
            [10, ..] | [192, 168, ..] | [192, 0, 0, _] => Self::Private,
            [172, second, ..] if second & 0xf0 == 16 => Self::Private,
            // Carriers' networks, and those for measuring devices.
            [100, second, ..] if second & 0xc0 == 64 => Self::Private,
            [198, 18 | 19, ..] => Self::Private,
            [224..=255, ..] => return None,
            _ => Self::Internet,
        })
    }

    fn of_ip6(ip: Ipv6Addr) -> Option<Self> {
        if ip.is_loopback() || ip.is_unspecified() {
            return Some(Self::Machine);
        }
        if let Some(IpAddr::V4(inner)) = inner(ip) {
            return Self::of_ip4(inner);
        }
        // A network's own translation to IPv4 (RFC 8215).
        if ip.segments()[..3] == [0x64, 0xff9b, 1] {
            return Some(Self::Machine);
        }
        Some(match ip.segments()[0] {
            first if first & 0xff00 == 0xff00 => return None,
            first if first & 0xffc0 == 0xfe80 => Self::Link,
            first if first & 0xfe00 == 0xfc00 || first & 0xffc0 == 0xfec0 => Self::Private,
            _ => Self::Internet,
        })
    }
}

/// The IPv4 address to which an IPv6 address leads: mapped, compatible, translated, by NAT64 or by 6to4.
fn inner(ip: Ipv6Addr) -> Option<IpAddr> {
    let [a, b, c, d, e, f, g, h] = ip.segments();
    let (high, low) = match (a, b, c, d, e, f) {
        (0, 0, 0, 0, 0, 0 | 0xffff) | (0, 0, 0, 0, 0xffff, 0) | (0x64, 0xff9b, 0, 0, 0, 0) => {
            (g, h)
        }
        (0x2002, ..) => (b, c),
        _ => return None,
    };
    Some(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_as_far_inside_as_where_it_leads() {
        use Reach::{Internet, Link, Machine, Private};
        let cases = [
            (Some(Internet), "/ip4/203.0.113.7/tcp/1 /ip4/172.32.0.1/tcp/1 /ip4/100.128.0.1/tcp/1"),
            (
                Some(Internet),
                "/ip6/2001:db8::1/tcp/1 /dns4/alder.example/tcp/1 /dns/localhost/tcp/1",
            ),
            (
                Some(Private),
                "/ip4/10.1.2.3/tcp/1 /ip4/172.31.0.1/udp/1/quic-v1 /ip4/192.168.0.1/tcp/1",
            ),
            (Some(Private), "/ip4/100.64.0.1/tcp/1 /ip4/198.19.0.1/tcp/1 /ip6/fd00::1/tcp/1"),
            (
                Some(Private),
                "/ip6/::ffff:10.0.0.1/tcp/1 /ip6/64:ff9b::a00:1/tcp/1 /ip6/2002:a00:1::/tcp/1",
            ),
            (
                Some(Link),
                "/ip4/169.254.169.254/tcp/80 /ip6/fe80::1/tcp/1 /ip6zone/eth0/ip6/fe80::1/tcp/1",
            ),
            (Some(Machine), "/ip4/127.9.9.9/tcp/1 /ip4/0.0.0.0/tcp/1 /ip6/::1/tcp/1 /ip6/::/tcp/1"),
            (Some(Machine), "/ip6/::ffff:127.0.0.1/tcp/1 /ip6/::7f00:1/tcp/1"),
            (None, "/ip4/224.0.0.251/udp/5353 /ip4/255.255.255.255/udp/1 /ip6/ff02::fb/udp/5353"),
            (None, "/ip4/10.1/tcp/1 /ip4 /ip6/10.0.0.1/tcp/1"),
            (Some(Machine), "/ip6/::ffff:0:127.0.0.1/tcp/1 /ip6/64:ff9b:1::7f00:1/tcp/1"),
            (
                Some(Internet),
                "/ip4/203.0.113.7/tcp/1/p2p/12D3KooW/p2p-circuit/p2p/12D3KooX /dns4/ip4/tcp/1",
            ),
            (
                None,
                "/ip4/8.8.8.8/ip4/127.0.0.1/tcp/1 /ip4/8.8.8.8/tcp/80/ip4/127.0.0.1/tcp/1 /tcp/1",
            ),
            (
                None,
                "/dns4/a.example/ip4/127.0.0.1/tcp/1 /ip4/8.8.8.8/tcp/1/p2p-circuit/ip4/127.0.0.1/tcp/1",
            ),
            (None, "/tcp/1/ip4/127.0.0.1/tcp/1 /memory/1/ip4/127.0.0.1/tcp/1 /p2p/x/dns4/a/tcp/1"),
        ];
        for (reach, addresses) in cases {
            for address in addresses.split(' ') {
                assert_eq!(Reach::of(address), reach, "{address}");
            }
        }
    }

    #[test]
    fn nobody_has_us_dial_further_inside_than_where_it_stands() {
        let all = ["/ip4/203.0.113.7/tcp/1", "/ip4/10.0.0.1/tcp/1", "/ip4/127.0.0.1/tcp/1"];
        let told = |most| {
            let all = Addresses::from(all.map(str::to_owned).to_vec());
            Vec::<String>::from(all.within(most))
        };
        assert_eq!(told(Reach::Internet), all[..1]);
        assert_eq!(told(Reach::Private), all[..2]);
        assert_eq!(told(Reach::Machine), all);
    }
}

//! A stranger whose software knows no caps: its requests are frames that say they are 4 GiB long, and
//! it sends as much of them as is taken.

use std::io;
use std::time::Duration;

use futures::{AsyncRead, AsyncWrite, AsyncWriteExt as _, StreamExt as _};
use libp2p::request_response::{self, ProtocolSupport};
use libp2p::swarm::SwarmEvent;
use libp2p::{Multiaddr, StreamProtocol, SwarmBuilder, noise, tcp, yamux};

/// What it sends of a frame at most.
const SENT: usize = 16 << 20;
/// Nobody waits longer for the outcomes.
const WITHIN: Duration = Duration::from_secs(30);

#[derive(Debug, Clone, Copy)]
struct Endless;

impl request_response::Codec for Endless {
    type Protocol = StreamProtocol;
    type Request = ();
    type Response = ();

    async fn read_request<T>(&mut self, _: &StreamProtocol, _: &mut T) -> io::Result<()>
    where
        T: AsyncRead + Unpin + Send,
    {
        Err(io::ErrorKind::Unsupported.into())
    }

    async fn read_response<T>(&mut self, _: &StreamProtocol, _: &mut T) -> io::Result<()>
    where
        T: AsyncRead + Unpin + Send,
    {
        Err(io::ErrorKind::Unsupported.into())
    }

    async fn write_request<T>(&mut self, _: &StreamProtocol, io: &mut T, (): ()) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        io.write_all(&u32::MAX.to_be_bytes()).await?;
        for _ in 0..SENT >> 16 {
            io.write_all(&[0x5a; 1 << 16]).await?;
        }
        Ok(())
    }

    async fn write_response<T>(&mut self, _: &StreamProtocol, _: &mut T, (): ()) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// Sends so many such frames as `hello`, over as many connections as it takes; gives how many failed,
/// as they should.
///
/// # Panics
/// When the node cannot be reached, or takes too long over it.
#[must_use]
pub fn oversized(address: &str, frames: usize) -> usize {
    let runtime = tokio::runtime::Runtime::new().expect("threads");
    let sent = async { tokio::time::timeout(WITHIN, send(address, frames)).await };
    runtime.block_on(sent).expect("every frame has an outcome in time")
}

async fn send(address: &str, frames: usize) -> usize {
    let address: Multiaddr = address.parse().expect("an address");
    let mut swarm = SwarmBuilder::with_new_identity()
        .with_tokio()
        .with_tcp(tcp::Config::default(), noise::Config::new, yamux::Config::default)
        .expect("TCP")
        .with_behaviour(|_| {
            let hello = StreamProtocol::new("/chartmesh/hello/1");
            let protocols = [(hello, ProtocolSupport::Outbound)];
            let config = request_response::Config::default();
            request_response::Behaviour::with_codec(Endless, protocols, config)
        })
        .expect("a behaviour")
        .build();
    let (mut begun, mut failed) = (0, 0);
    swarm.dial(address.clone()).expect("an address");
    while failed < frames {
        match swarm.select_next_some().await {
            SwarmEvent::ConnectionEstablished { peer_id, .. } => {
                // As many at once as one connection may have.
                let more = (frames - begun).min(8);
                for _ in 0..more {
                    swarm.behaviour_mut().send_request(&peer_id, ());
                }
                begun += more;
            }
            SwarmEvent::ConnectionClosed { .. } if begun < frames => {
                swarm.dial(address.clone()).expect("an address");
            }
            SwarmEvent::OutgoingConnectionError { error, .. } => panic!("not reached: {error}"),
            SwarmEvent::Behaviour(request_response::Event::OutboundFailure { peer, .. }) => {
                failed += 1;
                if begun < frames && swarm.is_connected(&peer) {
                    swarm.behaviour_mut().send_request(&peer, ());
                    begun += 1;
                }
            }
            SwarmEvent::Behaviour(request_response::Event::Message { .. }) => {
                panic!("a frame of 4 GiB was answered")
            }
            _ => {}
        }
    }
    failed
}

//! The door: handshakes that others begin, which nobody has proven anything by.
//!
//! [`Door`] wraps a transport, before the swarm sees a connection: who begins a handshake always gets in, and whose
//! place it takes ([`Places`]) is cut off in the middle of its own. QUIC's places are apart from TCP's, because who
//! sends a first packet there need not be at the address from which it says to come.

use std::collections::HashMap;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use libp2p::Multiaddr;
use libp2p::core::transport::{
    Boxed, DialOpts, ListenerId, Transport, TransportError, TransportEvent,
};
use tokio_util::sync::CancellationToken;

use super::book::is_tcp;
use super::limits::HANDSHAKES_MAX;
use super::places::{Origin, Places};

/// A transport that bounds the handshakes of others.
pub(super) struct Door<O> {
    inner: Boxed<O>,
    streams: Arc<Handshakes>,
    packets: Arc<Handshakes>,
}

impl<O> Door<O> {
    pub(super) fn new(inner: Boxed<O>) -> Self {
        Self { inner, streams: Arc::default(), packets: Arc::default() }
    }

    fn places(&self, addr: &Multiaddr) -> &Arc<Handshakes> {
        if is_tcp(addr) { &self.streams } else { &self.packets }
    }
}

impl<O: Send + 'static> Transport for Door<O> {
    type Output = O;
    type Error = io::Error;
    type ListenerUpgrade = BoxFuture<'static, io::Result<O>>;
    type Dial = <Boxed<O> as Transport>::Dial;

    fn listen_on(
        &mut self,
        id: ListenerId,
        addr: Multiaddr,
    ) -> Result<(), TransportError<io::Error>> {
        self.inner.listen_on(id, addr)
    }

    fn remove_listener(&mut self, id: ListenerId) -> bool {
        self.inner.remove_listener(id)
    }

    fn dial(
        &mut self,
        addr: Multiaddr,
        opts: DialOpts,
    ) -> Result<Self::Dial, TransportError<io::Error>> {
        self.inner.dial(addr, opts)
    }

    fn poll(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<TransportEvent<Self::ListenerUpgrade, io::Error>> {
        Pin::new(&mut self.inner).poll(cx).map(|event| match event {
            TransportEvent::Incoming { listener_id, upgrade, local_addr, send_back_addr } => {
                let origin = Origin::of(&local_addr, &send_back_addr);
                let place = Handshakes::enter(self.places(&send_back_addr), origin);
                let upgrade = async move {
                    let ended = place.taken.run_until_cancelled(upgrade).await;
                    ended.unwrap_or_else(|| Err(io::Error::other("gave way to another handshake")))
                };
                let upgrade = upgrade.boxed();
                TransportEvent::Incoming { listener_id, upgrade, local_addr, send_back_addr }
            }
            other => other.map_upgrade(|_| unreachable!("the other events have none")),
        })
    }
}

/// The handshakes going on.
#[derive(Debug)]
struct Handshakes(Mutex<Going>);

#[derive(Debug)]
struct Going {
    places: Places<u64, Origin>,
    next: u64,
    /// Cancelled when its place is another's.
    taken: HashMap<u64, CancellationToken>,
}

impl Default for Handshakes {
    fn default() -> Self {
        let places = Places::new(HANDSHAKES_MAX);
        Self(Mutex::new(Going { places, next: 0, taken: HashMap::new() }))
    }
}

impl Handshakes {
    fn enter(all: &Arc<Self>, origin: Origin) -> Place {
        let mut going = all.0.lock().unwrap_or_else(PoisonError::into_inner);
        going.next += 1;
        let (key, taken) = (going.next, CancellationToken::new());
        going.taken.insert(key, taken.clone());
        if let Some(gone) = going.places.enter(key, origin)
            && let Some(token) = going.taken.remove(&gone)
        {
            tracing::debug!("too many handshakes; the oldest of whoever has most gives way");
            token.cancel();
        }
        Place { all: Arc::clone(all), key, taken }
    }
}

/// One handshake's place, given back on drop.
struct Place {
    all: Arc<Handshakes>,
    key: u64,
    taken: CancellationToken,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut going = self.all.0.lock().unwrap_or_else(PoisonError::into_inner);
        going.taken.remove(&self.key);
        going.places.leave(self.key);
    }
}

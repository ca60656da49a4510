//! Where names may lead: whoever tells a name says nothing of what its address will be.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use chartmesh_protocol::Reach;
use libp2p::Multiaddr;
use libp2p::core::transport::{
    Boxed, DialOpts, ListenerId, Transport, TransportError, TransportEvent,
};

/// A transport that dials nothing further inside than so far, and listens nowhere: to stand below one that
/// resolves names.
pub(super) struct Outside<O> {
    inner: Boxed<O>,
    most: Reach,
}

impl<O> Outside<O> {
    pub(super) fn new(inner: Boxed<O>, most: Reach) -> Self {
        Self { inner, most }
    }
}

impl<O> Transport for Outside<O> {
    type Output = O;
    type Error = io::Error;
    type ListenerUpgrade = <Boxed<O> as Transport>::ListenerUpgrade;
    type Dial = <Boxed<O> as Transport>::Dial;

    fn listen_on(
        &mut self,
        _: ListenerId,
        addr: Multiaddr,
    ) -> Result<(), TransportError<io::Error>> {
        Err(TransportError::MultiaddrNotSupported(addr))
    }

    fn remove_listener(&mut self, _: ListenerId) -> bool {
        false
    }

    fn dial(
        &mut self,
        addr: Multiaddr,
        opts: DialOpts,
    ) -> Result<Self::Dial, TransportError<io::Error>> {
        if Reach::of(&addr.to_string()).is_none_or(|reach| reach > self.most) {
            let why = "the name leads to an internal address; if members stand there, set `private-networks`";
            return Err(TransportError::Other(io::Error::other(why)));
        }
        self.inner.dial(addr, opts)
    }

    fn poll(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<TransportEvent<Self::ListenerUpgrade, io::Error>> {
        Pin::new(&mut self.inner).poll(cx)
    }
}

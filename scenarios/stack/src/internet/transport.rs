//! libp2p's transport over the simulated internet: what TCP is to a node.

use std::collections::VecDeque;
use std::future::{Ready, ready};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures::future::BoxFuture;
use libp2p::Multiaddr;
use libp2p::core::transport::{
    Boxed, DialOpts, ListenerId, Transport, TransportError, TransportEvent,
};
use tokio::time::{Instant, sleep};

use super::pipe::Socket;
use super::{Internet, address, ephemeral, host_at};

/// How long TCP waits before it knocks again (RFC 6298); doubled each time.
const KNOCK_AGAIN: Duration = Duration::from_secs(1);

/// Connections that a listener has not taken yet.
#[derive(Default)]
pub(crate) struct Backlog(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    arrived: VecDeque<(Socket, Multiaddr)>,
    listener: Option<Waker>,
}

impl Backlog {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The transport of one host.
pub(crate) struct SimTransport {
    internet: Internet,
    host: usize,
    listening: Option<Listening>,
}

struct Listening {
    id: ListenerId,
    backlog: Arc<Backlog>,
    announced: bool,
}

impl SimTransport {
    pub(crate) fn boxed(internet: Internet, host: usize) -> Boxed<Socket> {
        Transport::boxed(Self { internet, host, listening: None })
    }
}

impl Transport for SimTransport {
    type Output = Socket;
    type Error = io::Error;
    type ListenerUpgrade = Ready<io::Result<Socket>>;
    type Dial = BoxFuture<'static, io::Result<Socket>>;

    fn listen_on(
        &mut self,
        id: ListenerId,
        addr: Multiaddr,
    ) -> Result<(), TransportError<io::Error>> {
        if addr != address(self.host) {
            return Err(TransportError::MultiaddrNotSupported(addr));
        }
        let backlog = Arc::<Backlog>::default();
        self.internet.listen(self.host, Some(Arc::clone(&backlog)));
        self.listening = Some(Listening { id, backlog, announced: false });
        Ok(())
    }

    fn remove_listener(&mut self, id: ListenerId) -> bool {
        let ours = self.listening.take_if(|listening| listening.id == id).is_some();
        if ours {
            self.internet.listen(self.host, None);
        }
        ours
    }

    fn dial(
        &mut self,
        addr: Multiaddr,
        _: DialOpts,
    ) -> Result<Self::Dial, TransportError<io::Error>> {
        let Some((to, right_port)) = host_at(&addr) else {
            return Err(TransportError::MultiaddrNotSupported(addr));
        };
        let (internet, from) = (self.internet.clone(), self.host);
        Ok(Box::pin(async move {
            knock(&internet, from, to).await;
            let backlog = internet.backlog(to).filter(|_| right_port);
            let Some(backlog) = backlog else {
                return Err(io::ErrorKind::ConnectionRefused.into());
            };
            let (ours, theirs, number) = internet.connect(from, to);
            let mut waiting = backlog.lock();
            waiting.arrived.push_back((theirs, ephemeral(from, number)));
            waiting.listener.take().into_iter().for_each(Waker::wake);
            Ok(ours)
        }))
    }

    fn poll(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<TransportEvent<Self::ListenerUpgrade, io::Error>> {
        let host = self.host;
        let Some(listening) = &mut self.listening else { return Poll::Pending };
        let (listener_id, local_addr) = (listening.id, address(host));
        if !listening.announced {
            listening.announced = true;
            return Poll::Ready(TransportEvent::NewAddress {
                listener_id,
                listen_addr: local_addr,
            });
        }
        let mut waiting = listening.backlog.lock();
        let Some((socket, send_back_addr)) = waiting.arrived.pop_front() else {
            waiting.listener = Some(cx.waker().clone());
            return Poll::Pending;
        };
        let upgrade = ready(Ok(socket));
        Poll::Ready(TransportEvent::Incoming { listener_id, upgrade, local_addr, send_back_addr })
    }
}

impl Drop for SimTransport {
    fn drop(&mut self) {
        if self.listening.is_some() {
            self.internet.listen(self.host, None);
        }
    }
}

/// SYN and SYN-ACK: a round trip, later by each loss, and without an answer while the way is cut.
async fn knock(internet: &Internet, from: usize, to: usize) {
    let link = internet.link(from, to);
    let number = internet.traffic().connections;
    let mut chance = internet.chance("dial", from, to, number);
    let mut varies = internet.varies("dial", from, to, number);
    let mut again = KNOCK_AGAIN;
    loop {
        let there = varies.as_mut().map_or(link.latency, |varies| varies.at(Instant::now()));
        let heard = internet.is_open(from, to) && !is_lost(link.loss, &mut chance);
        if heard {
            sleep(there * 2).await;
            // The way may have been cut meanwhile.
            if internet.is_open(from, to) && !is_lost(link.loss, &mut chance) {
                return;
            }
        }
        tokio::select! {
            biased;
            () = sleep(again) => again *= 2,
            () = internet.changed(), if !heard => {}
        }
    }
}

fn is_lost(loss: f64, chance: &mut impl rand_core::Rng) -> bool {
    loss > 0.0 && ((chance.next_u64() >> 11) as f64) < loss * (1_u64 << 53) as f64
}

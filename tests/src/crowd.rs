//! A crowd at a node's door: connections that say nothing.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket};

/// Silent connections from addresses of the loopback network, each replaced by another before long.
#[derive(Debug)]
pub struct Crowd {
    over: Arc<AtomicBool>,
    made: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl Crowd {
    /// At most `held` connections to `port`, from the addresses 127.0.0.N; one each `pause`.
    #[must_use]
    pub fn silent(port: u16, addresses: &'static [u8], held: usize, pause: Duration) -> Self {
        let (over, made) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let (ends, counts) = (Arc::clone(&over), Arc::clone(&made));
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                let mut connections = VecDeque::new();
                let mut pace = tokio::time::interval(pause);
                for last in addresses.iter().cycle() {
                    if ends.load(Ordering::Relaxed) {
                        break;
                    }
                    if let Some(one) = connect(*last, port).await {
                        connections.push_back(one);
                        counts.fetch_add(1, Ordering::Relaxed);
                    }
                    if connections.len() > held {
                        connections.pop_front();
                    }
                    pace.tick().await;
                }
            });
        });
        Self { over, made, thread: Some(thread) }
    }

    /// How many connections there were so far.
    #[must_use]
    pub fn made(&self) -> u64 {
        self.made.load(Ordering::Relaxed)
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}

async fn connect(last: u8, port: u16) -> Option<tokio::net::TcpStream> {
    let socket = TcpSocket::new_v4().ok()?;
    socket.bind(([127, 0, 0, last], 0).into()).ok()?;
    let connecting = socket.connect(([127, 0, 0, 1], port).into());
    tokio::time::timeout(Duration::from_secs(1), connecting).await.ok()?.ok()
}

/// A door on a port of its own, behind which whoever comes seems to come from `127.0.0.LAST`. It is there as long as
/// the runtime.
///
/// # Panics
/// When there is no port.
pub async fn door(last: u8, port: u16) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let own = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            tokio::spawn(async move {
                if let Some(mut far) = connect(last, port).await {
                    // Whichever end is over first ends both.
                    let _over = tokio::io::copy_bidirectional(&mut near, &mut far).await;
                }
            });
        }
    });
    own
}

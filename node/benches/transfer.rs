//! One large object from node to node, verified and synced, against a bare copy.
//!
//! Two processes on loopback over libp2p (TCP, Noise, Yamux). BARE: file to stream to file, read
//! and written on threads of their own, one sync at the end. VERIFIED: the bulk protocol from
//! object folder to object folder, every 16 KiB checked, progress durable every 16 MiB, the object
//! durably in place at the end. Rounds alternate; the ratio is that of the medians.
//!
//! `cargo bench -p chartmesh-node --bench transfer`; `CHARTMESH_BENCH_MIB` (1024) and
//! `CHARTMESH_BENCH_ROUNDS` (5) change size and number.

use std::error::Error;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use chartmesh_node::bulk::{self, Patience, Pulled};
use chartmesh_node::disk::RealDisk;
use chartmesh_node::object_store::ObjectFolder;
use chartmesh_protocol::id::{NodeId, ObjectId, TicketId, TransferId};
use futures::{AsyncReadExt as _, AsyncWriteExt as _, StreamExt as _};
use libp2p::multiaddr::Protocol;
use libp2p::swarm::SwarmEvent;
use libp2p::{Multiaddr, Stream, StreamProtocol, Swarm, SwarmBuilder, noise, tcp, yamux};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const BULK: StreamProtocol = StreamProtocol::new(bulk::PROTOCOL);
const BARE: StreamProtocol = StreamProtocol::new("/bench/bare");
/// Bytes for each read and write of the bare copy, as large as a batch of the bulk protocol.
const BUFFER: usize = 512 * 1024;

fn main() -> Outcome<()> {
    let runtime = || tokio::runtime::Builder::new_multi_thread().enable_all().build();
    match setting("ROLE").as_deref() {
        Some("sender") => runtime()?.block_on(send()),
        Some("receiver") => runtime()?.block_on(receive()),
        _ => compare(),
    }
}

fn setting(name: &str) -> Option<String> {
    std::env::var(format!("CHARTMESH_BENCH_{name}")).ok()
}

fn number(name: &str, default: u64) -> u64 {
    setting(name).and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn compare() -> Outcome<()> {
    let len = number("MIB", 1024) * 1024 * 1024;
    let dir = tempfile::tempdir()?;
    let from = dir.path().join("from");
    let id = make_object(&from, len)?;
    let (mut bare, mut verified) = (Vec::new(), Vec::new());
    for round in 1..=number("ROUNDS", 5) {
        let mut modes = [("bare", &mut bare), ("verified", &mut verified)];
        // Whichever comes second finds the disk busier: take turns.
        modes.rotate_left(usize::from(round % 2 == 0));
        for (mode, results) in modes {
            let to = dir.path().join("to");
            let result = transfer(mode, &from, &to, id, len)?;
            println!("round {round} {mode:>8}: {result}");
            results.push(result);
            std::fs::remove_dir_all(&to)?;
        }
    }
    let mib = len as f64 / (1024.0 * 1024.0);
    let (bare_s, verified_s) = (median(&bare), median(&verified));
    let peak = |side: fn(&Round) -> &Side| {
        verified.iter().map(|round| side(round).peak_kib).max().unwrap_or(0) / 1024
    };
    let (peak_sender, peak_receiver) = (peak(|r| &r.sender), peak(|r| &r.receiver));
    println!("bare      {:7.0} MiB/s", mib / bare_s);
    println!("verified  {:7.0} MiB/s", mib / verified_s);
    println!("ratio     {:7.2}   (floor 0.75, aim 0.9)", bare_s / verified_s);
    println!("peak memory: sender {peak_sender} MiB, receiver {peak_receiver} MiB (below 150)");
    Ok(())
}

fn median(rounds: &[Round]) -> f64 {
    let mut seconds: Vec<f64> = rounds.iter().map(|round| round.seconds).collect();
    seconds.sort_by(f64::total_cmp);
    seconds[seconds.len() / 2]
}

fn make_object(root: &Path, len: u64) -> Outcome<ObjectId> {
    let folder = ObjectFolder::open(RealDisk, root)?;
    let mut writer = folder.writer();
    let mut random = blake3::Hasher::new().update(b"transfer").finalize_xof();
    let mut buffer = vec![0; BUFFER];
    let mut left = len;
    while left > 0 {
        let n = usize::try_from(left)?.min(BUFFER);
        random.fill(&mut buffer[..n]);
        writer.push(&buffer[..n])?;
        left -= n as u64;
    }
    Ok(writer.finish()?.id)
}

struct Round {
    seconds: f64,
    sender: Side,
    receiver: Side,
}

/// What a process used.
struct Side {
    cpu_s: f64,
    peak_kib: u64,
}

impl std::fmt::Display for Round {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { seconds, sender, receiver } = self;
        write!(f, "{seconds:.2} s; CPU {:.2} s + {:.2} s", sender.cpu_s, receiver.cpu_s)?;
        write!(f, "; peak {} + {} KiB", sender.peak_kib, receiver.peak_kib)
    }
}

fn transfer(mode: &str, from: &Path, to: &Path, id: ObjectId, len: u64) -> Outcome<Round> {
    let start = |role: &str, dir: &Path, address: &str| -> Outcome<(Child, BufReader<_>)> {
        let mut child = Command::new(std::env::current_exe()?)
            .env("CHARTMESH_BENCH_ROLE", role)
            .env("CHARTMESH_BENCH_MODE", mode)
            .env("CHARTMESH_BENCH_DIR", dir)
            .env("CHARTMESH_BENCH_ID", id.to_string())
            .env("CHARTMESH_BENCH_LEN", len.to_string())
            .env("CHARTMESH_BENCH_ADDRESS", address)
            .stdout(Stdio::piped())
            .spawn()?;
        let out = BufReader::new(child.stdout.take().ok_or("no output")?);
        Ok((child, out))
    };
    let line = |out: &mut BufReader<_>| -> Outcome<String> {
        let mut text = String::new();
        out.read_line(&mut text)?;
        Ok(text.trim().to_owned())
    };
    let (mut sender, mut sender_says) = start("sender", from, "")?;
    let address = line(&mut sender_says)?;
    let (mut receiver, mut receiver_says) = start("receiver", to, &address)?;
    let seconds = line(&mut receiver_says)?.parse()?;
    let side = |text: String| -> Outcome<Side> {
        let (cpu, peak) = text.split_once(' ').ok_or("a process said nothing")?;
        Ok(Side { cpu_s: cpu.parse()?, peak_kib: peak.parse()? })
    };
    let receiver_side = side(line(&mut receiver_says)?)?;
    let sender_side = side(line(&mut sender_says)?)?;
    if !receiver.wait()?.success() || !sender.wait()?.success() {
        return Err("a process failed".into());
    }
    Ok(Round { seconds, sender: sender_side, receiver: receiver_side })
}

/// Processor time in seconds and peak resident memory in KiB of this process, on one line.
fn say_usage() -> Outcome<()> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
    let peak: u64 = peak.trim().trim_end_matches(" kB").parse()?;
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    // Fields 14 and 15, in ticks of 10 ms; the name before them may contain spaces.
    let after = stat.rsplit_once(')').ok_or("no stat")?.1;
    let ticks: u64 =
        after.split_whitespace().skip(11).take(2).filter_map(|t| t.parse::<u64>().ok()).sum();
    println!("{} {peak}", ticks as f64 / 100.0);
    Ok(std::io::stdout().flush()?)
}

fn swarm() -> Outcome<Swarm<libp2p_stream::Behaviour>> {
    Ok(SwarmBuilder::with_new_identity()
        .with_tokio()
        .with_tcp(tcp::Config::default(), noise::Config::new, yamux::Config::default)?
        .with_behaviour(|_| libp2p_stream::Behaviour::new())?
        .with_swarm_config(|config| config.with_idle_connection_timeout(Duration::from_secs(60)))
        .build())
}

fn object_file(root: &Path) -> Outcome<PathBuf> {
    let id = setting("ID").ok_or("no id")?;
    Ok(root.join("objects").join(&id[..2]).join(id))
}

async fn send() -> Outcome<()> {
    let mut swarm = swarm()?;
    let mut control = swarm.behaviour().new_control();
    let (mut bulk_streams, mut bare_streams) = (control.accept(BULK)?, control.accept(BARE)?);
    swarm.listen_on("/ip4/127.0.0.1/tcp/0".parse()?)?;
    let peer = *swarm.local_peer_id();
    tokio::spawn(async move {
        loop {
            if let SwarmEvent::NewListenAddr { address, .. } = swarm.select_next_some().await {
                println!("{}", address.with(Protocol::P2p(peer)));
            }
        }
    });
    let dir = PathBuf::from(setting("DIR").ok_or("no directory")?);
    if setting("MODE").as_deref() == Some("bare") {
        let (_, stream) = bare_streams.next().await.ok_or("no stream")?;
        send_bare(stream, &object_file(&dir)?).await?;
    } else {
        let (_, stream) = bulk_streams.next().await.ok_or("no stream")?;
        let library = Arc::new(ObjectFolder::open(RealDisk, &dir)?);
        let anyone = Arc::new(|_: NodeId, _: TicketId, _: ObjectId| Ok(()));
        bulk::serve(stream, NodeId([0; 32]), library, anyone, Patience::default()).await?;
    }
    say_usage()
}

async fn send_bare(mut stream: Stream, path: &Path) -> Outcome<()> {
    let file = std::fs::File::open(path)?;
    let (full, mut filled) = tokio::sync::mpsc::channel::<Vec<u8>>(2);
    let (empty, mut spare) = tokio::sync::mpsc::channel::<Vec<u8>>(4);
    let reading = tokio::task::spawn_blocking(move || -> std::io::Result<()> {
        let mut file = file;
        loop {
            let mut buffer = spare.try_recv().unwrap_or_default();
            buffer.resize(BUFFER, 0);
            let n = std::io::Read::read(&mut file, &mut buffer)?;
            buffer.truncate(n);
            if n == 0 || full.blocking_send(buffer).is_err() {
                return Ok(());
            }
        }
    });
    stream.read_exact(&mut [0]).await?;
    while let Some(buffer) = filled.recv().await {
        stream.write_all(&buffer).await?;
        let _ = empty.try_send(buffer);
    }
    reading.await??;
    stream.flush().await?;
    // Until the other side has all of it.
    let _ = stream.read(&mut [0]).await;
    Ok(())
}

async fn receive() -> Outcome<()> {
    let mut swarm = swarm()?;
    let mut control = swarm.behaviour().new_control();
    let address: Multiaddr = setting("ADDRESS").ok_or("no address")?.parse()?;
    let Some(Protocol::P2p(peer)) = address.iter().last() else {
        return Err("no peer".into());
    };
    swarm.dial(address)?;
    loop {
        if let SwarmEvent::ConnectionEstablished { .. } = swarm.select_next_some().await {
            break;
        }
    }
    tokio::spawn(async move {
        loop {
            swarm.select_next_some().await;
        }
    });
    let dir = PathBuf::from(setting("DIR").ok_or("no directory")?);
    let len = number("LEN", 0);
    if setting("MODE").as_deref() == Some("bare") {
        std::fs::create_dir(&dir)?;
        let stream = control.open_stream(peer, BARE).await?;
        receive_bare(stream, &dir.join("object"), len).await?;
    } else {
        let id = setting("ID").ok_or("no id")?.parse()?;
        let folder = ObjectFolder::open(RealDisk, &dir)?;
        let mut stream = control.open_stream(peer, BULK).await?;
        let start = Instant::now();
        let mut partial = folder.partial(TransferId([1; 16]), id, len)?;
        let ticket = TicketId([2; 16]);
        let end =
            bulk::pull(&mut stream, ticket, &mut partial, Patience::default(), |_| ()).await?;
        if !matches!(end, Pulled::Finished) {
            return Err(format!("the transfer ended with {end:?}").into());
        }
        tokio::task::spawn_blocking(move || partial.finish()).await??;
        println!("{}", start.elapsed().as_secs_f64());
        stream.close().await?;
    }
    say_usage()
}

async fn receive_bare(mut stream: Stream, path: &Path, len: u64) -> Outcome<()> {
    let start = Instant::now();
    let mut file = std::fs::File::create(path)?;
    let (full, mut filled) = tokio::sync::mpsc::channel::<Vec<u8>>(14);
    let (empty, mut spare) = tokio::sync::mpsc::channel::<Vec<u8>>(16);
    let writing = tokio::task::spawn_blocking(move || -> std::io::Result<()> {
        while let Some(buffer) = filled.blocking_recv() {
            file.write_all(&buffer)?;
            let _ = empty.try_send(buffer);
        }
        file.sync_data()
    });
    stream.write_all(&[1]).await?;
    stream.flush().await?;
    let mut left = len;
    while left > 0 {
        let mut buffer = spare.try_recv().unwrap_or_default();
        buffer.resize(usize::try_from(left)?.min(BUFFER), 0);
        stream.read_exact(&mut buffer).await?;
        left -= buffer.len() as u64;
        full.send(buffer).await?;
    }
    drop(full);
    writing.await??;
    println!("{}", start.elapsed().as_secs_f64());
    stream.close().await?;
    Ok(())
}

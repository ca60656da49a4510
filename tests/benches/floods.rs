//! Floods, each against honest work beside it: what a node's honest visitors keep of their rate while others want
//! all of its few places. A flood is a process of its own, holds a bounded number of connections, and takes a tenth of a
//! core; so it is its cunning that is measured, not its strength. Five pairs of rounds, without it and with it; the
//! median of their ratios counts, and is to be 0.8.
//!
//! `return` is the whole road of a node that was known before (a connection, the handshakes, `hello`), `come`
//! that of a newcomer, four a second since the rate of an address is bounded, `ask` a `hello` in a session that
//! stands, `pipe` the opening of a stream for bulk. The floods come from other addresses than the work.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use chartmesh_kit::{Far, Terminal};
use chartmesh_node::config::{Config, Flags};
use chartmesh_node::run::load_identity;
use chartmesh_protocol::peer::{Identity, PeerView};
use chartmesh_tests::{Crowd, Region};
use serde_json::json;
use zeroize::Zeroizing;

const PAIRS: usize = 5;
/// How long one round takes.
const ROUND: Duration = Duration::from_secs(3);
/// How long a flood has to become one.
const RISE: Duration = Duration::from_secs(2);
/// What a flood may take of one core.
const CORE: f64 = 0.1;
/// What honest work is to keep.
const AIM: f64 = 0.8;

/// A flood, what it is measured by, and what it is.
const FLOODS: [(&str, &str, &str); 10] = [
    ("silent-one", "return", "256 silent connections from one address"),
    ("silent-one", "come", "256 silent connections from one address"),
    ("silent-three", "come", "256 silent connections from three addresses"),
    ("strangers", "return", "64 strangers of three addresses that connect, and wait to be put out"),
    ("strangers", "come", "64 strangers of three addresses that connect, and wait to be put out"),
    ("hellos", "return", "hellos of a stranger, one after another"),
    ("hellos", "come", "hellos of a stranger, one after another"),
    ("hellos", "ask", "hellos of a stranger, one after another"),
    ("requests", "ask", "a member's requests that are none, a hundred at a time"),
    ("pipes", "pipe", "eight nodes of one member that take every pipe they get"),
];

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    if let [_, word, flood, port, far, dir] = &args[..]
        && word == "flood"
    {
        return runtime.block_on(flooding(flood, port, far, Path::new(dir)));
    }
    let root = tempfile::tempdir().expect("a folder");
    let region = Region::found(root.path(), "Tanabe Reiko");
    let known = region.b.list(json!({"peers": {}}), None).expect("an answer");
    let known: Vec<PeerView> = serde_json::from_value(json!(known)).expect("the node's view");
    let provider = serde_json::from_value(json!(region.provider.id)).expect("an id");
    let far = Far::of(&known, provider).expect("the provider is known");
    let told = serde_json::to_string(&json!([region.provider.id, known])).expect("JSON");
    let file = root.path().join("far.json");
    std::fs::write(&file, told).expect("a file");
    let port = region.provider.port();
    let mut missed = false;
    for (flood, work, what) in FLOODS {
        let mut ratios = Vec::new();
        for _ in 0..PAIRS {
            let calm = runtime.block_on(rate(work, &far, &region.b.dir));
            let flooder = Flooder::start(flood, port, &file, &region.a.dir);
            runtime.block_on(wait(RISE));
            let stormy = runtime.block_on(rate(work, &far, &region.b.dir));
            let cpu = flooder.cpu();
            ratios.push((stormy / calm, calm, stormy, cpu));
        }
        ratios.sort_by(|one, other| one.0.total_cmp(&other.0));
        let (ratio, calm, stormy, cpu) = ratios[PAIRS / 2];
        missed |= ratio < AIM;
        println!(
            "{flood:13} {work:6} {ratio:.2} of its rate ({stormy:.0} against {calm:.0} a second; the flood took {:.0} % of a core): {what}",
            cpu * 100.0
        );
    }
    println!("aim: {AIM} or more, median of {PAIRS} pairs{}", if missed { "; MISSED" } else { "" });
}

/// So many times a second the work succeeded.
async fn rate(work: &str, far: &Far, dir: &Path) -> f64 {
    let kept = Terminal::start(identity(dir), far.clone()).await.expect("a free port");
    kept.greet().await.expect("a member is let in");
    let seed = Zeroizing::new([7; 32]);
    let mut newcomers = tokio::time::interval(Duration::from_millis(250));
    let (begin, mut done) = (Instant::now(), 0_u32);
    while begin.elapsed() < ROUND {
        let went = match work {
            "return" => {
                visit(Terminal::start_as(seed.clone(), identity(dir), far.clone()).await).await
            }
            "come" => {
                newcomers.tick().await;
                visit(Terminal::start(identity(dir), far.clone()).await).await
            }
            "ask" => kept.greet().await.is_ok(),
            _ => kept.open_bulk().await.is_ok(),
        };
        done += u32::from(went);
        if !went {
            // As an honest program would, it does not press.
            wait(Duration::from_millis(50)).await;
        }
    }
    let rate = f64::from(done) / begin.elapsed().as_secs_f64();
    kept.stop().await;
    rate
}

/// Lets time pass, which is what is measured here.
async fn wait(time: Duration) {
    let mut tick = tokio::time::interval(time);
    tick.tick().await;
    tick.tick().await;
}

/// Says `hello`, and goes.
async fn visit(terminal: anyhow::Result<Terminal>) -> bool {
    let terminal = terminal.expect("a free port");
    let came = terminal.greet().await.is_ok();
    terminal.stop().await;
    came
}

fn identity(dir: &Path) -> Identity {
    let flags = Flags { dir: Some(dir.to_owned()), ..Flags::default() };
    let config = Config::load(flags).expect("a configuration");
    let unlock = config.unlock(|| anyhow::bail!("the node has a passphrase")).expect("a key file");
    load_identity(&config, &unlock).expect("the node's keys")
}

/// The process that floods; it ends when this does.
struct Flooder {
    child: Child,
    since: Instant,
}

impl Flooder {
    fn start(flood: &str, port: u16, far: &Path, dir: &Path) -> Self {
        let program = std::env::current_exe().expect("this program");
        let mut command = Command::new(program);
        command.args(["flood", flood, &port.to_string()]).arg(far).arg(dir).stdin(Stdio::piped());
        Self { child: command.spawn().expect("it starts"), since: Instant::now() }
    }

    /// What it took of a core so far.
    fn cpu(&self) -> f64 {
        cpu(&format!("/proc/{}/stat", self.child.id())) / self.since.elapsed().as_secs_f64()
    }
}

impl Drop for Flooder {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}

/// Seconds that a process computed, which Linux counts in hundredths.
fn cpu(stat: &str) -> f64 {
    let mut text = String::new();
    let read = std::fs::File::open(stat).and_then(|mut file| file.read_to_string(&mut text));
    read.expect("Linux says it");
    let fields = text.rsplit(')').next().expect("a name in brackets").split_whitespace();
    let ticks: Vec<f64> = fields.skip(11).take(2).filter_map(|field| field.parse().ok()).collect();
    ticks.iter().sum::<f64>() / 100.0
}

/// Waits until this process has had no more than its share of a core.
struct Pace(Instant);

impl Pace {
    async fn keep(&self) {
        while cpu("/proc/self/stat") > CORE * self.0.elapsed().as_secs_f64() + 0.05 {
            wait(Duration::from_millis(20)).await;
        }
    }
}

async fn flooding(flood: &str, port: &str, far: &str, dir: &Path) {
    let told = std::fs::read_to_string(PathBuf::from(far)).expect("a file");
    let (id, known): (_, Vec<PeerView>) = serde_json::from_str(&told).expect("where to");
    let far = Far::of(&known, id).expect("it is there");
    let (port, pace) = (port.parse().expect("a port"), Pace(Instant::now()));
    let mut doors = Vec::new();
    for last in 2..5 {
        let door = chartmesh_tests::door(last, port).await;
        let addresses = vec![format!("/ip4/127.0.0.1/tcp/{door}").parse().expect("an address")];
        doors.push(Far { addresses, ..far.clone() });
    }
    let pause = Duration::from_millis(2);
    match flood {
        "silent-one" => silent(Crowd::silent(port, &[2], 256, pause)).await,
        "silent-three" => silent(Crowd::silent(port, &[2, 3, 4], 256, pause)).await,
        "strangers" => strangers(&doors, &pace).await,
        "hellos" => hellos(&doors[0], &pace).await,
        "requests" => requests(&doors[0], dir, &pace).await,
        _ => pipes(&doors[0], dir, &pace).await,
    }
}

async fn silent(_crowd: Crowd) {
    std::future::pending().await
}

async fn strangers(doors: &[Far], pace: &Pace) {
    let mut all = std::collections::VecDeque::new();
    for far in doors.iter().cycle() {
        pace.keep().await;
        let one = Terminal::stranger(far.clone()).await.expect("a free port");
        // It connects, and is refused.
        let _refused = one.open_bulk().await;
        all.push_back(one);
        if all.len() > 64
            && let Some(oldest) = all.pop_front()
        {
            oldest.stop().await;
        }
    }
}

async fn hellos(far: &Far, pace: &Pace) {
    loop {
        let one = Terminal::stranger(far.clone()).await.expect("a free port");
        for _ in 0..100 {
            pace.keep().await;
            let _refused = one.greet().await;
        }
        one.stop().await;
    }
}

async fn requests(far: &Far, dir: &Path, pace: &Pace) {
    let one = Terminal::start(identity(dir), far.clone()).await.expect("a free port");
    loop {
        pace.keep().await;
        let _again = one.greet().await;
        let asked = (0..100).map(|_| one.send_raw(vec![0xa5; 64 << 10]));
        futures::future::join_all(asked).await;
    }
}

async fn pipes(far: &Far, dir: &Path, pace: &Pace) {
    let mut nodes = Vec::new();
    for _ in 0..8 {
        let one = Terminal::start(identity(dir), far.clone()).await.expect("a free port");
        let _welcome = one.greet().await;
        nodes.push(one);
    }
    let mut held = std::collections::VecDeque::new();
    for node in nodes.iter().cycle() {
        pace.keep().await;
        match node.open_bulk().await {
            Ok(pipe) => held.push_back(pipe),
            Err(_) => wait(Duration::from_millis(20)).await,
        }
        // Those that were taken from it make room for others to be tried.
        if held.len() > 64 {
            held.pop_front();
        }
    }
}

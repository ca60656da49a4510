//! A node's memory stays under a stated limit, whatever others send, and however large a file is.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use chartmesh_protocol::peer::PeerView;
use chartmesh_tests::{Node, Region, Rogue, oversized, until};
use serde_json::json;

const MIB: u64 = 1 << 20;
/// What a node may take while it does nothing.
const IDLE_MAX: u64 = 60 * MIB;
/// What it may take at most while it imports a large file, above that.
const IMPORT_MAX: u64 = 30 * MIB;
/// Bytes of the file.
const FILE_BYTES: u64 = 256 * MIB;
/// What it may take at most while it is attacked, above that: requests of a megabyte each that wait
/// for their turn, at most 256 of them in all (`REQUESTS_MAX`), and those being read.
const ATTACK_MAX: u64 = 300 * MIB;
/// What it may take at most for a crowd at the door.
const CROWD_MAX: u64 = 20 * MIB;
/// Connections of one machine that say nothing, or the wrong thing.
const CONNECTIONS: usize = 400;
/// Frames that say that they are 4 GiB long.
const FRAMES: usize = 40;
/// Requests of the largest size that an institution's terminal sends at once.
const REQUESTS: usize = 600;

/// What a node has taken at most so far stays below this.
fn below(node: &Node, limit: u64, what: &str) {
    let (now, most) = node.memory();
    println!("{}: {} MiB, at most {} MiB, {what}", node.name, now / MIB, most / MIB);
    assert!(most <= limit, "{what}: {} MiB", most / MIB);
}

#[test]
fn a_large_file_is_imported_in_constant_memory() {
    let root = tempfile::tempdir().unwrap();
    let hospital = Node::create(root.path(), "hospital", "Kita Hospital");
    below(&hospital, IDLE_MAX, "idle");
    let chart = hospital.cli(&["patient", "new", "Tanabe Reiko"]);
    let chart = chart["subject"].as_str().unwrap();
    let file = root.path().join("scan.bin");
    let mut out = std::io::BufWriter::new(std::fs::File::create(&file).unwrap());
    for _ in 0..FILE_BYTES / MIB {
        out.write_all(&[7; 1 << 20]).unwrap();
    }
    out.flush().unwrap();
    drop(out);
    hospital.cli(&["record", "import", chart, file.to_str().unwrap(), "--user", "Dr. Sato"]);
    let listed = hospital.cli(&["record", "list", chart]);
    assert_eq!(listed[0]["whole"], true, "{listed}");
    below(&hospital, IDLE_MAX + IMPORT_MAX, "after a file of 256 MiB");
}

#[test]
fn a_node_under_attack_stays_below_its_limit_and_goes_on() {
    let root = tempfile::tempdir().unwrap();
    let region = Region::found(root.path(), "Tanabe Reiko");
    let (b, provider) = (&region.b, &region.provider);
    below(provider, IDLE_MAX, "idle");

    // From outside: connections that say nothing, and some that talk rubbish, without an end.
    let known = b.list(json!({"peers": {}}), None).unwrap();
    let known: Vec<PeerView> = serde_json::from_value(json!(known)).unwrap();
    let id = serde_json::from_value(json!(provider.id)).unwrap();
    let addresses = &known.iter().find(|peer| peer.institution == id).unwrap().nodes[0].addresses;
    let address = addresses.iter().find(|text| text.contains("/tcp/")).expect("a TCP port");
    let port = address.split('/').nth(4).and_then(|port| port.parse().ok()).expect("a number");
    let failed = oversized(address, FRAMES);
    assert_eq!(failed, FRAMES, "a frame that is too long was taken");
    below(provider, IDLE_MAX + CROWD_MAX, "after frames that are too long");
    let strangers: Vec<TcpStream> = (0..CONNECTIONS).map(|number| stranger(port, number)).collect();
    until("the node to be heard in the crowd", || provider.get("/v1/status").ok());
    below(provider, IDLE_MAX + CROWD_MAX, "with a crowd at the door");
    drop(strangers);

    // From inside: a certified terminal that sends the largest requests there are, none a message,
    // and opens pipes that it does not use.
    let rogue = Rogue::of(&region, &region.a, provider);
    let answered = rogue.flood(REQUESTS);
    println!("{answered} of {REQUESTS} were answered");
    below(provider, IDLE_MAX + ATTACK_MAX, "after a flood from inside");

    // It goes on: the institution itself is served as before.
    let begun = Instant::now();
    let extra = json!({"kind": "reports", "title": "A letter"});
    let entries = region.a.import(&region.patient, "letter.txt", b"A letter.\n", extra).unwrap();
    region.deposit(&entries);
    assert!(begun.elapsed() < Duration::from_secs(30));
}

/// A connection: every other one sends what looks like the beginning of a very long frame.
fn stranger(port: u16, number: usize) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_nonblocking(true).unwrap();
    if number % 2 == 1 {
        // Whatever of it is taken: the node may well have closed the door by now.
        for _ in 0..64 {
            let _ = stream.write(&[0xff; 16 * 1024]);
        }
        let _ = stream.read(&mut [0; 64]);
    }
    stream
}

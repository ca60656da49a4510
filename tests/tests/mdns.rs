//! Two nodes on a local network, each in a network namespace of its own (mDNS leaves loopback out):
//! one has moved to another address and another port since they met, and the other finds it again
//! by mDNS alone.

use std::io::{BufRead as _, BufReader, Lines};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use chartmesh_tests::{Node, admit, is_member, join, until};
use serde_json::{Value, json};

/// Two network namespaces joined by a cable; taken down on drop.
struct Lan {
    names: [String; 2],
}

impl Lan {
    fn new() -> Option<Self> {
        static LANS: AtomicU32 = AtomicU32::new(0);
        let (process, lan) = (std::process::id(), LANS.fetch_add(1, Ordering::Relaxed));
        let names = [1, 2].map(|end| format!("cmp{process}-{lan}-{end}"));
        let lan = Self { names };
        let [one, other] = &lan.names;
        for name in &lan.names {
            ip(&["netns", "add", name])?;
        }
        let link = ["link", "add", "eth0", "netns", one, "type", "veth", "peer"];
        ip(&[&link[..], &["name", "eth0", "netns", other]].concat())?;
        for (name, addr) in lan.names.iter().zip(["10.78.0.1/24", "10.78.0.2/24"]) {
            ip(&["-n", name, "addr", "add", addr, "dev", "eth0"])?;
            ip(&["-n", name, "link", "set", "lo", "up"])?;
            ip(&["-n", name, "link", "set", "eth0", "up"])?;
        }
        Some(lan)
    }

    /// Moves the first one to another address.
    fn renumber(&self) {
        let name = &self.names[0];
        ip(&["-n", name, "addr", "del", "10.78.0.1/24", "dev", "eth0"]).unwrap();
        ip(&["-n", name, "addr", "add", "10.78.0.9/24", "dev", "eth0"]).unwrap();
    }
}

impl Drop for Lan {
    fn drop(&mut self) {
        for name in &self.names {
            ip(&["netns", "del", name]);
        }
    }
}

fn ip(args: &[&str]) -> Option<()> {
    let ran = Command::new("ip").args(args).stderr(Stdio::null()).status().ok()?;
    ran.success().then_some(())
}

fn node(root: &std::path::Path, name: &'static str, namespace: &str) -> Node {
    let listen = ["--listen", "/ip4/0.0.0.0/tcp/0", "--listen", "/ip4/0.0.0.0/udp/0/quic-v1"];
    let mut node = Node::init(root, "hospital", name, &listen);
    node.run_below(&["ip", "netns", "exec", namespace]);
    node.start();
    node
}

/// What `at` has in its book about where `who` listens.
fn book(at: &Node, who: &Node) -> String {
    let peers = at.list(json!({"peers": {}}), None).unwrap();
    let found = peers.iter().find(|peer: &&Value| peer["institution"] == who.id.as_str());
    found.map_or_else(String::new, |peer| peer["nodes"].to_string())
}

#[test]
fn a_node_that_moved_is_found_again_by_mdns() {
    let Some(lan) = Lan::new() else {
        println!("skipped: needs root and ip netns");
        return;
    };
    let root = tempfile::tempdir().unwrap();
    let mut a = node(root.path(), "Kita Hospital", &lan.names[0]);
    let mut b = node(root.path(), "Minami Clinic", &lan.names[1]);
    a.cli(&["federation", "found", "Kita region"]);
    join(&a, &b);
    admit(&a, &b);
    until("the founding", || is_member(&b, &b).then_some(()));
    assert!(book(&b, &a).contains("10.78.0.1"), "{}", book(&b, &a));

    // A gets another address and other ports while B is off: what B knows of it is no longer true,
    // and A is not told where B is now either, for B forgets its ports, too.
    a.kill();
    b.kill();
    lan.renumber();
    for node in [&a, &b] {
        std::fs::remove_file(node.dir.join("ports.json")).unwrap();
    }
    b.start();
    // Said while nobody hears it; B's book has the old address only.
    b.cli(&["federation", "threshold", "3"]);
    assert!(!book(&b, &a).contains("10.78.0.9"), "{}", book(&b, &a));
    a.start();
    until("the message at A", || {
        let view = a.query(json!("members"), None).ok()?;
        let open = view["open"].as_array()?;
        open.iter().any(|one| one["sponsors"] == 3).then_some(())
    });
}

/// Prints an empty line once it listens, then every packet of mDNS that comes by, in hexadecimal digits.
const LISTEN: &str = "
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
s.bind(('224.0.0.251', 5353))
group = socket.inet_aton('224.0.0.251') + socket.inet_aton('10.78.0.2')
s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group)
print('', flush=True)
while True:
    print(s.recv(9000).hex(), flush=True)
";

/// Whoever is on the cable and writes down what it hears.
struct Listener {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Listener {
    fn start(namespace: &str) -> Self {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", namespace, "python3", "-c", LISTEN]);
        let mut child = command.stdout(Stdio::piped()).spawn().expect("python3");
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        assert_eq!(lines.next().expect("it listens").expect("text"), "");
        Self { child, lines }
    }

    /// What was said up to the first packet that names an address.
    fn heard(&mut self) -> Vec<u8> {
        let mut all = Vec::new();
        for line in &mut self.lines {
            let packet = data_encoding::HEXLOWER.decode(line.unwrap().as_bytes()).unwrap();
            all.extend_from_slice(&packet);
            if packet.windows(8).any(|text| text == b"dnsaddr=") {
                return all;
            }
        }
        panic!("it heard nothing");
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}

fn is_in(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window.eq_ignore_ascii_case(text.as_bytes()))
}

/// Who listens on the cable learns that there is a node, where, and by which key: not whose.
#[test]
fn mdns_says_that_a_node_is_there_and_nothing_of_whose_it_is() {
    let Some(lan) = Lan::new() else {
        println!("skipped: needs root and ip netns");
        return;
    };
    let root = tempfile::tempdir().unwrap();
    let mut listener = Listener::start(&lan.names[1]);
    let a = node(root.path(), "Kita Hospital", &lan.names[0]);
    a.cli(&["federation", "found", "Kita region"]);
    // Another node asks who is there, and the first one answers.
    let _b = node(root.path(), "Minami Clinic", &lan.names[1]);
    let heard = listener.heard();
    for told in ["dnsaddr=/ip4/10.78.0.", "/p2p/"] {
        assert!(is_in(&heard, told), "{told} is not told");
    }
    let status = a.get("/v1/status").unwrap();
    let institution = status["institution"].as_str().unwrap();
    let raw = data_encoding::HEXLOWER.decode(institution.as_bytes()).unwrap();
    assert!(!heard.windows(raw.len()).any(|window| window == raw));
    for untold in ["Kita", "Minami", "hospital", "clinic", "region", "chartmesh", institution] {
        assert!(!is_in(&heard, untold), "{untold} is told");
    }
}

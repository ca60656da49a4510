//! Two nodes on a local network, each in a network namespace of its own (mDNS leaves loopback out):
//! one has moved to another address and another port since they met, and the other finds it again
//! by mDNS alone.

use std::process::{Command, Stdio};

use chartmesh_tests::{Node, admit, is_member, join, until};
use serde_json::{Value, json};

/// Two network namespaces joined by a cable; taken down on drop.
struct Lan {
    names: [String; 2],
}

impl Lan {
    fn new() -> Option<Self> {
        let names = [1, 2].map(|end| format!("cmp{}-{end}", std::process::id()));
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
    b.cli(&["federation", "expel", &a.id, "--reason", "a message that has to arrive"]);
    assert!(!book(&b, &a).contains("10.78.0.9"), "{}", book(&b, &a));
    a.start();
    until("the message at A", || {
        let view = a.query(json!("members"), None).ok()?;
        let open = view["open"].as_array()?;
        let said = |one: &serde_json::Value| {
            one["reasons"]
                .as_array()
                .is_some_and(|all| all.contains(&"a message that has to arrive".into()))
        };
        open.iter().any(said).then_some(())
    });
}

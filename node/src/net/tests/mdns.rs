//! Discovery on a local network: two processes in two network namespaces, since mDNS leaves
//! loopback out. Each process is this test binary, run again with `ROLE` set.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use super::*;

const ROLE: &str = "CHARTMESH_TEST_MDNS_SEED";
const TEST: &str = "net::tests::mdns::nodes_find_each_other_on_the_local_network";
const DONE: &str = "found the other and heard from it";

#[test]
fn nodes_find_each_other_on_the_local_network() {
    if let Ok(seed) = std::env::var(ROLE) {
        return one_of_two(seed.parse().unwrap());
    }
    let Some(lan) = Lan::new() else {
        println!("skipped: needs root and iproute2");
        return;
    };
    let mut children: Vec<_> = [1, 2].map(|seed| lan.spawn(seed)).into();
    for child in &mut children {
        let lines = BufReader::new(child.0.stdout.take().unwrap()).lines();
        let mut lines = lines.map_while(Result::ok);
        assert!(lines.any(|line| line.contains(DONE)), "a process ended without the other");
    }
}

/// Finds the other node by mDNS alone, says hello to it, answers its hello, and stays until killed.
#[tokio::main(flavor = "current_thread")]
async fn one_of_two(seed: u8) {
    let config = NetConfig {
        node_seed: Zeroizing::new([seed; 32]),
        listen: ["/ip4/0.0.0.0/tcp/0", "/ip4/0.0.0.0/udp/0/quic-v1"]
            .map(|addr| addr.parse().unwrap())
            .into(),
        mdns: true,
        limits: Limits::default(),
    };
    let (net, mut events) = start(config).await.unwrap();
    let (heard, mut answers) = mpsc::channel(4);
    within("the other node", async {
        loop {
            tokio::select! {
                event = events.recv() => match event.unwrap() {
                    NetEvent::Discovered { node, .. } => {
                        let (net, heard) = (net.clone(), heard.clone());
                        tokio::spawn(async move {
                            // No address is given: the address book has what mDNS said.
                            if let Ok((_, answer)) = net.hello(vec![], Some(node), vec![seed]).await {
                                heard.send(answer).await.unwrap();
                            }
                        });
                    }
                    NetEvent::Hello { request, reply, .. } => reply.send(request),
                    _ => {}
                },
                answer = answers.recv() => {
                    assert_eq!(answer.unwrap(), [seed]);
                    println!("{DONE}");
                    break;
                }
            }
        }
    })
    .await;
    while let Some(event) = events.recv().await {
        if let NetEvent::Hello { request, reply, .. } = event {
            reply.send(request);
        }
    }
}

/// Two network namespaces joined by a cable; taken down on drop.
struct Lan {
    names: [String; 2],
}

impl Lan {
    fn new() -> Option<Self> {
        let names = [1, 2].map(|end| format!("cm{}-{end}", std::process::id()));
        let lan = Self { names };
        let [one, other] = &lan.names;
        for name in &lan.names {
            ip(&["netns", "add", name])?;
        }
        let link = ["link", "add", "eth0", "netns", one, "type", "veth", "peer"];
        ip(&[&link[..], &["name", "eth0", "netns", other]].concat())?;
        for (name, addr) in lan.names.iter().zip(["10.77.0.1/24", "10.77.0.2/24"]) {
            ip(&["-n", name, "addr", "add", addr, "dev", "eth0"])?;
            ip(&["-n", name, "link", "set", "lo", "up"])?;
            ip(&["-n", name, "link", "set", "eth0", "up"])?;
        }
        Some(lan)
    }

    fn spawn(&self, seed: u8) -> Killed {
        let name = &self.names[usize::from(seed) - 1];
        let child = Command::new("ip")
            .args(["netns", "exec", name])
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", "--nocapture", TEST])
            .env(ROLE, seed.to_string())
            .stdout(Stdio::piped())
            .spawn();
        Killed(child.unwrap())
    }
}

impl Drop for Lan {
    fn drop(&mut self) {
        for name in &self.names {
            ip(&["netns", "del", name]);
        }
    }
}

/// A process that does not outlive its test.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ended = self.0.kill();
        let _reaped = self.0.wait();
    }
}

fn ip(args: &[&str]) -> Option<()> {
    let ran = Command::new("ip").args(args).stderr(Stdio::null()).status().ok()?;
    ran.success().then_some(())
}

//! Hello and control between nodes, and what their failures say.

use futures::future::join_all;
use libp2p::multiaddr::Protocol;

use super::super::{Reason, SendFailure, Transport};
use super::*;
use chartmesh_protocol::limits::HELLO_BYTES_MAX;

/// A loopback TCP address at which nobody listens.
fn nowhere() -> Multiaddr {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    format!("/ip4/127.0.0.1/tcp/{port}").parse().unwrap()
}

/// Two nodes that have admitted each other; the first knows where the second is.
async fn friends() -> (Node, Node) {
    let (one, other) = (Node::start(1).await, Node::start(2).await);
    one.admit(&other);
    other.admit(&one);
    (one, other)
}

/// Holds the port of `addr` against whoever would dial from it.
fn hold_port(addr: &Multiaddr) -> std::os::fd::OwnedFd {
    use rustix::net::{AddressFamily, SocketAddrV4, SocketType, bind, socket, sockopt};
    let port = addr.iter().find_map(|part| match part {
        Protocol::Tcp(port) => Some(port),
        _ => None,
    });
    let held = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    for shared in [true, false] {
        sockopt::set_socket_reuseaddr(&held, shared).unwrap();
        sockopt::set_socket_reuseport(&held, shared).unwrap();
        if shared {
            bind(&held, &SocketAddrV4::new([127, 0, 0, 1].into(), port.unwrap())).unwrap();
        }
    }
    held
}

#[tokio::test]
async fn a_node_whose_port_the_system_does_not_give_it_dials_from_another() {
    let (node, other) = (Node::start(1).await, Node::start(2).await);
    let (id, addrs) = (node.id(), node.tcp());
    let _net = node.echo();
    let _held = hold_port(&other.tcp()[0]);
    let answer = within("hello", other.net.hello(addrs, None, b"hello".to_vec())).await;
    assert_eq!(answer, Ok((id, b"hello".to_vec())));
}

async fn control_event(node: &mut Node) -> (Vec<u8>, super::super::Reply) {
    node.event("a control request", |event| match event {
        NetEvent::Control { request, reply, .. } => Some((request, reply)),
        _ => None,
    })
    .await
}

async fn hello_round_trip(addrs: impl Fn(&Node) -> Vec<Multiaddr>, transport: Transport) {
    let (node, other) = (Node::start(1).await, Node::start(2).await);
    let (id, addrs) = (node.id(), addrs(&node));
    let _net = node.echo();
    let answer = within("hello", other.net.hello(addrs, None, b"hello".to_vec())).await;
    assert_eq!(answer, Ok((id, b"hello".to_vec())));
    let there = other.net.connected();
    assert_eq!((there[0].node, there[0].transport), (id, transport));
}

#[tokio::test]
async fn hello_goes_round_over_tcp() {
    hello_round_trip(Node::tcp, Transport::Tcp).await;
}

#[tokio::test]
async fn hello_goes_round_over_quic() {
    hello_round_trip(Node::quic, Transport::Quic).await;
}

#[tokio::test]
async fn one_hello_right_after_another_is_not_told_busy() {
    let (one, other) = friends().await;
    let (id, addrs) = (other.id(), other.tcp());
    let _other = other.echo();
    for number in 0..100 {
        let hello = one.net.hello(addrs.clone(), Some(id), vec![number]);
        assert_eq!(within("hello", hello).await, Ok((id, vec![number])));
    }
}

#[tokio::test]
async fn tcp_is_preferred_where_both_are_offered() {
    let (node, other) = (Node::start(1).await, Node::start(2).await);
    let addrs = [node.quic(), node.tcp()].concat();
    let id = node.id();
    let _net = node.echo();
    within("hello", other.net.hello(addrs, Some(id), vec![])).await.unwrap();
    assert_eq!(other.net.connected()[0].transport, Transport::Tcp);
}

#[tokio::test]
async fn another_node_at_the_address_is_not_spoken_to() {
    let (mut node, other) = (Node::start(1).await, Node::start(2).await);
    let expected = Node::start(3).await.id();
    let hello = within("hello", other.net.hello(node.tcp(), Some(expected), vec![])).await;
    assert!(matches!(hello, Err(SendFailure::NeverSent(Reason::Unreachable(_)))), "{hello:?}");
    assert!(
        !std::iter::from_fn(|| node.events.try_recv().ok())
            .any(|event| matches!(event, NetEvent::Hello { .. }))
    );
}

#[tokio::test]
async fn control_works_both_ways_once_the_gates_are_open() {
    let (one, other) = friends().await;
    let (one_id, other_id, addrs) = (one.id(), other.id(), other.tcp());
    let (one, other) = (one.echo(), other.echo());
    let there = within("there", one.control(other_id, addrs, vec![1])).await;
    assert_eq!(there, Ok(vec![1]));
    // Back without an address: over the connection that exists.
    let back = within("back", other.control(one_id, vec![], vec![2])).await;
    assert_eq!(back, Ok(vec![2]));
    assert_eq!(other.connected().len(), 1);
}

#[tokio::test]
async fn both_ends_of_a_session_have_a_nonce_of_their_own() {
    let (one, other) = friends().await;
    let (one_id, other_id, addrs) = (one.id(), other.id(), other.tcp());
    let (one, mut other) = (one.net.clone(), other);
    assert_eq!(one.nonce(other_id), None);
    let control = tokio::spawn({
        let one = one.clone();
        async move { one.control(other_id, addrs, vec![]).await }
    });
    control_event(&mut other).await.1.send(vec![]);
    within("control", control).await.unwrap().unwrap();
    let (here, there) = (one.nonce(other_id).unwrap(), other.net.nonce(one_id).unwrap());
    assert_ne!(here, there);
    one.close_gate(other_id);
    other.disconnected(one_id).await;
    assert_eq!(other.net.nonce(one_id), None);
}

#[tokio::test]
async fn five_hundred_controls_at_once_are_all_answered() {
    let (one, other) = friends().await;
    let (id, addrs) = (other.id(), other.tcp());
    let _other = other.echo();
    let calls = (0..500_u32).map(|number| {
        let (net, addrs) = (one.net.clone(), addrs.clone());
        let request = number.to_be_bytes().to_vec();
        async move { (net.control(id, addrs, request.clone()).await, request) }
    });
    for (answer, request) in within("all answers", join_all(calls)).await {
        assert_eq!(answer, Ok(request));
    }
}

#[tokio::test]
async fn calls_to_one_node_at_once_share_one_connection() {
    let (one, other) = friends().await;
    let (id, addrs) = (other.id(), other.tcp());
    let other = other.echo();
    let calls = (0..50).map(|_| one.net.control(id, addrs.clone(), vec![]));
    assert!(within("all", join_all(calls)).await.iter().all(Result::is_ok));
    assert_eq!(other.connected()[0].addrs.len(), 1);
}

#[tokio::test]
async fn what_was_never_sent_says_so() {
    let (one, other) = (Node::start(1).await, Node::start(2).await);
    let id = other.id();
    let unreachable = within("dial", one.net.control(id, vec![nowhere()], vec![])).await;
    assert!(matches!(unreachable, Err(SendFailure::NeverSent(Reason::Unreachable(_)))));
    let unknown = within("hello", one.net.hello(vec![nowhere()], None, vec![])).await;
    assert!(matches!(unknown, Err(SendFailure::NeverSent(Reason::Unreachable(_)))));
    let nobody = within("hello", one.net.hello(vec![], Some(NodeId([2; 32])), vec![])).await;
    assert!(matches!(nobody, Err(SendFailure::NeverSent(_))), "{nobody:?}");
    let nowhere = within("hello", one.net.hello(vec![], None, vec![])).await;
    assert_eq!(nowhere, Err(SendFailure::NeverSent(Reason::NoAddress)));
    let long = vec![0; HELLO_BYTES_MAX + 1];
    let long = within("hello", one.net.hello(other.tcp(), Some(id), long)).await;
    assert!(matches!(long, Err(SendFailure::NeverSent(Reason::TooLarge { .. }))));
    let me = within("hello", one.net.hello(one.tcp(), Some(one.id()), vec![])).await;
    assert_eq!(me, Err(SendFailure::NeverSent(Reason::NotANode)));
}

#[tokio::test]
async fn what_may_have_been_processed_is_told_apart_from_what_was_not() {
    let (one, mut other) = friends().await;
    let (id, addrs) = (other.id(), other.tcp());
    let call = || {
        tokio::spawn({
            let (net, addrs) = (one.net.clone(), addrs.clone());
            async move { net.control(id, addrs, vec![1]).await }
        })
    };

    let refused = call();
    control_event(&mut other).await.1.refuse();
    assert_eq!(within("refused", refused).await.unwrap(), Err(SendFailure::Refused));

    let busy = call();
    control_event(&mut other).await.1.busy();
    let busy = within("busy", busy).await.unwrap();
    assert_eq!(busy, Err(SendFailure::NeverSent(Reason::Busy)));

    let dropped = call();
    drop(control_event(&mut other).await.1);
    let dropped = within("dropped", dropped).await.unwrap();
    assert!(matches!(dropped, Err(SendFailure::Unknown(_))), "{dropped:?}");

    let cut = call();
    let (_, _reply) = control_event(&mut other).await;
    other.net.stop().await;
    let cut = within("cut", cut).await.unwrap();
    assert!(matches!(cut, Err(SendFailure::Unknown(_))), "{cut:?}");
}

#[tokio::test]
async fn a_node_that_restarts_on_its_port_is_found_again_and_wants_a_hello() {
    let (mut one, other) = friends().await;
    let (id, addrs) = (other.id(), other.tcp());
    let second = other.echo();
    within("control", one.net.control(id, addrs.clone(), vec![1])).await.unwrap();
    within("stop", second.stop()).await;
    one.disconnected(id).await;

    let again = Node::start_at(2, Limits::default(), addrs).await;
    assert_eq!(again.id(), id);
    let _again = again.echo();
    let control = within("control", one.net.control(id, vec![], vec![1])).await;
    assert_eq!(control, Err(SendFailure::Refused));
    within("hello", one.net.hello(vec![], Some(id), vec![])).await.unwrap();
    assert_eq!(within("control", one.net.control(id, vec![], vec![1])).await, Ok(vec![1]));
}

#[tokio::test]
async fn a_port_that_is_taken_is_an_error_that_names_it() {
    let one = Node::start(1).await;
    let listen = vec![one.tcp().remove(0)];
    let node_seed = Zeroizing::new([2; 32]);
    let config = NetConfig {
        node_seed,
        listen: listen.clone(),
        mdns: false,
        private_networks: false,
        limits: Limits::default(),
    };
    let error = start(config).await.map(drop).unwrap_err().to_string();
    assert!(error.contains(&listen[0].to_string()), "{error}");
}

#[tokio::test]
async fn where_another_node_is_than_was_looked_for_that_is_told_with_its_place() {
    let (mut one, other) = (Node::start(1).await, Node::start(2).await);
    let gone = Node::start(3).await.id();
    let (found, addrs) = (other.id(), other.tcp());
    let asked = within("hello", one.net.hello(addrs.clone(), Some(gone), vec![1])).await;
    assert!(matches!(asked, Err(SendFailure::NeverSent(_))), "{asked:?}");
    let told = one.event("who is there", |event| match event {
        NetEvent::Instead { of, node, addr } => Some((of, node, addr)),
        _ => None,
    });
    assert_eq!(told.await, (gone, found, addrs[0].clone()));
}

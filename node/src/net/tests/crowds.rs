//! Crowds: many who want the few places that there are, from several addresses of the loopback network.

use chartmesh_protocol::Reach;
use futures::{AsyncReadExt as _, AsyncWriteExt as _};
use libp2p::multiaddr::Protocol;
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use super::super::limits::{HANDSHAKES_MAX, REQUESTS_MAX};
use super::super::{Reason, SendFailure};
use super::*;

/// `127.0.0.LAST`, connected to the node.
async fn from(last: u8, node: &Node) -> TcpStream {
    let port = node.tcp()[0].iter().find_map(|part| match part {
        Protocol::Tcp(port) => Some(port),
        _ => None,
    });
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, last], 0).into()).unwrap();
    let to = ([127, 0, 0, 1], port.unwrap()).into();
    within("a connection", socket.connect(to)).await.unwrap()
}

/// A door through which whoever comes seems to come from `127.0.0.LAST`.
async fn through(last: u8, node: &Node) -> Multiaddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut out = from(last, node).await;
    tokio::spawn(async move {
        let (mut inside, _) = listener.accept().await.unwrap();
        // Whoever of the two ends first ends both.
        let _ended = tokio::io::copy_bidirectional(&mut inside, &mut out).await;
    });
    format!("/ip4/127.0.0.1/tcp/{port}").parse().unwrap()
}

/// Whether somebody whom the node does not know gets an answer to a `hello`.
async fn is_heard(raw: &mut Raw) -> bool {
    raw.say_hello(1);
    matches!(raw.outcome().await, Ok(Answer::Bytes(_)))
}

#[tokio::test]
async fn silent_connections_shut_nobody_out_whether_from_one_address_or_from_three() {
    let node = Node::start(1).await;
    let mut silent = Vec::new();
    for _ in 0..2 * HANDSHAKES_MAX {
        silent.push(from(2, &node).await);
    }
    let door = through(8, &node).await;
    let mut raw = Raw::connect_at(&node, door).await;
    for number in 0..3 * HANDSHAKES_MAX {
        silent.push(from(u8::try_from(2 + number % 3).unwrap(), &node).await);
    }
    let (late, mine) = (through(9, &node).await, through(2, &node).await);
    let mut other = Raw::connect_at(&node, late).await;
    let mut same = Raw::connect_at(&node, mine).await;
    let _node = node.echo();
    assert!(is_heard(&mut raw).await, "who had come before");
    assert!(is_heard(&mut other).await, "who comes from an address of its own");
    assert!(is_heard(&mut same).await, "who shares the address of the silent");
}

#[tokio::test]
async fn strangers_of_three_addresses_leave_a_place_for_the_next_and_who_was_let_in_stays() {
    let limits = Limits { strangers_max: 9, ..Limits::default() };
    let mut node = Node::start_with(1, limits).await;
    let mut first = Raw::connect_at(&node, through(2, &node).await).await;
    first.say_hello(1);
    let greeted = node.event("a hello", |event| match event {
        NetEvent::Hello { node, reply, .. } => Some((node, reply)),
        _ => None,
    });
    let drive = first.until("never", |_| None::<()>);
    let (friend, reply) = tokio::select! { hello = greeted => hello, () = drive => unreachable!() };
    node.net.open_gate(friend, alone(friend));
    reply.send(vec![1]);
    assert_eq!(first.outcome().await.unwrap(), Answer::Bytes(vec![1]));

    let mut crowd = Vec::new();
    for number in 0..12 {
        let door = through(3 + number % 3, &node).await;
        crowd.push(Raw::connect_at(&node, door).await);
    }
    let door = through(9, &node).await;
    let mut late = Raw::connect_at(&node, door).await;
    let _node = node.echo();
    assert!(is_heard(&mut late).await, "the next from elsewhere");
    assert!(is_heard(&mut first).await, "who was let in");
    let oldest = &mut crowd[0];
    oldest
        .until("the oldest of the crowd is put out", |event| {
            matches!(event, SwarmEvent::ConnectionClosed { .. }).then_some(())
        })
        .await;
    assert!(is_heard(&mut crowd[11]).await, "the newest of the crowd");
}

#[tokio::test]
async fn who_was_known_before_a_restart_takes_no_strangers_place_and_is_heard_at_once() {
    let (own, none) = (Rate { burst: 1, per_second: 0 }, Rate { burst: 0, per_second: 0 });
    let limits =
        Limits { strangers_max: 1, hello_own: own, hello_common: none, ..Limits::default() };
    let node = Node::start_with(1, limits).await;
    let friends = [Node::start(2).await, Node::start(3).await];
    node.net.know(friends.iter().map(|friend| (friend.id(), alone(friend.id()))));
    let mut stranger = Raw::connect(&node).await;
    let (id, addrs) = (node.id(), node.tcp());
    let net = node.echo();
    for friend in &friends {
        let control = within("control", friend.net.control(id, addrs.clone(), vec![1])).await;
        assert_eq!(control, Err(SendFailure::Refused), "a hello is wanted first");
        within("hello", friend.net.hello(addrs.clone(), Some(id), vec![])).await.unwrap();
    }
    assert!(is_heard(&mut stranger).await, "nobody took the one stranger's place");
    let known: Vec<_> = net.connected().into_iter().filter(|peer| peer.gate_open).collect();
    assert_eq!(known.len(), 3);
}

#[tokio::test]
async fn eight_nodes_of_one_institution_leave_another_its_share_of_the_pipes() {
    let Node { net: server, mut events } = Node::start(1).await;
    let (id, addrs, one) = (server.node_id(), server.listeners(), PartyId([77; 32]));
    // Whoever is given a pipe keeps it, as long as it lasts.
    tokio::spawn(async move {
        let mut taken = Vec::new();
        while let Some(event) = events.recv().await {
            if let NetEvent::Bulk { mut stream, .. } = event {
                taken.push(tokio::spawn(async move { stream.read(&mut [0]).await }));
            }
        }
    });
    let mut pipes = Vec::new();
    let mut nodes = Vec::new();
    for seed in 2..10 {
        let client = Node::start(seed).await;
        server.open_gate(client.id(), one);
        for _ in 0..8 {
            let opened = within("a pipe", client.net.open_bulk(id, addrs.clone())).await;
            pipes.extend(opened.ok());
        }
        nodes.push(client);
    }
    assert_eq!(pipes.len(), 64, "alone it has them all");
    let member = Node::start(20).await;
    server.open_gate(member.id(), alone(member.id()));
    for number in 0..8 {
        let opened = within("a pipe", member.net.open_bulk(id, addrs.clone())).await;
        assert!(opened.is_ok(), "pipe {number}: {opened:?}");
        pipes.extend(opened);
    }
    let again = within("a pipe", nodes[0].net.open_bulk(id, addrs)).await;
    assert!(again.is_err(), "and does not take them back");
}

#[tokio::test]
async fn requests_of_one_institution_leave_room_for_another() {
    let mut server = Node::start(1).await;
    let (id, addrs, one) = (server.id(), server.tcp(), PartyId([77; 32]));
    let mut unanswered = Vec::new();
    let (ended, mut answers) = mpsc::unbounded_channel();
    for seed in 2..6 {
        let client = Node::start(seed).await;
        server.net.open_gate(client.id(), one);
        for _ in 0..90 {
            let (net, addrs) = (client.net.clone(), addrs.clone());
            let ended = ended.clone();
            unanswered.push(tokio::spawn(async move {
                let answer = net.control(id, addrs, vec![1]).await;
                let _over = ended.send(answer);
            }));
        }
        unanswered.push(tokio::spawn(async move {
            // Its network runs as long as it is held.
            let _client = client;
            std::future::pending().await
        }));
    }
    // Half of the places are this institution's: for what is beyond, the server is busy.
    for _ in REQUESTS_MAX / 2..4 * 90 {
        let answer = within("an answer", answers.recv()).await.unwrap();
        assert_eq!(answer, Err(SendFailure::NeverSent(Reason::Busy)));
    }
    let member = Node::start(20).await;
    server.admit(&member);
    let asked = tokio::spawn(async move { member.net.control(id, addrs, vec![7]).await });
    // The other institution's few that are handed on are dropped, unanswered; their places are its next ones'.
    let request = server.event("the member's request", |event| match event {
        NetEvent::Control { request, reply, .. } if request == [7] => Some(reply),
        _ => None,
    });
    let reply = request.await;
    reply.send(vec![8]);
    assert_eq!(within("an answer", asked).await.unwrap(), Ok(vec![8]));
    unanswered.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test]
async fn a_node_stands_where_the_outermost_of_its_connections_comes_from() {
    let (one, other) = (Node::start(1).await, Node::start(2).await);
    let (id, addrs) = (other.id(), other.tcp());
    assert_eq!(one.net.reach(id, false), Reach::Internet, "not connected");
    let net = other.echo();
    within("hello", one.net.hello(addrs, Some(id), vec![])).await.unwrap();
    assert_eq!(one.net.reach(id, true), Reach::Machine, "we dialled it there");
    assert_eq!(net.reach(one.id(), false), Reach::Machine);
    assert_eq!(net.reach(one.id(), true), Reach::Internet, "behind a forwarder all seem near");
}

#[tokio::test]
async fn a_name_leads_to_no_internal_address() {
    let (one, other) = (Node::start(1).await, Node::start(2).await);
    let numbers = other.tcp()[0].to_string();
    let named = numbers.replace("/ip4/127.0.0.1", "/dns4/localhost").parse().unwrap();
    let (id, _other) = (other.id(), other.echo());
    let failed = within("hello", one.net.hello(vec![named], Some(id), vec![])).await.unwrap_err();
    assert!(failed.to_string().contains("internal address"), "{failed}");
}

/// A control request on a stream of its own, whose answer is not read yet.
async fn asks(mut streams: libp2p_stream::Control, server: PeerId, request: u8) -> libp2p::Stream {
    let control = StreamProtocol::new("/chartmesh/control/1");
    let mut stream = within("a stream", streams.open_stream(server, control)).await.unwrap();
    within("room", stream.write_all(&[0, 0, 0, 1, request])).await.unwrap();
    stream
}

/// [NET-3]: the longest answers, to somebody who does not read them.
#[tokio::test]
async fn who_does_not_read_its_answers_waits_and_others_do_not() {
    let mut server = Node::start(1).await;
    let (id, addrs) = (server.id(), server.tcp());
    let longest = vec![7; chartmesh_protocol::limits::RESPONSE_BYTES_MAX];
    let mut raw = Raw::connect(&server).await;
    let (streams, target) = (raw.swarm.behaviour().bulk.new_control(), raw.target);
    let connected = server.event("connected", |event| match event {
        NetEvent::Connected { node } => Some(node),
        _ => None,
    });
    let node = connected.await;
    server.net.open_gate(node, alone(node));
    let _raw = tokio::spawn(async move { raw.until("never", |_| None::<()>).await });
    let mut unread = Vec::new();
    for _ in 0..8 {
        unread.push(asks(streams.clone(), target, 1).await);
    }
    for _ in 0..2 {
        control_event(&mut server, 1).await.send(longest.clone());
    }
    let member = Node::start(20).await;
    server.admit(&member);
    let asked = tokio::spawn(async move { member.net.control(id, addrs, vec![2]).await });
    // No third one is handed on before it.
    control_event(&mut server, 2).await.send(longest.clone());
    let answer = within("an answer", asked).await.unwrap();
    assert_eq!(answer.map(|answer| answer.len()), Ok(longest.len()));
    // Once it reads, it goes on.
    let reading: Vec<_> = unread
        .into_iter()
        .map(|mut stream| {
            tokio::spawn(async move {
                let mut answer = Vec::new();
                stream.read_to_end(&mut answer).await.map(|_| answer.len())
            })
        })
        .collect();
    for _ in 0..6 {
        control_event(&mut server, 1).await.send(longest.clone());
    }
    for read in reading {
        assert_eq!(within("an answer", read).await.unwrap().unwrap(), 5 + longest.len());
    }
}

/// The next control request, which is to be this one.
async fn control_event(server: &mut Node, wanted: u8) -> super::super::Reply {
    let control = server.event("a request", |event| match event {
        NetEvent::Control { request, reply, .. } => Some((request, reply)),
        _ => None,
    });
    let (request, reply) = control.await;
    assert_eq!(request, [wanted]);
    reply
}

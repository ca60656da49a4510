//! What someone who was not admitted can and cannot do.

use libp2p_stream::OpenStreamError;

use super::super::{SendFailure, bulk::BULK};
use super::*;
use chartmesh_protocol::limits::HELLO_BYTES_MAX;

#[tokio::test]
async fn a_stranger_can_open_hello_and_nothing_else() {
    let mut node = Node::start(1).await;
    let mut raw = Raw::connect(&node).await;
    let target = raw.target;

    raw.swarm.behaviour_mut().control.send_request(&target, b"let me in".to_vec());
    assert!(matches!(raw.outcome().await, Err(OutboundFailure::UnsupportedProtocols)));

    let mut streams = raw.swarm.behaviour().bulk.new_control();
    let open = tokio::spawn(async move { streams.open_stream(target, BULK).await.map(drop) });
    let opened = within("bulk refused", async {
        tokio::pin!(open);
        loop {
            tokio::select! {
                opened = &mut open => return opened.unwrap(),
                _ = raw.swarm.select_next_some() => {}
            }
        }
    })
    .await;
    assert!(matches!(opened, Err(OpenStreamError::UnsupportedProtocol(_))));

    // The same connection carries a hello, and that is all the core ever hears of.
    raw.say_hello(3);
    let hear = node.event("the hello", |event| match event {
        NetEvent::Hello { request, reply, .. } => Some((request, reply)),
        NetEvent::Control { .. } | NetEvent::Bulk { .. } => panic!("a stranger got through"),
        _ => None,
    });
    let drive = raw.until("never", |_| None::<()>);
    let (request, reply) = tokio::select! { hello = hear => hello, () = drive => unreachable!() };
    assert_eq!(request, [7; 3]);
    reply.send(b"who are you?".to_vec());
    assert_eq!(raw.outcome().await.unwrap(), Answer::Bytes(b"who are you?".to_vec()));
}

#[tokio::test]
async fn a_node_that_was_not_admitted_is_refused_without_a_doubt() {
    let node = Node::start(1).await;
    let other = Node::start(2).await;
    let control = other.net.control(node.id(), node.tcp(), vec![1]);
    assert_eq!(within("control", control).await, Err(SendFailure::Refused));
    let bulk = other.net.open_bulk(node.id(), node.tcp());
    assert_eq!(within("bulk", bulk).await.map(drop), Err(SendFailure::Refused));
}

#[tokio::test]
async fn a_hello_above_the_cap_never_reaches_the_core() {
    let mut node = Node::start(1).await;
    let mut raw = Raw::connect(&node).await;
    let cap = HELLO_BYTES_MAX;
    raw.say_hello(cap + 1);
    assert!(raw.outcome().await.is_err());

    raw.say_hello(cap);
    let hear = node.event("the hello", |event| match event {
        NetEvent::Hello { request, reply, .. } => Some((request, reply)),
        _ => None,
    });
    let drive = raw.until("never", |_| None::<()>);
    let (request, reply) = tokio::select! { hello = hear => hello, () = drive => unreachable!() };
    assert_eq!(request.len(), cap);
    reply.refuse();
    assert_eq!(raw.outcome().await.unwrap(), Answer::Refused);
}

#[tokio::test]
async fn a_flood_of_hellos_is_cut_off() {
    let (own, none) = (Rate { burst: 5, per_second: 0 }, Rate { burst: 0, per_second: 0 });
    let limits = Limits { hello_own: own, hello_common: none, ..Limits::default() };
    let mut node = Node::start_with(1, limits).await;
    let mut raw = Raw::connect(&node).await;
    let count = tokio::spawn(async move {
        let mut heard = 0;
        node.event("the stranger is thrown out", |event| match event {
            NetEvent::Hello { reply, .. } => {
                heard += 1;
                reply.send(Vec::new());
                None
            }
            NetEvent::Disconnected { .. } => Some(()),
            _ => None,
        })
        .await;
        heard
    });
    let mut answered = 0;
    loop {
        raw.say_hello(1);
        match raw.outcome().await {
            Ok(Answer::Bytes(_)) => answered += 1,
            Ok(Answer::Busy) => {}
            Ok(Answer::Refused) => panic!("nobody refused"),
            Err(_) => break,
        }
    }
    assert_eq!(answered, 5);
    assert_eq!(within("the count", count).await.unwrap(), 5);
}

#[tokio::test]
async fn only_one_hello_of_a_connection_is_heard_at_a_time() {
    let mut node = Node::start(1).await;
    let mut raw = Raw::connect(&node).await;
    raw.say_hello(1);
    raw.say_hello(1);
    let hear = node.event("the hello", |event| match event {
        NetEvent::Hello { reply, .. } => Some(reply),
        _ => None,
    });
    let (reply, busy) = tokio::join!(hear, raw.outcome());
    assert_eq!(busy.unwrap(), Answer::Busy);
    reply.send(vec![1]);
    assert_eq!(raw.outcome().await.unwrap(), Answer::Bytes(vec![1]));
}

#[tokio::test]
async fn a_stranger_is_disconnected_after_a_while_and_an_admitted_node_is_not() {
    let stranger_timeout = Duration::from_millis(200);
    let node = Node::start_with(1, Limits { stranger_timeout, ..Limits::default() }).await;
    let mut raw = Raw::connect(&node).await;
    let friend = Node::start(2).await;
    node.admit(&friend);
    let (id, addrs) = (node.id(), node.tcp());
    let net = node.echo();
    within("hello", friend.net.hello(addrs, Some(id), vec![])).await.unwrap();
    raw.until("thrown out", |event| {
        matches!(event, SwarmEvent::ConnectionClosed { .. }).then_some(())
    })
    .await;
    // A second stranger comes and goes after the friend's time would have been up as well.
    let mut other = Raw { target: raw.target, swarm: raw.swarm };
    let addr = net.listeners().into_iter().find(is_tcp).unwrap();
    other.swarm.dial(addr).unwrap();
    other
        .until("thrown out again", |event| {
            matches!(event, SwarmEvent::ConnectionClosed { .. }).then_some(())
        })
        .await;
    let there: Vec<_> = net.connected().into_iter().map(|peer| peer.node).collect();
    assert_eq!(there, [friend.id()]);
}

#[tokio::test]
async fn identify_tells_no_more_than_the_protocol() {
    let node = Node::start(1).await;
    let mut raw = Raw::connect(&node).await;
    let info = raw
        .until("identify", |event| match event {
            SwarmEvent::Behaviour(RawBehaviourEvent::Identify(identify::Event::Received {
                info,
                ..
            })) => Some(info),
            _ => None,
        })
        .await;
    assert_eq!(
        (info.agent_version.as_str(), info.protocol_version.as_str()),
        ("chartmesh/1", "chartmesh/1")
    );
    assert!(info.listen_addrs.is_empty());
    let names = info.protocols.iter().map(AsRef::as_ref);
    let ours: Vec<&str> = names.filter(|name| name.contains("chartmesh")).collect();
    assert_eq!(ours, ["/chartmesh/hello/1"]);
}

//! Bulk streams and their gates.

use futures::{AsyncReadExt as _, AsyncWriteExt as _};

use super::super::{BulkStream, Reason, SendFailure};
use super::*;

async fn bulk_event(node: &mut Node) -> BulkStream {
    node.event("a bulk stream", |event| match event {
        NetEvent::Bulk { stream, .. } => Some(stream),
        _ => None,
    })
    .await
}

/// A stream from `client` to `server`, both ends.
async fn pipe(client: &Node, server: &mut Node) -> (BulkStream, BulkStream) {
    let (id, addrs) = (server.id(), server.tcp());
    let (opened, taken) = tokio::join!(client.net.open_bulk(id, addrs), bulk_event(server));
    (opened.unwrap(), taken)
}

async fn pair() -> (Node, Node) {
    let (client, server) = (Node::start(1).await, Node::start(2).await);
    server.admit(&client);
    (client, server)
}

#[tokio::test]
async fn a_bulk_stream_carries_bytes_both_ways_to_their_end() {
    let (client, mut server) = pair().await;
    let (mut near, mut far) = within("open", pipe(&client, &mut server)).await;
    let sent: Vec<u8> = (0..4_000_000_u32).map(|number| number.to_le_bytes()[1]).collect();
    let echo = tokio::spawn(async move {
        let mut got = Vec::new();
        far.read_to_end(&mut got).await.unwrap();
        far.write_all(&got).await.unwrap();
        far.close().await.unwrap();
    });
    within("write", near.write_all(&sent)).await.unwrap();
    within("close", near.close()).await.unwrap();
    let mut back = Vec::new();
    within("read", near.read_to_end(&mut back)).await.unwrap();
    assert!(back == sent);
    within("echo", echo).await.unwrap();
}

#[tokio::test]
async fn closing_the_gate_kills_a_bulk_stream_in_flight() {
    let (mut client, mut server) = pair().await;
    let (mut near, mut far) = within("open", pipe(&client, &mut server)).await;
    let writer = tokio::spawn(async move {
        let block = vec![0; 64 * 1024];
        loop {
            if let Err(error) = near.write_all(&block).await {
                return error;
            }
        }
    });
    let mut block = vec![0; 64 * 1024];
    within("flow", far.read_exact(&mut block)).await.unwrap();

    server.net.close_gate(client.id());
    let error = within("our end", far.read(&mut block)).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionAborted);
    within("their end", writer).await.unwrap();
    server.disconnected(client.id()).await;
    client.disconnected(server.id()).await;
    let again = within("again", client.net.open_bulk(server.id(), vec![])).await;
    assert_eq!(again.map(drop), Err(SendFailure::Refused));
}

#[tokio::test]
async fn a_node_has_so_many_bulk_streams_and_no_more_until_one_ends() {
    let (client, mut server) = pair().await;
    let most = Limits::default().bulk_per_node_max;
    let mut pipes = Vec::new();
    for _ in 0..most {
        pipes.push(within("open", pipe(&client, &mut server)).await);
    }
    let refused = within("one more", client.net.open_bulk(server.id(), vec![])).await;
    assert_eq!(refused.map(drop), Err(SendFailure::NeverSent(Reason::Busy)));
    drop(pipes.pop());
    within("again", pipe(&client, &mut server)).await;
}

#[tokio::test]
async fn bulk_streams_opened_at_once_are_none_of_them_lost() {
    let (client, mut server) = pair().await;
    let (id, addrs) = (server.id(), server.tcp());
    let most = Limits::default().bulk_per_node_max;
    let open = (0..most).map(|_| client.net.open_bulk(id, addrs.clone()));
    let take = async {
        let mut taken = Vec::new();
        while taken.len() < most {
            taken.push(bulk_event(&mut server).await);
        }
        taken
    };
    let (opened, _taken) =
        within("all", async { tokio::join!(futures::future::join_all(open), take) }).await;
    assert!(opened.iter().all(Result::is_ok), "{opened:?}");
}

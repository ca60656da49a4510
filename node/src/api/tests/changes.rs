//! The stream of changes.

use axum::http::StatusCode;
use chartmesh_protocol::identity::Role;
use serde_json::json;

use super::super::limits::CHANGES_STREAMS_MAX;
use super::Home;
use super::client::Events;

/// The id of the next event, once its parts were found to be in order.
async fn id(events: &mut Events) -> String {
    let event = events.next().await.expect("an event");
    let lines: Vec<_> = event.lines().map(|line| line.split_once(": ").unwrap()).collect();
    let [("event", "change"), ("id", id), ("data", data)] = lines[..] else { panic!("{event}") };
    let (_, count) = id.split_once('-').unwrap();
    assert_eq!(data, format!(r#"{{"changes":{count}}}"#));
    id.to_owned()
}

async fn chart(home: &Home) {
    let command = json!({"command": {"name": "Hanako"}});
    home.client.post("/v1/command/record/new-chart", &command).await.bytes();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_becomes_durable_is_told_and_what_was_missed_is_told_at_once() {
    let home = Home::new(Role::Hospital).await;
    let mut events = home.client.listen(None).await.unwrap();
    let first = id(&mut events).await;
    chart(&home).await;
    let second = id(&mut events).await;
    assert_ne!(first, second);
    drop(events);
    chart(&home).await;
    // Of another run nothing is known, so that everything may have been missed.
    for missed in [first.as_str(), second.as_str(), "another-1", "1"] {
        let mut events = home.client.listen(Some(missed)).await.unwrap();
        assert_ne!(id(&mut events).await, missed);
    }
    home.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_end_with_the_node_and_there_are_so_many_at_most() {
    let home = Home::new(Role::Hospital).await;
    let mut streams = Vec::new();
    for _ in 0..CHANGES_STREAMS_MAX {
        streams.push(home.client.listen(None).await.unwrap());
    }
    let refused = home.client.listen(None).await.unwrap_err();
    assert_eq!(refused, StatusCode::SERVICE_UNAVAILABLE);
    // A place is free again once the node notices that somebody went away.
    drop(streams.pop());
    let freed = async {
        loop {
            if let Ok(stream) = home.client.listen(None).await {
                return stream;
            }
            tokio::task::yield_now().await;
        }
    };
    streams.push(tokio::time::timeout(super::PATIENCE, freed).await.expect("a free place"));
    home.client.post("/v1/shutdown", &json!({})).await.bytes();
    for mut stream in streams {
        while stream.next().await.is_some() {}
    }
    home.stop().await;
}

//! The socket, the status, and requests that make no sense.

use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};

use axum::http::Method;
use chartmesh_protocol::identity::Role;
use chartmesh_protocol::peer::{CodeView, Page};
use chartmesh_protocol::record::view::ChartView;
use chartmesh_protocol::refusal::RefusalCode;
use serde_json::{Value, json};

use super::super::{Api, NodeStatusView};
use super::{Home, PATIENCE};
use crate::driver::Ended;

#[tokio::test(flavor = "multi_thread")]
async fn the_socket_is_its_owners_alone_and_goes_with_the_api() {
    let home = Home::new(Role::Backup).await;
    let socket = home.api.socket().to_owned();
    let found = std::fs::metadata(&socket).unwrap();
    assert!(found.file_type().is_socket());
    assert_eq!(found.permissions().mode() & 0o777, 0o600);
    let left = std::fs::read_dir(socket.parent().unwrap()).unwrap();
    let left = left.filter(|entry| entry.as_ref().unwrap().path().is_dir()).count();
    assert_eq!(left, 1, "the object folder, and no directory that the socket was made in");
    // Another node cannot take it away; what a dead one left is replaced.
    assert!(Api::start(&home.node).is_err());
    home.api.stop().await;
    assert!(!socket.exists());
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    let api = Api::start(&home.node).unwrap();
    let _: NodeStatusView = home.client.get("/v1/status").await.get();
    api.stop().await;
    home.node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_tells_every_door() {
    let home = Home::new(Role::Hospital).await;
    let view: NodeStatusView = home.client.get("/v1/status").await.get();
    assert_eq!(view.status.name, "Seaside Hospital");
    assert_eq!(view.version, env!("CARGO_PKG_VERSION"));
    assert_eq!(view.doors.network.len(), 1);
    // Loopback, because there is nothing else.
    assert_eq!(view.doors.announced, view.doors.network);
    assert_eq!(view.doors.api, home.api.socket());
    assert!(view.connected.is_empty());
    assert_eq!(home.client.get("/v1/transfers").await.get::<Value>(), json!([]));
    home.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_carries_the_nodes_addresses() {
    let (home, chart) = Home::with_chart().await;
    let path = "/v1/command/enrolment/code";
    let command = json!({"command": {"chart": chart.chart}});
    let code: CodeView = home.client.post(path, &command).await.get();
    let other = json!({"command": {
        "chart": chart.chart, "addresses": ["/dns4/hospital.example.org/tcp/4801"],
    }});
    let longer: CodeView = home.client.post(path, &other).await.get();
    assert!(!code.code.is_empty() && longer.code.len() != code.code.len());
    home.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_make_no_sense_are_refused_with_a_reason() {
    let home = Home::new(Role::Hospital).await;
    let client = &home.client;
    let chart = "/v1/command/record/new-chart";
    for text in [
        "",
        "{",
        "[]",
        r#"{"command": {"named": "x"}}"#,
        // What nobody knows may be a limit that was misspelt: it is never passed over.
        r#"{"command": {"name": "x", "identifier": []}}"#,
        r#"{"command": {"name": "x"}, "user": "y"}"#,
        // Values without their names.
        r#"[{"name": "x", "identifiers": []}, null, null]"#,
        r#"{"command": ["x", []]}"#,
    ] {
        client.send(Method::POST, chart, text).await.refused(400, RefusalCode::Invalid);
    }
    for (question, query) in [("peers", json!([])), ("find", json!([["chart"], "x", null, null]))] {
        let path = format!("/v1/query/{question}");
        client.post(&path, &json!({"query": query})).await.refused(400, RefusalCode::Invalid);
    }
    let charts: Page<ChartView> = client.post("/v1/query/charts", &json!({})).await.get();
    assert!(charts.items.is_empty(), "something was done");
    // Another method than the door's has an answer like any other.
    client.send(Method::DELETE, chart, "").await.refused(404, RefusalCode::NotFound);
    client.post("/v1/query/status", &json!({"query": {}})).await.refused(400, RefusalCode::Invalid);
    // What only the node itself may say, and what another door is for.
    for name in
        ["custody/keep", "custody/rotate", "custody/unlocked", "record/record", "record/open"]
    {
        let path = format!("/v1/command/{name}");
        client.post(&path, &json!({"command": {}})).await.refused(404, RefusalCode::NotFound);
    }
    // Little more than may come: the rest fits into the socket, and nobody hangs up on whoever still writes.
    let large = format!(r#"{{"query": {{"text": "{}"}}}}"#, "x".repeat(1 << 20));
    let answer = client.send(Method::POST, "/v1/query/find", large).await;
    answer.refused(413, RefusalCode::LimitReached);
    client.get("/v1/nothing").await.refused(404, RefusalCode::NotFound);
    client.get("/v1/open/none/0").await.refused(404, RefusalCode::NotFound);
    let begin = json!({"subject": "00".repeat(32), "user": "dr-sato"});
    client.post("/v1/imports", &begin).await.refused(404, RefusalCode::NotFound);
    let status = client.post("/v1/query/status", &json!({})).await.get::<Value>();
    assert_eq!(status["role"], "hospital");
    home.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_is_answered_and_then_done() {
    let home = Home::new(Role::Backup).await;
    home.client.post("/v1/shutdown", &json!({})).await.bytes();
    let ended = tokio::time::timeout(PATIENCE, home.node.ended()).await.unwrap();
    assert_eq!(ended, Ended::Stopped);
    let socket = home.api.socket().to_owned();
    home.api.stop().await;
    assert!(!socket.exists());
    home.node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_nobody_reads_is_never_taken_for_the_next_request() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let home = Home::new(Role::Backup).await;
    let hidden = "POST /v1/shutdown HTTP/1.1\r\nhost: x\r\n\r\n";
    let last = "GET /v1/nothing HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let head = |method: &str, path: &str, len: usize| {
        format!("{method} {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {len}\r\n\r\n")
    };
    let lock = format!("/v1/patients/{}/lock", "ab".repeat(32));
    for (method, path) in [
        ("GET", "/v1/status"),
        ("POST", lock.as_str()),
        ("POST", "/v1/imports/none/commit"),
        ("DELETE", "/v1/imports/none"),
        ("POST", "/v1/nothing"),
    ] {
        let mut stream = tokio::net::UnixStream::connect(home.api.socket()).await.unwrap();
        let request = format!("{}{hidden}{last}", head(method, path, hidden.len()));
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answers = String::new();
        let read = stream.read_to_string(&mut answers);
        tokio::time::timeout(PATIENCE, read).await.expect("an answer, and an end").unwrap();
        let count = answers.matches("HTTP/1.1 ").count();
        assert!((1..=2).contains(&count), "{method} {path}: {answers}");
        assert!(count == 1 || answers.contains("no such door"), "{method} {path}: {answers}");
        // A body that never comes whole keeps nobody waiting for the answer.
        let mut stream = tokio::net::UnixStream::connect(home.api.socket()).await.unwrap();
        stream.write_all(head(method, path, 1 << 30).as_bytes()).await.unwrap();
        let mut first = [0; 12];
        let read = stream.read_exact(&mut first);
        tokio::time::timeout(PATIENCE, read).await.expect("an answer").unwrap();
    }
    // Nobody was taken at a word that stood in a body.
    let _: NodeStatusView = home.client.get("/v1/status").await.get();
    home.stop().await;
}

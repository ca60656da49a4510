//! A real node behind a real socket.

mod changes;
mod client;
mod files;
mod openapi;
mod pages;
mod patients;
mod requests;

use std::time::Duration;

use chartmesh_protocol::identity::Role;
use chartmesh_protocol::peer::Page;
use chartmesh_protocol::record::view::{ChartView, EntryView};
use serde_json::json;
use tempfile::TempDir;

use super::Api;
use crate::config::{Config, Flags, Settings, UnlockWith};
use crate::keystore::Unlock;
use crate::run::{Node, init, run};
use client::Client;

/// Long enough for two busy cores; a test that passes never waits for it to end.
const PATIENCE: Duration = Duration::from_secs(60);

/// A node with its API.
struct Home {
    dir: TempDir,
    node: Node,
    api: Api,
    client: Client,
}

impl Home {
    async fn new(role: Role) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let key = dir.path().join("key");
        let settings = Settings {
            listen: Some(vec!["/ip4/127.0.0.1/tcp/0".to_owned()]),
            mdns: Some(false),
            unlock: Some(UnlockWith::KeyFile(key.clone())),
            ..Settings::default()
        };
        let flags = Flags { dir: Some(dir.path().join("node")), settings, ..Flags::default() };
        let config = Config::load(flags).unwrap();
        let unlock = Unlock::KeyFile(key);
        init(&config, &unlock, role, "Seaside Hospital").unwrap();
        let node = run(config, unlock).await.unwrap();
        let api = Api::start(&node).unwrap();
        let client = Client::new(api.socket());
        Self { dir, node, api, client }
    }

    /// A hospital with a chart.
    async fn with_chart() -> (Self, ChartView) {
        let home = Self::new(Role::Hospital).await;
        let command = json!({"command": {"name": "Hanako"}});
        let chart = home.client.post("/v1/command/record/new-chart", &command).await.get();
        (home, chart)
    }

    async fn entries(&self, chart: &ChartView) -> Vec<EntryView> {
        let query = json!({"query": {"subject": chart.subject}});
        let page: Page<EntryView> = self.client.post("/v1/query/entries", &query).await.get();
        assert_eq!(page.next, None);
        page.items
    }

    /// How many objects stand in the object folder.
    fn objects(&self) -> usize {
        self.node.handle().objects().list().unwrap().len()
    }

    async fn stop(self) {
        self.api.stop().await;
        self.node.shutdown().await;
    }
}

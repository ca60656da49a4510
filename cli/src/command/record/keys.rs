//! The patient's keys while something is opened at a relay.

use chartmesh_node::client::ClientError;
use serde_json::{Value, json};

use crate::exit::Outcome;
use crate::node::Node;

/// At a relay opening needs the patient's keys: they are unlocked when they were locked, and then
/// locked again.
#[derive(Debug, Default)]
pub(super) struct Keys {
    unlocked: std::cell::Cell<bool>,
}

/// Minutes that an export may take before the passphrase is needed again.
const UNLOCKED_MINUTES: u64 = 30;

impl Keys {
    /// Asks the node for something that needs the keys.
    pub(super) async fn post(
        &self,
        node: &Node,
        subject: &str,
        path: &str,
        body: &Value,
    ) -> Outcome<Value> {
        self.unlocking(node, subject, async || node.client.post(path, body).await).await
    }

    /// Asks, and asks again with the keys unlocked when they were locked.
    pub(super) async fn unlocking<T>(
        &self,
        node: &Node,
        subject: &str,
        ask: impl AsyncFn() -> Result<T, ClientError>,
    ) -> Outcome<T> {
        match ask().await {
            Err(error) if error.is_locked() && !self.unlocked.get() => {}
            answer => return Ok(answer?),
        }
        let passphrase = node.passphrase_of(subject)?;
        let unlock = json!({"passphrase": passphrase.as_str(), "minutes": UNLOCKED_MINUTES});
        node.client.post(&format!("/v1/patients/{subject}/unlock"), &unlock).await?;
        self.unlocked.set(true);
        Ok(ask().await?)
    }

    /// Leaves the keys as they were.
    pub(super) async fn lock_again(&self, node: &Node, subject: &str) {
        if self.unlocked.get()
            && node.client.post(&format!("/v1/patients/{subject}/lock"), &json!({})).await.is_err()
        {
            node.out.note(format!(
                "the patient's keys could not be locked again; they lock by themselves within {UNLOCKED_MINUTES} minutes"
            ));
        }
    }
}

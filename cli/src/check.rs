//! Looking whether the objects that a node keeps are there, step by step, with progress.

use chartmesh_node::api::CheckView;
use serde_json::json;

use crate::exit::Outcome;
use crate::node::{Node, read};

/// Looks at all objects, or those of one subject's entries; `deep` reads and hashes them.
pub(crate) async fn check(node: &Node, subject: Option<&str>, deep: bool) -> Outcome<CheckView> {
    let progress = node.out.progress("checking", 0);
    let mut all = CheckView { objects: 0, bytes: 0, lost: Vec::new(), next: None };
    loop {
        let asked = json!({"subject": subject, "after": all.next, "deep": deep});
        let step: CheckView = read(node.client.post("/v1/check", &asked).await?)?;
        all.objects += step.objects;
        all.bytes = all.bytes.saturating_add(step.bytes);
        all.lost.extend(step.lost);
        all.next = step.next;
        progress.set_length(all.bytes);
        progress.set_position(all.bytes);
        if all.next.is_none() {
            progress.finish_and_clear();
            return Ok(all);
        }
    }
}

//! What institutions asked for, and how far that is.

use super::process::{Node, until};
use anyhow::bail;
use chartmesh_protocol::consent::RequestState;
use chartmesh_protocol::consent::view::RequestView;
use chartmesh_protocol::id::ConsentId;
use chartmesh_protocol::peer::ask;

pub(super) async fn requests(node: &Node) -> anyhow::Result<Vec<RequestView>> {
    node.all(ask::Requests::default(), None).await
}

/// Waits until all requests have come to `state`, or past it in the good direction.
pub(super) async fn until_state(
    node: &Node,
    ids: &[ConsentId],
    state: RequestState,
) -> anyhow::Result<()> {
    until(&format!("a request to be {state:?} at {}", node.name), || async {
        let mut reached = true;
        for request in requests(node).await?.iter().filter(|request| ids.contains(&request.request))
        {
            let failed = matches!(
                request.state,
                RequestState::Failed | RequestState::Expired | RequestState::Refused
            );
            if failed && request.state != state {
                bail!("a request came to {:?}: {}", request.state, request.reason);
            }
            let passed = state == RequestState::Ready && request.state == RequestState::Done;
            reached &= request.state == state || passed;
        }
        Ok(reached.then_some(()))
    })
    .await
}

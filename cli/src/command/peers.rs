//! The institutions that the node knows.

use crate::context::Context;
use crate::exit::Outcome;
use crate::output::{Cell, Style, faint, id, row};
use chartmesh_protocol::peer::PeerView;
use serde_json::json;

/// List the institutions that the node knows, and where their nodes listen
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  chartmesh peers")]
pub(crate) struct Args {}

impl Args {
    pub(crate) async fn run(self, context: &Context) -> Outcome {
        let node = context.node()?;
        let peers = node.peers().await?;
        node.out.answer(&json!(peers), |out| {
            let rows: Vec<_> = peers.iter().map(row_of).collect();
            out.table(
                &["NAME", "ROLE", "MEMBER", "KEY", "WAITING", "ID", "ADDRESSES"],
                &rows,
                "no other institution is known yet; join a federation, or let others join",
            );
        });
        Ok(())
    }
}

fn row_of(peer: &PeerView) -> Vec<Cell> {
    let addresses: Vec<&str> =
        peer.nodes.iter().flat_map(|node| &node.addresses).map(String::as_str).collect();
    row![
        peer.name.as_str(),
        peer.role.name(),
        if peer.member { Cell::new("yes", Style::Good) } else { faint("no") },
        peer.key.to_string(),
        peer.waiting.to_string(),
        id(peer.institution),
        addresses.join(" "),
    ]
}

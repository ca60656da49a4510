//! Objects on their way here.

use serde_json::json;

use crate::context::Context;
use crate::exit::Outcome;
use crate::node::name_of;
use crate::output::{bytes, id, row};
use crate::wait;

/// List sealed objects that are on their way here, and how far they have come
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  chartmesh transfers --json")]
pub(crate) struct Args {}

impl Args {
    pub(crate) async fn run(self, context: &Context) -> Outcome {
        let node = context.node()?;
        let moving = wait::moving(&node).await?;
        let answer = json!(moving);
        let known = if node.out.json { Vec::new() } else { node.institutions().await? };
        node.out.answer(&answer, |out| {
            let rows: Vec<_> = moving
                .iter()
                .map(|moving| {
                    row![
                        moving.from.map(|from| name_of(&known, from)).unwrap_or_default(),
                        bytes(moving.length),
                        moving.have.map_or_else(|| "waits".to_owned(), bytes),
                        moving.resumed_from.map(bytes).unwrap_or_default(),
                        id(moving.object),
                    ]
                })
                .collect();
            let heads = ["FROM", "SIZE", "HERE", "RESUMED AT", "OBJECT"];
            out.table(&heads, &rows, "nothing is on its way here");
        });
        Ok(())
    }
}

//! Ends a running node in order.

use crate::context::Context;
use crate::exit::Outcome;
use serde_json::{Value, json};

/// Stop the running node; it finishes what it has begun
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  chartmesh stop")]
pub(crate) struct Args {}

impl Args {
    pub(crate) async fn run(self, context: &Context) -> Outcome {
        let node = context.node()?;
        let answer = node.client.post("/v1/shutdown", &Value::Object(Default::default())).await?;
        let answer = if answer.is_null() { json!({"done": true}) } else { answer };
        node.out.answer(&answer, |out| out.note("the node is stopping"));
        Ok(())
    }
}

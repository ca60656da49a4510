//! What people compare of an institution, in the one form that is used everywhere.

use crate::context::Context;
use crate::exit::Outcome;
use crate::node::id;
use chartmesh_protocol::id::PartyId;
use chartmesh_protocol::identity::Fingerprint;
use serde_json::json;

/// Say the fingerprint of this institution, or of another one, for comparing by telephone
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Says the fingerprint of this institution, or of another one that the node knows: eight words, or the same as 27 digits. A name can be anybody's, and the first digits of an id are found again by trying; two people who read the same words to each other over the telephone speak of the same institution.",
    after_help = "Examples:\n  chartmesh fingerprint\n  chartmesh fingerprint \"Alder Hospital\""
)]
pub(crate) struct Args {
    /// The institution: a name, or the beginning of an id; this one when none is given
    institution: Option<String>,
}

impl Args {
    pub(crate) async fn run(self, context: &Context) -> Outcome {
        let node = context.node()?;
        let party: PartyId = match &self.institution {
            Some(institution) => id(&node.institution(institution).await?)?,
            None => node.status().await?.institution,
        };
        let fingerprint = Fingerprint::of(party);
        let (words, digits) = (fingerprint.words(), fingerprint.digits());
        node.out.answer(
            &json!({ "institution": party, "words": words, "digits": digits }),
            |out| {
                out.line(&words);
                out.line(&digits);
            },
        );
        Ok(())
    }
}

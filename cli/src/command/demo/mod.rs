//! `chartmesh demo`: the whole road once, on this machine, between four node processes.
//!
//! Two hospitals, a patient relay and a backup provider run as processes of their own, each with its
//! own data directory; each knows only the invite or code that it was given. Every step says what
//! happens and who may now read what, and fails the demo when it did not do what it says.

mod apart;
mod args;
mod deciding;
mod files;
mod founding;
mod holding;
mod process;
mod records;
mod refusing;
mod region;
mod requests;
mod rogue;
mod standing;
mod story;
mod tell;

pub(crate) use args::Args;

use crate::context::Context;
use crate::exit::{Exit, Failure, Outcome};

impl Args {
    pub(crate) async fn run(self, _: &Context) -> Outcome {
        story::walk(&self).await.map_err(|error| Failure::new(Exit::Failed, format!("{error:#}")))
    }
}

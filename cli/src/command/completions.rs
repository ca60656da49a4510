//! Completions for shells.

use crate::context::Context;
use crate::exit::Outcome;
use crate::output;
use clap_complete::Shell;

/// Print completions for a shell
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  dir=~/.local/share/bash-completion/completions\n  chartmesh completions bash > $dir/chartmesh"
)]
pub(crate) struct Args {
    /// The shell
    shell: Shell,
}

impl Args {
    pub(crate) async fn run(self, context: &Context) -> Outcome {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut (context.definition)(), "chartmesh", &mut script);
        // Whoever closes the pipe has read enough.
        let _ = output::raw(&script);
        Ok(())
    }
}

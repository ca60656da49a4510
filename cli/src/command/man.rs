//! Manual pages.

use std::path::PathBuf;

use clap_mangen::Man;

use crate::context::Context;
use crate::exit::{Failure, Outcome};
use crate::output;

/// Print the manual page, or write the pages of all commands
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  chartmesh man --out ~/.local/share/man/man1\n  chartmesh man | man -l -"
)]
pub(crate) struct Args {
    /// Write one page per command into DIR
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl Args {
    pub(crate) async fn run(self, context: &Context) -> Outcome {
        let definition = (context.definition)();
        let Some(dir) = self.out else {
            let mut page = Vec::new();
            Man::new(definition).render(&mut page).expect("a vector takes every byte");
            let _ = output::raw(&page);
            return Ok(());
        };
        let write = || {
            std::fs::create_dir_all(&dir)?;
            clap_mangen::generate_to(definition, &dir)
        };
        write().map_err(|error| Failure::file("write manual pages into", &dir, &error))?;
        context.out.note(format!("wrote the manual pages into {}", dir.display()));
        Ok(())
    }
}

//! Entries of a record: brought in, added to, shown, verified, written out.

mod export;
mod history;
mod import;
mod keys;
mod list;
mod manifest;
mod open;
mod own;
mod page;

use std::path::PathBuf;

use chartmesh_protocol::id::EntryId;
use chartmesh_protocol::peer::ask;
use chartmesh_protocol::record::view::{CatalogueView, VerifiedView};
use serde_json::json;

use super::wish::purposes;
use crate::args::{UserArg, WaitArgs};
use crate::check;
use crate::context::Context;
use crate::exit::{Exit, Failure, Outcome};
use crate::node::{Node, id};
use crate::output::{Output, Style, counted};
use chartmesh_protocol::capability::Purpose;
use own::OwnArgs;

/// Import, list, show, add to, verify and export records
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Args {
    /// Record files: FHIR R4 resources or Bundles, DICOM, or any other file; folders are looked through
    #[command(
        after_help = "Example:\n  chartmesh record import \"Sato Aiko\" bundle.json study/ --user \"Dr Mori\""
    )]
    Import {
        /// The patient or chart: a name, or the beginning of an id
        subject: String,
        /// The files
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        #[command(flatten)]
        draft: import::DraftArgs,
    },
    /// Add files to an entry; the original stands unchanged beside them
    #[command(
        after_help = "Example:\n  chartmesh record add \"Sato Aiko\" 5be1c2d3 finding.pdf --kind reports \\\n    --title \"Second reading\""
    )]
    Add {
        /// The patient or chart
        subject: String,
        /// The entry that is added to
        entry: String,
        /// The files
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        #[command(flatten)]
        draft: import::DraftArgs,
    },
    /// List the entries of a record
    #[command(after_help = "Example:\n  chartmesh record list \"Sato Aiko\" --find endoscopy")]
    List {
        /// The patient or chart
        subject: String,
        /// Only entries whose title or terms contain TEXT
        #[arg(long, value_name = "TEXT")]
        find: Option<String>,
        /// Instead, what left the record: its authors had filed it under the wrong patient
        #[arg(long, conflicts_with = "find")]
        misfiled: bool,
    },
    /// Show an entry, or one of its contents; the access log notes it
    #[command(
        after_help = "Example:\n  chartmesh record show \"Sato Aiko\" 5be1c2d3 --content 1 --out scan.dcm"
    )]
    Show {
        /// The patient or chart
        subject: String,
        /// The entry
        entry: String,
        /// Write out the content of this number
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
        content: Option<u64>,
        /// Write the content to FILE, which must not exist [default: standard output]
        #[arg(long, value_name = "FILE", requires = "content")]
        out: Option<PathBuf>,
        #[command(flatten)]
        own: OwnArgs,
        /// What for [default: treatment; at a relay patient-requested]
        #[arg(long, value_parser = purposes())]
        purpose: Option<Purpose>,
        #[command(flatten)]
        user: UserArg,
    },
    /// At a relay: bring contents of a patient's record here from who holds them; they log it
    #[command(after_help = "Example:\n  chartmesh record fetch \"Sato Aiko\" 5be1c2d3 --wait")]
    Fetch {
        /// The patient
        patient: String,
        /// The entries [default: all whose contents are not here]
        entry: Vec<String>,
        /// The holder to ask [default: as few as hold them, backup providers first]
        #[arg(long, value_name = "HOLDER")]
        from: Option<String>,
        #[command(flatten)]
        user: UserArg,
        #[command(flatten)]
        wait: WaitArgs,
    },
    /// Show an entry's original and all that was added to it, in order
    #[command(after_help = "Example:\n  chartmesh record history \"Sato Aiko\" 5be1c2d3")]
    History {
        /// The patient or chart
        subject: String,
        /// The entry, or any addition to it
        entry: String,
    },
    /// Check every entry again, and what is missing by the patient's catalogue; exit code 8 when one
    /// does not hold
    ///
    /// Checks every entry's label, contents and author again, reads every object that is here from the
    /// disk, and compares what is here with the catalogue that the patient's relay signed. What is
    /// lost or damaged is neither served nor claimed any more; `chartmesh backup restore` gets it back.
    #[command(after_help = "Example:\n  chartmesh record verify \"Sato Aiko\"")]
    Verify {
        /// The patient or chart
        subject: String,
        /// Look for the objects' files and measure them, but do not read them
        #[arg(long)]
        quick: bool,
    },
    /// Write a whole record into a folder, readable without Chartmesh, with its proofs
    ///
    /// At a patient's relay the contents that are not here are fetched first, from who holds them.
    #[command(
        after_help = "Example:\n  chartmesh record export \"Sato Aiko\" --out aiko-2026-11-21"
    )]
    Export {
        /// The patient or chart
        subject: String,
        /// The folder; must be empty, or not exist
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
        #[command(flatten)]
        own: OwnArgs,
        /// What for
        #[arg(long, value_parser = purposes(), default_value = "patient-requested")]
        purpose: Purpose,
        #[command(flatten)]
        user: UserArg,
    },
}

impl Args {
    pub(crate) async fn run(self, context: &Context) -> Outcome {
        let node = context.node()?;
        match self {
            Self::Import { subject, files, draft } => {
                import::run(&node, &subject, None, &files, &draft).await
            }
            Self::Add { subject, entry, files, draft } => {
                import::run(&node, &subject, Some(&entry), &files, &draft).await
            }
            Self::List { subject, misfiled: true, .. } => list::misfiled(&node, &subject).await,
            Self::List { subject, find, .. } => list::list(&node, &subject, find).await,
            Self::Show { subject, entry, content, out, own, purpose, user } => {
                let what =
                    open::What { subject: &subject, entry: &entry, user: user.name(), purpose };
                open::run(&node, what, content, out.as_deref(), &own).await
            }
            Self::Fetch { patient, entry, from, user, wait } => {
                own::fetch(&node, &patient, &entry, from.as_deref(), &user.name(), &wait).await
            }
            Self::History { subject, entry } => history::run(&node, &subject, &entry).await,
            Self::Verify { subject, quick } => verify(&node, &subject, quick).await,
            Self::Export { subject, out, own, purpose, user } => {
                export::run(&node, &subject, &out, purpose, user.name(), &own).await
            }
        }
    }
}

async fn verify(node: &Node, subject: &str, quick: bool) -> Outcome {
    let subject = node.subject(subject).await?;
    // First the disk: what it lost, the entries' own check then tells of.
    check::check(node, Some(&subject), !quick).await?;
    let subject = id(&subject)?;
    let entries = node.all_as(ask::Verify::of(subject), subject).await?;
    let view = VerifiedView::of(entries, node.query(ask::Catalogued { subject }).await?);
    node.out.answer(&json!(view), |out| {
        out.line(format!(
            "{} hold: label, contents, manifest, author and objects that are here",
            counted(view.good, "entry", "entries")
        ));
        for line in &view.bad {
            out.styled(line.to_string(), Style::Bad);
        }
        for entry in &view.dangling {
            out.line(format!("entry {} adds to one that is not here", entry.short()));
        }
        if view.elsewhere > 0 {
            out.note(format!(
                "the contents of {} are elsewhere; who opens them there checks them",
                view.elsewhere
            ));
        }
        if let Some(catalogue) = &view.catalogue {
            show_catalogue(out, catalogue);
        }
    });
    if view.bad.is_empty() {
        return Ok(());
    }
    let bad = counted(view.bad.len(), "entry does", "entries do");
    Err(Failure::new(Exit::NotAuthentic, format!("{bad} not hold")).next(
        "get them again from their author, with `chartmesh request` or `chartmesh backup restore`",
    ))
}

/// What the patient's catalogue lists and is not here.
fn show_catalogue(out: &Output, catalogue: &CatalogueView) {
    let CatalogueView { relay_name, listed, missing, .. } = catalogue;
    let issued = catalogue.issued.map_or("not signed yet".to_owned(), |at| {
        format!("signed by {relay_name} at {}", at.utc_text())
    });
    out.line(format!("the patient's catalogue, {issued}, lists {}", entries(*listed)));
    if *missing > 0 {
        let named = shorts(&catalogue.missing_entries, *missing);
        out.styled(format!("not here: {} of these{named}", entries(*missing)), Style::Waiting);
    }
}

/// A number of entries.
pub(super) fn entries(count: u64) -> String {
    if count == 1 { "1 entry".to_owned() } else { format!("{count} entries") }
}

/// The entries that are named of so many, as the end of a sentence.
pub(super) fn shorts(named: &[EntryId], count: u64) -> String {
    let shorts: Vec<_> = named.iter().map(EntryId::short).collect();
    match (named.is_empty(), count > named.len() as u64) {
        (true, _) => String::new(),
        (false, true) => format!(": {} and more", shorts.join(" ")),
        (false, false) => format!(": {}", shorts.join(" ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_named_as_far_as_they_are_known() {
        let named = [EntryId([0xab; 16]), EntryId([0xcd; 16])];
        assert_eq!(shorts(&named, 2), ": abababab cdcdcdcd");
        assert_eq!(shorts(&named, 70), ": abababab cdcdcdcd and more");
        assert_eq!(shorts(&[], 70), "");
        assert_eq!((entries(1), entries(2)), ("1 entry".to_owned(), "2 entries".to_owned()));
    }
}

//! Load: a whole hospital's record through processes of the program, measured as people meet it (`scripts/bench load`).
//!
//! Two hospitals, a provider and a relay on the loopback interface, each with its own folder, all durable, sealed and
//! signed. Records are imported by the program, a file a command; single entries and questions go by the local API's
//! socket, as another program beside the node would send them.

mod against;
mod client;
mod corpus;
mod entry;
mod files;
mod footprint;
mod import;
mod made;
mod options;
mod patient;
mod reads;
mod report;
mod steady;
mod ward;
mod watch;

pub use corpus::{Bundle, Corpus, Person};
pub use options::{Options, PARTS};
pub use report::Report;

use ward::Ward;

/// Measures all parts that were asked for.
///
/// # Errors
/// Why there is nothing to make records of.
///
/// # Panics
/// When the program does not do what everything else needs.
pub fn run(options: Options) -> Result<Report, String> {
    let mut report = Report::default();
    let corpus = Corpus::of(options.seed, options.fhir.as_deref())?;
    report.note(corpus.told());
    let root = match &options.root {
        Some(root) => tempfile::tempdir_in(root),
        None => tempfile::tempdir(),
    };
    let root = root.map_err(|error| format!("no folder for the nodes: {error}"))?;
    let mut ward = Ward::found(options, corpus, root.path());
    import::import(&mut ward, &mut report);
    let has = |ward: &Ward, part: &str| ward.options.has(part);
    if has(&ward, "entry") {
        entry::entry(&ward, &mut report);
    }
    if has(&ward, "reads") {
        reads::reads(&ward, &mut report);
    }
    if has(&ward, "files") {
        files::files(&ward, &mut report);
    }
    if has(&ward, "patient") {
        patient::patient(&mut ward, &mut report);
    }
    if has(&ward, "footprint") {
        footprint::footprint(&mut ward, &mut report);
    }
    report.end();
    Ok(report)
}

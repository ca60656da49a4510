//! What is asked in the end alone.

use std::collections::BTreeMap;

/// What relays list of their patients, and what is nowhere; who lists whom. Nothing in a tier that does not ask.
#[derive(Debug, Default)]
pub struct Ending {
    /// Entries that relays list.
    pub(crate) listed: u64,
    /// Where the patient's relay lists entries that nobody honest has whole: relay and how many.
    pub(crate) lost: Vec<(u32, u64)>,
    /// Honest institutions, and how many members each lists who are no party of the scenario.
    pub(crate) strangers: BTreeMap<u32, u64>,
}

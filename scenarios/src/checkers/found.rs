//! What a checker is, and what it found.

use crate::result::{NOBODY, Violation};
use crate::stage::Stage;
use crate::tier::Seen;
use crate::tier::people::Patient;
use std::collections::BTreeMap;

/// Violations of one checker that are told one by one; the rest are counted.
pub(super) const TOLD_MAX: u64 = 50;

/// One checker.
pub(super) trait Checker {
    /// Something happened.
    fn see(&mut self, stage: &Stage, seen: &Seen<'_>, found: &mut Found);

    /// The scenario is over and the network has healed.
    fn end(&mut self, stage: &Stage, patients: &[Patient], found: &mut Found);
}

/// What was found.
pub(super) struct Found {
    pub(super) begin_us: u64,
    pub(super) now_us: u64,
    pub(super) violations: Vec<Violation>,
    /// How many each checker found.
    pub(super) counts: BTreeMap<&'static str, u64>,
    /// Not yet told to the trace.
    pub(super) fresh: Vec<(&'static str, u32)>,
}

impl Found {
    pub(super) fn add(&mut self, checker: &'static str, party: Option<u32>, what: String) {
        self.fresh.push((checker, party.unwrap_or(NOBODY)));
        let count = self.counts.entry(checker).or_default();
        *count += 1;
        if *count <= TOLD_MAX {
            let at_us = self.now_us.saturating_sub(self.begin_us);
            self.violations.push(Violation { checker, at_us, party, what });
        }
    }
}

/// A machine's name, for people.
pub(super) fn name(stage: &Stage, at: u32) -> &str {
    stage.machines.get(at as usize).map_or("nobody", |machine| &machine.name)
}

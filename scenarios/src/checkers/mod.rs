//! Checkers: they stand outside the peers and judge what is to be seen: answers at front doors, messages and
//! what became of them, objects that arrive, and in the end what front doors show.
//!
//! | checker | holds when |
//! |---|---|
//! | [`kept`] | nothing acknowledged is lost |
//! | [`plaintext`] | nobody got at plaintext without a permission in force |
//! | [`logged`] | every such access has its line in the access log |
//! | [`revoked`] | a revoked permission stopped working within the bound that it promised |
//! | [`bounded`] | queues stay within `limits.rs` |
//! | [`quota`] | nobody had more kept than the permission allows |
//! | [`members`] | nobody counts as a member without enough sponsors |
//! | [`deceived`] | nothing that a dishonest party made up was taken |
//! | [`converged`] | replicas agree once the network has healed |
//!
//! Machines that are dishonest, destroyed or off in the end are not judged; what they do to others is.
//!
//! Adding one: a file here whose head says in plain words what it watches, what it cannot see and what a violation
//! means; its line in [`Checkers::new`]; a bug in `scenarios/planted.toml` that it catches.

mod bounded;
mod converged;
mod deceived;
mod found;
mod kept;
mod logged;
mod members;
mod plaintext;
mod quota;
mod revoked;

use crate::result::Violation;
use crate::scenario::Scenario;
use crate::stage::Stage;
use crate::tier::Seen;
use crate::tier::people::Patient;
use found::{Checker, Found, TOLD_MAX};
use std::collections::BTreeMap;

/// All checkers of a run.
pub(crate) struct Checkers {
    checks: Vec<Box<dyn Checker>>,
    found: Found,
}

impl Checkers {
    /// Of a scenario that begins now, on this stage.
    pub(crate) fn new(scenario: &Scenario, stage: &Stage, patients: &[Patient]) -> Self {
        Self {
            checks: vec![
                Box::new(kept::Kept::new(stage, patients)),
                Box::new(plaintext::Plaintext::default()),
                Box::new(logged::Logged::default()),
                Box::new(revoked::Revoked::default()),
                Box::new(bounded::Bounded::default()),
                Box::new(quota::Quota::default()),
                Box::new(members::Members::new(scenario, stage)),
                Box::new(deceived::Deceived),
                Box::new(converged::Converged),
            ],
            found: Found {
                begin_us: stage.now_us,
                now_us: stage.now_us,
                violations: Vec::new(),
                counts: BTreeMap::new(),
                fresh: Vec::new(),
            },
        }
    }

    /// Shows them something that happened.
    pub(crate) fn see(&mut self, stage: &Stage, seen: &Seen<'_>) {
        self.found.now_us = stage.now_us;
        for check in &mut self.checks {
            check.see(stage, seen, &mut self.found);
        }
    }

    /// Checkers that found something since they were asked last, and at which party.
    pub(crate) fn fresh(&mut self) -> Vec<(&'static str, u32)> {
        core::mem::take(&mut self.found.fresh)
    }

    /// What was found so far.
    pub(crate) fn found(mut self) -> Vec<Violation> {
        for (checker, count) in &self.found.counts {
            if *count > TOLD_MAX {
                self.found.violations.push(Violation {
                    checker,
                    at_us: self.found.now_us.saturating_sub(self.found.begin_us),
                    party: None,
                    what: format!("and {} more of the kind", count - TOLD_MAX),
                });
            }
        }
        self.found.violations
    }

    /// Judges what can be judged in the end alone, after the network has healed.
    pub(crate) fn end(mut self, stage: &Stage, patients: &[Patient]) -> Vec<Violation> {
        self.found.now_us = stage.now_us;
        for check in &mut self.checks {
            check.end(stage, patients, &mut self.found);
        }
        self.found()
    }
}

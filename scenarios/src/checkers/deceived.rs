//! Nothing that a dishonest party made up was taken.
//!
//! Watches what honest parties answer to permissions that nobody gave, to words in a patient's name, to what was
//! said before on another connection, and to deposits beyond a quota. It sees the answer alone; what somebody took
//! in and answered with a refusal shows in the other checkers. A violation means that a check of a signature, of a
//! proof of possession, of a connection or of a quota is missing somewhere.

use super::found::{Checker, Found, name};
use crate::stage::Stage;
use crate::tier::Seen;
use crate::tier::people::Patient;

pub(super) struct Deceived;

impl Checker for Deceived {
    fn see(&mut self, stage: &Stage, seen: &Seen<'_>, found: &mut Found) {
        let Seen::Deceived { by, at, name: message, end: "done" } = seen else { return };
        if stage.is_judged(*at) {
            let what =
                format!("{} took {message} that {} made up", name(stage, *at), name(stage, *by));
            found.add("deceived", Some(*at), what);
        }
    }

    fn end(&mut self, _stage: &Stage, _patients: &[Patient], _found: &mut Found) {}
}

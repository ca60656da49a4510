//! Names of messages that came as text, as the tables of a run keep them.

use std::collections::BTreeSet;

/// Names seen so far. There are as many as the protocol has messages, so that they may stay for good.
#[derive(Default)]
pub(crate) struct Names(BTreeSet<&'static str>);

impl Names {
    pub(crate) fn of(&mut self, name: &str) -> &'static str {
        if let Some(known) = self.0.get(name) {
            return known;
        }
        let kept: &'static str = Box::leak(name.to_owned().into_boxed_str());
        self.0.insert(kept);
        kept
    }
}

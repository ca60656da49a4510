//! What is seen of a run: by measures and checkers, who are shown what happens and change nothing, and in the trace.

use super::exchange::parse_outcome;
use super::state::Engine;
use crate::result::{NOBODY, TraceKind, TraceRow};
use crate::tier::{Seen, feature, matters};
use chartmesh_protocol::message::MessageId;
use chartmesh_protocol::peer::{Body, Effect, Event};

/// What watchers will want to see of a message after it was handled.
pub(super) struct Watched {
    from: u32,
    message: MessageId,
    body: Body,
}

impl Engine<'_> {
    /// Lets watchers look.
    pub(crate) fn see(&mut self, seen: &Seen<'_>) {
        if let Some(measures) = &mut self.measures {
            measures.see(&self.stage, seen);
        }
        let Some(checkers) = &mut self.checkers else { return };
        checkers.see(&self.stage, seen);
        for (checker, party) in checkers.fresh() {
            self.trace(TraceKind::Violated, party, NOBODY, |row| row.what = checker);
        }
    }

    /// Takes out of a message what watchers will want to see.
    pub(super) fn watched(&self, event: &Event) -> Option<Watched> {
        if self.quiet && !self.healing {
            return None;
        }
        let Event::Message { node, message, .. } = event else { return None };
        let from = self.stage.by_node.get(node).copied()?;
        let (message, body) = (message.envelope().id, message.body());
        matters(body).then(|| Watched { from, message, body: body.clone() })
    }

    /// Shows watchers what became of a message.
    pub(super) fn saw_handled(&mut self, at: u32, watched: &Watched, effects: &[Effect]) {
        let Watched { from, message, body } = watched;
        let (from, message) = (*from, *message);
        let outcome = effects.iter().find_map(|effect| match effect {
            Effect::Reply { bytes, .. } => parse_outcome(bytes),
            _ => None,
        });
        self.see(&Seen::Handled { from, at, message, body, outcome: outcome.as_ref() });
    }

    /// Counts bytes on the wire, by the feature that `name` is of.
    pub(super) fn count_bytes(&mut self, name: &'static str, bytes: u64) {
        if let Some(measures) = self.measures.as_mut().filter(|_| !self.quiet) {
            measures.bytes(feature(name), bytes);
        }
    }

    /// Writes a row of the trace; not while the federation is set up.
    pub(super) fn trace(
        &mut self,
        kind: TraceKind,
        party: u32,
        other: u32,
        fill: impl FnOnce(&mut TraceRow),
    ) {
        if self.quiet {
            return;
        }
        let at_us = self.stage.now_us.saturating_sub(self.begin_us);
        let mut row = TraceRow::new(at_us, kind, party, other);
        fill(&mut row);
        self.tracer.row(&row);
    }
}

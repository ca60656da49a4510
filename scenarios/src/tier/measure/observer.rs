//! What somebody learns who sees who talks with whom, when, and how many bytes, but no content.

use super::Scene;
use chartmesh_protocol::identity::Role;
use std::collections::BTreeMap;

/// Classes of size: steps of about a tenth.
const STEPS_PER_DOUBLING: f64 = 7.0;

/// Somebody at the wires.
#[derive(Default)]
pub(super) struct Eavesdropper {
    /// Messages by class of size and feature.
    sizes: BTreeMap<u32, BTreeMap<&'static str, u64>>,
    features: BTreeMap<&'static str, u64>,
    /// Messages of a relay by hospital.
    talks: BTreeMap<u32, BTreeMap<u32, u64>>,
    messages: u64,
}

impl Eavesdropper {
    pub(super) fn hears(
        &mut self,
        stage: &dyn Scene,
        from: u32,
        to: u32,
        feature: &'static str,
        bytes: u64,
    ) {
        self.messages += 1;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "some hundred")]
        let class = (libm::log2(bytes.max(1) as f64) * STEPS_PER_DOUBLING) as u32;
        *self.sizes.entry(class).or_default().entry(feature).or_default() += 1;
        *self.features.entry(feature).or_default() += 1;
        let role = |at: u32| stage.role(at);
        for (relay, other) in [(from, to), (to, from)] {
            if role(relay) == Role::Patient && role(other) == Role::Hospital {
                *self.talks.entry(relay).or_default().entry(other).or_default() += 1;
            }
        }
    }

    pub(super) const fn messages(&self) -> u64 {
        self.messages
    }

    pub(super) fn relays(&self) -> u64 {
        self.talks.len() as u64
    }

    /// How much better than always saying the most frequent feature guessing by size is; and of how many
    /// relays the hospital they talk with most is the only one.
    pub(super) fn learns(&self) -> (Option<f64>, Option<f64>) {
        let best = |counts: &BTreeMap<&'static str, u64>| counts.values().max().copied();
        let guessed: u64 = self.sizes.values().filter_map(best).sum();
        let base = best(&self.features).unwrap_or(0);
        let all = self.messages as f64;
        let feature = (self.messages > 0).then(|| (guessed - base) as f64 / all);
        let single = self.talks.values().filter(|hospitals| hospitals.len() == 1).count();
        let relays = self.talks.len() as f64;
        (feature, (!self.talks.is_empty()).then(|| single as f64 / relays))
    }
}

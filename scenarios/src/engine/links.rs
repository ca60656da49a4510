//! Links: how long a message takes between two machines, and whether it arrives.

use crate::scenario::{Loss, Scenario, Share, Span, Spread};
use crate::tier::Chance;
use crate::tier::tcp::RETRANSMIT_US_MIN;

/// Bytes of a packet's content.
const PACKET: u64 = 1400;
/// Packets of one message lost in a row before the connection is given up.
const LOST_IN_A_ROW_MAX: u32 = 6;

/// The links of a scenario, by pair of regions.
pub(super) struct Links {
    regions: usize,
    pairs: Vec<Pair>,
}

struct Pair {
    latency: Spread,
    loss: Loss,
    bytes_per_s: Option<u64>,
    duplicate: Share,
    reorder: Share,
    /// Whether the bad state of a bursty loss holds.
    bad: bool,
    chance: Chance,
}

/// What becomes of a message on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Way {
    /// How long it takes.
    pub(super) takes_us: u64,
    /// Whether the connection breaks instead of delivering it.
    pub(super) broken: bool,
    /// Whether it arrives twice: how much later.
    pub(super) again_us: Option<u64>,
    /// Packets that were lost and sent again.
    pub(super) lost: u32,
    /// Whether it was held up so that others overtake it.
    pub(super) overtaken: bool,
}

impl Links {
    pub(super) fn new(scenario: &Scenario, seed: u64) -> Self {
        let regions = scenario.regions.len();
        let number = |id: &str| scenario.regions.iter().position(|region| region.id == id);
        let mut pairs = Vec::with_capacity(regions * regions);
        for from in 0..regions {
            for to in 0..regions {
                let joins = |between: &[String; 2]| {
                    let ends = (number(&between[0]), number(&between[1]));
                    ends == (Some(from), Some(to)) || ends == (Some(to), Some(from))
                };
                let link = scenario.links.iter().rfind(|link| joins(&link.between));
                let default = if from == to { 5_000 } else { 20_000 };
                let name = format!("{} {}", scenario.regions[from].id, scenario.regions[to].id);
                pairs.push(Pair {
                    latency: link.map_or(Spread::Always(Span::from_micros(default)), |link| {
                        link.latency.clone()
                    }),
                    loss: link.map_or_else(Loss::default, |link| link.loss.clone()),
                    bytes_per_s: link.and_then(|link| link.bandwidth).map(|size| size.bytes()),
                    duplicate: link.map_or_else(Share::default, |link| link.duplicate),
                    reorder: link.map_or_else(Share::default, |link| link.reorder),
                    bad: false,
                    chance: Chance::of(seed, &name, "link"),
                });
            }
        }
        Self { regions, pairs }
    }

    fn pair(&mut self, from: u32, to: u32) -> &mut Pair {
        &mut self.pairs[from as usize * self.regions + to as usize]
    }

    /// One message of `bytes` from a machine whose line is free at `line_free_us`, which is moved on.
    pub(super) fn travel(
        &mut self,
        (from, to): (u32, u32),
        bytes: u64,
        now_us: u64,
        line_free_us: &mut u64,
    ) -> Way {
        let pair = self.pair(from, to);
        let mut takes_us = pair.chance.span(&pair.latency);
        let latency_us = takes_us;
        let (lost, broken, waits) = pair.losses(bytes.div_ceil(PACKET).max(1), latency_us);
        takes_us += waits;
        if let Some(bytes_per_s) = pair.bytes_per_s.filter(|rate| *rate > 0) {
            let begins = now_us.max(*line_free_us);
            let sending = bytes.saturating_mul(1_000_000) / bytes_per_s;
            *line_free_us = begins + sending;
            takes_us += begins - now_us + sending;
        }
        let overtaken = pair.reorder.get() > 0.0 && pair.chance.happens(pair.reorder);
        if overtaken {
            takes_us += pair.chance.one_of(10) as u64 * latency_us;
        }
        let again = pair.duplicate.get() > 0.0 && pair.chance.happens(pair.duplicate);
        let again_us = again.then(|| takes_us + 1 + pair.chance.one_of(4) as u64 * latency_us);
        Way { takes_us, broken, again_us, lost, overtaken }
    }

    /// One way, for what needs no packet of its own to be modelled.
    pub(super) fn latency(&mut self, from: u32, to: u32) -> u64 {
        let pair = self.pair(from, to);
        pair.chance.span(&pair.latency)
    }
}

impl Pair {
    /// Packets lost of `packets`, whether the connection breaks, and what waiting for them costs.
    fn losses(&mut self, packets: u64, latency_us: u64) -> (u32, bool, u64) {
        let none = match &self.loss {
            Loss::Share(share) => share.get() == 0.0,
            Loss::Bursts(bursts) => bursts.p.get() == 0.0 && !self.bad,
        };
        if none {
            return (0, false, 0);
        }
        let (mut lost, mut waits) = (0u32, 0u64);
        // Of a long transfer every packet counts, and losses within one round trip cost one wait.
        let window = packets.div_ceil(64).max(1);
        let mut sent = 0;
        while sent < packets {
            let mut in_a_row = 0;
            while self.chance.loses(&self.loss, &mut self.bad) {
                lost += 1;
                waits += (2 * latency_us).max(RETRANSMIT_US_MIN) << in_a_row;
                in_a_row += 1;
                if in_a_row == LOST_IN_A_ROW_MAX {
                    return (lost, true, waits);
                }
            }
            sent += window;
        }
        (lost, false, waits)
    }
}

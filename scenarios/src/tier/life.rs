//! Machines that come and go: when they are switched. The same in every tier, for the same seed.

use crate::scenario::{Machine, Nat};
use crate::tier::chance::{Chance, micros_of};

const HOUR_US: u64 = 3_600_000_000;
/// Local time at which the night ends, for machines that sleep.
const MORNING_US: u64 = 7 * HOUR_US;
/// Local time at which it begins.
const EVENING_US: u64 = 22 * HOUR_US;
const DAY_US: u64 = 24 * HOUR_US;

/// What a machine is born with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Birth {
    /// By how many milliseconds its clock is ahead, or behind when negative.
    pub skew_ms: i64,
    /// Whether others can call it.
    pub callable: bool,
}

/// The chance of a machine's life, and what it is born with.
#[must_use]
pub fn born(seed: u64, name: &str, traits: &Machine) -> (Chance, Birth) {
    let mut life = Chance::of(seed, name, "life");
    let skew = i64::try_from(traits.clock_skew.millis()).unwrap_or(0);
    #[expect(clippy::cast_possible_truncation, reason = "between -skew and skew")]
    let skew_ms = ((2.0 * life.unit() - 1.0) * skew as f64) as i64;
    let callable = callable(&traits.nat, life.unit());
    (life, Birth { skew_ms, callable })
}

/// Whether others can call a machine: only those that are open.
fn callable(nat: &Nat, draw: f64) -> bool {
    let all = nat.open + nat.cone + nat.symmetric;
    draw * all < nat.open
}

/// Of a machine that comes and goes: whether it is on when the scenario begins, and after how many microseconds
/// it is switched for the first time. None for one that stays on.
pub fn begins(life: &mut Chance, traits: &Machine) -> Option<(bool, u64)> {
    let (up, down) = (traits.up.as_ref()?, traits.down.as_ref()?);
    // Somewhere within its life: as long on and off as it is on the whole.
    let (on_us, off_us) = (life.span(up), life.span(down));
    let total = (on_us + off_us).max(1) as f64;
    let on = life.unit() < on_us as f64 / total;
    let left = life.unit() * if on { on_us } else { off_us } as f64;
    Some((on, micros_of(left).max(1)))
}

/// When a machine that is switched on or off now is switched again; both in microseconds since the scenario's
/// begin. `ahead` are its region's hours from UTC.
pub fn next(life: &mut Chance, traits: &Machine, on: bool, now_us: u64, ahead: u8) -> Option<u64> {
    let (up, down) = (traits.up.as_ref()?, traits.down.as_ref()?);
    let stays = life.span(if on { up } else { down }).max(1_000_000);
    let sleepy = life.happens(traits.sleeps);
    let next = now_us + stays;
    Some(if !on && sleepy { morning(next, u64::from(ahead)) } else { next })
}

/// The same time, or the next morning if it falls into the night; `ahead` are hours from UTC.
fn morning(at_us: u64, ahead: u64) -> u64 {
    let local = (at_us + ahead * HOUR_US) % DAY_US;
    if local < MORNING_US {
        at_us + MORNING_US - local
    } else if local >= EVENING_US {
        at_us + DAY_US - local + MORNING_US
    } else {
        at_us
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_falls_into_the_night_waits_for_the_morning() {
        assert_eq!(morning(12 * HOUR_US, 0), 12 * HOUR_US);
        assert_eq!(morning(3 * HOUR_US, 0), 7 * HOUR_US);
        assert_eq!(morning(23 * HOUR_US, 0), 31 * HOUR_US);
        assert_eq!(morning(20 * HOUR_US, 9), 22 * HOUR_US, "it is five in the morning there");
    }
}

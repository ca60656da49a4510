//! Scales and the places where their ticks stand.

use crate::metric::Unit;
use crate::output::format;

/// From values to places along an axis, 0 to 1.
#[derive(Debug, Clone, Copy)]
pub(super) enum Scale {
    Linear {
        from: f64,
        to: f64,
    },
    /// Both ends above 0.
    Log {
        from: f64,
        to: f64,
    },
}

/// A tick: where, and what is written beside it.
pub(super) type Tick = (f64, String);

const S: f64 = 1e6;
const MIN: f64 = 60.0 * S;
const H: f64 = 60.0 * MIN;
const D: f64 = 24.0 * H;

/// Steps between ticks of time that people can add up.
const TIME_STEPS: [f64; 24] = [
    S,
    5.0 * S,
    10.0 * S,
    30.0 * S,
    MIN,
    5.0 * MIN,
    10.0 * MIN,
    15.0 * MIN,
    30.0 * MIN,
    H,
    2.0 * H,
    3.0 * H,
    6.0 * H,
    12.0 * H,
    D,
    2.0 * D,
    5.0 * D,
    7.0 * D,
    14.0 * D,
    28.0 * D,
    56.0 * D,
    91.0 * D,
    182.0 * D,
    364.0 * D,
];

/// Times on a logarithmic axis.
const TIME_DECADES: [f64; 16] = [
    1.0,
    10.0,
    100.0,
    1e3,
    10e3,
    100e3,
    S,
    10.0 * S,
    MIN,
    10.0 * MIN,
    H,
    6.0 * H,
    D,
    7.0 * D,
    28.0 * D,
    364.0 * D,
];

impl Scale {
    /// A linear one from 0 that ends on a tick.
    pub(super) fn from_zero(unit: Unit, max: f64) -> Self {
        let max = if max > 0.0 { max } else { 1.0 };
        let step = step(unit, max / 4.0);
        Self::Linear {
            from: 0.0,
            to: if unit == Unit::Share && max <= 1.0 { 1.0 } else { (max / step).ceil() * step },
        }
    }

    /// A linear one around values, zero among them if it is near.
    pub(super) fn around(unit: Unit, min: f64, max: f64) -> Self {
        let room = if max > min { (max - min) * 0.08 } else { max.abs().max(1.0) * 0.1 };
        let (from, to) = (min - room, max + room);
        let from = if min >= 0.0 && (from < 0.0 || min < (max - min) * 0.6) { 0.0 } else { from };
        let to = if unit == Unit::Share && max <= 1.0 { to.min(1.0) } else { to };
        Self::Linear { from, to }
    }

    /// A logarithmic one that has room for both; what is below a billionth of the largest is at its left edge.
    pub(super) fn log(min: f64, max: f64) -> Self {
        let max = if max > 0.0 { max } else { 1.0 };
        let from = min.max(max * 1e-9);
        Self::Log { from: from / 1.15, to: (max * 1.15).max(from * 4.0) }
    }

    /// Where a value stands; held within the axis.
    pub(super) fn place(&self, value: f64) -> f64 {
        let share = match *self {
            Self::Linear { from, to } => (value - from) / (to - from),
            Self::Log { from, to } => {
                (libm::log(value.max(from)) - libm::log(from)) / (libm::log(to) - libm::log(from))
            }
        };
        share.clamp(0.0, 1.0)
    }

    /// About `wanted` ticks, for values of a unit.
    pub(super) fn ticks(&self, unit: Unit, wanted: usize) -> Vec<Tick> {
        let values = match *self {
            Self::Linear { from, to } => linear(from, to, step(unit, (to - from) / wanted as f64)),
            Self::Log { from, to } => thinned(decades(unit, from, to), wanted),
        };
        values.into_iter().map(|value| (value, format::value(unit, value))).collect()
    }

    /// About `wanted` ticks of simulated time, all in one unit.
    pub(super) fn clock(&self, wanted: usize) -> Vec<Tick> {
        let Self::Linear { from, to } = *self else { return self.ticks(Unit::Micros, wanted) };
        let step = step(Unit::Micros, (to - from) / wanted as f64);
        let (unit, name) = match step {
            _ if step >= D => (D, "d"),
            _ if step >= H => (H, "h"),
            _ if step >= MIN => (MIN, "min"),
            _ if step >= S => (S, "s"),
            _ => (1e3, "ms"),
        };
        let written = |value: f64| format!("{}\u{a0}{name}", format::count(value / unit));
        linear(from, to, step).into_iter().map(|value| (value, written(value))).collect()
    }
}

fn linear(from: f64, to: f64, step: f64) -> Vec<f64> {
    let first = (from / step - 1e-9).ceil();
    let count = ((to / step + 1e-9).floor() - first).clamp(0.0, 40.0);
    (0..=40).map(f64::from).take_while(|n| *n <= count).map(|n| (first + n) * step).collect()
}

/// A step of at least `least` that people can add up.
fn step(unit: Unit, least: f64) -> f64 {
    if unit == Unit::Micros && least > 0.5 * S {
        return TIME_STEPS.into_iter().find(|step| *step >= least).unwrap_or(728.0 * D);
    }
    let base = if unit == Unit::Bytes { 1024.0 } else { 1000.0 };
    let mut scale = 1.0;
    while scale * base <= least {
        scale *= base;
    }
    while scale > least && scale > 1e-9 {
        scale /= 10.0;
    }
    let steps = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0];
    steps.into_iter().map(|one| one * scale).find(|step| *step >= least).unwrap_or(least)
}

fn decades(unit: Unit, from: f64, to: f64) -> Vec<f64> {
    let within = |value: &f64| (from..=to).contains(value);
    let by = |base: f64| {
        let mut value = 1.0;
        while value > from {
            value /= base;
        }
        std::iter::successors(Some(value), move |value| Some(value * base))
            .take_while(|value| *value <= to)
            .filter(within)
            .collect::<Vec<_>>()
    };
    let ticks: Vec<f64> = match unit {
        Unit::Micros => TIME_DECADES.into_iter().filter(within).collect(),
        Unit::Bytes => by(32.0),
        Unit::Count | Unit::Share => by(10.0),
    };
    if ticks.len() >= 2 { ticks } else { vec![from * 1.15, to / 1.15] }
}

/// Every second, third and so on of too many.
fn thinned(ticks: Vec<f64>, wanted: usize) -> Vec<f64> {
    let every = ticks.len().div_ceil(wanted.max(1)).max(1);
    ticks.into_iter().step_by(every).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_week_has_its_days_and_an_hour_its_quarters() {
        let words = |scale: Scale, wanted| {
            scale
                .clock(wanted)
                .into_iter()
                .map(|tick| tick.1.replace('\u{a0}', " "))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            words(Scale::Linear { from: 0.0, to: 7.0 * D }, 8),
            ["0 d", "1 d", "2 d", "3 d", "4 d", "5 d", "6 d", "7 d"]
        );
        assert_eq!(
            words(Scale::Linear { from: 0.0, to: H }, 4),
            ["0 min", "15 min", "30 min", "45 min", "60 min"]
        );
    }

    #[test]
    fn a_logarithmic_axis_of_times_has_ticks_that_have_names() {
        let words: Vec<_> = Scale::log(1e4, 2.0 * D)
            .ticks(Unit::Micros, 20)
            .into_iter()
            .map(|tick| tick.1.replace('\u{a0}', " "))
            .collect();
        assert_eq!(
            words,
            ["10 ms", "100 ms", "1 s", "10 s", "1 min", "10 min", "1 h", "6 h", "1 d"]
        );
    }

    proptest! {
        #[test]
        fn ticks_are_few_and_stand_within_their_axis(
            min in 0.0..1e12_f64, more in 1e-3..1e12_f64, wanted in 2_usize..12, log: bool, unit in 0_usize..4,
        ) {
            let unit = [Unit::Micros, Unit::Bytes, Unit::Count, Unit::Share][unit];
            let scale = if log { Scale::log(min, min + more) } else { Scale::from_zero(unit, min + more) };
            let ticks = scale.ticks(unit, wanted);
            prop_assert!(!ticks.is_empty() && ticks.len() <= wanted + 2, "{ticks:?}");
            let (Scale::Linear { from, to } | Scale::Log { from, to }) = scale;
            let slack = (to - from) * 1e-6;
            prop_assert!(ticks.iter().all(|tick| (from - slack..=to + slack).contains(&tick.0)), "{ticks:?}");
        }
    }
}

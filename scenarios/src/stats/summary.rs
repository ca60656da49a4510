//! A measure in a few figures.

use crate::result::{Metric, Sample};
use crate::stats::survival::{Bound, Survival};

/// A measure in a few figures. Quantiles, mean and max are honest about samples that had not ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// Samples.
    pub count: usize,
    /// Of which so many had not ended when the run did.
    pub censored: usize,
    /// The denominator.
    pub denominator: u64,
    /// The smallest.
    pub min: Option<f64>,
    /// The sum of what was seen.
    pub total: f64,
    curve: Survival,
}

/// What an `[[expect]]` can name after the metric's name and a dot; beside these, any percentile.
pub const PARTS: [&str; 11] = [
    "count",
    "censored",
    "denominator",
    "ratio",
    "total",
    "min",
    "mean",
    "median",
    "p95",
    "p99",
    "max",
];

impl Summary {
    /// Of a whole measure.
    #[must_use]
    pub fn of(metric: &Metric) -> Self {
        Self::over(metric.samples.iter(), metric.denominator)
    }

    /// Of some of a measure's samples.
    pub fn over<'a>(samples: impl Iterator<Item = &'a Sample>, denominator: u64) -> Self {
        Self::of_pairs(samples.map(|sample| (sample.value, sample.censored)), denominator)
    }

    /// Of values and whether each had not ended.
    pub fn of_pairs(samples: impl Iterator<Item = (f64, bool)>, denominator: u64) -> Self {
        let (mut total, mut min) = (0.0, None::<f64>);
        let curve = Survival::of(samples.inspect(|(value, _)| {
            total += value;
            min = Some(min.map_or(*value, |least| least.min(*value)));
        }));
        Self { count: curve.count(), censored: curve.censored(), denominator, min, total, curve }
    }

    /// How the values are distributed.
    #[must_use]
    pub const fn curve(&self) -> &Survival {
        &self.curve
    }

    /// The mean.
    #[must_use]
    pub fn mean(&self) -> Option<Bound> {
        self.curve.mean()
    }

    /// A quantile, 0 to 1.
    #[must_use]
    pub fn quantile(&self, q: f64) -> Option<Bound> {
        self.curve.quantile(q)
    }

    /// The largest.
    #[must_use]
    pub const fn max(&self) -> Option<Bound> {
        self.curve.max()
    }

    /// The total for each of what it is counted of; none of nothing.
    #[must_use]
    pub fn ratio(&self) -> Option<f64> {
        (self.denominator > 0).then(|| self.total / self.denominator as f64)
    }

    /// One of [`PARTS`], or any percentile such as `p90` or `p99.9`; none when nothing was measured, or there is no such part.
    #[must_use]
    pub fn part(&self, part: &str) -> Option<Bound> {
        let exactly = |value: f64| Some(Bound::Exactly(value));
        match part {
            "count" => exactly(self.count as f64),
            "censored" => exactly(self.censored as f64),
            "denominator" => exactly(self.denominator as f64),
            "ratio" => self.ratio().map(Bound::Exactly),
            "total" => exactly(self.total),
            "min" => self.min.map(Bound::Exactly),
            "mean" => self.mean(),
            "median" => self.quantile(0.5),
            "max" => self.max(),
            part => {
                let percent: f64 = part.strip_prefix('p')?.parse().ok()?;
                (0.0..=100.0).contains(&percent).then(|| self.quantile(percent / 100.0))?
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_that_can_be_named_has_a_value() {
        let summary = Summary::of_pairs(
            [(1.0, false), (3.0, false), (8.0, true), (8.0, true)].into_iter(),
            4,
        );
        for part in PARTS {
            assert!(summary.part(part).is_some(), "{part}");
        }
        assert_eq!(summary.part("p25"), Some(Bound::Exactly(1.0)));
        for part in ["p101", "pound", "modus"] {
            assert_eq!(summary.part(part), None, "{part}");
        }
        assert_eq!(summary.part("median"), Some(Bound::Exactly(3.0)));
        assert_eq!(summary.part("max"), Some(Bound::AtLeast(8.0)));
        assert_eq!(summary.part("ratio"), Some(Bound::Exactly(5.0)));
        assert_eq!(summary.part("mean"), Some(Bound::AtLeast(1.0 + 0.75 * 2.0 + 0.5 * 5.0)));
    }

    #[test]
    fn nothing_measured_has_counts_and_no_figures() {
        let nothing = Summary::of_pairs(std::iter::empty(), 0);
        assert_eq!(nothing.part("count"), Some(Bound::Exactly(0.0)));
        for part in ["ratio", "min", "mean", "median", "max"] {
            assert_eq!(nothing.part(part), None, "{part}");
        }
    }
}

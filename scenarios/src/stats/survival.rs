//! Kaplan and Meier's estimate: how long things take when some had not ended with the run.

/// A number that is known, or known to be at least so much.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Bound {
    /// It is this.
    Exactly(f64),
    /// It is this or more: what was measured had not ended.
    AtLeast(f64),
}

impl Bound {
    /// The number, whatever is known about it.
    #[must_use]
    pub const fn value(self) -> f64 {
        match self {
            Self::Exactly(value) | Self::AtLeast(value) => value,
        }
    }

    /// Whether the true value may be larger.
    #[must_use]
    pub const fn at_least(self) -> bool {
        matches!(self, Self::AtLeast(_))
    }
}

/// A step of the curve.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// From this value on.
    pub value: f64,
    /// The share that is larger.
    pub surviving: f64,
}

/// The share of things that take longer than a value, estimated from samples of which some had not ended
/// (Kaplan, Meier: Nonparametric Estimation from Incomplete Observations, 1958).
///
/// Without such samples it is one minus the empirical distribution, and its quantiles are values that were observed
/// (the nearest rank).
#[derive(Debug, Clone, PartialEq)]
pub struct Survival {
    steps: Vec<Step>,
    count: usize,
    censored: usize,
    last: Option<Bound>,
    mean: f64,
}

/// Products of shares are off by some last bits; a rank that is hit exactly must be.
const SLACK: f64 = 1e-9;

impl Survival {
    /// From values and whether each had not ended. Values that are no numbers are left out.
    pub fn of(samples: impl IntoIterator<Item = (f64, bool)>) -> Self {
        let mut samples: Vec<_> =
            samples.into_iter().filter(|(value, _)| value.is_finite()).collect();
        let count = samples.len();
        let in_order: f64 = samples.iter().map(|(value, _)| value).sum();
        // What ended at a value comes before what was left then: it was still at risk.
        samples.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let mut curve = Curve::over(count);
        for tied in samples.chunk_by(|a, b| a.0 == b.0) {
            curve.take(tied[0].0, tied);
        }
        let censored = samples.iter().filter(|(_, censored)| *censored).count();
        let last = samples.last().map(|(value, censored)| {
            if *censored { Bound::AtLeast(*value) } else { Bound::Exactly(*value) }
        });
        let mean = if censored == 0 { in_order / count as f64 } else { curve.area };
        Self { steps: curve.steps, count, censored, last, mean }
    }

    /// Samples.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.count
    }

    /// Of which so many had not ended.
    #[must_use]
    pub const fn censored(&self) -> usize {
        self.censored
    }

    /// The curve, by rising value; before the first step nothing has ended.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The largest sample.
    #[must_use]
    pub const fn max(&self) -> Option<Bound> {
        self.last
    }

    /// The smallest value that the share `q` (0 to 1) does not exceed; at least the largest sample when so many never
    /// ended; none without samples.
    #[must_use]
    pub fn quantile(&self, q: f64) -> Option<Bound> {
        let last = self.last?;
        let reached = self.steps.partition_point(|step| step.surviving > 1.0 - q + SLACK);
        Some(match self.steps.get(reached) {
            Some(step) => Bound::Exactly(step.value),
            None => Bound::AtLeast(last.value()),
        })
    }

    /// The mean; with samples that had not ended, the area under the curve up to the largest one, which the true mean
    /// is at least if that one had not ended.
    #[must_use]
    pub fn mean(&self) -> Option<Bound> {
        Some(match self.last? {
            Bound::Exactly(_) => Bound::Exactly(self.mean),
            Bound::AtLeast(_) => Bound::AtLeast(self.mean),
        })
    }
}

/// The curve as it is drawn from left to right.
struct Curve {
    steps: Vec<Step>,
    at_risk: usize,
    /// The share that survived, and how many were at risk, when somebody was last censored: between two of those the
    /// product is one fraction, and exact.
    base: (f64, usize),
    surviving: f64,
    area: f64,
    area_to: f64,
}

impl Curve {
    const fn over(count: usize) -> Self {
        Self {
            steps: Vec::new(),
            at_risk: count,
            base: (1.0, count),
            surviving: 1.0,
            area: 0.0,
            area_to: 0.0,
        }
    }

    /// All samples of one value.
    fn take(&mut self, value: f64, tied: &[(f64, bool)]) {
        self.area += self.surviving * (value - self.area_to);
        self.area_to = value;
        let ended = tied.iter().filter(|(_, censored)| !censored).count();
        self.at_risk -= ended;
        if ended > 0 {
            self.surviving = self.base.0 * (self.at_risk as f64 / self.base.1 as f64);
            self.steps.push(Step { value, surviving: self.surviving });
        }
        if ended < tied.len() {
            self.at_risk -= tied.len() - ended;
            self.base = (self.surviving, self.at_risk);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The estimate by its definition: a product over all that ended until then.
    fn by_definition(samples: &[(f64, bool)], t: f64) -> f64 {
        let mut values: Vec<f64> =
            samples.iter().filter(|s| !s.1 && s.0 <= t).map(|s| s.0).collect();
        values.sort_by(f64::total_cmp);
        values.dedup();
        values.iter().fold(1.0, |product, value| {
            let ended = samples.iter().filter(|s| !s.1 && s.0 == *value).count() as f64;
            let at_risk = samples.iter().filter(|s| s.0 >= *value).count() as f64;
            product * (1.0 - ended / at_risk)
        })
    }

    fn samples() -> impl Strategy<Value = Vec<(f64, bool)>> {
        prop::collection::vec(((0_u32..60).prop_map(f64::from), prop::bool::weighted(0.3)), 1..80)
    }

    proptest! {
        #[test]
        fn the_curve_is_the_product_of_its_definition(samples in samples()) {
            let curve = Survival::of(samples.iter().copied());
            for step in curve.steps() {
                prop_assert!((step.surviving - by_definition(&samples, step.value)).abs() < 1e-12);
            }
        }

        #[test]
        fn without_censoring_a_quantile_is_the_nearest_rank(
            values in prop::collection::vec(0_u32..1000, 1..200), percent in 1_usize..=100,
        ) {
            let mut sorted: Vec<f64> = values.iter().copied().map(f64::from).collect();
            let curve = Survival::of(sorted.iter().map(|value| (*value, false)));
            sorted.sort_by(f64::total_cmp);
            let rank = (percent * sorted.len()).div_ceil(100);
            prop_assert_eq!(
                curve.quantile(percent as f64 / 100.0),
                Some(Bound::Exactly(sorted[rank - 1]))
            );
        }

        #[test]
        fn what_had_not_ended_never_makes_a_quantile_smaller(samples in samples(), percent in 1_u32..=99) {
            let q = f64::from(percent) / 100.0;
            let as_if_ended = Survival::of(samples.iter().map(|s| (s.0, false))).quantile(q).unwrap();
            let honest = Survival::of(samples).quantile(q).unwrap();
            prop_assert!(honest.value() >= as_if_ended.value());
        }
    }

    #[test]
    fn a_median_that_was_never_reached_is_at_least_the_longest_wait() {
        let curve = Survival::of([(1.0, false), (5.0, true), (7.0, true), (9.0, true)]);
        assert_eq!(curve.quantile(0.5), Some(Bound::AtLeast(9.0)));
        assert_eq!(curve.quantile(0.25), Some(Bound::Exactly(1.0)));
        assert_eq!(curve.mean(), Some(Bound::AtLeast(1.0 + 0.75 * 8.0)));
        assert_eq!(Survival::of([]).quantile(0.5), None);
    }

    #[test]
    fn the_textbook_example_comes_out() {
        // Freireich's 21 patients under 6-mercaptopurine, weeks of remission, as in Cox and Oakes (1984): the median is
        // 23 weeks, and 0.6275 are still in remission after 16.
        let ended = [6, 6, 6, 7, 10, 13, 16, 22, 23].map(|week| (f64::from(week), false));
        let not =
            [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35].map(|week| (f64::from(week), true));
        let curve = Survival::of(ended.into_iter().chain(not));
        assert_eq!(curve.quantile(0.5), Some(Bound::Exactly(23.0)));
        let at_16 = curve.steps().iter().find(|step| step.value == 16.0).unwrap();
        assert!((at_16.surviving - 0.6275).abs() < 5e-5);
    }
}

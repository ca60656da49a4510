//! Intervals over seeds, and differences between runs that share their seeds.

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

/// A mean with its 95 % confidence interval.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Interval {
    /// The mean, or what else was estimated.
    pub value: f64,
    /// From; none from a single seed, which says nothing about how much seeds differ.
    pub low: Option<f64>,
    /// To.
    pub high: Option<f64>,
    /// Over so many seeds.
    pub seeds: usize,
}

impl Interval {
    /// Whether it excludes zero: of a difference, that there is one.
    #[must_use]
    pub fn excludes_zero(&self) -> bool {
        matches!((self.low, self.high), (Some(low), Some(high)) if low > 0.0 || high < 0.0)
    }
}

/// The mean of one value for each seed, with Student's interval; none without values.
#[must_use]
pub fn mean_interval(values: &[f64]) -> Option<Interval> {
    let seeds = values.len();
    if seeds == 0 {
        return None;
    }
    let n = seeds as f64;
    let value = values.iter().sum::<f64>() / n;
    if seeds == 1 {
        return Some(Interval { value, low: None, high: None, seeds });
    }
    let squares: f64 = values.iter().map(|one| (one - value) * (one - value)).sum();
    let half = student_975(seeds - 1) * (squares / (n - 1.0) / n).sqrt();
    Some(Interval { value, low: Some(value - half), high: Some(value + half), seeds })
}

/// The differences `b - a`, seed by seed, with Student's interval. Runs of equal seeds share their random numbers, so
/// that what differs is what was changed; the interval is much narrower than that of two means.
#[must_use]
pub fn paired(pairs: &[(f64, f64)]) -> Option<Interval> {
    let differences: Vec<f64> = pairs.iter().map(|(a, b)| b - a).collect();
    mean_interval(&differences)
}

/// Resamplings of [`bootstrap`]: the bounds are then within about 1 % of their rank.
const RESAMPLINGS: usize = 2000;

/// What `estimate` gives for one value of each seed, with the percentile interval of 2,000 resamplings: for medians and
/// other estimates that Student's interval does not suit. The lot is drawn from a fixed seed, so it repeats.
#[must_use]
pub fn bootstrap(values: &[f64], estimate: impl Fn(&[f64]) -> f64) -> Option<Interval> {
    let seeds = values.len();
    if seeds == 0 {
        return None;
    }
    let value = estimate(values);
    if seeds == 1 {
        return Some(Interval { value, low: None, high: None, seeds });
    }
    let mut rng = ChaCha20Rng::from_seed(*blake3::hash(b"chartmesh-sim/1/bootstrap").as_bytes());
    let mut drawn = vec![0.0; seeds];
    let mut estimates: Vec<f64> = (0..RESAMPLINGS)
        .map(|_| {
            for one in &mut drawn {
                *one = values[below(&mut rng, seeds)];
            }
            estimate(&drawn)
        })
        .collect();
    estimates.sort_by(f64::total_cmp);
    let (low, high) = (estimates[RESAMPLINGS / 40], estimates[RESAMPLINGS - 1 - RESAMPLINGS / 40]);
    Some(Interval { value, low: Some(low), high: Some(high), seeds })
}

/// A number below `bound`, each equally likely to within 2^-32.
fn below(rng: &mut ChaCha20Rng, bound: usize) -> usize {
    let wide = u128::from(rng.next_u64()) * bound as u128;
    usize::try_from(wide >> 64).expect("below the bound, which is a usize")
}

/// The 97.5 % point of Student's distribution: of tables up to 30 degrees of freedom, by Cornish and Fisher's expansion
/// beyond, which is off by less than 0.00001 there.
fn student_975(degrees: usize) -> f64 {
    const TABLE: [f64; 30] = [
        12.706_205, 4.302_653, 3.182_446, 2.776_445, 2.570_582, 2.446_912, 2.364_624, 2.306_004,
        2.262_157, 2.228_139, 2.200_985, 2.178_813, 2.160_369, 2.144_787, 2.131_450, 2.119_905,
        2.109_816, 2.100_922, 2.093_024, 2.085_963, 2.079_614, 2.073_873, 2.068_658, 2.063_899,
        2.059_539, 2.055_529, 2.051_831, 2.048_407, 2.045_230, 2.042_272,
    ];
    if let Some(point) = TABLE.get(degrees - 1) {
        return *point;
    }
    let (z, v) = (1.959_963_984_540_054_f64, degrees as f64);
    let (z3, z5, z7) = (z * z * z, z * z * z * z * z, z * z * z * z * z * z * z);
    z + (z3 + z) / (4.0 * v)
        + (5.0 * z5 + 16.0 * z3 + 3.0 * z) / (96.0 * v * v)
        + (3.0 * z7 + 19.0 * z5 + 17.0 * z3 - 15.0 * z) / (384.0 * v * v * v)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn students_points_are_those_of_the_tables() {
        for (degrees, point) in
            [(1, 12.7062), (9, 2.2622), (29, 2.0452), (40, 2.0211), (60, 2.0003), (120, 1.9799)]
        {
            assert!((student_975(degrees) - point).abs() < 6e-5, "{degrees}");
        }
        // The expansion meets the table where it begins.
        assert!(student_975(31) < student_975(30) && student_975(30) - student_975(31) < 0.003);
    }

    #[test]
    fn one_seed_has_no_interval() {
        assert_eq!(mean_interval(&[]), None);
        let one = mean_interval(&[4.0]).unwrap();
        assert_eq!((one.value, one.low, one.high), (4.0, None, None));
        assert!(!one.excludes_zero());
    }

    #[test]
    fn what_is_common_to_a_pair_does_not_widen_the_interval() {
        let pairs: Vec<(f64, f64)> = (0..10)
            .map(|seed| f64::from(seed * 100))
            .map(|common| (common, common + 3.0))
            .collect();
        let difference = paired(&pairs).unwrap();
        assert_eq!(
            (difference.value, difference.low, difference.high),
            (3.0, Some(3.0), Some(3.0))
        );
        assert!(difference.excludes_zero());
    }

    proptest! {
        #[test]
        fn the_interval_is_the_one_of_the_formula(values in prop::collection::vec(-1e6..1e6_f64, 2..60)) {
            let interval = mean_interval(&values).unwrap();
            let n = values.len() as f64;
            let (sum, squares) = values.iter().fold((0.0, 0.0), |(s, q), v| (s + v, q + v * v));
            let deviation = ((squares - sum * sum / n) / (n - 1.0)).max(0.0).sqrt();
            let half = student_975(values.len() - 1) * deviation / n.sqrt();
            prop_assert!((interval.high.unwrap() - (sum / n + half)).abs() < 1.0);
        }

        #[test]
        fn a_bootstrap_repeats_and_stays_within_the_values(values in prop::collection::vec(0.0..1e3_f64, 2..40)) {
            let mean = |drawn: &[f64]| drawn.iter().sum::<f64>() / drawn.len() as f64;
            let interval = bootstrap(&values, mean).unwrap();
            prop_assert_eq!(Some(interval), bootstrap(&values, mean));
            let smallest = values.iter().copied().fold(f64::INFINITY, f64::min);
            let largest = values.iter().copied().fold(0.0, f64::max);
            prop_assert!(smallest - 1e-9 <= interval.low.unwrap());
            prop_assert!(interval.low <= interval.high && interval.high.unwrap() <= largest + 1e-9);
        }
    }
}

//! A measure over time, in steps of equal length.

use crate::result::Sample;
use crate::stats::survival::Survival;

/// What began within one step.
#[derive(Debug, Clone, PartialEq)]
pub struct Bucket {
    /// The step's begin, in simulated microseconds.
    pub from_us: u64,
    /// The values that began in it.
    pub values: Survival,
}

/// Sorts samples into steps of `every_us` (at least 1), by when they began. Steps in which nothing began are left out.
pub fn series<'a>(samples: impl Iterator<Item = &'a Sample>, every_us: u64) -> Vec<Bucket> {
    let every_us = every_us.max(1);
    let mut by_step: Vec<(u64, f64, bool)> =
        samples.map(|sample| (sample.at_us / every_us, sample.value, sample.censored)).collect();
    // Stable: within a step the order stays, and so does every last bit of a sum.
    by_step.sort_by_key(|(step, ..)| *step);
    by_step
        .chunk_by(|a, b| a.0 == b.0)
        .map(|step| Bucket {
            from_us: step[0].0 * every_us,
            values: Survival::of(step.iter().map(|(_, value, censored)| (*value, *censored))),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_sample_falls_into_the_one_step_in_which_it_began(
            times in prop::collection::vec((0_u64..1000, 0_u32..50), 0..100), every_us in 1_u64..90,
        ) {
            let samples: Vec<Sample> = times
                .iter()
                .map(|(at_us, value)| Sample {
                    at_us: *at_us, value: f64::from(*value), censored: false, party: 0, label: "",
                })
                .collect();
            let buckets = series(samples.iter(), every_us);
            prop_assert!(buckets.is_sorted_by_key(|bucket| bucket.from_us));
            prop_assert_eq!(buckets.iter().map(|bucket| bucket.values.count()).sum::<usize>(), samples.len());
            for bucket in &buckets {
                let within: Vec<f64> = samples
                    .iter()
                    .filter(|s| (bucket.from_us..bucket.from_us + every_us).contains(&s.at_us))
                    .map(|s| s.value)
                    .collect();
                prop_assert_eq!(bucket.values.count(), within.len());
                let mean = within.iter().sum::<f64>() / within.len() as f64;
                prop_assert_eq!(bucket.values.mean().unwrap().value(), mean);
            }
        }
    }
}

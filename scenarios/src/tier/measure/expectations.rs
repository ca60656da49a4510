//! What a scenario expects of its measures, held against them.

use crate::result::{Expectation, Metric};
use crate::scenario::{Expect, limit};
use crate::stats::{Bound, Summary};

/// What the scenario expected, against what came.
#[must_use]
pub fn expectations(expect: &[Expect], metrics: &[Metric]) -> Vec<Expectation> {
    expect
        .iter()
        .map(|expect| {
            let (name, part) = expect.metric.split_once('.').unwrap_or((&expect.metric, "median"));
            let metric = metrics.iter().find(|metric| metric.name == name);
            let came = metric.and_then(|metric| Summary::of(metric).part(part));
            let bound = |value: &Option<toml::Value>| {
                value.as_ref().and_then(|value| limit(name, part, value).ok())
            };
            let (below, above) = (bound(&expect.below), bound(&expect.above));
            // What is at least so much may be above a bound, and is never known to be below one.
            let held = came.is_some_and(|came| {
                let known = matches!(came, Bound::Exactly(_));
                below.is_none_or(|below| known && came.value() < below)
                    && above.is_none_or(|above| came.value() > above)
            });
            let came = came.map(Bound::value);
            let bound = |word: &str, value: &Option<toml::Value>| {
                value.as_ref().map(|value| format!(" {word} {value}")).unwrap_or_default()
            };
            let what = format!(
                "{}{}{}",
                expect.metric,
                bound("below", &expect.below),
                bound("above", &expect.above)
            );
            Expectation { what, came, held }
        })
        .collect()
}

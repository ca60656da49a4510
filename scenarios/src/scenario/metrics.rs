//! What `[[expect]]` says of a measure: which, which part of it, and how much.

use super::units::{SHARE, SIZE, SPAN, Size, Span};
use crate::metric::{METRICS, Unit};

/// What of a measure can be asked: one number made of its values; `p` with a percentage is a quantile.
pub(super) const PARTS: &[&str] =
    &["count", "max", "mean", "median", "min", "p5", "p90", "p95", "p99", "total"];

/// Every measure's name.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    METRICS.iter().map(|(name, ..)| *name)
}

/// A measure and its part, as in `consent_latency.median`, if there is such a part of anything.
#[must_use]
pub fn part(metric: &str) -> Option<(&str, &str)> {
    let (name, part) = metric.split_once('.')?;
    let quantile = || part.strip_prefix('p')?.parse().ok().filter(|p| (0.0..=100.0).contains(p));
    (PARTS.contains(&part) || quantile().is_some()).then_some((name, part))
}

/// Reads a limit of an expectation in the unit of its measure: microseconds for a length of time, bytes for a
/// size. `count` is a number, whatever the measure.
///
/// # Errors
/// What a limit of this measure looks like.
pub fn limit(metric: &str, part: &str, value: &toml::Value) -> Result<f64, String> {
    let unit =
        METRICS.iter().find(|(name, ..)| *name == metric).map_or(Unit::Count, |known| known.1);
    let unit = if part == "count" { Unit::Count } else { unit };
    let number = match value {
        #[expect(clippy::cast_precision_loss, reason = "a limit; beyond 2^53 nothing is counted")]
        toml::Value::Integer(whole) => Some(*whole as f64),
        toml::Value::Float(number) => Some(*number),
        _ => None,
    };
    #[expect(clippy::cast_precision_loss, reason = "a limit; beyond 2^53 nothing is counted")]
    let written = |text: &str| match unit {
        Unit::Micros => Span::try_from(text.to_owned()).ok().map(|span| span.micros() as f64),
        Unit::Bytes => Size::try_from(text.to_owned()).ok().map(|size| size.bytes() as f64),
        Unit::Count | Unit::Share => None,
    };
    // A total of shares is a number of cases.
    let most = if part == "total" { f64::MAX } else { 1.0 };
    let (read, like) = match unit {
        Unit::Micros => (value.as_str().and_then(written), SPAN),
        Unit::Bytes => (value.as_str().and_then(written), SIZE),
        Unit::Count => (number.filter(|number| *number >= 0.0), "a number from 0"),
        Unit::Share => (number.filter(|number| (-1.0..=most).contains(number)), SHARE),
    };
    read.ok_or_else(|| format!("`{metric}.{part}` is compared with {like}"))
}

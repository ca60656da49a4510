//! The names that `[[expect]]` may use: what a run measures.

use super::units::{Size, Span};
use crate::result::Unit;

/// A measure that a scenario can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetricName {
    /// Its name.
    pub name: &'static str,
    /// What its values are.
    pub unit: Unit,
}

const fn metric(name: &'static str, unit: Unit) -> MetricName {
    MetricName { name, unit }
}

/// Every measure of a run.
pub const METRICS: &[MetricName] = &[
    metric("availability", Unit::Share),
    metric("bytes", Unit::Bytes),
    metric("consent_latency", Unit::Micros),
    metric("delivery_latency", Unit::Micros),
    metric("messages", Unit::Count),
    metric("reads_after_revocation", Unit::Count),
    metric("recovery_time", Unit::Micros),
    metric("revocation_delay", Unit::Micros),
    metric("storage", Unit::Bytes),
];

/// What of a measure can be asked: one number made of its values.
pub const PARTS: &[&str] = &["count", "max", "mean", "median", "p95", "p99", "total"];

/// Reads a limit of an expectation in the unit of its measure: microseconds for a length of time, bytes for a
/// size. `count` is a number, whatever the measure.
///
/// # Errors
/// What a limit of this measure looks like.
pub fn limit(metric: &str, part: &str, value: &toml::Value) -> Result<f64, String> {
    let unit = METRICS.iter().find(|known| known.name == metric).map_or(Unit::Count, |m| m.unit);
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
    let read = match unit {
        Unit::Micros | Unit::Bytes => value.as_str().and_then(written),
        Unit::Count => number.filter(|number| *number >= 0.0 && number.is_finite()),
        Unit::Share => number.filter(|number| (0.0..=1.0).contains(number)),
    };
    read.ok_or_else(|| {
        let like = match unit {
            Unit::Micros => super::units::SPAN,
            Unit::Bytes => super::units::SIZE,
            Unit::Count => "a number from 0",
            Unit::Share => super::units::SHARE,
        };
        format!("`{metric}.{part}` is compared with {like}")
    })
}

//! Lengths of time, sizes, shares and rates, as people write them.

use super::limits;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// A length of time, in microseconds; written `250us`, `38ms`, `90s`, `20min`, `6h`, `3d`.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(try_from = "String", into = "String")]
pub struct Span(u64);

/// Bytes; written `512 B`, `64 KiB`, `20 MiB`, `2 GiB`.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(try_from = "String", into = "String")]
pub struct Size(u64);

/// A share between 0 and 1.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Share(f64);

/// How often; written `3/h`, `50/d`, `0.2/min`.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Rate(f64);

/// Not a value of its kind; says what one looks like.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadUnit(String);

const SPANS: [(&str, u64); 6] = [
    ("us", 1),
    ("ms", 1000),
    ("s", 1_000_000),
    ("min", 60_000_000),
    ("h", 3_600_000_000),
    ("d", 86_400_000_000),
];
const SIZES: [(&str, u64); 4] = [("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];

/// What the units are, in the words of refusals and of the schema.
pub(super) const SPAN: &str = "a length of time such as 250us, 38ms, 90s, 20min, 6h or 3d";
pub(super) const SIZE: &str = "a size such as 512 B, 64 KiB, 20 MiB or 2 GiB";
pub(super) const RATE: &str = "a rate such as 3/h, 50/d or 0.2/min";
pub(super) const SHARE: &str = "a share between 0 and 1";

/// Reads `number unit` into the smallest unit.
fn read(text: &str, units: &[(&str, u64)], like: &str) -> Result<u64, BadUnit> {
    let bad = || BadUnit(format!("`{text}` is not {like}"));
    let trimmed = text.trim();
    let digits = trimmed.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(bad)?;
    let (number, unit) = trimmed.split_at(digits);
    let scale = units.iter().find(|(name, _)| *name == unit.trim()).ok_or_else(bad)?.1;
    if let Ok(whole) = number.parse::<u64>() {
        return whole.checked_mul(scale).ok_or_else(bad);
    }
    let value = number.parse::<f64>().map_err(|_| bad())? * scale as f64;
    // Below 2^53 every whole number is exact.
    if !(0.0..9e15).contains(&value) {
        return Err(bad());
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked above")]
    Ok(value.round() as u64)
}

fn write(value: u64, units: &[(&str, u64)], gap: &str) -> String {
    let fits = units.iter().rev().find(|(_, scale)| value != 0 && value.is_multiple_of(*scale));
    let (unit, scale) = fits.unwrap_or(&units[units.len().min(3) - 1]);
    format!("{}{gap}{unit}", value / scale)
}

impl Span {
    /// From microseconds.
    #[must_use]
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// From seconds.
    #[must_use]
    pub const fn from_secs(seconds: u64) -> Self {
        Self(seconds * 1_000_000)
    }

    /// In microseconds.
    #[must_use]
    pub const fn micros(self) -> u64 {
        self.0
    }

    /// In milliseconds, rounded down.
    #[must_use]
    pub const fn millis(self) -> u64 {
        self.0 / 1000
    }
}

impl TryFrom<String> for Span {
    type Error = BadUnit;
    fn try_from(text: String) -> Result<Self, BadUnit> {
        read(&text, &SPANS, SPAN).map(Self)
    }
}

impl From<Span> for String {
    fn from(span: Span) -> Self {
        if span.0 == 0 { "0s".into() } else { write(span.0, &SPANS, "") }
    }
}

impl Size {
    /// From bytes.
    #[must_use]
    pub const fn from_bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// In bytes.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

impl TryFrom<String> for Size {
    type Error = BadUnit;
    fn try_from(text: String) -> Result<Self, BadUnit> {
        read(&text, &SIZES, SIZE).map(Self)
    }
}

impl From<Size> for String {
    fn from(size: Size) -> Self {
        if size.0 == 0 { "0 B".into() } else { write(size.0, &SIZES, " ") }
    }
}

impl Share {
    /// All.
    pub const WHOLE: Self = Self(1.0);

    /// Between 0 and 1.
    #[must_use]
    pub const fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Share {
    type Error = BadUnit;
    fn try_from(share: f64) -> Result<Self, BadUnit> {
        if (0.0..=1.0).contains(&share) {
            Ok(Self(share))
        } else {
            Err(BadUnit(format!("`{share}` is not {SHARE}")))
        }
    }
}

impl From<Share> for f64 {
    fn from(share: Share) -> Self {
        share.0
    }
}

impl Rate {
    /// Times a day.
    #[must_use]
    pub const fn per_day(self) -> f64 {
        self.0
    }
}

impl TryFrom<String> for Rate {
    type Error = BadUnit;
    fn try_from(text: String) -> Result<Self, BadUnit> {
        let bad = || BadUnit(format!("`{text}` is not {RATE}"));
        let (number, unit) = text.split_once('/').ok_or_else(bad)?;
        let number: f64 = number.trim().parse().map_err(|_| bad())?;
        let a_day = match unit.trim() {
            "s" => 86_400.0,
            "min" => 1440.0,
            "h" => 24.0,
            "d" => 1.0,
            _ => return Err(bad()),
        };
        let rate = number * a_day;
        if !(0.0..=limits::A_DAY).contains(&rate) {
            let most = limits::A_DAY;
            return Err(BadUnit(format!("`{text}` is not a rate between 0 and {most} a day")));
        }
        Ok(Self(rate))
    }
}

impl From<Rate> for String {
    fn from(rate: Rate) -> Self {
        format!("{}/d", rate.0)
    }
}

/// The schema of a unit that is written as text. `kind` names the check that the loader makes.
fn written(kind: &str, like: &str, units: &str, examples: &[&str]) -> Schema {
    json_schema!({
        "type": "string",
        "description": like,
        "pattern": format!("^ *[0-9]+(\\.[0-9]+)? *{units} *$"),
        "examples": examples,
        "x-unit": kind,
    })
}

impl JsonSchema for Span {
    fn schema_name() -> Cow<'static, str> {
        "Span".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        written("span", SPAN, "(us|ms|s|min|h|d)", &["38ms", "20min", "6h", "3d"])
    }
}

impl JsonSchema for Size {
    fn schema_name() -> Cow<'static, str> {
        "Size".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        written("size", SIZE, "(B|KiB|MiB|GiB)", &["2 KiB", "20 MiB"])
    }
}

impl JsonSchema for Rate {
    fn schema_name() -> Cow<'static, str> {
        "Rate".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        written("rate", RATE, "/ *(s|min|h|d)", &["3/h", "50/d"])
    }
}

impl JsonSchema for Share {
    fn schema_name() -> Cow<'static, str> {
        "Share".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "number", "minimum": 0, "maximum": 1, "description": SHARE, "x-unit": "share",
        })
    }
}

pub(super) const fn one() -> u32 {
    1
}

pub(super) const fn two_kib() -> Size {
    Size::from_bytes(2048)
}

pub(super) const fn whole() -> Share {
    Share::WHOLE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_read_as_people_write_them_and_written_in_the_largest_that_fits() {
        for (text, micros, written) in [
            ("250us", 250, "250us"),
            ("1.5h", 5_400_000_000, "90min"),
            ("0s", 0, "0s"),
            (" 3 d ", 259_200_000_000, "3d"),
            ("1000ms", 1_000_000, "1s"),
        ] {
            let span = Span::try_from(text.to_owned()).unwrap();
            assert_eq!((span.micros(), String::from(span)), (micros, written.to_owned()));
        }
        assert_eq!(Size::try_from("1.5 KiB".to_owned()).unwrap(), Size::from_bytes(1536));
        assert_eq!(Rate::try_from("3/h".to_owned()).unwrap().per_day().to_bits(), 72f64.to_bits());
        for bad in
            ["", "5", "h", "-1h", "1 week", "1e3s", "99999999999999999999d", "1.2.3s", "nans"]
        {
            assert!(Span::try_from(bad.to_owned()).is_err(), "{bad}");
        }
        for bad in ["", "3", "3/year", "-1/d", "nan/d", "inf/d", "1e9/s"] {
            assert!(Rate::try_from(bad.to_owned()).is_err(), "{bad}");
        }
        for bad in [-0.1, 1.01, f64::NAN, f64::INFINITY] {
            assert!(Share::try_from(bad).is_err(), "{bad}");
        }
    }
}

//! Numbers as people read them.

use crate::metric::Unit;
use crate::stats::Bound;

const S: f64 = 1e6;
const MIN: f64 = 60.0 * S;
const H: f64 = 60.0 * MIN;
const D: f64 = 24.0 * H;

/// A value in its measure's unit.
#[must_use]
pub fn value(unit: Unit, value: f64) -> String {
    match unit {
        Unit::Micros => span(value),
        Unit::Bytes => size(value),
        Unit::Count => count(value),
        Unit::Share => percent(value),
    }
}

/// A value of which perhaps only a bound is known.
#[must_use]
pub fn bound(unit: Unit, bound: Option<Bound>) -> String {
    match bound {
        None => "–".into(),
        Some(Bound::Exactly(known)) => value(unit, known),
        Some(Bound::AtLeast(least)) => format!("≥ {}", value(unit, least)),
    }
}

/// A length of time. Numbers and units do not part at a line's end.
#[must_use]
pub fn span(us: f64) -> String {
    const UNITS: [(f64, f64, &str); 6] = [
        (3.0 * D, D, "d"),
        (2.0 * H, H, "h"),
        (2.0 * MIN, MIN, "min"),
        (S, S, "s"),
        (1e3, 1e3, "ms"),
        (0.0, 1.0, "µs"),
    ];
    if us == 0.0 {
        return "0\u{a0}s".into();
    }
    // What is a whole number of a larger unit is said in it: a minute, not 60 s.
    let fits = |(from, unit, _): &&(f64, f64, &str)| {
        us.abs() >= *from || (us.abs() >= *unit && us % unit == 0.0)
    };
    let (_, unit, name) = UNITS.iter().find(fits).unwrap_or(&UNITS[5]);
    format!("{}\u{a0}{name}", figures(us / unit))
}

/// A number of bytes.
#[must_use]
pub fn size(bytes: f64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let (mut scaled, mut unit) = (bytes, 0);
    while scaled.abs() >= 1024.0 && unit + 1 < UNITS.len() {
        scaled /= 1024.0;
        unit += 1;
    }
    format!("{}\u{a0}{}", figures(scaled), UNITS[unit])
}

/// A number of things, in groups of three digits.
#[must_use]
pub fn count(number: f64) -> String {
    if number.abs() < 1000.0 || !number.is_finite() {
        return figures(number);
    }
    let digits = format!("{:.0}", number.abs());
    let mut text = String::from(if number < 0.0 { "−" } else { "" });
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// A share, with as many digits as tell it from all.
fn percent(share: f64) -> String {
    let percent = share * 100.0;
    let missing = (100.0 - percent).abs();
    let digits = match missing {
        _ if percent.fract() == 0.0 => 0,
        _ if missing < 0.1 => 3,
        _ if missing < 1.0 || percent.abs() < 1.0 => 2,
        _ => 1,
    };
    format!("{percent:.digits$}\u{a0}%")
}

/// Three figures, without zeros at the end.
fn figures(number: f64) -> String {
    let size = number.abs();
    let digits = match size {
        _ if size >= 99.95 => 0,
        _ if size >= 9.995 => 1,
        _ if size >= 0.9995 => 2,
        _ => 3,
    };
    let text = format!("{number:.digits$}");
    let text =
        if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if text == "-0" { "0".into() } else { text.replace('-', "−") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_people_write_them() {
        for (us, text) in [
            (0.0, "0 s"),
            (250.0, "250 µs"),
            (38_400.0, "38.4 ms"),
            (1.5e6, "1.5 s"),
            (90e6, "90 s"),
            (60e6, "1 min"),
            (D, "1 d"),
            (20.0 * MIN, "20 min"),
            (6.0 * H, "6 h"),
            (7.0 * D, "7 d"),
            (-3e6, "−3 s"),
        ] {
            assert_eq!(span(us).replace('\u{a0}', " "), text);
        }
        assert_eq!(size(512.0), "512\u{a0}B");
        assert_eq!(size(1.5 * 1024.0 * 1024.0), "1.5\u{a0}MiB");
        assert_eq!(count(1_234_567.0), "1\u{202f}234\u{202f}567");
        assert_eq!(count(0.25), "0.25");
        assert_eq!(percent(1.0), "100\u{a0}%");
        assert_eq!(percent(0.99999), "99.999\u{a0}%");
        assert_eq!(percent(0.9412), "94.1\u{a0}%");
        assert_eq!(bound(Unit::Micros, Some(Bound::AtLeast(6.0 * H))), "≥ 6\u{a0}h");
    }
}

//! Durations and moments as people write them.

use chartmesh_protocol::time::{DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, Timestamp};
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Date, OffsetDateTime, PrimitiveDateTime};

/// Milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span(pub(crate) u64);

/// Reads `90s`, `30m`, `1h`, `7d`, `2w`.
pub(crate) fn span(text: &str) -> Result<Span, String> {
    let wrong = || "expected a number and a unit: 90s, 30m, 1h, 7d or 2w".to_owned();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let unit_ms = match unit {
        "s" => SECOND_MS,
        "m" | "min" => MINUTE_MS,
        "h" => HOUR_MS,
        "d" => DAY_MS,
        "w" => 7 * DAY_MS,
        _ => return Err(wrong()),
    };
    let number: u64 = number.parse().map_err(|_| wrong())?;
    match number.checked_mul(unit_ms) {
        Some(0) => Err("a duration of zero never holds".to_owned()),
        Some(ms) => Ok(Span(ms)),
        None => Err("too long a duration".to_owned()),
    }
}

/// Reads `2026-11-21` (midnight UTC), `2026-11-21T09:30` (UTC) and RFC 3339 with an offset.
pub(crate) fn moment(text: &str) -> Result<Timestamp, String> {
    let minutes = format_description!("[year]-[month]-[day]T[hour]:[minute]");
    let read = || {
        if let Ok(date) = Date::parse(text, format_description!("[year]-[month]-[day]")) {
            return Some(date.midnight().assume_utc());
        }
        if let Ok(moment) = PrimitiveDateTime::parse(text.trim_end_matches('Z'), minutes) {
            return Some(moment.assume_utc());
        }
        OffsetDateTime::parse(text, &Rfc3339).ok()
    };
    let moment = read().ok_or(
        "expected a date such as 2026-11-21, or a moment such as 2026-11-21T09:30 (both UTC) or 2026-11-21T18:30:00+09:00",
    )?;
    u64::try_from(moment.unix_timestamp_nanos() / 1_000_000)
        .map(Timestamp)
        .map_err(|_| "moments before 1970 cannot be named".to_owned())
}

/// Now, by the clock of this machine.
pub(crate) fn now() -> Timestamp {
    let since =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// The day of a moment: `2026-11-21`.
pub(crate) fn day(at: Timestamp) -> String {
    at.utc_text().split(' ').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_their_unit() {
        assert_eq!(span("7d"), Ok(Span(7 * DAY_MS)));
        assert_eq!(span("90s"), Ok(Span(90_000)));
        assert_eq!(span("1h"), Ok(Span(HOUR_MS)));
        for wrong in ["7", "d", "", "-1d", "1y", "0d", "99999999999999999999d", "9999999999999999w"]
        {
            assert!(span(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn moments_are_utc_unless_they_say_otherwise() {
        let nine = Timestamp::from_seconds(1_795_251_600);
        assert_eq!(moment("2026-11-21T09:00"), Ok(nine));
        assert_eq!(moment("2026-11-21T09:00Z"), Ok(nine));
        assert_eq!(moment("2026-11-21T18:00:00+09:00"), Ok(nine));
        assert_eq!(moment("2026-11-21").unwrap().utc_text(), "2026-11-21 00:00 UTC");
        for wrong in ["", "yesterday", "21.11.2026", "2026-13-01", "1969-12-31"] {
            assert!(moment(wrong).is_err(), "{wrong}");
        }
    }
}

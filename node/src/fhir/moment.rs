//! The FHIR data types for moments: date, dateTime, instant, time (hl7.org/fhir/R4/datatypes.html).

use chartmesh_protocol::time::Timestamp;
use time::{Date, Month, PrimitiveDateTime, Time, UtcOffset};

/// A dateTime, as exact as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment<'a> {
    /// The beginning of the time that it names, in UTC; a time before 1970 becomes 1970.
    pub(super) at: Timestamp,
    /// The calendar day as written, where whoever wrote it was: `2019`, `2019-05` or `2019-05-31`.
    pub(super) day: &'a str,
    /// Whether hours and minutes were given.
    pub(super) exact: bool,
}

/// Reads `YYYY`, `YYYY-MM`, `YYYY-MM-DD` or `YYYY-MM-DDThh:mm:ss[.fff](Z|+hh:mm)`.
pub(super) fn date_time(text: &str) -> Option<Moment<'_>> {
    let (day, clock) = match text.split_once('T') {
        Some((day, clock)) if day.len() == 10 => (day, Some(clock)),
        Some(_) => return None,
        None => (text, None),
    };
    let date = date(day)?;
    let (time, offset) = match clock {
        Some(clock) => clock_with_zone(clock)?,
        None => (Time::MIDNIGHT, UtcOffset::UTC),
    };
    let moment = PrimitiveDateTime::new(date, time).assume_offset(offset);
    let ms = moment.unix_timestamp_nanos() / 1_000_000;
    Some(Moment { at: Timestamp(u64::try_from(ms).unwrap_or(0)), day, exact: clock.is_some() })
}

/// Reads `YYYY`, `YYYY-MM` or `YYYY-MM-DD`; what is left out is the first.
pub(super) fn date(text: &str) -> Option<Date> {
    let mut parts = text.split('-');
    let year = i32::try_from(digits(parts.next()?, 4)?).ok().filter(|year| *year > 0)?;
    let month = parts.next().map_or(Some(1), |part| digits(part, 2))?;
    let day = parts.next().map_or(Some(1), |part| digits(part, 2))?;
    if parts.next().is_some() {
        return None;
    }
    let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
    Date::from_calendar_date(year, month, u8::try_from(day).ok()?).ok()
}

/// Reads `hh:mm:ss[.fff]`. A leap second counts as the second before it.
pub(super) fn clock(text: &str) -> Option<Time> {
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (text, None),
    };
    let mut parts = whole.split(':');
    let mut next =
        || parts.next().and_then(|part| digits(part, 2)).and_then(|n| u8::try_from(n).ok());
    let (hour, minute, second) = (next()?, next()?, next()?);
    if parts.next().is_some() || second > 60 {
        return None;
    }
    let ms = match fraction {
        Some(text) if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) => return None,
        Some(text) => {
            let three: String = text.chars().chain("000".chars()).take(3).collect();
            u16::try_from(digits(&three, 3)?).ok()?
        }
        None => 0,
    };
    Time::from_hms_milli(hour, minute, second.min(59), ms).ok()
}

fn clock_with_zone(text: &str) -> Option<(Time, UtcOffset)> {
    if let Some(local) = text.strip_suffix('Z') {
        return Some((clock(local)?, UtcOffset::UTC));
    }
    let split = text.rfind(['+', '-'])?;
    let (local, zone) = text.split_at(split);
    let (hours, minutes) = zone.get(1..)?.split_once(':')?;
    let hours = i8::try_from(digits(hours, 2)?).ok().filter(|hours| *hours <= 14)?;
    let minutes = i8::try_from(digits(minutes, 2)?).ok().filter(|minutes| *minutes <= 59)?;
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    Some((clock(local)?, UtcOffset::from_hms(sign * hours, sign * minutes, 0).ok()?))
}

/// Exactly `count` ASCII digits.
fn digits(text: &str, count: usize) -> Option<u32> {
    let right = text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    right.then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(text: &str) -> Option<u64> {
        date_time(text).map(|moment| moment.at.0)
    }

    #[test]
    fn partial_dates_name_their_beginning() {
        assert_eq!(ms("1970"), Some(0));
        assert_eq!(ms("1970-02"), Some(31 * 86_400_000));
        assert_eq!(ms("1970-02-02"), Some(32 * 86_400_000));
        assert_eq!(date_time("2019-05").map(|m| (m.day, m.exact)), Some(("2019-05", false)));
    }

    #[test]
    fn zones_are_taken_into_account() {
        assert_eq!(ms("1970-01-01T09:00:00+09:00"), Some(0));
        assert_eq!(ms("1969-12-31T19:30:01.25-04:30"), Some(1250));
        assert_eq!(ms("1970-01-01T00:00:00.123456Z"), Some(123));
        assert_eq!(date_time("2012-03-12T23:22:25-05:00").map(|m| m.day), Some("2012-03-12"));
    }

    #[test]
    fn a_time_before_1970_becomes_1970() {
        assert_eq!(ms("1948-05-31T10:00:00Z"), Some(0));
    }

    #[test]
    fn what_is_no_date_time_is_refused() {
        for text in [
            "",
            "T",
            "19",
            "0000",
            "2019-13",
            "2019-02-29",
            "2019-05-31T",
            "2019-05T10:00:00Z",
            "2019-05-31-01",
            "2019-05-31T10:00:00",
            "2019-05-31T10:00Z",
            "2019-05-31T24:00:00Z",
            "2019-05-31T10:00:61Z",
            "2019-05-31T10:00:00.Z",
            "2019-05-31T10:00:00+15:00",
            "2019-05-31T10:00:00+0900",
            "２０１９",
            "2019-05-31 10:00:00Z",
            "+019-05-31",
        ] {
            assert_eq!(date_time(text), None, "{text}");
        }
    }

    #[test]
    fn a_leap_second_is_the_second_before_it() {
        assert_eq!(ms("2016-12-31T23:59:60Z"), ms("2016-12-31T23:59:59Z"));
    }
}

//! Times: wall milliseconds, monotonic microseconds, and how RFC 3339 is read and printed.
//!
//! Decides how times add up (they saturate, they never wrap or panic). Must never ask a clock: the
//! shell passes the time in.

use std::fmt;

use serde::{Deserialize, Serialize};
use time::format_description::well_known::Rfc3339;
use time::{Date, Month, OffsetDateTime, Time};

/// Milliseconds since the Unix epoch, as wall clocks tell it: may jump, so never a duration's end.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct WallMs(pub u64);

/// Microseconds of a clock that never goes back; comparable within one process only.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct MonoUs(pub u64);

/// What the leader writes on a log entry, so that every member applies it at the same time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// The wall time at which the entry takes effect.
    pub now: WallMs,
}

/// Why a text is not a time that we can hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not RFC 3339.
    #[error("not an RFC 3339 time")]
    Malformed(#[source] time::error::Parse),
    /// Before 1970.
    #[error("a time before 1970")]
    BeforeEpoch,
}

impl WallMs {
    /// 9999-12-31T23:59:59.999Z, the last time that RFC 3339 can encode.
    pub const RFC3339_MAX: Self = Self(253_402_300_799_999);

    /// The epoch of whole seconds, as JWT claims count.
    #[must_use]
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(1_000))
    }

    /// Whole seconds since the epoch, rounded down.
    #[must_use]
    pub const fn secs(self) -> u64 {
        self.0 / 1_000
    }

    /// The date of HTTP headers (RFC 9110, section 5.6.7), cut to whole seconds and to the year 9999.
    #[must_use]
    pub fn to_http_date(self) -> String {
        let secs = i64::try_from(self.min(Self::RFC3339_MAX).secs()).unwrap_or_default();
        let at = OffsetDateTime::from_unix_timestamp(secs).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let (weekday, month) = (at.weekday().to_string(), at.month().to_string());
        let (day, year, (hour, minute, second)) = (at.day(), at.year(), at.to_hms());
        format!("{weekday:.3}, {day:02} {month:.3} {year:04} {hour:02}:{minute:02}:{second:02} GMT")
    }

    /// Reads the date of HTTP headers in each of its three forms (RFC 9110, section 5.6.7); the day of the week is passed
    /// over, and what is before 1970 is the epoch. A year of two digits is one of 1970 to 2069. Nothing is read from what is
    /// no date, or more than one.
    #[must_use]
    pub fn parse_http_date(text: &str) -> Option<Self> {
        let words = text.split([' ', ',', '-']).filter(|word| !word.is_empty());
        let words: Vec<&str> = words.collect();
        let (day, month, year, clock) = match *words.as_slice() {
            [_, day, month, year, clock, "GMT"] => (day, month, year, clock),
            [_, month, day, clock, year] => (day, month, year, clock),
            _ => return None,
        };
        let mut months = (1..=12_u8).filter_map(|at| Month::try_from(at).ok());
        let month = months.find(|known| known.to_string().get(..3) == Some(month))?;
        let year = match year.parse::<i32>().ok()? {
            of_two @ 0..70 if year.len() == 2 => 2_000 + of_two,
            of_two if year.len() == 2 => 1_900 + of_two,
            whole => whole,
        };
        let mut parts = clock.split(':').map(|part| part.parse().ok());
        let time = Time::from_hms(parts.next()??, parts.next()??, parts.next()??).ok()?;
        if parts.next().is_some() {
            return None;
        }
        let date = Date::from_calendar_date(year, month, day.parse().ok()?).ok()?;
        let secs = date.with_time(time).assume_utc().unix_timestamp();
        Some(Self::from_secs(u64::try_from(secs).unwrap_or(0)))
    }

    /// Later by so many milliseconds, at most the end of time.
    #[must_use]
    pub const fn plus_ms(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Earlier by so many milliseconds, at least the epoch.
    #[must_use]
    pub const fn minus_ms(self, ms: u64) -> Self {
        Self(self.0.saturating_sub(ms))
    }

    /// Milliseconds from `earlier` to this, or 0 if it is not earlier.
    #[must_use]
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Reads RFC 3339 with any offset; digits beyond the millisecond are cut off. Who needs the
    /// original text (signed documents do) keeps it beside this.
    ///
    /// # Errors
    /// Not RFC 3339, or before 1970.
    pub fn parse_rfc3339(text: &str) -> Result<Self, Error> {
        let parsed = OffsetDateTime::parse(text, &Rfc3339).map_err(Error::Malformed)?;
        let ms = parsed.unix_timestamp_nanos().div_euclid(1_000_000);
        u64::try_from(ms).map(Self).map_err(|_| Error::BeforeEpoch)
    }

    /// The RFC 3339 encoding in UTC with three digits of a second and `Z`; times past the year 9999
    /// are encoded as its last millisecond.
    #[must_use]
    pub fn to_rfc3339(self) -> String {
        let clamped = self.min(Self::RFC3339_MAX);
        let secs = i64::try_from(clamped.secs()).expect("clamped to the year 9999 above");
        let at = OffsetDateTime::from_unix_timestamp(secs).expect("clamped to the year 9999 above");
        format!(
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
            at.year(),
            u8::from(at.month()),
            at.day(),
            at.hour(),
            at.minute(),
            at.second(),
            clamped.0 % 1_000
        )
    }
}

impl fmt::Display for WallMs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_rfc3339())
    }
}

impl MonoUs {
    /// Later by so many microseconds, at most the end of time.
    #[must_use]
    pub const fn plus_us(self, us: u64) -> Self {
        Self(self.0.saturating_add(us))
    }

    /// Later by so many milliseconds, at most the end of time.
    #[must_use]
    pub const fn plus_ms(self, ms: u64) -> Self {
        self.plus_us(ms.saturating_mul(1_000))
    }

    /// Microseconds from `earlier` to this, or 0 if it is not earlier.
    #[must_use]
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// For `#[serde(with = "time::rfc3339")]`: how our signed documents encode a time.
pub mod rfc3339 {
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};

    use super::WallMs;

    /// Prints RFC 3339.
    ///
    /// # Errors
    /// Only those of the serialiser.
    pub fn serialize<S: Serializer>(at: &WallMs, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&at.to_rfc3339())
    }

    /// Reads RFC 3339.
    ///
    /// # Errors
    /// Not a string, not RFC 3339, or before 1970.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<WallMs, D::Error> {
        WallMs::parse_rfc3339(&String::deserialize(from)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rfc3339_is_read_with_any_offset_and_printed_in_utc() {
        for (text, ms) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2026-03-20T12:00:00Z", 1_774_008_000_000),
            ("2026-03-20T12:00:00.000Z", 1_774_008_000_000),
            ("2026-03-20T14:00:00.1239+02:00", 1_774_008_000_123),
            ("9999-12-31T23:59:59.999Z", WallMs::RFC3339_MAX.0),
        ] {
            assert_eq!(WallMs::parse_rfc3339(text), Ok(WallMs(ms)), "{text}");
        }
        assert_eq!(WallMs(1_774_008_000_007).to_string(), "2026-03-20T12:00:00.007Z");
        assert_eq!(WallMs(u64::MAX).to_string(), "9999-12-31T23:59:59.999Z");
    }

    #[test]
    fn http_dates_are_of_one_form() {
        for (ms, text) in [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (784_111_777_999, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (u64::MAX, "Fri, 31 Dec 9999 23:59:59 GMT"),
        ] {
            assert_eq!(WallMs(ms).to_http_date(), text);
        }
    }

    #[test]
    fn http_dates_are_read_in_three_forms() {
        for (text, secs) in [
            ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777),
            ("Sunday, 06-Nov-94 08:49:37 GMT", 784_111_777),
            ("Sun Nov  6 08:49:37 1994", 784_111_777),
            ("Friday, 20-Mar-26 12:00:00 GMT", 1_774_008_000),
            ("Wed, 31 Dec 1969 23:59:59 GMT", 0),
        ] {
            assert_eq!(WallMs::parse_http_date(text), Some(WallMs::from_secs(secs)), "{text}");
        }
        for bad in [
            "",
            "yesterday",
            "1994-11-06T08:49:37Z",
            "Sun, 06 Nov 1994 08:49:37 +0000",
            "Sun, 31 Feb 1994 08:49:37 GMT",
            "Sun, 06 nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49 GMT",
            "Sun, 06 Nov 1994 08:49:37:00 GMT",
            "Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT",
        ] {
            assert_eq!(WallMs::parse_http_date(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_is_not_a_time_is_refused() {
        for bad in ["", "2026-03-20", "2026-02-30T00:00:00Z", "2026-03-20T12:00:00", "10000-01-01"]
        {
            assert!(matches!(WallMs::parse_rfc3339(bad), Err(Error::Malformed(_))), "{bad}");
        }
        assert_eq!(WallMs::parse_rfc3339("1969-12-31T23:59:59.9Z"), Err(Error::BeforeEpoch));
    }

    #[test]
    fn times_saturate() {
        assert_eq!(WallMs(u64::MAX).plus_ms(1), WallMs(u64::MAX));
        assert_eq!(WallMs(3).minus_ms(5), WallMs(0));
        assert_eq!(WallMs(3).since(WallMs(5)), 0);
        assert_eq!(MonoUs(u64::MAX).plus_ms(u64::MAX), MonoUs(u64::MAX));
        assert_eq!(WallMs::from_secs(u64::MAX), WallMs(u64::MAX));
    }

    proptest! {
        #[test]
        fn printing_and_reading_give_the_time_back(ms in 0..=WallMs::RFC3339_MAX.0) {
            let at = WallMs(ms);
            let whole = WallMs::from_secs(at.secs());
            prop_assert_eq!(WallMs::parse_http_date(&at.to_http_date()), Some(whole));
            prop_assert_eq!(WallMs::parse_rfc3339(&at.to_rfc3339()).unwrap(), at);
        }
    }
}

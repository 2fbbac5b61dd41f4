//! Durations and sizes as people write them in configuration: `30s`, `250ms`, `64KiB`.
//!
//! It decides which texts are understood. It never guesses a unit: a bare number is refused,
//! because `timeout = 30` has meant seconds to one reader and milliseconds to the next.

use std::{fmt, str::FromStr, time};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A span of time written as a whole number and a unit: `us`, `ms`, `s`, `m`, `h` or `d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Duration(time::Duration);

/// A count of bytes written as a whole number and a unit: `B`, `KiB`, `MiB` or `GiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(u64);

/// Why a text is not a quantity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The text does not begin with a digit.
    #[error("`{text}` does not begin with a whole number")]
    NoNumber {
        /// What was written.
        text: String,
    },
    /// The unit is missing or is not one of ours.
    #[error("`{text}` needs one of the units {units}")]
    Unit {
        /// What was written.
        text: String,
        /// The units that are understood here.
        units: &'static str,
    },
    /// The quantity does not fit into 64 bits of its smallest unit.
    #[error("`{text}` is too large")]
    TooLarge {
        /// What was written.
        text: String,
    },
}

/// Units with how many of the smallest one each holds, smallest first.
type Scale = &'static [(&'static str, u64)];

const DURATION: Scale = &[
    ("us", 1),
    ("ms", 1_000),
    ("s", 1_000_000),
    ("m", 60_000_000),
    ("h", 3_600_000_000),
    ("d", 86_400_000_000),
];

const BYTES: Scale = &[("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];

impl Duration {
    /// A span of whole milliseconds.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(time::Duration::from_millis(millis))
    }

    /// A span of whole seconds.
    #[must_use]
    pub const fn from_secs(secs: u64) -> Self {
        Self(time::Duration::from_secs(secs))
    }

    /// The span as the standard library has it.
    #[must_use]
    pub const fn std(self) -> time::Duration {
        self.0
    }
}

impl Bytes {
    /// A count of single bytes.
    #[must_use]
    pub const fn new(count: u64) -> Self {
        Self(count)
    }

    /// A count of 1,024-byte units.
    #[must_use]
    pub const fn from_kib(kib: u64) -> Self {
        Self(kib * 1024)
    }

    /// The count.
    #[must_use]
    pub const fn count(self) -> u64 {
        self.0
    }

    /// The count as an index; on a machine where it does not fit, the largest index.
    #[must_use]
    pub fn as_usize(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl FromStr for Duration {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        parse(text, DURATION, "us, ms, s, m, h, d").map(|us| Self(time::Duration::from_micros(us)))
    }
}

impl FromStr for Bytes {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        parse(text, BYTES, "B, KiB, MiB, GiB").map(Self)
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(f, u64::try_from(self.0.as_micros()).unwrap_or(u64::MAX), DURATION)
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(f, self.0, BYTES)
    }
}

impl From<Duration> for time::Duration {
    fn from(span: Duration) -> Self {
        span.0
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(de::Error::custom)
    }
}

impl Serialize for Duration {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

fn parse(text: &str, scale: Scale, units: &'static str) -> Result<u64, Error> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(split);
    if digits.is_empty() {
        return Err(Error::NoNumber { text: text.to_owned() });
    }
    let Some((_, factor)) = scale.iter().find(|(name, _)| *name == unit) else {
        return Err(Error::Unit { text: text.to_owned(), units });
    };
    let number = digits.parse::<u64>().ok();
    number
        .and_then(|number| number.checked_mul(*factor))
        .ok_or_else(|| Error::TooLarge { text: text.to_owned() })
}

/// Writes the largest unit that divides the quantity, so that what is written parses to the same.
fn write(f: &mut fmt::Formatter<'_>, quantity: u64, scale: Scale) -> fmt::Result {
    let exact = scale.iter().rev().find(|(_, factor)| quantity.is_multiple_of(*factor));
    let (unit, factor) = exact.copied().unwrap_or(scale[0]);
    write!(f, "{}{unit}", quantity / factor)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_parses_to_the_same_quantity() {
        for (text, micros) in
            [("250ms", 250_000), ("30s", 30_000_000), ("7us", 7), ("1m", 60_000_000)]
        {
            let span: Duration = text.parse().unwrap();
            assert_eq!(span.std().as_micros(), micros);
            assert_eq!(span.to_string(), text);
        }
        for (text, count) in [("64KiB", 65_536), ("3MiB", 3 << 20), ("100B", 100)] {
            let bytes: Bytes = text.parse().unwrap();
            assert_eq!(bytes.count(), count);
            assert_eq!(bytes.to_string(), text);
        }
    }

    #[test]
    fn a_quantity_without_a_known_unit_is_refused_by_name() {
        let unit = |text: &str| matches!(text.parse::<Duration>(), Err(Error::Unit { .. }));
        assert!(unit("30") && unit("30 s") && unit("1.5s") && unit("30S"));
        assert!(matches!("".parse::<Duration>(), Err(Error::NoNumber { .. })));
        assert!(matches!("-1s".parse::<Duration>(), Err(Error::NoNumber { .. })));
        assert!(matches!("64KB".parse::<Bytes>(), Err(Error::Unit { .. })));
        let large = "99999999999999999999s".parse::<Duration>();
        assert!(matches!(large, Err(Error::TooLarge { .. })));
        assert!(matches!("18446744073709551615d".parse::<Duration>(), Err(Error::TooLarge { .. })));
    }
}

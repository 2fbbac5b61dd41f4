//! The bounds of a lease of envelopes: how many it takes, and how long it lasts.
//!
//! What is read from a log is checked too: no version ever let others in.

use serde::{Deserialize, Serialize};

/// Why a number is out of range: it says which range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct OutOfRange(&'static str);

/// How many envelopes a lease takes at most: each may carry 1 MiB of body for the registry to load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct LeaseLimit(u32);

impl TryFrom<u32> for LeaseLimit {
    type Error = OutOfRange;

    fn try_from(envelopes: u32) -> Result<Self, OutOfRange> {
        match envelopes {
            1..=100 => Ok(Self(envelopes)),
            _ => Err(OutOfRange("1 to 100")),
        }
    }
}

impl From<LeaseLimit> for u32 {
    fn from(limit: LeaseLimit) -> Self {
        limit.0
    }
}

/// How long a lease lasts, in ms: a shorter one ends on the way, a longer one delays a redelivery by minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct LeaseTtl(u64);

impl TryFrom<u64> for LeaseTtl {
    type Error = OutOfRange;

    fn try_from(ms: u64) -> Result<Self, OutOfRange> {
        match ms {
            1_000..=600_000 => Ok(Self(ms)),
            _ => Err(OutOfRange("1,000 to 600,000")),
        }
    }
}

impl From<LeaseTtl> for u64 {
    fn from(ttl: LeaseTtl) -> Self {
        ttl.0
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn what_is_out_of_bounds_is_refused_with_its_range_and_never_read() {
        for (envelopes, is_taken) in [(0_u32, false), (1, true), (100, true), (101, false)] {
            let taken = LeaseLimit::try_from(envelopes).map(u32::from);
            assert_eq!(taken.ok(), is_taken.then_some(envelopes), "{envelopes}");
            let written = rmp_serde::to_vec(&envelopes).unwrap();
            assert_eq!(rmp_serde::from_slice::<LeaseLimit>(&written).is_ok(), is_taken);
        }
        let ttls = [(999_u64, false), (1_000, true), (600_000, true), (600_001, false)];
        for (ms, is_taken) in ttls {
            let taken = LeaseTtl::try_from(ms).map(u64::from);
            assert_eq!(taken.ok(), is_taken.then_some(ms), "{ms}");
            let written = rmp_serde::to_vec(&ms).unwrap();
            assert_eq!(rmp_serde::from_slice::<LeaseTtl>(&written).is_ok(), is_taken);
        }
        let said = LeaseTtl::try_from(0_u64).map_err(|why| why.to_string());
        assert_eq!(said, Err("1,000 to 600,000".to_owned()));
    }

    #[test]
    fn a_bounded_number_keeps_its_bytes() {
        let (limit, ttl) =
            (LeaseLimit::try_from(9_u32).unwrap(), LeaseTtl::try_from(10_000_u64).unwrap());
        let numbers = rmp_serde::to_vec(&(9_u32, 10_000_u64)).unwrap();
        assert_eq!(rmp_serde::to_vec(&(limit, ttl)).unwrap(), numbers);
    }
}

//! The limit on what an address may send before anything of it is verified.
//!
//! Decides which addresses are one source: an IPv4 address, or an IPv6 /64, which one host may have
//! whole (attack case 36). Must never believe a header about the address, and never keep more state
//! than it started with, however many addresses come.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use gateway_core::gcra::RetryAfter;
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

/// Cells. Sources that fall into one cell share its limit; the seed is drawn at start, so nobody
/// can choose whom to share with. 65,536 cells are 2 MiB at most.
type Slot = u16;

/// One limit for each source.
pub(crate) struct AddressLimit {
    cells: DefaultKeyedRateLimiter<Slot>,
    seed: RandomState,
    clock: DefaultClock,
}

impl AddressLimit {
    /// So many requests a second, and so many at once; 0 counts as 1.
    pub(crate) fn new(per_second: u32, burst: u32) -> Self {
        let at_least_one = |count: u32| NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_second(at_least_one(per_second)).allow_burst(at_least_one(burst));
        let (seed, clock) = (RandomState::new(), DefaultClock::default());
        Self { cells: RateLimiter::keyed(quota), seed, clock }
    }

    /// Counts one request of an address.
    pub(crate) fn check(&self, address: IpAddr) -> Result<(), RetryAfter> {
        self.cells.check_key(&self.slot(address)).map_err(|refused| {
            let wait: Duration = refused.wait_time_from(self.clock.now());
            RetryAfter { us: u64::try_from(wait.as_micros()).unwrap_or(u64::MAX).max(1) }
        })
    }

    fn slot(&self, address: IpAddr) -> Slot {
        let [high, low, ..] = self.seed.hash_one(source(address)).to_be_bytes();
        Slot::from_be_bytes([high, low])
    }
}

/// The first 64 bits of an IPv6 address, or an IPv4 address, mapped or not.
fn source(address: IpAddr) -> (bool, u64) {
    match address.to_canonical() {
        IpAddr::V4(address) => (false, u64::from(address.to_bits())),
        IpAddr::V6(address) => (true, (address.to_bits() >> 64) as u64),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_an_ipv4_address_or_an_ipv6_64() {
        let of = |text: &str| source(text.parse().unwrap());
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }

    #[test]
    fn one_source_is_limited_and_told_when_to_come_back() {
        let limit = AddressLimit::new(1, 3);
        let address: IpAddr = "192.0.2.1".parse().unwrap();
        for _ in 0..3 {
            assert_eq!(limit.check(address), Ok(()));
        }
        assert_eq!(limit.check(address).unwrap_err().secs(), 1);
    }
}

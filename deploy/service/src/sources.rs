//! Where a request comes from, and how much may come from there before anything is verified.
//!
//! It decides which addresses are one source: an IPv4 address, or an IPv6 /64, which one host may
//! have whole (attack case 36). Which address a request has is told by `forwarded.rs`. It must never
//! keep more state than it started with, however many addresses come.

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
pub use ipnet::IpNet as Network;

/// Cells. Sources that fall into one cell share its limit; the seed is drawn at start, so nobody
/// can choose whom to share with. 65,536 cells are 2 MiB at most.
type Slot = u16;

/// One limit for each source.
pub struct SourceLimit {
    cells: DefaultKeyedRateLimiter<Slot>,
    seed: RandomState,
    clock: DefaultClock,
    per_second: u32,
    burst: u32,
}

/// The source has used up its share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exceeded {
    /// When the next request fits; never zero.
    pub retry_after: Duration,
}

impl Exceeded {
    /// Whole seconds, rounded up, at least 1: what `Retry-After` says.
    #[must_use]
    pub fn retry_after_s(self) -> u64 {
        self.retry_after.as_millis().div_ceil(1_000).try_into().unwrap_or(u64::MAX).max(1)
    }
}

impl SourceLimit {
    /// So many requests a second, and so many at once; 0 counts as 1.
    #[must_use]
    pub fn new(per_second: u32, burst: u32) -> Self {
        let at_least_one = |count: u32| NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_second(at_least_one(per_second)).allow_burst(at_least_one(burst));
        let (seed, clock) = (RandomState::new(), DefaultClock::default());
        Self { cells: RateLimiter::keyed(quota), seed, clock, per_second, burst }
    }

    /// Counts one request of a source.
    ///
    /// # Errors
    /// It has used up its share.
    pub fn check(&self, source: Source) -> Result<(), Exceeded> {
        self.take(source, NonZeroU32::MIN)
    }

    /// Counts as many requests of a source as one of them costs, less those that it has paid: the one that
    /// [`SourceLimit::check`] has counted, and what was charged since. What costs more than may come at once takes all.
    ///
    /// # Errors
    /// It has used up its share; then nothing is counted.
    pub fn charge(&self, source: Source, (paid, cost): (u32, u32)) -> Result<(), Exceeded> {
        let due = cost.min(self.burst.max(1)).saturating_sub(paid);
        let Some(due) = NonZeroU32::new(due) else { return Ok(()) };
        let one = Duration::from_secs(1) / self.per_second.max(1);
        // What comes again pays again from the beginning.
        let again =
            |exceeded: Exceeded| Exceeded { retry_after: exceeded.retry_after + one * paid };
        self.take(source, due).map_err(again)
    }

    /// Takes so many requests, at most the burst.
    fn take(&self, source: Source, count: NonZeroU32) -> Result<(), Exceeded> {
        let counted = self.cells.check_key_n(&self.slot(source), count);
        counted.expect("it is at most the burst").map_err(|refused| {
            let wait = refused.wait_time_from(self.clock.now());
            Exceeded { retry_after: wait.max(Duration::from_micros(1)) }
        })
    }

    /// `RateLimit-Policy`, as draft-ietf-httpapi-ratelimit-headers encodes it: a burst, and the
    /// seconds in which it comes back.
    #[must_use]
    pub fn policy_header(&self) -> String {
        let window_s = self.burst.max(1).div_ceil(self.per_second.max(1)).max(1);
        format!("\"source\";q={};w={window_s}", self.burst.max(1))
    }

    /// `RateLimit` of a refusal.
    #[must_use]
    pub fn exceeded_header(&self, exceeded: Exceeded) -> String {
        format!("\"source\";r=0;t={}", exceeded.retry_after_s())
    }

    fn slot(&self, source: Source) -> Slot {
        let [high, low, ..] = self.seed.hash_one(source).to_be_bytes();
        Slot::from_be_bytes([high, low])
    }
}

/// The first 64 bits of an IPv6 address, or an IPv4 address, mapped or not: the owner of one IPv6 address owns 2^64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// An IPv4 address.
    V4(u32),
    /// An IPv6 /64.
    V6(u64),
}

impl Source {
    /// The source that an address belongs to.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address.to_bits()),
            IpAddr::V6(address) => Self::V6((address.to_bits() >> 64) as u64),
        }
    }
}

/// The address, or the network in CIDR notation.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4(bits) => write!(f, "{}", Ipv4Addr::from_bits(*bits)),
            Self::V6(prefix) => write!(f, "{}/64", Ipv6Addr::from_bits(u128::from(*prefix) << 64)),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn case_36_a_source_is_an_ipv4_address_or_an_ipv6_64() {
        let of = |text: &str| Source::of(text.parse().unwrap());
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
        let encoded = ["::ffff:192.0.2.1", "2001:db8:1:2::1"].map(|text| of(text).to_string());
        assert_eq!(encoded, ["192.0.2.1", "2001:db8:1:2::/64"]);
    }

    #[test]
    fn case_36_hopping_within_a_64_gains_nothing() {
        let limit = SourceLimit::new(1, 3);
        let of = |last: u16| Source::of(format!("2001:db8::{last:x}").parse().unwrap());
        let hop = |last: u16| limit.check(of(last));
        for last in 1..=3 {
            assert_eq!(hop(last), Ok(()));
        }
        let exceeded = hop(4).unwrap_err();
        assert_eq!(exceeded.retry_after_s(), 1);
        assert_eq!(limit.policy_header(), "\"source\";q=3;w=3");
        assert_eq!(limit.exceeded_header(exceeded), "\"source\";r=0;t=1");
    }

    /// As a request comes: counted once, and charged when it is known what it costs.
    fn ask(limit: &SourceLimit, cost: u32) -> Result<(), Exceeded> {
        let source = Source::of("192.0.2.1".parse().unwrap());
        limit.check(source)?;
        limit.charge(source, (1, cost))
    }

    #[test]
    fn what_is_dear_empties_a_sources_share_sooner_and_what_costs_more_than_all_takes_all() {
        let answered = |cost| {
            let limit = SourceLimit::new(1, 30);
            (0..60).filter(|_| ask(&limit, cost).is_ok()).count()
        };
        assert_eq!((answered(0), answered(1)), (30, 30), "each counts as one at least");
        assert_eq!((answered(10), answered(30), answered(1_000)), (3, 1, 1));
        assert!(ask(&SourceLimit::new(1, 1), 50).is_ok(), "the smallest share is one");
    }

    #[test]
    fn whoever_waits_as_long_as_it_is_told_is_answered() {
        // Half is left, less the one that a request counts as: a tenth is missing, and that one again.
        let (limit, began) = (SourceLimit::new(1, 1_000), Instant::now());
        ask(&limit, 500).unwrap();
        let exceeded = ask(&limit, 600).unwrap_err();
        assert!(exceeded.retry_after + began.elapsed() >= Duration::from_secs(101));
        assert!(exceeded.retry_after <= Duration::from_secs(101));
        // In quick time: the first wait may be for the one request only.
        let limit = SourceLimit::new(1_000, 40);
        ask(&limit, 40).unwrap();
        let waits = || {
            let exceeded = ask(&limit, 50).err()?;
            std::thread::sleep(exceeded.retry_after);
            Some(())
        };
        assert!(std::iter::from_fn(waits).take(3).count() < 3);
    }
}

//! The limit on what one address may send before anything of it is verified: the counters of `deploy-service`, with the
//! gateway's answers. It must never look for the address itself: the listener tells it, and believes trusted proxies alone
//! (attack case 36).

use std::net::IpAddr;

use deploy_service::{Source, SourceLimit};
use gateway_core::gcra::RetryAfter;

/// One limit for each source: an IPv4 address or an IPv6 /64.
pub(crate) struct AddressLimit(SourceLimit);

impl AddressLimit {
    /// So many requests a second, and so many at once; 0 counts as 1.
    pub(crate) fn new(per_second: u32, burst: u32) -> Self {
        Self(SourceLimit::new(per_second, burst))
    }

    /// Counts one request of an address.
    pub(crate) fn check(&self, address: IpAddr) -> Result<(), RetryAfter> {
        self.0.check(Source::of(address)).map_err(|exceeded| RetryAfter {
            us: u64::try_from(exceeded.retry_after.as_micros()).unwrap_or(u64::MAX).max(1),
        })
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

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

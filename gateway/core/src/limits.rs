//! What a caller is told about its limit.
//!
//! Decides the values of `RateLimit-Policy`, `RateLimit` and `Retry-After`
//! (draft-ietf-httpapi-ratelimit-headers-10; RFC 9110, section 10.2.3). Must never round in the
//! caller's favour: who waits as told is let in.

use crate::gcra::{Quota, Remaining, RetryAfter};

/// A limit as it is named to callers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Its name: a plain token without quotes.
    pub name: &'static str,
    /// What it allows this caller.
    pub quota: Quota,
}

impl Policy {
    /// The value of `RateLimit-Policy`.
    #[must_use]
    pub fn policy_header(&self) -> String {
        let window = secs(self.quota.window_us());
        format!("\"{}\";q={};w={window}", self.name, self.quota.burst())
    }

    /// The value of `RateLimit` for a request that was let in.
    #[must_use]
    pub fn remaining_header(&self, left: Remaining) -> String {
        format!("\"{}\";r={};t={}", self.name, left.requests, secs(left.full_in_us))
    }

    /// The value of `RateLimit` for a request that was refused.
    #[must_use]
    pub fn refused_header(&self, retry: RetryAfter) -> String {
        format!("\"{}\";r=0;t={}", self.name, retry.secs())
    }
}

const fn secs(us: u64) -> u64 {
    us.div_ceil(1_000_000)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proto_types::MonoUs;

    use super::*;
    use crate::gcra::Cell;

    #[test]
    fn the_headers_say_quota_window_rest_and_wait() {
        let policy = Policy { name: "peer", quota: Quota::new(2, 60_000_000).unwrap() };
        assert_eq!(policy.policy_header(), "\"peer\";q=2;w=60");
        let cell = Cell::default();
        let now = MonoUs(1);
        let left = cell.check(now, policy.quota).unwrap();
        assert_eq!(policy.remaining_header(left), "\"peer\";r=1;t=30");
        cell.check(now, policy.quota).unwrap();
        let retry = cell.check(now, policy.quota).unwrap_err();
        assert_eq!(policy.refused_header(retry), "\"peer\";r=0;t=30");
    }
}

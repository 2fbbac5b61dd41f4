//! The section `gateway.bounds`: what calls may use up, as rules take it.
//!
//! Decides which bounds are refused. Must never change one.

use deploy_service::units::Duration;
use gateway_core::gcra::Quota;

use super::{Bounds, Contradiction};

/// The registry refuses envelopes that would be kept longer; its clock is not ours.
const ENVELOPE_TTL_S_MAX: u64 = 7 * 86_400 - 600;

impl Bounds {
    /// The limit of one peer.
    pub(crate) fn peer_quota(&self) -> Quota {
        let window_us = u64::try_from(self.peer_window.std().as_micros()).unwrap_or(u64::MAX);
        Quota::new(self.peer_requests, window_us).expect("check() refuses zero")
    }

    pub(super) fn check(&self) -> Result<(), Contradiction> {
        let counts = [
            ("address_requests_per_second", u64::from(self.address_requests_per_second)),
            ("address_burst", u64::from(self.address_burst)),
            ("peer_requests", u64::from(self.peer_requests)),
            ("waiting_max", self.waiting_max as u64),
            ("spend_queue_max", self.spend_queue_max as u64),
            ("polls_max", self.polls_max as u64),
        ];
        let counts = counts.map(|(field, count)| (field, "1 and more", count > 0));
        let secs = |least, span: Duration, most| (least..=most).contains(&span.std().as_secs());
        let body = (1..=960 << 10).contains(&self.call_bytes_max.count());
        let spans = [
            ("call_bytes_max", "1B to 960KiB", body),
            ("peer_window", "1s to 1d", secs(1, self.peer_window, 86_400)),
            ("task_deadline", "1s to 1h", secs(1, self.task_deadline, 3_600)),
            ("heartbeat", "100ms and more", self.heartbeat >= Duration::from_millis(100)),
            ("envelope_ttl", "1s to 7d less 10m", secs(1, self.envelope_ttl, ENVELOPE_TTL_S_MAX)),
            ("envelope_lease", "1s to 10m", secs(1, self.envelope_lease, 600)),
        ];
        let outside = counts.into_iter().chain(spans).find(|(_, _, holds)| !holds);
        outside.map_or(Ok(()), |(field, range, _)| Err(Contradiction::Range { field, range }))
    }
}

//! The section `gateway.bounds`: what calls may use up, as rules take it.
//!
//! Decides which bounds are refused. Must never change one.

use deploy_service::units::{Bytes, Duration};
use gateway_core::gcra::Quota;

use super::{Bounds, Contradiction};

/// The registry refuses envelopes that would be kept longer; its clock is not ours.
const ENVELOPE_TTL_S_MAX: u64 = 7 * 86_400 - 600;

impl Default for Bounds {
    fn default() -> Self {
        Self {
            address_requests_per_second: 2_000,
            address_burst: 4_000,
            peer_requests: 60_000,
            peer_window: Duration::from_secs(60),
            newcomer_requests: 240_000,
            quarantine_after: 100,
            adaptive_concurrency: true,
            in_flight_min: 256,
            call_bytes_max: Bytes::from_kib(960),
            task_deadline: Duration::from_secs(120),
            waiting_max: 4_096,
            spend_queue_max: 8_192,
            bound_tokens_max: 1_000_000,
            heartbeat: Duration::from_secs(10),
            envelope_ttl: Duration::from_secs(6 * 86_400),
            envelope_lease: Duration::from_secs(30),
            polls_max: 256,
        }
    }
}

impl Bounds {
    /// The limit of one peer, at all gateways.
    pub(crate) fn peer_quota(&self) -> Quota {
        Quota::new(self.peer_requests, self.peer_window_us()).expect("check() refuses zero")
    }

    /// The limit of all newcomers together, at this gateway; `None` if they have none.
    pub(crate) fn newcomers_quota(&self) -> Option<Quota> {
        Quota::new(self.newcomer_requests, self.peer_window_us())
    }

    fn peer_window_us(&self) -> u64 {
        u64::try_from(self.peer_window.std().as_micros()).unwrap_or(u64::MAX)
    }

    pub(super) fn check(&self) -> Result<(), Contradiction> {
        let counts = [
            ("address_requests_per_second", u64::from(self.address_requests_per_second)),
            ("address_burst", u64::from(self.address_burst)),
            ("peer_requests", u64::from(self.peer_requests)),
            ("in_flight_min", u64::from(self.in_flight_min)),
            ("waiting_max", self.waiting_max as u64),
            ("spend_queue_max", self.spend_queue_max as u64),
            ("bound_tokens_max", self.bound_tokens_max as u64),
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

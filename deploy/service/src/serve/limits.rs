//! The numbers that a listener lives by.
//!
//! It decides their defaults and which of them contradict each other. It never enforces one.

use serde::Deserialize;

use crate::settings::Setting;
use crate::shutdown;
use crate::units::{Bytes, Duration};

/// What clients of one listener may use up. Every field has a default.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Setting)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Connections at once; one more is answered 503. Arbitrary; each costs up to
    /// `headers_bytes_max` and one descriptor. At a registry, only those stay in the last quarter that prove within
    /// `header_timeout` to be of the system's own roles or the operator; at a gateway everybody may.
    pub connections_max: u32,
    /// Connections at once from one IPv4 address or one IPv6 /64; one more is answered 429.
    /// A quarter of the whole, so that no single address can fill the listener.
    pub connections_per_address_max: u32,
    /// What requests and answers may hold at once, of everybody. A quarter is kept for the system's own roles and the
    /// operator, and each source may hold half of what is free of the rest. Arbitrary.
    pub memory_max: Bytes,
    /// What requests and answers of one connection may hold: a few of the longest documents. Not for the system's own,
    /// nor for a trusted proxy.
    pub memory_per_connection_max: Bytes,
    /// From the first wait to the last header byte; also how long HTTP/1.1 may idle between
    /// requests. At most 10 s: slow headers are how a listener is held with few packets.
    pub header_timeout: Duration,
    /// How long the next piece of a request body may take. A gRPC stream of one of the system's own roles may
    /// idle between two messages: the connection's pings watch it.
    pub body_timeout: Duration,
    /// The slowest average that a request body may come at, in bytes a second, after
    /// `body_timeout` of waiting.
    pub body_rate_min: Bytes,
    /// How long the client may leave no room for one write.
    pub write_timeout: Duration,
    /// A request's header section: more is answered 431. At least 8 KiB, which hyper needs.
    pub headers_bytes_max: Bytes,
    /// A request's target: more is answered 414. RFC 9110 4.1 asks for at least 8,000.
    pub uri_bytes_max: Bytes,
    /// HTTP/2 streams at once in one connection. RFC 9113 6.5.2 advises at least 100.
    pub h2_streams_max: u32,
    /// HTTP/2 streams that the client reset before we looked: more ends the connection
    /// (rapid reset, CVE-2023-44487). The default of the h2 crate.
    pub h2_resets_pending_max: usize,
    /// HTTP/2 streams that we reset for the client's errors: more ends the connection
    /// (RUSTSEC-2024-0003). Arbitrary; a client in order causes none.
    pub h2_resets_local_max: usize,
    /// How often an HTTP/2 client must show that it lives.
    pub h2_ping_interval: Duration,
    /// How long its answer may take.
    pub h2_ping_timeout: Duration,
    /// How long connections are still accepted after readiness went down. Zero suits a process
    /// that no balancer watches; behind one, take its probe interval.
    pub lame_duck: Duration,
    /// How long requests in flight may finish; streams end 2 s before that, or after three quarters of it. With the
    /// lame-duck time it should stay below the 30 s after which Kubernetes kills by default.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 4096,
            connections_per_address_max: 1024,
            memory_max: Bytes::from_kib(256 * 1024),
            memory_per_connection_max: Bytes::from_kib(16 * 1024),
            header_timeout: HEADER_TIMEOUT_MAX,
            body_timeout: Duration::from_secs(10),
            body_rate_min: Bytes::from_kib(1),
            write_timeout: Duration::from_secs(30),
            headers_bytes_max: Bytes::from_kib(32),
            uri_bytes_max: Bytes::from_kib(8),
            h2_streams_max: 256,
            h2_resets_pending_max: 20,
            h2_resets_local_max: 128,
            h2_ping_interval: Duration::from_secs(5),
            h2_ping_timeout: Duration::from_secs(5),
            lame_duck: Duration::from_millis(0),
            drain: Duration::from_secs(20),
        }
    }
}

/// The bound on slow headers that our attack case 28 asks for.
const HEADER_TIMEOUT_MAX: Duration = Duration::from_secs(10);
/// hyper refuses a smaller buffer.
const HEADERS_BYTES_MIN: Bytes = Bytes::from_kib(8);
/// HTTP/2 states the size as a 32-bit setting, and no header of ours needs more.
const HEADERS_BYTES_CEILING: Bytes = Bytes::from_kib(1024);

/// What the end of a stream needs to reach its client, and its connection to close. Arbitrary: a few round trips.
const FAREWELL_MAX: std::time::Duration = std::time::Duration::from_secs(2);

/// Limits that cannot hold together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Contradiction {
    /// A slow header could hold a connection for longer than we promise.
    #[error("header_timeout is {is}, above {HEADER_TIMEOUT_MAX}")]
    HeaderTimeout {
        /// What was asked for.
        is: Duration,
    },
    /// The header section is outside what the server can hold to.
    #[error("headers_bytes_max is {is}, outside {HEADERS_BYTES_MIN} to {HEADERS_BYTES_CEILING}")]
    HeadersBytes {
        /// What was asked for.
        is: Bytes,
    },
    /// Nothing could ever be served.
    #[error("{field} is zero")]
    Zero {
        /// Which limit.
        field: &'static str,
    },
}

impl Limits {
    /// From the wish to stop until a process that serves under these limits must have ended.
    #[must_use]
    pub fn stop_timeout(&self) -> std::time::Duration {
        self.lame_duck.std() + self.drain.std() + shutdown::CLOSING_MAX
    }

    /// From the wish to stop until what lasts, a stream or a long wait, has to end by itself: a little before it would be cut.
    #[must_use]
    pub fn streams_end(&self) -> std::time::Duration {
        let drain = self.drain.std();
        self.lame_duck.std() + drain - FAREWELL_MAX.min(drain / 4)
    }

    /// Checks the limits against each other; call it once, after loading.
    ///
    /// # Errors
    /// The first [`Contradiction`].
    pub fn validate(&self) -> Result<(), Contradiction> {
        if self.header_timeout > HEADER_TIMEOUT_MAX {
            return Err(Contradiction::HeaderTimeout { is: self.header_timeout });
        }
        if !(HEADERS_BYTES_MIN..=HEADERS_BYTES_CEILING).contains(&self.headers_bytes_max) {
            return Err(Contradiction::HeadersBytes { is: self.headers_bytes_max });
        }
        let counts = [
            ("connections_max", u64::from(self.connections_max)),
            ("connections_per_address_max", u64::from(self.connections_per_address_max)),
            ("memory_max", self.memory_max.count()),
            ("memory_per_connection_max", self.memory_per_connection_max.count()),
            ("body_rate_min", self.body_rate_min.count()),
            ("uri_bytes_max", self.uri_bytes_max.count()),
            ("h2_streams_max", u64::from(self.h2_streams_max)),
        ];
        let zero = counts.into_iter().find(|(_, count)| *count == 0);
        zero.map_or(Ok(()), |(field, _)| Err(Contradiction::Zero { field }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_ends_before_it_is_cut_however_short_the_drain_is() {
        let ends = |lame_duck, drain| {
            let (lame_duck, drain) =
                (Duration::from_millis(lame_duck), Duration::from_millis(drain));
            Limits { lame_duck, drain, ..Limits::default() }.streams_end().as_millis()
        };
        assert_eq!(ends(0, 20_000), 18_000);
        assert_eq!(ends(5_000, 4_000), 8_000);
        assert_eq!((ends(0, 0), ends(0, 1_000)), (0, 750));
    }

    #[test]
    fn contradictions_are_named() {
        let with = |change: fn(&mut Limits)| {
            let mut limits = Limits::default();
            change(&mut limits);
            limits.validate()
        };
        assert_eq!(with(|_| ()), Ok(()));
        let is = Duration::from_secs(11);
        assert_eq!(
            with(|limits| limits.header_timeout = Duration::from_secs(11)),
            Err(Contradiction::HeaderTimeout { is })
        );
        let is = Bytes::from_kib(4);
        assert_eq!(
            with(|limits| limits.headers_bytes_max = Bytes::from_kib(4)),
            Err(Contradiction::HeadersBytes { is })
        );
        let field = "connections_max";
        assert_eq!(with(|limits| limits.connections_max = 0), Err(Contradiction::Zero { field }));
    }
}

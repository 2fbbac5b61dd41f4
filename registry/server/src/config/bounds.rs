//! What calls may use up, and how the cluster behaves.
//! It decides defaults; it must never leave anything without a bound.

use deploy_service::settings::Setting;
use deploy_service::units::{Bytes, Duration};
use serde::Deserialize;

/// What calls may use up.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Setting)]
#[serde(default, deny_unknown_fields)]
pub struct Bounds {
    /// Watch streams and long polls at once. Each holds a page of changes at most. Arbitrary.
    pub watchers_max: usize,
    /// Node sessions at once. Each holds a queue of 256 orders at most. Arbitrary.
    pub sessions_max: usize,
    /// Uploads of artifacts at once; each holds a few MiB.
    pub uploads_max: usize,
    /// The largest artifact.
    pub artifact_bytes_max: Bytes,
    /// Requests a second from one IPv4 address or IPv6 /64 without a secret or certificate that is known;
    /// a token counts as unknown, since judging it takes a signature check. A record is
    /// read in some 20 us, so that one source can take about a twentieth of a core. What takes longer counts as
    /// more than one: the check of a signed document as 5, a search as 10, a catalog of the marketplace as 50, and a
    /// page of a list as one more for each 16 names, two entries, or document that it may have. For changes, one more
    /// for each two that were read, wanted or not.
    pub source_requests_per_second: u32,
    /// How many of them may come at once. What counts as more takes all of them.
    pub source_burst: u32,
    /// The most memory for blocks of the state, taken as they are read. Searches read them at random: the
    /// default holds what searches over 100,000 cards read; with an eighth of it they cost six times as much.
    /// Beside it a member holds up to some 130 MiB of newest writes, which grow to that within hours of a light load:
    /// see `ecumene_registry_memory_own_bytes` and the figures of its parts.
    pub block_cache_bytes: Bytes,
    /// How long a write waits for its answer before it is in doubt.
    pub propose_timeout: Duration,
}

/// How the cluster behaves.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Setting)]
#[serde(default, deny_unknown_fields)]
pub struct Cluster {
    /// From one heartbeat to the next.
    pub heartbeat: Duration,
    /// The shortest silence after which a follower calls an election.
    pub election_min: Duration,
    /// The longest.
    pub election_max: Duration,
    /// Log entries from one snapshot to the next.
    pub snapshot_every_logs: u64,
    /// Log entries kept behind a snapshot.
    pub logs_kept: u64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            watchers_max: 1_024,
            sessions_max: 4_096,
            uploads_max: 4,
            artifact_bytes_max: Bytes::from_kib(64 * 1024),
            source_requests_per_second: 2_000,
            source_burst: 4_000,
            block_cache_bytes: Bytes::from_kib(512 * 1024),
            propose_timeout: Duration::from_secs(10),
        }
    }
}

impl Default for Cluster {
    fn default() -> Self {
        let timings = registry_raft::Timings::default();
        let millis = |time: std::time::Duration| {
            Duration::from_millis(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
        };
        Self {
            heartbeat: millis(timings.heartbeat),
            election_min: millis(timings.election_min),
            election_max: millis(timings.election_max),
            snapshot_every_logs: 20_000,
            logs_kept: 5_000,
        }
    }
}

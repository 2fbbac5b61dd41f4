//! The settings of consensus, and which contradict each other. Nothing falls back to a default in silence.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use openraft::SnapshotPolicy;

use crate::{Clock, Error};

/// Voters of a cluster. Each further one makes every write slower; five survive the loss of two.
pub const VOTERS_MAX: usize = 5;

/// How a member is set up.
#[derive(Clone, Debug)]
pub struct Config {
    /// Its number, unique in the cluster and never used again.
    pub id: u64,
    /// Its directory; made if it does not exist.
    pub dir: PathBuf,
    /// The voters of a new cluster and their base URLs, itself among them. An existing cluster keeps its own list.
    pub members: BTreeMap<u64, String>,
    /// Whether a new cluster may be made of `members`. It is made once, by the lowest number, when each of them answers
    /// that it has no data.
    pub bootstrap: bool,
    /// When a leader counts as lost.
    pub timings: Timings,
    /// Log entries from one snapshot to the next.
    pub snapshot_every_logs: u64,
    /// Log entries kept behind a snapshot, for followers that are a little late.
    pub logs_kept: u64,
    /// The bounds of the store.
    pub store: registry_store::Options,
    /// This member's clock; the stamps of entries follow those of a majority.
    pub clock: Clock,
}

/// Heartbeat and election times. A follower holds a leader's lease for `election_max` after its last word, and waits
/// a time between `election_min` and `election_max` more: by default 0.8 to 1 s, eight missed heartbeats at least, which
/// a loaded machine of two cores keeps (docs/decisions/0011-who-votes-and-when.md).
#[derive(Clone, Copy, Debug)]
pub struct Timings {
    /// From one heartbeat to the next.
    pub heartbeat: Duration,
    /// The shortest time a follower waits once the leader's lease has run out.
    pub election_min: Duration,
    /// The longest, and the leader's lease.
    pub election_max: Duration,
}

impl Default for Timings {
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_millis(100),
            election_min: Duration::from_millis(300),
            election_max: Duration::from_millis(500),
        }
    }
}

/// Entries in one replication message; its bytes are bounded by the log reader.
const REPLICATE_ENTRIES_MAX: u64 = 256;

/// Entries purged at a time: one range tombstone for many entries.
const PURGE_ENTRIES_MIN: u64 = 256;

impl Config {
    /// A member with the default bounds and times.
    #[must_use]
    pub fn new(id: u64, dir: impl Into<PathBuf>, members: BTreeMap<u64, String>) -> Self {
        Self {
            id,
            dir: dir.into(),
            members,
            bootstrap: true,
            timings: Timings::default(),
            snapshot_every_logs: 20_000,
            logs_kept: 5_000,
            store: registry_store::Options::default(),
            clock: Clock::system(),
        }
    }

    /// Whether this member has to make the cluster if there is none.
    pub(crate) fn founds(&self) -> bool {
        self.founder() == Some(self.id)
    }

    /// Who makes the cluster, if this member is to be one of its first.
    pub(crate) fn founder(&self) -> Option<u64> {
        self.members.keys().next().copied().filter(|_| self.bootstrap)
    }

    pub(crate) fn openraft(&self) -> Result<openraft::Config, Error> {
        if self.bootstrap && !self.members.contains_key(&self.id) {
            return Err(Error::Config(format!("member {} is not among its members", self.id)));
        }
        let config = openraft::Config {
            cluster_name: "ecumene-registry".to_owned(),
            heartbeat_interval: millis(self.timings.heartbeat),
            election_timeout_min: millis(self.timings.election_min),
            election_timeout_max: millis(self.timings.election_max),
            max_payload_entries: REPLICATE_ENTRIES_MAX,
            snapshot_policy: SnapshotPolicy::LogsSinceLast(self.snapshot_every_logs),
            max_in_snapshot_log_to_keep: self.logs_kept,
            purge_batch_size: PURGE_ENTRIES_MIN.min(self.snapshot_every_logs),
            // A follower is sent entries as long as there are some: a snapshot costs far more.
            replication_lag_threshold: u64::MAX,
            // A member that comes back asks first and leaves a healthy leader alone.
            enable_pre_vote: Some(true),
            // A restarted leader is elected anew: its state may lie behind what it had served (what was in memory
            // is applied again), and only an election finds that out.
            enable_leader_restore: Some(false),
            // Followers write while the leader's own sync is still under way.
            broadcast_submitted_on_append: Some(true),
            ..openraft::Config::default()
        };
        config.validate().map_err(|cause| Error::Config(cause.to_string()))
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

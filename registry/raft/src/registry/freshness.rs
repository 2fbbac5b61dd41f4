//! The age of a member's state, from one moment of consensus: whether a known leader counts as one of the past. Two
//! moments are never mixed. A follower's contact is in `network/contact.rs`.

use std::time::Duration;

use openraft::{Instant as _, RaftMetrics};

use super::Registry;
use crate::network::Confirmed;
use crate::observed;
use crate::types::TypeConfig;

impl Registry {
    /// How old this member's view is at most: everything that was acknowledged longer ago, anywhere in the cluster, is in
    /// it. A leader knows it since a majority answered it, a follower by the leader's word. `None` as long as neither has
    /// happened.
    #[must_use]
    pub fn age(&self) -> Option<Duration> {
        let seen = observed::metrics(&self.inner.raft).now(Freshness::of);
        // Before it has applied an entry of its own term a leader may lack what another one acknowledged.
        if seen.led_term == Some(self.inner.published.term()) {
            return seen.led_age;
        }
        self.inner.contact.age(seen.applied)
    }
}

/// For how long a leader counts without a majority's answers: some elections, so that a change of leader makes nobody
/// unready. Arbitrary.
const CONTACT_MAX: Duration = Duration::from_secs(3);

impl Registry {
    /// Whether a majority has answered lately: this member, if it leads or did, or the leader whose word it has. Otherwise a
    /// leader that it knows is one of the past: it was read from disk, or nobody else could be elected.
    #[must_use]
    pub fn in_contact(&self) -> bool {
        let led = observed::metrics(&self.inner.raft)
            .now(|metrics| led_age(metrics).filter(|_| metrics.state.is_leader()));
        let ago = led.into_iter().chain(self.inner.contact.heard_ago()).min();
        ago.is_some_and(|ago| ago <= CONTACT_MAX)
    }
}

/// What this leader knows at the newest answer of a majority. All of it is of one moment of consensus.
pub(super) fn confirmed(metrics: &RaftMetrics<TypeConfig>) -> Option<Confirmed> {
    let commit = metrics.cluster_committed.as_ref()?;
    let own = **commit.committed_leader_id() == metrics.current_term;
    let ago = led_age(metrics).filter(|_| own)?;
    Some(Confirmed { ago, commit: commit.index() })
}

/// What the age of a member's view follows from; all of it is of one moment of consensus.
struct Freshness {
    /// The term, while the member leads.
    led_term: Option<u64>,
    /// How long ago a majority answered it, while it leads.
    led_age: Option<Duration>,
    /// The last entry in its state.
    applied: Option<u64>,
}

impl Freshness {
    fn of(metrics: &RaftMetrics<TypeConfig>) -> Self {
        Self {
            led_term: metrics.state.is_leader().then_some(metrics.current_term),
            led_age: led_age(metrics),
            applied: metrics.last_applied.as_ref().map(|last| last.index()),
        }
    }
}

/// How long ago a majority answered this leader.
fn led_age(metrics: &RaftMetrics<TypeConfig>) -> Option<Duration> {
    if metrics.membership_config.membership().voter_ids().count() == 1 {
        return Some(Duration::ZERO);
    }
    metrics.last_quorum_acked.map(|at| at.into_inner().elapsed())
}

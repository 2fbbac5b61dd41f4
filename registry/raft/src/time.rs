//! The cluster's time at this member: told by the leader, or kept from the voters' clocks while it leads
//! (`registry-core`, `timekeeper.rs`). Once it knows the time of a majority, it never gives out this member's own clock.
//!
//! `network/peer.rs` brings the followers' clocks to the leader and the agreed time to the followers;
//! `registry/clocks.rs` names a clock that is far off.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use proto_types::{MonoUs, WallMs};
use registry_core::timekeeper::{OFFSET_MAX_MS, Timekeeper};

use crate::Clock;
use crate::machine::Published;

/// How long a new leader waits for the clocks of a majority, which come with the answers to its first messages. Members
/// of an older version tell none; then the state's time goes on at its pace.
const PATIENCE: Duration = Duration::from_secs(1);

/// From one look to the next.
const PAUSE: Duration = Duration::from_millis(10);

type Voters = Box<dyn Fn() -> BTreeSet<u64> + Send + Sync>;

pub(crate) struct Time {
    id: u64,
    clock: Clock,
    begun: Instant,
    keeper: Mutex<Timekeeper>,
    published: Arc<Published>,
    /// Set once consensus runs; it must hold no handle of consensus, which holds this.
    voters: OnceLock<Voters>,
}

impl Time {
    pub(crate) fn new(id: u64, clock: Clock, published: Arc<Published>) -> Self {
        let (begun, keeper, voters) = (Instant::now(), Mutex::default(), OnceLock::new());
        Self { id, clock, begun, keeper, published, voters }
    }

    pub(crate) fn voters_by(&self, voters: Voters) {
        // There is one start.
        let _ = self.voters.set(voters);
    }

    /// What this member's own clock shows.
    pub(crate) fn own(&self) -> WallMs {
        self.clock.now()
    }

    /// Takes what another member's clock shows.
    pub(crate) fn hear(&self, member: u64, shows: WallMs) {
        self.keeper().hear(member, shows, self.at());
    }

    /// Takes the time from the leader.
    pub(crate) fn follow(&self, time: WallMs) {
        self.keeper().follow(time, self.at());
    }

    /// What a leader tells the others.
    pub(crate) fn announced(&self) -> Option<WallMs> {
        let (voters, own, state) = (self.voters(), (self.id, self.own()), self.state());
        self.keeper().stamp(&voters, own, state, self.at())
    }

    /// What a leader stamps an entry with. Waits a little for a majority's clocks.
    pub(crate) async fn stamp(&self) -> WallMs {
        let since = Instant::now();
        loop {
            if let Some(time) = self.announced() {
                return time;
            }
            if since.elapsed() > PATIENCE {
                let (at, own, state) = (self.at(), self.own(), self.state());
                return self.keeper().alone(own, state, at);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// The time by which this member judges: never before the state's, and its own clock as long as nobody has told it.
    pub(crate) fn now(&self) -> WallMs {
        let (at, own, state) = (self.at(), self.own(), self.state());
        let mut keeper = self.keeper();
        let now = keeper.now(at).unwrap_or(own).max(state);
        keeper.give(now)
    }

    /// How far the voters' clocks are from the cluster's time, in ms.
    pub(crate) fn offsets(&self) -> BTreeMap<u64, i64> {
        let (voters, own) = (self.voters(), (self.id, self.own()));
        self.keeper().offsets(&voters, own, self.at())
    }

    /// How far this member's own clock is, by what a leader told of late or it keeps itself.
    pub(crate) fn own_offset(&self) -> Option<i64> {
        let own = self.own();
        let now = self.keeper().now(self.at())?;
        let apart = i64::try_from(own.0.abs_diff(now.0)).unwrap_or(i64::MAX);
        Some(if own < now { -apart } else { apart })
    }

    /// How far the state's time is ahead of the cluster's.
    pub(crate) fn state_ahead_ms(&self) -> u64 {
        let kept = self.keeper().now(self.at());
        kept.map_or(0, |now| self.state().since(now))
    }

    /// Whether a member with this clock should not stand for election: as long as a leader tells the time.
    pub(crate) fn stands_back(&self) -> bool {
        self.keeper().is_told(self.at()) && self.own_offset().is_some_and(is_off)
    }

    fn state(&self) -> WallMs {
        self.published.clock()
    }

    fn voters(&self) -> BTreeSet<u64> {
        self.voters.get().map(|voters| voters()).unwrap_or_default()
    }

    fn at(&self) -> MonoUs {
        MonoUs(u64::try_from(self.begun.elapsed().as_micros()).unwrap_or(u64::MAX))
    }

    fn keeper(&self) -> MutexGuard<'_, Timekeeper> {
        self.keeper.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a clock is so far off that its member is named and does not lead.
pub(crate) fn is_off(offset_ms: i64) -> bool {
    offset_ms.unsigned_abs() > OFFSET_MAX_MS
}

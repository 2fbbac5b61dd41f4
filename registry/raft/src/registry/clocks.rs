//! The cluster's time for whoever needs it, and on the leader the clocks that are far from it. A leader with such a clock
//! hands over, but never to a member whose clock is no better.

use std::sync::Arc;

use proto_types::WallMs;

use super::{Registry, Status};
use crate::Clock;
use crate::time::is_off;

impl Registry {
    /// The time by which everything is judged that depends on it: that of a majority's clocks, and never before the
    /// state's.
    #[must_use]
    pub fn time(&self) -> WallMs {
        self.inner.time.now()
    }

    /// [`Registry::time`] as a clock, for whoever is given one.
    #[must_use]
    pub fn clock(&self) -> Clock {
        let time = Arc::clone(&self.inner.time);
        Clock::new(move || time.now())
    }

    /// The time that a majority's clocks show, whatever the state's is; on the leader, once it knows them.
    #[must_use]
    pub fn clocks_time(&self) -> Option<WallMs> {
        self.inner.time.announced()
    }

    /// Names every clock that is far off, and hands over if it is this member's.
    pub(super) async fn look_at_clocks(&self, status: &Status) {
        for (id, peer) in &status.peers {
            if let Some(offset_ms) = peer.clock_offset_ms.filter(|offset| is_off(*offset)) {
                tracing::warn!(member = id, offset_ms, "a member's clock is far from the others'");
            }
        }
        if !status.clock_offset_ms.is_some_and(is_off) {
            return;
        }
        let right = |id: &u64| {
            let offset = status.peers.get(id).and_then(|peer| peer.clock_offset_ms);
            offset.is_some_and(|offset| !is_off(offset))
                && status.healthy(*id, self.inner.silence_max)
        };
        let Some(heir) = status.members.keys().copied().find(right) else { return };
        match self.transfer(Some(heir)).await {
            Ok(heir) => tracing::warn!(heir, "this leader's clock is far off: it hands over"),
            Err(why) => {
                tracing::warn!(%why, "this leader's clock is far off, and nobody takes over")
            }
        }
    }
}

//! A member that is removed: it hands over if it leads, and once consensus leaves it out it notes that in its directory, so
//! that it does not start again and ask the others again.
//! It must never take itself for removed before its number is retired, which is committed, nor end the process: reads go
//! on until an operator stops it.

use std::io;
use std::sync::{Arc, Weak};
use std::time::Duration;

use registry_store::StoreView;

use super::status::{self, retired};
use super::{Inner, Registry, Status};
use crate::machine::blocking;

/// How often it looks. Arbitrary.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Looks until the member has noted it, or is gone.
pub(super) async fn run(inner: Weak<Inner>) {
    let mut look = tokio::time::interval(LOOK_EVERY);
    loop {
        look.tick().await;
        let Some(inner) = inner.upgrade() else { return };
        if !status::left(&inner) {
            continue;
        }
        let home = Arc::clone(&inner.home);
        drop(inner);
        match blocking(move || home.store.retire().map_err(io::Error::other)).await {
            Ok(()) => break,
            Err(cause) => tracing::warn!(%cause, "that this member was removed cannot be noted"),
        }
    }
    tracing::error!(
        "this member was removed from the cluster: it campaigns no more and does not start again; see \
         docs/runbooks/replace-a-member.md"
    );
}

impl Registry {
    /// A leader whose number is retired hands over: its removal stopped half-way, and it was elected since no other could be.
    pub(super) async fn hand_over_if_retired(&self, status: &Status, view: &StoreView) {
        if !retired(view, status.id) {
            return;
        }
        let stays = |id: &u64| !retired(view, *id) && status.healthy(*id, self.inner.silence_max);
        let matched = |id: &u64| status.peers.get(id).and_then(|peer| peer.matched);
        let heir = status.members.keys().copied().filter(stays).max_by_key(matched);
        let Some(heir) = heir else { return };
        match self.transfer(Some(heir)).await {
            Ok(heir) => tracing::warn!(heir, "this leader is being removed: it hands over"),
            Err(why) => {
                tracing::warn!(%why, "this leader is being removed, and nobody takes over")
            }
        }
    }
}

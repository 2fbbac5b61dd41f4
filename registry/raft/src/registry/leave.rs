//! The departure of a removed member. It hands over if it leads, asks the others whether consensus still counts it, and
//! then notes that in its directory, so that it does not start again. It never takes itself for removed before its number
//! is retired, which is committed. Reads go on until an operator stops the process.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Weak};
use std::time::Duration;

use registry_store::StoreView;

use super::status::{self, retired};
use super::{Inner, Registry, Status};
use crate::network::{Ballot, Caller};
use crate::observed;
use crate::store_handle::blocking;

/// How often it looks. Arbitrary.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long another member may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);

/// Looks until the member has noted it, or is gone.
pub(super) async fn run(inner: Weak<Inner>, calls: Caller, own: u64) {
    let mut look = tokio::time::interval(LOOK_EVERY);
    loop {
        look.tick().await;
        let Some(inner) = inner.upgrade() else { return };
        if !status::left(&inner) {
            let others = others_of_a_retired(&inner);
            drop(inner);
            ask(&calls, own, others).await;
            continue;
        }
        let handle = Arc::clone(&inner.handle);
        drop(inner);
        match blocking(move || handle.store.retire().map_err(io::Error::other)).await {
            Ok(()) => break,
            Err(cause) => tracing::warn!(%cause, "that this member was removed cannot be noted"),
        }
    }
    tracing::error!(
        "this member was removed from the cluster: it campaigns no more and does not start again; see \
         docs/runbooks/replace-a-member.md"
    );
}

/// The other members, if this one's number is retired: the leader sends it nothing any more, the entry that leaves it out
/// among that.
fn others_of_a_retired(inner: &Inner) -> BTreeMap<u64, String> {
    if !retired(&inner.published.view(), inner.id) {
        return BTreeMap::new();
    }
    observed::metrics(&inner.raft).now(|metrics| {
        let nodes = metrics.membership_config.nodes().filter(|(id, _)| **id != metrics.id);
        nodes.map(|(id, node)| (*id, node.addr.clone())).collect()
    })
}

/// A refusal is noted among the reports of the other members.
async fn ask(calls: &Caller, own: u64, others: BTreeMap<u64, String>) {
    for (id, address) in &others {
        let counts = Ballot::Membership(own);
        let answer = calls.ask::<()>((*id, address), counts, ANSWER_TIMEOUT).await;
        if let Err(refusal) = answer {
            calls.reports().hear(*id, &refusal);
        }
    }
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

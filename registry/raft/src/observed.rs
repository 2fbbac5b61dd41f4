//! What consensus says of itself, by value. A guard must never leave this file: consensus publishes under a lock that
//! puts writers before new readers, so that a thread which holds a guard and asks for a second one waits for ever once a
//! writer stands between the two.

use openraft::RaftMetrics;
use openraft::async_runtime::watch::WatchReceiver;
use openraft::metrics::RaftServerMetrics;
use openraft::type_config::alias::WatchReceiverOf;

use crate::Stopped;
use crate::machine::Raft;
use crate::types::TypeConfig;

/// The newest value of something that consensus publishes.
pub(crate) struct Observed<M: Send + Sync + 'static>(WatchReceiverOf<TypeConfig, M>);

impl<M: Send + Sync + 'static> Observed<M> {
    /// What a function picks of the newest value. A function pointer captures nothing, so it can reach neither another
    /// lock nor the store while the guard is held, and what it returns borrows nothing.
    #[expect(clippy::disallowed_methods, reason = "the one place; the guard ends with the call")]
    pub(crate) fn now<T: 'static>(&self, pick: fn(&M) -> T) -> T {
        pick(&self.0.borrow_watched())
    }

    /// Waits for a value that was not seen yet. Cancel safe.
    pub(crate) async fn changed(&mut self) -> Result<(), Stopped> {
        self.0.changed().await.map_err(|_| Stopped)
    }
}

/// All metrics. They change with every heartbeat.
pub(crate) fn metrics(raft: &Raft) -> Observed<RaftMetrics<TypeConfig>> {
    Observed(raft.metrics())
}

/// Vote, leader and membership. They change with these only.
pub(crate) fn server_metrics(raft: &Raft) -> Observed<RaftServerMetrics<TypeConfig>> {
    Observed(raft.server_metrics())
}

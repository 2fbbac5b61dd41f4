//! The state machine: committed entries, in order, become writes of the state. `registry-core` decides which. An entry
//! that cannot be read is never skipped, and a state is never shown before it is committed.

mod applier;
mod marks;
mod published;
mod suspicion;
#[cfg(test)]
mod tests;
mod work;

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use futures_util::{Stream, TryStreamExt as _};
use openraft::storage::{EntryResponder, RaftStateMachine};

pub(crate) use self::applier::Applier;
pub use self::marks::{Compared, StateMark};
pub(crate) use self::published::Published;
use self::work::{AT_ONCE_MAX, Work};
use crate::snapshot::{Builder, Snapshot, Snapshots, Stored};
use crate::store_handle::{StoreHandle, blocking};
use crate::types::{LogId, Membership, SnapshotMeta, TypeConfig};

/// Consensus over this state machine.
pub(crate) type Raft = openraft::Raft<TypeConfig, Machine>;

/// The one writer of the state.
pub(crate) struct Machine {
    applier: Arc<Applier>,
    handle: Arc<StoreHandle>,
    snapshots: Arc<Snapshots>,
}

impl Machine {
    pub(crate) fn new(
        handle: Arc<StoreHandle>,
        published: Arc<Published>,
        snapshots: Arc<Snapshots>,
    ) -> Self {
        let applier = Arc::new(Applier::new(Arc::clone(&handle), published));
        Self { applier, handle, snapshots }
    }

    fn builder(&self) -> Builder {
        Builder::new(Arc::clone(&self.handle), Arc::clone(&self.snapshots))
    }

    /// What it takes to apply the entry here; `None` if that would hold up heartbeats, or if the store makes writers wait.
    fn units_at_once(&self, work: &Work) -> Option<usize> {
        let units = work.units().filter(|units| *units <= AT_ONCE_MAX)?;
        (!self.handle.store.is_stalled()).then_some(units)
    }
}

impl RaftStateMachine<TypeConfig> for Machine {
    type SnapshotData = Arc<Stored>;
    type SnapshotBuilder = Builder;

    async fn applied_state(&mut self) -> Result<(Option<LogId>, Membership), io::Error> {
        self.applier.applied()
    }

    async fn apply<Strm>(&mut self, mut entries: Strm) -> Result<(), io::Error>
    where
        Strm: Stream<Item = Result<EntryResponder<TypeConfig>, io::Error>> + Unpin + Send,
    {
        let mut units_at_once = 0;
        while let Some((entry, responder)) = entries.try_next().await? {
            let work = Work::read(entry)?;
            // Only the member that proposed an entry has a responder: it leads, or did a moment ago.
            let proposed_here = responder.is_some();
            let applier = Arc::clone(&self.applier);
            let apply = move |work| applier.apply(work, proposed_here);
            let replies = match self.units_at_once(&work) {
                Some(units) => {
                    // A member that catches up has heartbeats to answer.
                    if units_at_once + units > AT_ONCE_MAX {
                        units_at_once = 0;
                        tokio::task::yield_now().await;
                    }
                    units_at_once += units;
                    unwound(|| apply(work))?
                }
                None => blocking(move || apply(work)).await?,
            };
            if let Some(responder) = responder {
                responder.send(replies);
            }
        }
        Ok(())
    }

    async fn get_snapshot_builder(&mut self) -> Self::SnapshotBuilder {
        self.builder()
    }

    async fn install_snapshot(
        &mut self,
        _meta: &SnapshotMeta,
        snapshot: Self::SnapshotData,
    ) -> Result<(), io::Error> {
        let applier = Arc::clone(&self.applier);
        let installed = Arc::clone(&snapshot);
        blocking(move || applier.install(&installed)).await?;
        self.snapshots.adopt(snapshot);
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<Snapshot>, io::Error> {
        let Some(stored) = self.snapshots.current() else { return Ok(None) };
        if stored.suspect() {
            // Consensus applies nothing before this returns.
            suspicion::look_into(&self.handle, &self.snapshots, &stored)?;
        }
        Ok(Some(stored.snapshot()))
    }
}

/// A panic is an error, as it is on a blocking thread: the member ends at once, and says why.
fn unwound<T>(work: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let panicked = |_| io::Error::other("an entry cannot be applied: a panic, see above");
    catch_unwind(AssertUnwindSafe(work)).map_err(panicked)?
}

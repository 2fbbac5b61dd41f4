//! The state machine: committed entries, in order, become writes of the state. `registry-core` decides which. An entry
//! that cannot be read is never skipped, and a state is never shown before it is committed.

mod applier;
mod marks;
mod published;
mod suspicion;
#[cfg(test)]
mod tests;

use std::io;
use std::sync::Arc;

use futures_util::{Stream, TryStreamExt as _};
use openraft::storage::{EntryResponder, RaftStateMachine};

pub(crate) use self::applier::Applier;
pub use self::marks::{Compared, StateMark};
pub(crate) use self::published::Published;
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
        while let Some((entry, responder)) = entries.try_next().await? {
            let applier = Arc::clone(&self.applier);
            // Only the member that proposed an entry has a responder: it leads, or did a moment ago.
            let proposed_here = responder.is_some();
            let apply = move || applier.apply(entry, proposed_here);
            let replies = blocking(apply).await?;
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

//! Builds a snapshot beside the running state machine: a checkpoint, read back for the position it holds, then digested.
//! It must never take the position from anywhere but the checkpoint itself: entries are applied meanwhile.

use std::io;
use std::sync::Arc;

use openraft::storage::RaftSnapshotBuilder;

use super::{DATABASE, Manifest, Snapshot, Snapshots, Stored};
use crate::codec::decode;
use crate::store_handle::{APPLIED, MEMBERSHIP, StoreHandle, blocking};
use crate::types::{LogId, Membership, SnapshotMeta, TypeConfig};

pub(crate) struct Builder {
    handle: Arc<StoreHandle>,
    snapshots: Arc<Snapshots>,
}

impl Builder {
    pub(crate) fn new(handle: Arc<StoreHandle>, snapshots: Arc<Snapshots>) -> Self {
        Self { handle, snapshots }
    }

    pub(crate) async fn build(&self) -> io::Result<Snapshot> {
        let (handle, snapshots) = (Arc::clone(&self.handle), Arc::clone(&self.snapshots));
        let stored = blocking(move || checkpoint(&handle, &snapshots)).await?;
        let snapshot = stored.snapshot();
        self.snapshots.adopt(stored);
        Ok(snapshot)
    }
}

impl RaftSnapshotBuilder<TypeConfig> for Builder {
    type SnapshotData = Arc<Stored>;

    async fn build_snapshot(&mut self) -> Result<Snapshot, io::Error> {
        self.build().await
    }
}

pub(crate) fn checkpoint(handle: &StoreHandle, snapshots: &Snapshots) -> io::Result<Arc<Stored>> {
    let partial = snapshots.partial()?;
    let database = partial.dir().join(DATABASE);
    handle.store.checkpoint(&database).map_err(io::Error::other)?;
    let meta = meta_of(handle, &database)?;
    if let Some(last) = &meta.last_log_id {
        handle.note_durable(last.index());
    }
    let before = snapshots.current();
    let manifest = Manifest::of(meta, &database, before.as_deref().map(Stored::manifest))?;
    snapshots.complete(partial, manifest)
}

/// Which state a checkpoint holds, by its own word.
pub(super) fn meta_of(
    handle: &StoreHandle,
    database: &std::path::Path,
) -> io::Result<SnapshotMeta> {
    let values = handle.store.checkpoint_meta(database, [APPLIED, MEMBERSHIP]);
    let [applied, membership] = values.map_err(io::Error::other)?;
    let last_log_id: Option<LogId> = applied.as_deref().map(decode).transpose()?;
    let membership: Option<Membership> = membership.as_deref().map(decode).transpose()?;
    Ok(SnapshotMeta { last_log_id, last_membership: membership.unwrap_or_default() })
}

//! Upkeep of a running member's files for the operator: snapshots, copies, compaction. It runs on threads for disk work,
//! beside consensus.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use openraft::RaftMetrics;
use registry_store::Memory;
use tokio::time::timeout;

use super::Registry;
use crate::Stopped;
use crate::observed::{self, Observed};
use crate::offline::header;
use crate::snapshot::{all, checkpoint, frames};
use crate::store_handle::blocking;
use crate::types::TypeConfig;

/// How long a snapshot may take to be made, after one that is being made already. It is made of hard links, and read
/// once for its digests.
const SNAPSHOT_TIMEOUT: Duration = Duration::from_secs(600);

/// How long to wait for a snapshot before it is asked for again: consensus drops the request while it makes another one.
/// Arbitrary.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// A snapshot that did not come about.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// It was asked for all along.
    #[error(
        "no snapshot up to entry {wanted} was made within {} s; the newest one ends with entry {reached}",
        SNAPSHOT_TIMEOUT.as_secs()
    )]
    Late {
        /// The entry that was to be in it.
        wanted: u64,
        /// The last entry of the newest one; 0 if there is none.
        reached: u64,
    },
    /// Consensus has ended: the disk failed, or the member was told to stop.
    #[error("the member has stopped")]
    Stopped,
}

impl Registry {
    /// Has a snapshot made now, which lets the log behind it be purged. Returns the last entry it holds. One that is
    /// being made already is waited for; if it began too early, another one is made after it.
    ///
    /// # Errors
    /// The member has stopped, its disk failed, or it took longer than ten minutes.
    pub async fn snapshot(&self) -> Result<u64, SnapshotError> {
        let Some(wanted) = self.status().applied else { return Ok(0) };
        match timeout(SNAPSHOT_TIMEOUT, self.snapshot_up_to(wanted)).await {
            Ok(made) => made.map_err(|Stopped| SnapshotError::Stopped),
            Err(_) => {
                let reached = self.status().snapshot.unwrap_or(0);
                Err(SnapshotError::Late { wanted, reached })
            }
        }
    }

    async fn snapshot_up_to(&self, wanted: u64) -> Result<u64, Stopped> {
        let mut metrics = observed::metrics(&self.inner.raft);
        loop {
            self.inner.raft.trigger().snapshot().await.map_err(|_| Stopped)?;
            if let Ok(made) = timeout(ASK_AGAIN, reached(&mut metrics, wanted)).await {
                return made;
            }
        }
    }

    /// What this member's databases hold in memory.
    pub fn memory(&self) -> Result<Memory, registry_store::Error> {
        self.inner.handle.store.memory()
    }

    /// A consistent copy of the state in the archive format, in pieces. The files it is read from go when the stream is
    /// dropped; a stream that ends early lacks bytes, which its header tells.
    pub async fn backup(&self) -> io::Result<impl Stream<Item = Bytes> + Send + use<>> {
        let (handle, snapshots) =
            (Arc::clone(&self.inner.handle), Arc::clone(&self.inner.snapshots));
        let stored = blocking(move || checkpoint(&handle, &snapshots)).await?;
        // Nobody else is to use it.
        stored.retire();
        let header = header(stored.manifest())?;
        let wanted = all(stored.manifest());
        Ok(frames(stored, header, wanted).map(|frame| frame.body))
    }

    /// Compacts the databases down to their last level. Returns the bytes on disk before and after.
    pub async fn defrag(&self) -> io::Result<(u64, u64)> {
        let handle = Arc::clone(&self.inner.handle);
        blocking(move || {
            let before = bytes_in(handle.store.dir())?;
            handle.store.defrag();
            Ok((before, bytes_in(handle.store.dir())?))
        })
        .await
    }
}

/// Waits for a snapshot that holds an entry; the last entry that it holds.
async fn reached(
    metrics: &mut Observed<RaftMetrics<TypeConfig>>,
    wanted: u64,
) -> Result<u64, Stopped> {
    loop {
        let (newest, runs) = metrics.now(|metrics| {
            (metrics.snapshot.map(|last| last.index()), metrics.running_state.is_ok())
        });
        match newest {
            Some(newest) if newest >= wanted => return Ok(newest),
            _ if !runs => return Err(Stopped),
            _ => metrics.changed().await?,
        }
    }
}

/// All files of a directory, a file with several names as often as it has some. Files may go while they are counted.
fn bytes_in(dir: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        bytes += match entry.metadata() {
            Ok(meta) if meta.is_dir() => bytes_in(&entry.path())?,
            Ok(meta) => meta.len(),
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => 0,
            Err(cause) => return Err(cause),
        };
    }
    Ok(bytes)
}

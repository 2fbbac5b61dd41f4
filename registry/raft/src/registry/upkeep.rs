//! What an operator has done to a running member's files: snapshots, copies, compaction.
//! It must never hold up consensus: all of it runs beside, on threads for disk work.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};

use super::Registry;
use crate::machine::blocking;
use crate::observed;
use crate::offline::header;
use crate::snapshot::{all, checkpoint, frames};

/// How long a snapshot may take to be made. It is made of hard links, and read once for its digests.
const SNAPSHOT_TIMEOUT: Duration = Duration::from_secs(600);

impl Registry {
    /// Has a snapshot made now, which lets the log behind it be purged. Returns the last entry it holds.
    ///
    /// # Errors
    /// The member has stopped, or its disk failed.
    pub async fn snapshot(&self) -> io::Result<u64> {
        let wanted = self.status().applied;
        self.inner.raft.trigger().snapshot().await.map_err(io::Error::other)?;
        let mut metrics = observed::metrics(&self.inner.raft);
        let made = async {
            loop {
                let now = metrics.now(|metrics| metrics.snapshot.map(|last| last.index()));
                if now >= wanted {
                    return Ok(now.unwrap_or(0));
                }
                metrics.changed().await.map_err(|_| io::Error::other("the member has stopped"))?;
            }
        };
        tokio::time::timeout(SNAPSHOT_TIMEOUT, made).await.map_err(io::Error::other)?
    }

    /// A consistent copy of the state in the archive format, in pieces. The files it is read from go when the stream is
    /// dropped; a stream that ends early lacks bytes, which its header tells.
    ///
    /// # Errors
    /// The disk failed.
    pub async fn backup(&self) -> io::Result<impl Stream<Item = Bytes> + Send + use<>> {
        let (home, snapshots) = (Arc::clone(&self.inner.home), Arc::clone(&self.inner.snapshots));
        let stored = blocking(move || checkpoint(&home, &snapshots)).await?;
        // Nobody else is to use it.
        stored.retire();
        let header = header(stored.manifest())?;
        let wanted = all(stored.manifest());
        Ok(frames(stored, header, wanted).map(|frame| frame.body))
    }

    /// Compacts the databases down to their last level. Returns the bytes on disk before and after.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub async fn defrag(&self) -> io::Result<(u64, u64)> {
        let home = Arc::clone(&self.inner.home);
        blocking(move || {
            let before = bytes_in(home.store.dir())?;
            home.store.defrag();
            Ok((before, bytes_in(home.store.dir())?))
        })
        .await
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

//! Reads of the log, for replication and for applying.
//! It must never give a short answer where openraft takes it for the whole, nor more than a message can carry.

use std::fmt::Debug;
use std::io;
use std::ops::{Bound, RangeBounds};
use std::sync::Arc;

use futures_util::stream::{self, Stream, TryStreamExt as _};
use openraft::storage::RaftLogReader;

use super::VOTE;
use super::recent::Recent;
use crate::codec::decode;
use crate::store_handle::{StoreHandle, blocking};
use crate::types::{Entry, TypeConfig, Vote};

/// Entries are read until they exceed this together, so that a message stays far below `MESSAGE_BYTES_MAX` even when its
/// last entry is the largest there can be, and so that replaying a long log takes little memory.
const READ_BYTES_MAX: usize = 4 << 20;

/// One of many readers.
#[derive(Clone, Debug)]
pub(crate) struct LogReader {
    handle: Arc<StoreHandle>,
    recent: Arc<Recent>,
}

impl LogReader {
    pub(super) fn new(handle: Arc<StoreHandle>, recent: Arc<Recent>) -> Self {
        Self { handle, recent }
    }

    /// What is not in memory any more is read on a thread that may block: a follower that is far behind, and a start.
    async fn read(&self, from: u64, to: u64, bytes_max: usize) -> io::Result<Vec<Entry>> {
        if let Some(entries) = self.recent.read(from, to, bytes_max) {
            return Ok(entries);
        }
        let handle = Arc::clone(&self.handle);
        let read = move || {
            let entries = handle.store.log().entries(from, to, bytes_max);
            let entries = entries.map_err(io::Error::other)?;
            entries.iter().map(|(_, bytes)| decode(bytes)).collect()
        };
        blocking(read).await
    }
}

impl RaftLogReader<TypeConfig> for LogReader {
    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + Debug + Send>(
        &mut self,
        range: RB,
    ) -> Result<Vec<Entry>, io::Error> {
        let (from, to) = bounds(&range);
        self.read(from, to, usize::MAX).await
    }

    async fn limited_get_log_entries(
        &mut self,
        start: u64,
        end: u64,
    ) -> Result<Vec<Entry>, io::Error> {
        self.read(start, end, READ_BYTES_MAX).await
    }

    async fn entries_stream<RB>(
        &mut self,
        range: RB,
    ) -> impl Stream<Item = Result<Entry, io::Error>> + Send
    where
        RB: RangeBounds<u64> + Clone + Debug + Send,
    {
        let (from, to) = bounds(&range);
        let reader = self.clone();
        let chunks = stream::try_unfold(from, move |from| {
            let reader = reader.clone();
            async move {
                let chunk = reader.read(from, to, READ_BYTES_MAX).await?;
                if let Some(first) = chunk.first().filter(|first| first.log_id.index() != from) {
                    // Whoever applies these would skip what is missing.
                    let why = format!("the log has no entry {from}, but {}", first.log_id.index());
                    return Err(io::Error::other(why));
                }
                let next = from + chunk.len() as u64;
                Ok::<_, io::Error>((!chunk.is_empty()).then_some((chunk, next)))
            }
        });
        chunks.map_ok(|chunk| stream::iter(chunk.into_iter().map(Ok::<_, io::Error>))).try_flatten()
    }

    async fn read_vote(&mut self) -> Result<Option<Vote>, io::Error> {
        let bytes = self.handle.store.log().saved(VOTE).map_err(io::Error::other)?;
        bytes.as_deref().map(decode).transpose()
    }
}

fn bounds(range: &impl RangeBounds<u64>) -> (u64, u64) {
    let from = match range.start_bound() {
        Bound::Included(from) => *from,
        Bound::Excluded(before) => before.saturating_add(1),
        Bound::Unbounded => 0,
    };
    let to = match range.end_bound() {
        Bound::Included(last) => last.saturating_add(1),
        Bound::Excluded(to) => *to,
        Bound::Unbounded => u64::MAX,
    };
    (from, to)
}

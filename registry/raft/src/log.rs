//! openraft's log on our store: which sync each write needs. An entry is purged only when a durable state covers it.

mod reader;
mod recent;

use std::io;
use std::sync::Arc;

use openraft::entry::RaftEntry as _;
use openraft::storage::{IOFlushed, LogState, RaftLogStorage};
use tokio::sync::oneshot;

pub(crate) use self::reader::LogReader;
use self::recent::Recent;
use crate::codec::{decode, encode};
use crate::store_handle::{StoreHandle, blocking};
use crate::types::{Entry, LogId, TypeConfig, Vote};

pub(crate) const VOTE: &[u8] = b"vote";
pub(crate) const COMMITTED: &[u8] = b"committed";
pub(crate) const PURGED: &[u8] = b"purged";

/// The one writer of the log.
#[derive(Debug)]
pub(crate) struct LogStore {
    handle: Arc<StoreHandle>,
    recent: Arc<Recent>,
    /// How far entries are committed, until it is written with the next that are appended.
    committed: Option<Option<LogId>>,
}

impl LogStore {
    pub(crate) fn new(handle: Arc<StoreHandle>) -> Self {
        Self { handle, recent: Arc::default(), committed: None }
    }

    fn saved<T: serde::de::DeserializeOwned>(&self, key: &[u8]) -> io::Result<Option<T>> {
        let bytes = self.handle.store.log().saved(key).map_err(io::Error::other)?;
        bytes.as_deref().map(decode).transpose()
    }
}

impl RaftLogStorage<TypeConfig> for LogStore {
    type LogReader = LogReader;

    async fn get_log_state(&mut self) -> Result<LogState<TypeConfig>, io::Error> {
        let purged: Option<LogId> = self.saved(PURGED)?;
        let last = self.handle.store.log().last().map_err(io::Error::other)?;
        let last = last.map(|(_, bytes)| decode::<Entry>(&bytes)).transpose()?;
        let last_log_id = last.map(|entry| entry.log_id()).or(purged);
        Ok(LogState { last_purged_log_id: purged, last_log_id })
    }

    async fn get_log_reader(&mut self) -> Self::LogReader {
        LogReader::new(Arc::clone(&self.handle), Arc::clone(&self.recent))
    }

    async fn save_vote(&mut self, vote: &Vote) -> Result<(), io::Error> {
        let (done, synced) = oneshot::channel();
        let done = Box::new(move |outcome| {
            // The caller was dropped: the runtime is going down.
            let _ = done.send(outcome);
        });
        self.handle.store.log().save(VOTE, &encode(vote)?, done).map_err(io::Error::other)?;
        let outcome = synced.await.map_err(io::Error::other)?;
        outcome.map_err(io::Error::other)
    }

    async fn save_committed(&mut self, committed: Option<LogId>) -> Result<(), io::Error> {
        // Losing it in a crash costs an election's wait, not a write: see `enable_leader_restore`.
        self.committed = Some(committed);
        Ok(())
    }

    async fn read_committed(&mut self) -> Result<Option<LogId>, io::Error> {
        match self.committed {
            Some(committed) => Ok(committed),
            None => Ok(self.saved(COMMITTED)?.flatten()),
        }
    }

    async fn append<I>(
        &mut self,
        entries: I,
        callback: IOFlushed<TypeConfig>,
    ) -> Result<(), io::Error>
    where
        I: IntoIterator<Item = Entry> + Send,
        I::IntoIter: Send,
    {
        let entries: Vec<_> = entries.into_iter().collect();
        let encoded = entries.iter().map(|entry| Ok((entry.log_id().index(), encode(entry)?)));
        let encoded: Vec<_> = encoded.collect::<io::Result<_>>()?;
        let done = Box::new(move |outcome: Result<(), registry_store::Error>| {
            callback.io_completed(outcome.map_err(io::Error::other));
        });
        let committed = self.committed.take().map(|committed| encode(&committed)).transpose()?;
        let beside = committed.as_deref().map(|committed| (COMMITTED, committed));
        self.handle.store.log().append(&encoded, beside, done).map_err(io::Error::other)?;
        self.recent.append(entries);
        Ok(())
    }

    async fn truncate_after(&mut self, last_log_id: Option<LogId>) -> Result<(), io::Error> {
        let from = last_log_id.map_or(0, |last| last.index() + 1);
        // First here: if the disk refuses, it is asked.
        self.recent.truncate_from(from);
        self.handle.store.log().truncate_from(from).map_err(io::Error::other)
    }

    async fn purge(&mut self, log_id: LogId) -> Result<(), io::Error> {
        let purged = encode(&log_id)?;
        self.recent.purge_to(log_id.index());
        let handle = Arc::clone(&self.handle);
        let purge = move || {
            handle.make_durable(log_id.index()).map_err(io::Error::other)?;
            let log = handle.store.log();
            log.purge_to(log_id.index(), PURGED, &purged).map_err(io::Error::other)
        };
        blocking(purge).await
    }
}

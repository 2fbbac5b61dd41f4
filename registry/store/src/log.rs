//! The raft log on disk: appended in one write, synced together with whatever else waits, cut at either end.
//! It must never report an entry as safe before the sync that covers it, nor anything at all after a failed one.

mod sync;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rocksdb::{Cache, ColumnFamily, DB, Direction, IteratorMode, ReadOptions, WriteBatch};

pub use self::sync::Done;
use self::sync::{Poison, Syncer};
use crate::options::Family;
use crate::{DatabaseMemory, Error, Options};

const DIR: &str = "log";
const LOG: &str = "log";
const RAFT: &str = "raft";

/// The log of one member. Writes must come from one task at a time; reads from any.
pub struct Log {
    database: Arc<DB>,
    poison: Arc<Poison>,
    syncer: Syncer,
}

impl Log {
    pub(crate) fn exists(store: &Path) -> bool {
        // RocksDB's own marker of a database that was made completely.
        Self::path(store).join("CURRENT").exists()
    }

    pub(crate) fn path(store: &Path) -> PathBuf {
        store.join(DIR)
    }

    pub(crate) fn open(
        store: &Path,
        create: bool,
        options: &Options,
        cache: &Cache,
    ) -> Result<Self, Error> {
        let path = store.join(DIR);
        let mut settings = options.log_database();
        settings.create_if_missing(create);
        let families = [LOG, RAFT].map(|name| options.family(name, Family::Log, cache));
        let database = DB::open_cf_descriptors(&settings, &path, families)
            .map_err(|cause| Error::unopened(path, cause))?;
        Self::over(database)
    }

    /// Opens a log that nobody changes meanwhile, without changing any of its files.
    pub(crate) fn open_read_only(
        store: &Path,
        options: &Options,
        cache: &Cache,
    ) -> Result<Self, Error> {
        let path = store.join(DIR);
        let families = [LOG, RAFT].map(|name| options.family(name, Family::Log, cache));
        let settings = options.log_database();
        let database = DB::open_cf_descriptors_read_only(&settings, &path, families, false)
            .map_err(|cause| Error::unopened(path, cause))?;
        Self::over(database)
    }

    fn over(database: DB) -> Result<Self, Error> {
        let database = Arc::new(database);
        let poison = Arc::new(Poison::default());
        let synced = Arc::clone(&database);
        let sync = move || synced.flush_wal(true).map_err(rocksdb::Error::into_string);
        let syncer = Syncer::start(Arc::clone(&poison), sync)?;
        Ok(Self { database, poison, syncer })
    }

    fn family(&self, name: &str) -> &ColumnFamily {
        self.database.cf_handle(name).expect("open creates both families")
    }

    /// Appends entries in one write, and sets a value `beside` the log with them that may be lost in a crash. They can be
    /// read when this returns; `done` is called, on another thread, once they are on the disk or can no longer get there.
    /// Appends that wait at the same time share one sync.
    ///
    /// # Errors
    /// The log is poisoned, or the write failed and poisoned it; `done` is not called then.
    pub fn append(
        &self,
        entries: &[(u64, Vec<u8>)],
        beside: Option<(&[u8], &[u8])>,
        done: Done,
    ) -> Result<(), Error> {
        let mut batch = WriteBatch::default();
        if let Some((key, value)) = beside {
            batch.put_cf(self.family(RAFT), key, value);
        }
        for (index, entry) in entries {
            batch.put_cf(self.family(LOG), index.to_be_bytes(), entry);
        }
        self.write(batch)?;
        self.syncer.submit(done)
    }

    /// Sets a value beside the log (the vote); `done` is called once it is on the disk.
    pub fn save(&self, key: &[u8], value: &[u8], done: Done) -> Result<(), Error> {
        let mut batch = WriteBatch::default();
        batch.put_cf(self.family(RAFT), key, value);
        self.write(batch)?;
        self.syncer.submit(done)
    }

    /// The value set by [`Log::save`], or beside entries by [`Log::append`].
    pub fn saved(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.database.get_cf(self.family(RAFT), key).map_err(Error::read)
    }

    /// Entries with `from <= index < to`, in order and without a hole: all of them, or the first ones up to about
    /// `bytes_max` (at least one).
    ///
    /// # Errors
    /// The read failed, or the log has a hole.
    pub fn entries(
        &self,
        from: u64,
        to: u64,
        bytes_max: usize,
    ) -> Result<Vec<(u64, Vec<u8>)>, Error> {
        let mut entries: Vec<(u64, Vec<u8>)> = Vec::new();
        let mut bytes = 0usize;
        for pair in self.between(from, to) {
            let (index, entry) = pair?;
            if let Some((last, _)) = entries.last()
                && index != last + 1
            {
                return Err(Error::Hole { expected: last + 1, found: index });
            }
            bytes = bytes.saturating_add(entry.len());
            if bytes > bytes_max && !entries.is_empty() {
                break;
            }
            entries.push((index, entry));
        }
        Ok(entries)
    }

    fn between(
        &self,
        from: u64,
        to: u64,
    ) -> impl Iterator<Item = Result<(u64, Vec<u8>), Error>> + '_ {
        let mut options = ReadOptions::default();
        options.set_iterate_upper_bound(to.to_be_bytes());
        // RocksDB takes no start that lies behind the bound.
        let start = from.min(to).to_be_bytes();
        let start = IteratorMode::From(&start, Direction::Forward);
        self.database.iterator_cf_opt(self.family(LOG), options, start).map(|pair| {
            let (key, value) = pair.map_err(Error::read)?;
            Ok((index_of(&key)?, value.into_vec()))
        })
    }

    /// The last entry, if there is one.
    pub fn last(&self) -> Result<Option<(u64, Vec<u8>)>, Error> {
        let mut entries = self.database.iterator_cf(self.family(LOG), IteratorMode::End);
        let Some(pair) = entries.next() else { return Ok(None) };
        let (key, value) = pair.map_err(Error::read)?;
        Ok(Some((index_of(&key)?, value.into_vec())))
    }

    /// Removes every entry from `index` on. Durable with the next sync, which comes before anything that depends on it.
    pub fn truncate_from(&self, index: u64) -> Result<(), Error> {
        let mut batch = WriteBatch::default();
        let to = u64::MAX.to_be_bytes();
        batch.delete_range_cf(self.family(LOG), index.to_be_bytes(), to);
        self.write(batch)
    }

    /// Removes every entry up to and including `index`, and sets a value in the same write (the last purged position).
    /// The caller makes sure that a durable state covers them.
    pub fn purge_to(&self, index: u64, key: &[u8], value: &[u8]) -> Result<(), Error> {
        let mut batch = WriteBatch::default();
        batch.put_cf(self.family(RAFT), key, value);
        let to = index.saturating_add(1).to_be_bytes();
        batch.delete_range_cf(self.family(LOG), 0u64.to_be_bytes(), to);
        self.write(batch)
    }

    /// Rewrites every table, so that what was purged takes no room any more.
    pub(crate) fn compact(&self) {
        for name in [LOG, RAFT] {
            crate::state::compact(&self.database, self.family(name));
        }
    }

    pub(crate) fn memory(&self) -> Result<DatabaseMemory, Error> {
        DatabaseMemory::of(&self.database)
    }

    /// Why the log takes no more writes, if so.
    #[must_use]
    pub fn poisoned(&self) -> Option<String> {
        self.poison.check().err().map(|error| error.to_string())
    }

    fn write(&self, batch: WriteBatch) -> Result<(), Error> {
        self.poison.check()?;
        self.database.write(batch).map_err(|cause| self.poison.set(&cause.into_string()))
    }
}

fn index_of(key: &[u8]) -> Result<u64, Error> {
    let bytes = key.try_into().map_err(|_| Error::Read("a log key is not 8 bytes".to_owned()))?;
    Ok(u64::from_be_bytes(bytes))
}

impl std::fmt::Debug for Log {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Log").field("poisoned", &self.poisoned()).finish_non_exhaustive()
    }
}

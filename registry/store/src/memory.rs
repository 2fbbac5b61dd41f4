//! The memory of a store, as RocksDB counts it. Its bounds are in `options.rs`.

use rocksdb::DB;
use rocksdb::perf::get_memory_usage_stats;

use crate::Error;

/// What both databases hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// The log.
    pub log: DatabaseMemory,
    /// The state in force.
    pub state: DatabaseMemory,
    /// Blocks of both, as far as they were read and are kept.
    pub block_cache_bytes: u64,
}

/// What one database holds beside the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DatabaseMemory {
    /// Writes that are in no table file yet, or that somebody still reads.
    pub memory_tables_bytes: u64,
    /// What is kept of open table files.
    pub table_readers_bytes: u64,
}

impl DatabaseMemory {
    pub(crate) fn of(database: &DB) -> Result<Self, Error> {
        let stats = get_memory_usage_stats(Some(&[database]), None).map_err(Error::read)?;
        Ok(Self {
            memory_tables_bytes: stats.mem_table_total,
            table_readers_bytes: stats.mem_table_readers_total,
        })
    }
}

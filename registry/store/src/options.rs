//! How RocksDB is tuned: every memory and file bound of a member, in one place.
//! It must never turn a checksum off.

use rocksdb::{
    BlockBasedIndexType, BlockBasedOptions, Cache, ColumnFamilyDescriptor, DBCompressionType,
    DBRecoveryMode, LogLevel,
};

/// Values from this size on live in blob files, so that compaction does not copy them again and again.
/// RocksDB's BlobDB notes advise 1 KiB and more; most cards lie between 1 and 16 KiB.
const BLOB_BYTES_MIN: u64 = 1024;

/// Filter bits per key: about 1 % false positives (RocksDB's bloom filter notes).
const BLOOM_BITS_PER_KEY: f64 = 10.0;

/// A part of a file's index or filter (RocksDB's notes on partitioned index filters: 4 KiB). Whole ones are as large as
/// hundreds of data blocks: once a state outgrows the cache, each look into a file would read one anew.
const INDEX_PART_BYTES: usize = 4 << 10;

/// Share of a memory table that is a filter of its keys: most keys that a write looks for are not there, and a walk of
/// the table to find that out misses the processor's cache at each step.
const BLOOM_OF_MEMORY: f64 = 0.05;

/// Write-ahead logs of one database together; beyond it RocksDB writes out the oldest memory table.
const WAL_BYTES_MAX: u64 = 64 << 20;

/// RocksDB's own text log: two files of this size, for whoever has to read them.
const TEXT_LOG_BYTES_MAX: usize = 1 << 20;

/// The bounds of one store.
#[derive(Clone, Debug)]
pub struct Options {
    /// Cached blocks of the state, indexes and filters included.
    pub block_cache_bytes: usize,
    /// One memory table of the state; the sum over all families is held under four of them.
    pub state_buffer_bytes: usize,
    /// One memory table of the log; at most two exist.
    pub log_buffer_bytes: usize,
    /// Files each database holds open.
    pub open_files_max: i32,
    /// Threads for writing out and compaction, of both databases together.
    pub background_jobs: i32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            block_cache_bytes: 64 << 20,
            state_buffer_bytes: 16 << 20,
            log_buffer_bytes: 16 << 20,
            open_files_max: 512,
            background_jobs: 2,
        }
    }
}

/// What a column family holds, which decides how it is stored.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    Log,
    Keys,
    Bodies,
}

impl Options {
    /// Options of the log database. A torn tail was never acknowledged and is cut; damage before the tail means that
    /// acknowledged entries are gone, and then the member must not start.
    pub(crate) fn log_database(&self) -> rocksdb::Options {
        let mut options = self.database();
        options.set_wal_recovery_mode(DBRecoveryMode::TolerateCorruptedTailRecords);
        options
    }

    /// Options of a state database. It is written without a write-ahead log; one of an earlier version is read, as far as
    /// it is whole. All families are written out together, so that a crash leaves a state that there was.
    pub(crate) fn state_database(&self) -> rocksdb::Options {
        let mut options = self.database();
        options.set_wal_recovery_mode(DBRecoveryMode::PointInTime);
        options.set_atomic_flush(true);
        options.set_db_write_buffer_size(self.state_buffer_bytes.saturating_mul(4));
        options
    }

    fn database(&self) -> rocksdb::Options {
        let mut options = rocksdb::Options::default();
        options.create_missing_column_families(true);
        options.set_paranoid_checks(true);
        options.set_max_open_files(self.open_files_max);
        options.set_max_background_jobs(self.background_jobs);
        options.set_max_total_wal_size(WAL_BYTES_MAX);
        options.set_keep_log_file_num(2);
        options.set_max_log_file_size(TEXT_LOG_BYTES_MAX);
        options.set_log_level(LogLevel::Warn);
        options.set_stats_dump_period_sec(0);
        options
    }

    pub(crate) fn family(
        &self,
        name: &str,
        family: Family,
        cache: &Cache,
    ) -> ColumnFamilyDescriptor {
        let mut options = rocksdb::Options::default();
        options.set_block_based_table_factory(&tables(cache));
        options.set_max_write_buffer_number(2);
        options.set_level_compaction_dynamic_level_bytes(true);
        options.set_memtable_prefix_bloom_ratio(BLOOM_OF_MEMORY);
        options.set_memtable_whole_key_filtering(true);
        options.set_write_buffer_size(match family {
            Family::Log => self.log_buffer_bytes,
            Family::Keys | Family::Bodies => self.state_buffer_bytes,
        });
        options.set_compression_type(match family {
            // Entries are purged long before they sink to where space counts.
            Family::Log => DBCompressionType::None,
            Family::Keys | Family::Bodies => DBCompressionType::Lz4,
        });
        if family == Family::Bodies {
            blobs(&mut options);
        }
        ColumnFamilyDescriptor::new(name, options)
    }
}

fn tables(cache: &Cache) -> BlockBasedOptions {
    let mut tables = BlockBasedOptions::default();
    tables.set_block_cache(cache);
    tables.set_cache_index_and_filter_blocks(true);
    tables.set_pin_l0_filter_and_index_blocks_in_cache(true);
    tables.set_bloom_filter(BLOOM_BITS_PER_KEY, false);
    tables.set_index_type(BlockBasedIndexType::TwoLevelIndexSearch);
    tables.set_partition_filters(true);
    tables.set_metadata_block_size(INDEX_PART_BYTES);
    tables.set_pin_top_level_index_and_filter(true);
    tables
}

fn blobs(options: &mut rocksdb::Options) {
    options.set_enable_blob_files(true);
    options.set_min_blob_size(BLOB_BYTES_MIN);
    options.set_blob_compression_type(DBCompressionType::Lz4);
    options.set_enable_blob_gc(true);
}

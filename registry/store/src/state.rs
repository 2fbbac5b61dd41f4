//! One state database: the spaces of the core and the applied position, written together.
//! It must never commit writes without the position they belong to. It has no write-ahead log: the raft log is the truth,
//! and what was not written out at a crash is applied again from there. All families are written out as one.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use registry_core::change::Write;
use registry_core::view::Space;
use rocksdb::checkpoint::Checkpoint;
use rocksdb::{Cache, ColumnFamily, DB, FlushOptions, WriteBatch, WriteOptions, properties};

use crate::damage::{Damage, is_damage};
use crate::options::Family;
use crate::{DatabaseMemory, Error, Options};

pub(crate) const META: &str = "meta";
const FAMILIES: [(&str, Family); 6] = [
    ("state", Family::Keys),
    ("bodies", Family::Bodies),
    ("index", Family::Keys),
    ("changes", Family::Keys),
    ("tiles", Family::Keys),
    (META, Family::Keys),
];

pub(crate) fn family_of(space: Space) -> &'static str {
    match space {
        Space::State => "state",
        Space::Bodies => "bodies",
        Space::Index => "index",
        Space::Changes => "changes",
        Space::Tiles => "tiles",
    }
}

/// An open state database. Once retired, its directory goes when the last view of it is dropped.
pub(crate) struct State {
    /// `None` only while dropping: RocksDB must be closed before its files go.
    database: Option<DB>,
    dir: PathBuf,
    retired: AtomicBool,
    /// What is met of damage, if this is a state in force.
    damage: OnceLock<Damage>,
}

impl State {
    pub(crate) fn open(
        dir: &Path,
        create: bool,
        options: &Options,
        cache: &Cache,
    ) -> Result<Self, Error> {
        let mut settings = options.state_database();
        settings.create_if_missing(create);
        let families = FAMILIES.map(|(name, family)| options.family(name, family, cache));
        let database = DB::open_cf_descriptors(&settings, dir, families)
            .map_err(|cause| unopened(dir, cause))?;
        Ok(Self::of(database, dir))
    }

    fn of(database: DB, dir: &Path) -> Self {
        let (dir, retired) = (dir.to_owned(), AtomicBool::new(false));
        Self { database: Some(database), dir, retired, damage: OnceLock::new() }
    }

    /// Has damage that is met noted where the store finds it.
    pub(crate) fn watch(&self, damage: &Damage) {
        // A state is put in force once.
        let _ = self.damage.set(damage.clone());
    }

    /// Notes an error that is damage.
    pub(crate) fn met(&self, cause: rocksdb::Error) -> rocksdb::Error {
        if let (Some(damage), Some(store)) = (self.damage.get(), self.dir.parent()) {
            damage.meet(store, &cause);
        }
        cause
    }

    /// Opens a state that nobody changes meanwhile, without changing any of its files.
    pub(crate) fn open_read_only(
        dir: &Path,
        options: &Options,
        cache: &Cache,
    ) -> Result<Self, Error> {
        let settings = options.state_database();
        let unopened = |cause| unopened(dir, cause);
        // A checkpoint of an older version lacks the families that came later; opening it for
        // writing makes them, reading does not.
        let there = DB::list_cf(&settings, dir).map_err(unopened)?;
        let known = FAMILIES.into_iter().filter(|(name, _)| there.iter().any(|had| had == name));
        let families = known.map(|(name, family)| options.family(name, family, cache));
        let database =
            DB::open_cf_descriptors_read_only(&settings, dir, families, false).map_err(unopened)?;
        Ok(Self::of(database, dir))
    }

    /// Reads values of a checkpoint without changing any of its files.
    pub(crate) fn read_meta<const N: usize>(
        dir: &Path,
        keys: [&[u8]; N],
        options: &Options,
        cache: &Cache,
    ) -> Result<[Option<Vec<u8>>; N], Error> {
        let state = Self::open_read_only(dir, options, cache)?;
        let no_meta = || Error::Open { path: dir.to_owned(), why: "it has no metadata".to_owned() };
        let family = state.database().cf_handle(META).ok_or_else(no_meta)?;
        let mut values = [const { None }; N];
        for (value, key) in values.iter_mut().zip(keys) {
            *value = state.database().get_cf(family, key).map_err(Error::read)?;
        }
        Ok(values)
    }

    /// Rewrites every table, so that what was deleted takes no room any more.
    pub(crate) fn compact(&self) {
        for (name, _) in FAMILIES {
            compact(self.database(), self.family(name));
        }
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn database(&self) -> &DB {
        self.database.as_ref().expect("only drop takes the database out")
    }

    pub(crate) fn family(&self, name: &str) -> &ColumnFamily {
        self.database().cf_handle(name).expect("open creates every family of FAMILIES")
    }

    /// The families that are there: a checkpoint of an older version lacks those that came later.
    pub(crate) fn families(&self) -> impl Iterator<Item = &ColumnFamily> {
        FAMILIES.into_iter().filter_map(move |(name, _)| self.database().cf_handle(name))
    }

    /// What a failed read comes to; damage is noted.
    pub(crate) fn unread(&self, cause: rocksdb::Error) -> Error {
        let cause = self.met(cause);
        match is_damage(&cause) {
            true => Error::Damaged { path: self.dir.clone(), why: cause.into_string() },
            false => Error::read(cause),
        }
    }

    pub(crate) fn commit(&self, writes: &[Write], meta: &[(&[u8], &[u8])]) -> Result<(), Error> {
        let mut batch = WriteBatch::default();
        for write in writes {
            self.add(&mut batch, write);
        }
        for (key, value) in meta {
            batch.put_cf(self.family(META), key, value);
        }
        let mut options = WriteOptions::default();
        options.disable_wal(true);
        self.database().write_opt(batch, &options).map_err(|cause| Error::write(self.met(cause)))
    }

    /// Whether a write would wait now, because what is in memory is not written out as fast as it comes.
    pub(crate) fn is_stalled(&self) -> bool {
        let holds =
            |name| self.database().property_int_value(name).is_ok_and(|it| it.unwrap_or(0) > 0);
        holds(properties::IS_WRITE_STOPPED) || holds(properties::ACTUAL_DELAYED_WRITE_RATE)
    }

    fn add(&self, batch: &mut WriteBatch, write: &Write) {
        match write {
            Write::Put { space, key, value } => {
                batch.put_cf(self.family(family_of(*space)), key, value);
            }
            Write::Delete { space, key } => batch.delete_cf(self.family(family_of(*space)), key),
            // RocksDB refuses a range that ends before it starts; the model takes it for an empty one.
            Write::DeleteRange { space, from, to } if from < to => {
                batch.delete_range_cf(self.family(family_of(*space)), from, to);
            }
            Write::DeleteRange { .. } => {}
        }
    }

    /// Makes everything committed so far durable.
    pub(crate) fn sync(&self) -> Result<(), Error> {
        let families: Vec<_> = self.families().collect();
        let flushed = self.database().flush_cfs_opt(&families, &FlushOptions::default());
        flushed.map_err(|cause| Error::write(self.met(cause)))
    }

    /// Writes a copy of the whole state, made of hard links where possible, into a directory that must not exist.
    pub(crate) fn checkpoint(&self, into: &Path) -> Result<(), Error> {
        let failed = |cause| Error::write(self.met(cause));
        let checkpoint = Checkpoint::new(self.database()).map_err(failed)?;
        checkpoint.create_checkpoint(into).map_err(failed)
    }

    pub(crate) fn memory(&self) -> Result<DatabaseMemory, Error> {
        DatabaseMemory::of(self.database())
    }

    /// Lets the directory go with the last view of it.
    pub(crate) fn retire(&self) {
        self.retired.store(true, Ordering::Release);
    }
}

fn unopened(dir: &Path, cause: rocksdb::Error) -> Error {
    match is_damage(&cause) {
        true => Error::Damaged { path: dir.to_owned(), why: cause.into_string() },
        false => Error::unopened(dir.to_owned(), cause),
    }
}

/// A whole family, down to its last level.
pub(crate) fn compact(database: &DB, family: &ColumnFamily) {
    let mut options = rocksdb::CompactOptions::default();
    options.set_bottommost_level_compaction(rocksdb::BottommostLevelCompaction::Force);
    database.compact_range_cf_opt(family, None::<&[u8]>, None::<&[u8]>, &options);
}

impl Drop for State {
    fn drop(&mut self) {
        drop(self.database.take());
        if self.retired.load(Ordering::Acquire) {
            // What stays behind after a failure is removed by the next `Store::open`.
            let _ = std::fs::remove_dir_all(&self.dir);
        }
    }
}

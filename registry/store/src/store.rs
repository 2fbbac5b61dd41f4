//! The directory of one member: which state database is in force, and how another takes its place.
//! It must never hold a state that is older than what the log has purged, nor delete a state before its successor
//! is durable.

mod current;
mod identity;
mod open;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use proto_types::Digest;
use registry_core::change::Write;
use rocksdb::Cache;

use self::current::StateName;
pub use self::identity::Identity;
use crate::damage::Damage;
use crate::files::link_tree;
use crate::state::State;
use crate::{Error, Log, Memory, Options, StoreView};

/// A member's store. Log operations go through [`Store::log`]; state operations are here.
/// `commit` and `install` must come from one task at a time: the state machine.
pub struct Store {
    dir: PathBuf,
    options: Options,
    cache: Cache,
    log: Log,
    state: ArcSwap<State>,
    identity: Mutex<Identity>,
    damage: Damage,
}

impl Store {
    /// Whose directory this is.
    #[must_use]
    pub fn identity(&self) -> Identity {
        self.identity.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes which cluster the directory belongs to, at which epoch.
    ///
    /// # Errors
    /// It belongs to another one, or the disk failed.
    pub fn belong(&self, cluster: Digest, epoch: u64) -> Result<(), Error> {
        let mut identity = self.identity.lock().unwrap_or_else(PoisonError::into_inner);
        match identity.cluster {
            Some(found) if found != cluster => {
                Err(Error::OtherCluster { path: self.dir.clone(), found, state: cluster })
            }
            Some(_) if identity.epoch == epoch => Ok(()),
            _ => {
                let next = identity.in_cluster(cluster, epoch);
                next.note(&self.dir)?;
                *identity = next;
                Ok(())
            }
        }
    }

    /// Notes that the member was removed from its cluster: the directory is not opened for it again.
    pub fn retire(&self) -> Result<(), Error> {
        let mut identity = self.identity.lock().unwrap_or_else(PoisonError::into_inner);
        let next = identity.of_removed();
        next.note(&self.dir)?;
        *identity = next;
        Ok(())
    }

    /// What was met of damage in the state.
    #[must_use]
    pub fn damage(&self) -> &Damage {
        &self.damage
    }

    /// The state that a checkpoint holds.
    ///
    /// # Errors
    /// The checkpoint does not open.
    pub fn view_of(checkpoint: &Path, options: &Options) -> Result<StoreView, Error> {
        let cache = Cache::new_lru_cache(options.block_cache_bytes);
        State::open_read_only(checkpoint, options, &cache)
            .map(|state| StoreView::new(Arc::new(state)))
    }

    /// Where [`Store::open`] finds the state of a store that has no log yet.
    #[must_use]
    pub fn first_state(dir: &Path) -> PathBuf {
        dir.join(StateName::FIRST.to_string())
    }

    /// Compacts both databases; takes long, and reads and writes all they hold.
    pub fn defrag(&self) {
        self.log.compact();
        self.state.load().compact();
    }

    /// What the databases hold in memory.
    pub fn memory(&self) -> Result<Memory, Error> {
        let block_cache_bytes = self.cache.get_usage() as u64;
        Ok(Memory {
            log: self.log.memory()?,
            state: self.state.load().memory()?,
            block_cache_bytes,
        })
    }

    /// This store's directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where the state in force lies.
    #[must_use]
    pub fn state_dir(&self) -> PathBuf {
        self.state.load().dir().to_owned()
    }

    /// The raft log.
    #[must_use]
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// The state as it is now.
    #[must_use]
    pub fn view(&self) -> StoreView {
        StoreView::new(self.state.load_full())
    }

    /// Carries out writes and sets metadata, all or none. Kept in memory at first: after a crash of the process the state
    /// may be an older one, as of an earlier call.
    ///
    /// # Errors
    /// The write failed; nothing of it was done.
    pub fn commit(&self, writes: &[Write], meta: &[(&[u8], &[u8])]) -> Result<(), Error> {
        self.state.load().commit(writes, meta)
    }

    /// Whether [`Store::commit`] would wait now, because what is in memory is not written out as fast as it comes.
    #[must_use]
    pub fn is_stalled(&self) -> bool {
        self.state.load().is_stalled()
    }

    /// Makes everything committed so far durable; called before the log entries it came from are purged.
    ///
    /// # Errors
    /// The sync failed; then nothing may be purged.
    pub fn sync_state(&self) -> Result<(), Error> {
        self.state.load().sync()
    }

    /// Writes a durable copy of the state into `into`, which must not exist and must lie on the same file system.
    ///
    /// # Errors
    /// The copy failed; `into` does not exist then.
    pub fn checkpoint(&self, into: &Path) -> Result<(), Error> {
        self.state.load().checkpoint(into)
    }

    /// Values that [`Store::commit`] had set when a checkpoint was taken. Proves, besides, that the checkpoint opens.
    ///
    /// # Errors
    /// The checkpoint does not open, or the read failed.
    pub fn checkpoint_meta<const N: usize>(
        &self,
        checkpoint: &Path,
        keys: [&[u8]; N],
    ) -> Result<[Option<Vec<u8>>; N], Error> {
        State::read_meta(checkpoint, keys, &self.options, &self.cache)
    }

    /// Replaces the whole state by a checkpoint, which stays as it is. A crash at any point leaves the old state or the
    /// new one in force. Views of the old state stay readable.
    ///
    /// # Errors
    /// The checkpoint does not open or cannot be linked; the old state stays in force.
    pub fn install(&self, checkpoint: &Path) -> Result<(), Error> {
        let next = StateName::kept(&self.dir)?.next();
        let state_dir = self.dir.join(next.to_string());
        if state_dir.exists() {
            fs::remove_dir_all(&state_dir).map_err(|cause| Error::file(&state_dir, &cause))?;
        }
        link_tree(checkpoint, &state_dir)?;
        let fresh = State::open(&state_dir, false, &self.options, &self.cache)?;
        next.write(&self.dir)?;
        fresh.watch(&self.damage);
        let old = self.state.swap(Arc::new(fresh));
        old.retire();
        Ok(())
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Store").field("dir", &self.dir).finish_non_exhaustive()
    }
}

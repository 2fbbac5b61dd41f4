//! How a store is opened: whose directory it is, whether anything is there, and whether all of it is.
//! It must never take a directory from which something was removed for a new one, nor change anything in one that it
//! refuses.

use std::fs;
use std::path::Path;
use std::sync::Mutex;

use arc_swap::ArcSwap;
use rocksdb::Cache;

use super::current::{self, StateName};
use super::{Identity, Store};
use crate::damage::{self, Damage};
use crate::files::sync_dir;
use crate::state::State;
use crate::{Error, Log, Options};

impl Store {
    /// Opens the store of `member` in `dir`, or makes a new one where nothing is. A state that was found damaged is set
    /// aside, and an empty one is in its place.
    ///
    /// # Errors
    /// The directory is another member's, of another format or a newer version; a database is in use or damaged; the log,
    /// or the state that `CURRENT` names, is gone. Nothing is changed then.
    pub fn open(dir: &Path, member: u64, options: Options) -> Result<Self, Error> {
        fs::create_dir_all(dir).map_err(|cause| Error::file(dir, &cause))?;
        let identity = Identity::kept(dir, Some(member))?;
        let begun = Identity::in_making(dir) && identity.is_none();
        let in_use = identity.is_some() || (!begun && !current::remains(dir)?.is_empty());
        if in_use {
            return Self::open_kept(dir, identity, member, options);
        }
        let identity = Identity::begin(dir, Some(member))?;
        // A store that was never finished has acknowledged nothing.
        current::remains(dir)?.iter().try_for_each(|path| remove(path))?;
        Self::finish(dir, identity, options)
    }

    /// Makes a store over a state that was put at [`Store::first_state`], for the member that opens it next.
    ///
    /// # Errors
    /// The state does not open, or the disk failed.
    pub fn make_over(dir: &Path, options: Options) -> Result<Self, Error> {
        Self::finish(dir, Identity::begin(dir, None)?, options)
    }

    /// Makes what a new store lacks.
    fn finish(dir: &Path, identity: Identity, options: Options) -> Result<Self, Error> {
        let name = StateName::first(dir)?;
        let cache = Cache::new_lru_cache(options.block_cache_bytes);
        let state = State::open(&dir.join(name.to_string()), true, &options, &cache)?;
        let log = Log::open(dir, true, &options, &cache)?;
        sync_dir(dir)?;
        // It comes last: that it exists says that everything else was made.
        Identity::finish(dir)?;
        Ok(Self::of(dir, (options, cache), (log, state), identity).watching())
    }

    fn open_kept(
        dir: &Path,
        identity: Option<Identity>,
        member: u64,
        options: Options,
    ) -> Result<Self, Error> {
        if !Log::exists(dir) {
            return Err(Error::LogMissing { path: Log::path(dir) });
        }
        let cache = Cache::new_lru_cache(options.block_cache_bytes);
        let (name, state) = Self::open_state(dir, &options, &cache)?;
        current::sweep(dir, name)?;
        let log = Log::open(dir, false, &options, &cache)?;
        let identity = match identity {
            Some(identity) if identity.is_current() => identity,
            // A version without the file, or an older one, has opened it last; or a restore has made it.
            older => {
                let identity = older.unwrap_or_else(|| Identity::of(member));
                identity.note(dir)?;
                identity
            }
        };
        Ok(Self::of(dir, (options, cache), (log, state), identity).watching())
    }

    /// The state in force, or an empty one in the place of a damaged one.
    fn open_state(
        dir: &Path,
        options: &Options,
        cache: &Cache,
    ) -> Result<(StateName, State), Error> {
        if !damage::noted(dir) {
            let name = StateName::kept(dir)?;
            match State::open(&dir.join(name.to_string()), false, options, cache) {
                Err(Error::Damaged { why, .. }) => Damage::default().note(dir, &why),
                opened => return opened.map(|state| (name, state)),
            }
        }
        let name = begin_anew(dir, StateName::named(dir)?, options, cache)?;
        let state = State::open(&dir.join(name.to_string()), false, options, cache)?;
        Ok((name, state))
    }

    fn of(
        dir: &Path,
        (options, cache): (Options, Cache),
        (log, state): (Log, State),
        identity: Identity,
    ) -> Self {
        let (dir, identity) = (dir.to_owned(), Mutex::new(identity));
        let (state, damage) = (ArcSwap::from_pointee(state), Damage::default());
        Self { dir, options, cache, log, state, identity, damage }
    }

    /// Has damage of the state noted when it is met.
    fn watching(self) -> Self {
        self.state.load().watch(&self.damage);
        self
    }

    /// Opens the store of a member that is not running, or of one whose changes since do not matter, without changing
    /// any of its files. Writing to it fails.
    ///
    /// # Errors
    /// A database is damaged or not there.
    pub fn open_read_only(dir: &Path, options: Options) -> Result<Self, Error> {
        let name = StateName::kept(dir)?;
        let cache = Cache::new_lru_cache(options.block_cache_bytes);
        let state = State::open_read_only(&dir.join(name.to_string()), &options, &cache)?;
        let log = Log::open_read_only(dir, &options, &cache)?;
        let identity = Identity::kept(dir, None)?.unwrap_or_default();
        Ok(Self::of(dir, (options, cache), (log, state), identity))
    }
}

/// Puts an empty state in the place of a damaged one, which is set aside. A crash on the way is taken up again.
fn begin_anew(
    store: &Path,
    damaged: StateName,
    options: &Options,
    cache: &Cache,
) -> Result<StateName, Error> {
    let from = store.join(damaged.to_string());
    if from.exists() {
        let to = damage::set_aside(store, &from)?;
        tracing::error!(state = %damaged, kept = %to.display(), "the state is damaged: it is set aside");
    }
    let next = damaged.next();
    let fresh = store.join(next.to_string());
    if fresh.exists() {
        // The empty one that a crash has left.
        remove(&fresh)?;
    }
    drop(State::open(&fresh, true, options, cache)?);
    next.write(store)?;
    damage::forget(store)?;
    Ok(next)
}

fn remove(path: &Path) -> Result<(), Error> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    removed.map_err(|cause| Error::file(path, &cause))
}

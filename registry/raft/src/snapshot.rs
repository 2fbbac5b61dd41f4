//! Checkpoints of the state on disk: the one that is current, and the building and receiving of the next.
//! A snapshot appears under its final name only when it is whole and its digests are known; it must never be deleted
//! while somebody still reads it.

mod build;
mod incoming;
mod manifest;
mod receive;
mod send;
mod sound;
#[cfg(test)]
mod tests;
mod turn;
mod wanted;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use openraft::type_config::alias::SnapshotOf;
use tokio::sync::Semaphore;

pub(crate) use self::build::{Builder, checkpoint};
pub(crate) use self::incoming::{Incoming, Refused};
pub(crate) use self::manifest::{Manifest, Piece, digest};
pub(crate) use self::receive::{disk, next_frame, receive, receive_and_install, turn};
pub(crate) use self::send::frames;
pub(crate) use self::sound::Unsound;
pub(crate) use self::wanted::{Want, all};
use crate::types::{LogId, TypeConfig};

const DIR: &str = "snapshots";
pub(crate) const DATABASE: &str = "db";
const PARTIAL: &str = "partial-";
/// What was received of a snapshot so far; kept over a restart, so that the transfer goes on where it stopped.
const INCOMING: &str = "incoming";

/// For how long no receiver's word counts against a snapshot that is vouched for: a receiver at fault has the state read
/// through once in that time, and damage that comes later is not overlooked for as long as the snapshot is the newest.
/// Arbitrary.
const VOUCHED_FOR: Duration = Duration::from_secs(3_600);

/// A snapshot as consensus hands it on.
pub(crate) type Snapshot = SnapshotOf<TypeConfig, Arc<Stored>>;

/// A whole snapshot on disk.
#[derive(Debug)]
pub(crate) struct Stored {
    dir: PathBuf,
    manifest: Manifest,
    /// Superseded, or not adopted yet: the directory goes with the last reader.
    retired: AtomicBool,
    /// A receiver found that it does not match its digests.
    suspect: AtomicBool,
    /// When it took the place of a suspect one that was found sound.
    vouched: Mutex<Option<Instant>>,
}

impl Stored {
    fn new(dir: PathBuf, manifest: Manifest) -> Arc<Self> {
        let no = || AtomicBool::new(false);
        Arc::new(Self { dir, manifest, retired: no(), suspect: no(), vouched: Mutex::default() })
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.dir.join(DATABASE)
    }

    pub(crate) fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Which members there were, and where.
    pub(crate) fn members(&self) -> BTreeMap<u64, String> {
        let membership = self.manifest.meta.last_membership.membership();
        membership.nodes().map(|(id, node)| (*id, node.addr.clone())).collect()
    }

    /// Whether a log that begins after this entry goes on where the state ends, or before.
    pub(crate) fn reaches(&self, purged: LogId) -> bool {
        self.manifest.meta.last_log_id >= Some(purged)
    }

    pub(crate) fn suspect(&self) -> bool {
        let vouched = *self.vouched.lock().unwrap_or_else(PoisonError::into_inner);
        let is_vouched_for = vouched.is_some_and(|since| since.elapsed() < VOUCHED_FOR);
        self.suspect.load(Ordering::Acquire) && !is_vouched_for
    }

    /// Lets the directory go with the last reader.
    pub(crate) fn retire(&self) {
        self.retired.store(true, Ordering::Release);
    }

    fn keep(&self) {
        self.retired.store(false, Ordering::Release);
    }

    /// Has it replaced by a newly made one, and looked into.
    pub(crate) fn mark_suspect(&self) {
        self.suspect.store(true, Ordering::Release);
    }

    /// Has no receiver's word count against it for a while from then on.
    pub(crate) fn vouch(&self, since: Instant) {
        *self.vouched.lock().unwrap_or_else(PoisonError::into_inner) = Some(since);
    }

    pub(crate) fn snapshot(self: &Arc<Self>) -> Snapshot {
        Snapshot { meta: self.manifest.meta.clone(), snapshot: Arc::clone(self) }
    }
}

impl Drop for Stored {
    fn drop(&mut self) {
        if self.retired.load(Ordering::Acquire) {
            // What stays behind after a failure is removed at the next start.
            let _ = fs::remove_dir_all(&self.dir);
        }
    }
}

/// The snapshots of one member.
#[derive(Debug)]
pub(crate) struct Snapshots {
    root: PathBuf,
    current: Mutex<Option<Arc<Stored>>>,
    /// Makes names unique.
    number: AtomicU64,
    /// One snapshot is received at a time.
    receiving: Semaphore,
    /// The one that is received, once all of it is here.
    whole: Mutex<Option<Manifest>>,
    /// One snapshot is examined at a time.
    examining: Arc<Semaphore>,
}

impl Snapshots {
    /// Finds the newest whole snapshot and removes what was left half-done.
    pub(crate) fn open(store: &Path) -> io::Result<Self> {
        let root = store.join(DIR);
        fs::create_dir_all(&root)?;
        let mut names = Vec::new();
        for entry in fs::read_dir(&root)? {
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
        names.retain(|name| name != INCOMING);
        names.sort();
        let newest = newest(store, &root, &names)?;
        let last = names.iter().filter_map(|name| name.rsplit('-').next()?.parse().ok()).max();
        Ok(Self {
            root,
            current: Mutex::new(newest),
            number: AtomicU64::new(last.map_or(0, |last: u64| last + 1)),
            receiving: Semaphore::new(1),
            whole: Mutex::new(None),
            examining: Arc::new(Semaphore::new(1)),
        })
    }

    pub(crate) fn current(&self) -> Option<Arc<Stored>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Makes a snapshot the current one, unless it is older.
    pub(crate) fn adopt(&self, fresh: Arc<Stored>) {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let newer =
            |old: &Arc<Stored>| old.manifest.meta.last_log_id > fresh.manifest.meta.last_log_id;
        let retired = match current.as_ref() {
            Some(old) if newer(old) => Some(fresh),
            Some(old) if Arc::ptr_eq(old, &fresh) => None,
            _ => {
                fresh.keep();
                current.replace(fresh)
            }
        };
        if let Some(retired) = retired {
            retired.retire();
        }
        drop(current);
        // Whoever has a newer state does not want the rest of an older one. What stays behind is sorted out next time.
        if let Ok(_turn) = self.receiving.try_acquire() {
            self.forget_incoming();
        }
    }

    /// Removes what was received of a snapshot that nobody wants.
    pub(crate) fn forget_incoming(&self) {
        // What stays behind is sorted out when the next one comes.
        let _ = fs::remove_dir_all(self.root.join(INCOMING));
    }

    /// What is still wanted of a snapshot that is offered. The caller has the right to receive.
    pub(crate) fn wanted(&self, manifest: &Manifest) -> Result<Vec<Want>, Refused> {
        if let Some(fault) = manifest.fault() {
            return Err(Refused::Manifest(fault));
        }
        let dir = self.incoming();
        fs::create_dir_all(&dir)?;
        Ok(wanted::wanted(&dir, manifest)?)
    }

    /// Where files are received.
    fn incoming(&self) -> PathBuf {
        self.root.join(INCOMING).join(DATABASE)
    }

    /// Takes what was received out of the way of the next transfer.
    fn received(&self) -> io::Result<Partial> {
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let dir = self.root.join(format!("{PARTIAL}{number:06}"));
        fs::rename(self.root.join(INCOMING), &dir)?;
        Ok(Partial { dir: Some(dir), number })
    }

    /// An empty directory for a snapshot in the making.
    fn partial(&self) -> io::Result<Partial> {
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let dir = self.root.join(format!("{PARTIAL}{number:06}"));
        fs::create_dir(&dir)?;
        Ok(Partial { dir: Some(dir), number })
    }

    /// Gives a finished directory its name, durably.
    fn complete(&self, mut partial: Partial, manifest: Manifest) -> io::Result<Arc<Stored>> {
        let from = partial.dir.take().expect("only this function takes it");
        manifest.write(&from)?;
        let index = manifest.meta.last_log_id.as_ref().map_or(0, |last| last.index());
        let to = self.root.join(format!("{index:020}-{:06}", partial.number));
        fs::rename(&from, &to)?;
        registry_store::sync_dir(&self.root).map_err(io::Error::other)?;
        Ok(Stored::new(to, manifest))
    }
}

/// The newest of these that can be used. What is older or half-done goes.
fn newest(store: &Path, root: &Path, names: &[String]) -> io::Result<Option<Arc<Stored>>> {
    let mut newest = None;
    // Names of those that are half-done come last.
    for (older, name) in names.iter().enumerate().rev() {
        let dir = root.join(name);
        if name.starts_with(PARTIAL) || newest.is_some() {
            fs::remove_dir_all(&dir)?;
            continue;
        }
        match Manifest::read(&dir) {
            // A crash has left an older one too, which may be the only sound one.
            Ok(manifest) if older > 0 => newest = Stored::new(dir, manifest).if_sound(store)?,
            Ok(manifest) => newest = Some(Stored::new(dir, manifest)),
            Err(cause) => tracing::error!(snapshot = %name, %cause, "a snapshot is not usable"),
        }
    }
    Ok(newest)
}

/// A snapshot in the making; gone with this value unless it was completed.
struct Partial {
    dir: Option<PathBuf>,
    number: u64,
}

impl Partial {
    fn dir(&self) -> &Path {
        self.dir.as_deref().expect("complete() consumes the value")
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if let Some(dir) = &self.dir {
            let _ = fs::remove_dir_all(dir);
        }
    }
}

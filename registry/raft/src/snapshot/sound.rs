//! Whether a snapshot is as it was made, and was sound then. Digests that match are not enough: bytes may have turned
//! before they were digested.

use std::io;
use std::path::Path;
use std::sync::{Arc, PoisonError};

use registry_store::{Error, Options, Store};
use tokio::sync::OwnedSemaphorePermit;

use super::{Piece, Snapshots, Stored};

/// What is wrong with a snapshot.
#[derive(Debug)]
pub(crate) struct Unsound {
    /// The files that do not match their digests; none if what was digested was damaged already.
    pub files: Vec<Piece>,
    why: String,
}

impl Stored {
    /// Holds it against its digests, and then reads all of it.
    fn fault(&self) -> io::Result<Option<Unsound>> {
        let files = self.manifest.damaged(&self.database())?;
        let why = match files.first() {
            Some(first) => {
                let count = files.len();
                Some(format!(
                    "{count} files do not match their digests, the first is {}",
                    first.name
                ))
            }
            None => damage(&self.database())?,
        };
        Ok(why.map(|why| Unsound { files, why }))
    }

    fn set_aside(&self, store: &Path, unsound: &Unsound) -> io::Result<()> {
        let kept = registry_store::set_aside(store, &self.dir).map_err(io::Error::other)?;
        let (why, kept) = (unsound.why.as_str(), kept.display().to_string());
        tracing::error!(why, kept, "a snapshot is damaged: it is set aside");
        Ok(())
    }

    /// This one if it is sound; else it is set aside.
    pub(super) fn if_sound(self: Arc<Self>, store: &Path) -> io::Result<Option<Arc<Self>>> {
        match self.fault()? {
            None => Ok(Some(self)),
            Some(unsound) => self.set_aside(store, &unsound).map(|()| None),
        }
    }
}

impl Snapshots {
    /// The right to examine a snapshot, if none is examined now.
    pub(crate) fn examine(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.examining).try_acquire_owned().ok()
    }

    /// As [`Snapshots::set_aside_if_unsound`], of the current snapshot.
    pub(crate) fn set_unsound_aside(&self, store: &Path) -> io::Result<Option<Unsound>> {
        let Some(stored) = self.current() else { return Ok(None) };
        self.set_aside_if_unsound(store, &stored)
    }

    /// Looks through a snapshot, and sets it aside if it is not sound. Returns what is wrong with it.
    pub(crate) fn set_aside_if_unsound(
        &self,
        store: &Path,
        stored: &Arc<Stored>,
    ) -> io::Result<Option<Unsound>> {
        let Some(unsound) = stored.fault()? else { return Ok(None) };
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.as_ref().is_some_and(|now| Arc::ptr_eq(now, stored)) {
            *current = None;
        }
        drop(current);
        stored.set_aside(store, &unsound)?;
        Ok(Some(unsound))
    }
}

/// What of damage is met when a whole checkpoint is read.
pub(super) fn damage(database: &Path) -> io::Result<Option<String>> {
    let view = Store::view_of(database, &Options::default());
    match view.and_then(|view| view.read_through()) {
        Ok(()) => Ok(None),
        Err(fault @ Error::Damaged { .. }) => Ok(Some(fault.to_string())),
        Err(fault) => Err(io::Error::other(fault)),
    }
}

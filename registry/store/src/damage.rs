//! Damage of the state: noted beside it when it is met, and at the next start set aside (`store/open.rs`).
//! It decides which error is damage. It must never delete what was found damaged: that may be the last copy.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rocksdb::ErrorKind;

use crate::Error;
use crate::files::{replace, sync_dir};

/// Says that the state in force is damaged, and why.
const FILE: &str = "DAMAGED";

/// What was found damaged, kept for the operator, who alone deletes it.
const ASIDE: &str = "set-aside";

/// What was met of damage since the store was opened; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Damage(Arc<OnceLock<String>>);

impl Damage {
    /// What was met first, if anything.
    #[must_use]
    pub fn found(&self) -> Option<String> {
        self.0.get().cloned()
    }

    /// Notes damage of the state under `store`, durably. The first note counts.
    pub fn note(&self, store: &Path, why: &str) {
        if self.0.set(why.to_owned()).is_err() {
            return;
        }
        // Without the note the next start meets the damage again.
        if let Err(cause) = replace(&store.join(FILE), why) {
            tracing::error!(%cause, "damage of the state cannot be noted");
        }
    }

    /// As [`Damage::note`], if this is an error of what lies on the disk and not of the way there.
    pub(crate) fn meet(&self, store: &Path, cause: &rocksdb::Error) {
        if is_damage(cause) {
            self.note(store, cause.as_ref());
        }
    }
}

/// Bytes that are not those that were written.
pub(crate) fn is_damage(cause: &rocksdb::Error) -> bool {
    cause.kind() == ErrorKind::Corruption
}

/// Whether a former run has found the state damaged.
pub(crate) fn noted(store: &Path) -> bool {
    store.join(FILE).exists()
}

/// Forgets what a former run has noted.
pub(crate) fn forget(store: &Path) -> Result<(), Error> {
    let note = store.join(FILE);
    match fs::remove_file(&note) {
        Ok(()) => sync_dir(store),
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(cause) => Err(Error::file(&note, &cause)),
    }
}

/// Moves a directory of the store to where the operator finds it. Returns that place.
///
/// # Errors
/// It cannot be moved; it stays where it is.
pub fn set_aside(store: &Path, what: &Path) -> Result<PathBuf, Error> {
    let aside = store.join(ASIDE);
    fs::create_dir_all(&aside).map_err(|cause| Error::file(&aside, &cause))?;
    let name = what.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let free = |number: u32| {
        let path = aside.join(format!("{name}.{number}"));
        (!path.exists()).then_some(path)
    };
    let full = || Error::File { path: aside.clone(), why: "it is full".to_owned() };
    let to = (0..ASIDE_MAX).find_map(free).ok_or_else(full)?;
    fs::rename(what, &to).map_err(|cause| Error::file(what, &cause))?;
    sync_dir(&aside)?;
    sync_dir(what.parent().unwrap_or(store))?;
    Ok(to)
}

/// Things of one name that are set aside. A disk that damages more is to be replaced. Arbitrary.
const ASIDE_MAX: u32 = 16;

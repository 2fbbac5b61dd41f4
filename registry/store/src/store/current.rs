//! The `CURRENT` file: the name of the state database in force.
//! It must never point to a directory that was not complete when it was written.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use crate::Error;
use crate::files::replace;

const FILE: &str = "CURRENT";
const PREFIX: &str = "state-";

/// The name of a state database: `state-` and a number that rises with every installed snapshot.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct StateName(u64);

impl StateName {
    /// The name in a new store.
    pub(crate) const FIRST: Self = Self(1);

    /// The name in a directory where nothing, or only a part of a new store, was made.
    pub(crate) fn first(dir: &Path) -> Result<Self, Error> {
        let name = Self::FIRST;
        name.write(dir)?;
        Ok(name)
    }

    /// The name in a directory with a log: its state must be there too.
    pub(crate) fn kept(dir: &Path) -> Result<Self, Error> {
        let name = Self::named(dir)?;
        let path = dir.join(name.to_string());
        if path.exists() { Ok(name) } else { Err(Error::StateMissing { path }) }
    }

    /// The name in a directory with a log, whether its state is there or not.
    pub(crate) fn named(dir: &Path) -> Result<Self, Error> {
        Self::read(dir)?.ok_or_else(|| Error::StateMissing { path: dir.join(FILE) })
    }

    pub(crate) fn next(self) -> Self {
        Self(self.0 + 1)
    }

    fn read(dir: &Path) -> Result<Option<Self>, Error> {
        let path = dir.join(FILE);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(cause) => return Err(Error::file(&path, &cause)),
        };
        let number = text.trim_end().strip_prefix(PREFIX).and_then(|digits| digits.parse().ok());
        match number {
            Some(number) => Ok(Some(Self(number))),
            None => Err(Error::File { path, why: "does not name a state database".to_owned() }),
        }
    }

    pub(crate) fn write(self, dir: &Path) -> Result<(), Error> {
        replace(&dir.join(FILE), &format!("{self}\n"))
    }
}

impl fmt::Display for StateName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{PREFIX}{:06}", self.0)
    }
}

/// What a directory without a log holds of a store that was in use.
pub(crate) fn remains(dir: &Path) -> Result<Vec<PathBuf>, Error> {
    let unread = |cause| Error::file(dir, &cause);
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).map_err(unread)? {
        let entry = entry.map_err(unread)?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name == FILE || name == "log" || name.starts_with(PREFIX) {
            found.push(entry.path());
        }
    }
    Ok(found)
}

/// Removes state databases that are not in force: left by a crash between a switch and its cleaning.
pub(crate) fn sweep(dir: &Path, current: StateName) -> Result<(), Error> {
    let swept = fs::read_dir(dir).and_then(|entries| {
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            let stale = name.to_string_lossy().starts_with(PREFIX) && name != *current.to_string();
            if stale {
                fs::remove_dir_all(entry.path())?;
            }
        }
        Ok(())
    });
    swept.map_err(|cause| Error::file(dir, &cause))
}

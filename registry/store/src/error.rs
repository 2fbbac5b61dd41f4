//! What can go wrong with a store.
//! Each variant says what the operator has to look at; it must never hide a failed sync.

use std::path::PathBuf;
use std::sync::Arc;

/// A failure of the store. Cloneable, because one failed sync answers many appends.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// A file or directory of the store cannot be used.
    #[error("{path}: {why}")]
    File {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
    /// A database cannot be opened: in use, damaged, or not ours.
    #[error("the database {path} does not open: {why}")]
    Open {
        /// Its directory.
        path: PathBuf,
        /// What RocksDB said.
        why: String,
    },
    /// The log is there, its state is not: somebody removed files.
    #[error(
        "{path} is missing beside an existing log; restore it, or remove the member's whole directory"
    )]
    StateMissing {
        /// The state directory that `CURRENT` names.
        path: PathBuf,
    },
    /// A read failed.
    #[error("a read failed: {0}")]
    Read(String),
    /// A write of the state failed.
    #[error("a write failed: {0}")]
    Write(String),
    /// A write or sync of the log failed earlier: nothing is acknowledged until the member restarts.
    #[error("the log is poisoned: {0}")]
    Poisoned(Arc<str>),
    /// The log lacks an entry between two that it has.
    #[error("the log has no entry {expected}, but has {found}")]
    Hole {
        /// The index that should come next.
        expected: u64,
        /// The index that came.
        found: u64,
    },
}

impl Error {
    pub(crate) fn read(cause: rocksdb::Error) -> Self {
        Self::Read(cause.into_string())
    }

    pub(crate) fn write(cause: rocksdb::Error) -> Self {
        Self::Write(cause.into_string())
    }

    pub(crate) fn file(path: &std::path::Path, cause: &std::io::Error) -> Self {
        Self::File { path: path.to_owned(), why: cause.to_string() }
    }
}

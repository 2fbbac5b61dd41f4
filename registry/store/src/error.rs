//! The errors of a store. Each says what the operator has to look at; a failed sync is never hidden.

use std::path::PathBuf;
use std::sync::Arc;

use proto_types::Digest;

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
    /// Another process, or this one, has it open.
    #[error("{path} is in use: does the same member run already? ({why})")]
    InUse {
        /// The directory of the database.
        path: PathBuf,
        /// What RocksDB said.
        why: String,
    },
    /// A database cannot be opened: damaged, or not ours.
    #[error("the database {path} does not open: {why}")]
    Open {
        /// Its directory.
        path: PathBuf,
        /// What RocksDB said.
        why: String,
    },
    /// A database holds other bytes than were written.
    #[error("the database {path} is damaged: {why}")]
    Damaged {
        /// Its directory.
        path: PathBuf,
        /// What RocksDB said.
        why: String,
    },
    /// The directory is another member's.
    #[error(
        "{path}: this is the directory of member {found}, and this process is member {expected}"
    )]
    OtherMember {
        /// The file that says so.
        path: PathBuf,
        /// Whose it is.
        found: u64,
        /// Who wants to open it.
        expected: u64,
    },
    /// The member was removed from its cluster.
    #[error(
        "{path}: member {member} was removed from its cluster and does not start again: delete its directory, see \
         docs/runbooks/replace-a-member.md"
    )]
    Removed {
        /// The file that says so.
        path: PathBuf,
        /// Which member.
        member: u64,
    },
    /// The directory is another cluster's.
    #[error("{path}: this is a directory of cluster {found}, and its state is of cluster {state}")]
    OtherCluster {
        /// The file that says so.
        path: PathBuf,
        /// Whose it is.
        found: Digest,
        /// What the state says.
        state: Digest,
    },
    /// The directory is in a format that this version does not read.
    #[error(
        "{path}: the directory has format {found} and was opened by version {version}; version {own_version} opens format \
         {own_format}: start version {version}"
    )]
    OtherFormat {
        /// The file that says so.
        path: PathBuf,
        /// Its format.
        found: u64,
        /// Which version wrote it.
        version: String,
        /// What this version reads.
        own_format: u64,
        /// This version.
        own_version: &'static str,
    },
    /// A newer version has opened the directory.
    #[error(
        "{path}: version {version} has opened the directory, and this is version {own}: start version {version} or newer"
    )]
    NewerVersion {
        /// The file that says so.
        path: PathBuf,
        /// Which version opened it.
        version: String,
        /// This version.
        own: &'static str,
    },
    /// The directory has been in use, and its log is gone: somebody removed files.
    #[error("{path} is missing in a directory that was in use")]
    LogMissing {
        /// The log's directory.
        path: PathBuf,
    },
    /// The log is there, its state is not: somebody removed files.
    #[error("{path} is missing beside an existing log")]
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
    /// Why a database does not open. Its lock is its user's for as long as that runs; a lock that cannot even be opened is
    /// nobody's (RocksDB, `PosixFileSystem::LockFile`).
    pub(crate) fn unopened(path: PathBuf, cause: rocksdb::Error) -> Self {
        let why = cause.into_string();
        let is_held = ["lock hold by current process", "While lock file"];
        match is_held.iter().any(|said| why.contains(said)) {
            true => Self::InUse { path, why },
            false => Self::Open { path, why },
        }
    }

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

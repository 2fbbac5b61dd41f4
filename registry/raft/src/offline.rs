//! Copies of a member's state outside of any cluster: how they are written, checked, and made a cluster again. A
//! directory that holds anything is never written into.
//!
//! `registry-server` streams a checkpoint with its manifest (`grpc/copies.rs`); `archive.rs` reads it back, `verify.rs`
//! checks everything in it, and `restore.rs` makes a data directory of it, at the next cluster epoch.
//!
//! An archive is one file: the line `ecumene-backup 1`, the length of the manifest (4 bytes, big endian), the manifest,
//! then the bytes of the files it lists, in its order. The same as a directory is `manifest` beside `db/`.

mod archive;
mod restore;
mod verify;

use std::io;

pub(crate) use self::archive::header;
pub use self::archive::{Intake, MANIFEST_BYTES_MAX};
pub use self::restore::{Restored, restore};
pub use self::verify::verify;

/// Why an offline command did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// It is no archive, or not a whole one.
    #[error("{0}")]
    Archive(String),
    /// Bytes that do not match their digest.
    #[error("{0} does not match its digest")]
    Corrupt(String),
    /// The target holds something.
    #[error("{0} exists already and is not empty")]
    NotEmpty(String),
    /// Members that make no cluster.
    #[error("{0}")]
    Members(String),
    /// An epoch that a cluster has had, or that is too high for its revisions.
    #[error("epoch {requested}: an epoch from {} to {max} is possible", kept + 1)]
    Epoch {
        /// The copy's.
        kept: u64,
        /// The new cluster's.
        requested: u64,
        /// The last.
        max: u64,
    },
    /// A database.
    #[error("the store")]
    Store(#[from] registry_store::Error),
    /// The disk.
    #[error("the disk")]
    Disk(#[from] io::Error),
}

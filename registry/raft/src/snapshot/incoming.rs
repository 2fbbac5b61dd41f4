//! A snapshot on its way in: written beside the state, checked file by file, and only then made whole.
//! It must never touch the state in force, and leaves nothing behind when it is refused (security case 45).

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::sync::Arc;

use proto_types::Digest;
use sha2::{Digest as _, Sha256};

use super::build::meta_of;
use super::manifest::Piece;
use super::{DATABASE, Manifest, Partial, Snapshots, Stored};
use crate::home::Home;

/// Why a snapshot was not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    /// It is not what a manifest may say.
    #[error("the manifest does not hold: {0}")]
    Manifest(String),
    /// The bytes are not those of the manifest.
    #[error("{0} does not match its digest")]
    Corrupt(String),
    /// More or fewer bytes than the manifest says.
    #[error("the content does not have the length of the manifest")]
    Length,
    /// The files are as sent, but are not the state that the manifest names.
    #[error("the checkpoint holds another state than its manifest says")]
    OtherState,
    /// The local disk failed.
    #[error("the snapshot cannot be written: {0}")]
    Disk(#[from] io::Error),
}

pub(crate) struct Incoming {
    partial: Partial,
    manifest: Manifest,
    /// How many files are complete.
    complete: usize,
    open: Option<OpenFile>,
}

struct OpenFile {
    file: File,
    left: u64,
    hasher: Sha256,
}

impl Incoming {
    pub(crate) fn begin(snapshots: &Snapshots, manifest: Manifest) -> Result<Self, Refused> {
        if let Some(fault) = manifest.fault() {
            return Err(Refused::Manifest(fault));
        }
        let partial = snapshots.partial()?;
        fs::create_dir(partial.dir().join(DATABASE))?;
        Ok(Self { partial, manifest, complete: 0, open: None })
    }

    /// Takes the next bytes of the content.
    pub(crate) fn write(&mut self, mut bytes: &[u8]) -> Result<(), Refused> {
        while !bytes.is_empty() {
            let Some(piece) = self.manifest.files.get(self.complete) else {
                return Err(Refused::Length);
            };
            let piece = piece.clone();
            let mut open = self.opened(&piece)?;
            let taken = usize::try_from(open.left).unwrap_or(usize::MAX).min(bytes.len());
            let (now, later) = bytes.split_at(taken);
            open.file.write_all(now)?;
            open.hasher.update(now);
            open.left -= now.len() as u64;
            bytes = later;
            self.closed_if_full(open, &piece)?;
        }
        Ok(())
    }

    fn opened(&mut self, piece: &Piece) -> Result<OpenFile, Refused> {
        if let Some(open) = self.open.take() {
            return Ok(open);
        }
        let file = File::create_new(self.partial.dir().join(DATABASE).join(&piece.name))?;
        Ok(OpenFile { file, left: piece.bytes, hasher: Sha256::new() })
    }

    fn closed_if_full(&mut self, open: OpenFile, piece: &Piece) -> Result<(), Refused> {
        if open.left > 0 {
            self.open = Some(open);
            return Ok(());
        }
        if Digest(open.hasher.finalize().into()) != piece.sha256 {
            return Err(Refused::Corrupt(piece.name.clone()));
        }
        open.file.sync_all()?;
        self.complete += 1;
        Ok(())
    }

    /// Makes it a whole snapshot, if all of it is there and it is the state it is said to be.
    pub(crate) fn finish(
        mut self,
        home: &Home,
        snapshots: &Snapshots,
    ) -> Result<Arc<Stored>, Refused> {
        // Empty files have no bytes that could have opened them.
        while let Some(piece) = self.manifest.files.get(self.complete).filter(|p| p.bytes == 0) {
            let piece = piece.clone();
            let open = self.opened(&piece)?;
            self.closed_if_full(open, &piece)?;
        }
        if self.complete < self.manifest.files.len() {
            return Err(Refused::Length);
        }
        let database = self.partial.dir().join(DATABASE);
        registry_store::sync_dir(&database).map_err(io::Error::other)?;
        if meta_of(home, &database)? != self.manifest.meta {
            return Err(Refused::OtherState);
        }
        Ok(snapshots.complete(self.partial, self.manifest)?)
    }
}

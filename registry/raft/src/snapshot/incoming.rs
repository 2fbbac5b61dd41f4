//! A snapshot on its way in: written beside the state, checked file by file, and only then made whole.
//! It must never touch the state in force. A transfer that is cut off leaves what was received, for the next one to go
//! on with; a file that does not have its digest goes at once (security case 45).

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::sync::Arc;

use proto_types::Digest;
use sha2::{Digest as _, Sha256};

use super::build::meta_of;
use super::manifest::{PIECE_BYTES, Piece};
use super::sound::damage;
use super::{Manifest, Snapshots, Stored, Want};
use crate::store_handle::StoreHandle;

/// Why a snapshot was not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    /// It is not what a manifest may say.
    #[error("the manifest does not hold: {0}")]
    Manifest(String),
    /// The bytes are not those of the manifest.
    #[error("{0} does not match its digest")]
    Corrupt(String),
    /// The bytes are as sent, and were damaged before they were digested.
    #[error("what was sent is damaged: {0}")]
    Unsound(String),
    /// The bytes were as sent, and are not any more.
    #[error("this member's disk has changed {0}")]
    Changed(String),
    /// More or fewer bytes than were wanted.
    #[error("the content does not have the length that was wanted")]
    Length,
    /// The sender goes on where this member does not stand.
    #[error("other parts are wanted than the sender means to send")]
    Moved,
    /// The files are as sent, but are not the state that the manifest names.
    #[error("the checkpoint holds another state than its manifest says")]
    OtherState,
    /// The local disk failed.
    #[error("the snapshot cannot be written: {0}")]
    Disk(#[from] io::Error),
}

pub(crate) struct Incoming {
    snapshots: Arc<Snapshots>,
    manifest: Manifest,
    wanted: Vec<Want>,
    /// How many of `wanted` are complete.
    complete: usize,
    open: Option<OpenFile>,
}

struct OpenFile {
    file: File,
    left: u64,
    hasher: Sha256,
}

impl Incoming {
    /// `sent` is what the sender was told is wanted.
    pub(crate) fn begin(
        snapshots: &Arc<Snapshots>,
        manifest: Manifest,
        sent: &[Want],
    ) -> Result<Self, Refused> {
        let wanted = snapshots.wanted(&manifest)?;
        if wanted != sent {
            return Err(Refused::Moved);
        }
        let snapshots = Arc::clone(snapshots);
        Ok(Self { snapshots, manifest, wanted, complete: 0, open: None })
    }

    /// Takes the next bytes of the content.
    pub(crate) fn write(&mut self, mut bytes: &[u8]) -> Result<(), Refused> {
        while !bytes.is_empty() {
            let Some(want) = self.wanted.get(self.complete).copied() else {
                return Err(Refused::Length);
            };
            let piece = self.manifest.files[want.file as usize].clone();
            let mut open = self.opened(want, &piece)?;
            let taken = usize::try_from(open.left).unwrap_or(usize::MAX).min(bytes.len());
            let (now, later) = bytes.split_at(taken);
            open.file.write_all(now)?;
            open.hasher.update(now);
            open.left -= now.len() as u64;
            bytes = later;
            self.closed_if_full(open, want, &piece)?;
        }
        Ok(())
    }

    fn opened(&mut self, want: Want, piece: &Piece) -> Result<OpenFile, Refused> {
        if let Some(open) = self.open.take() {
            return Ok(open);
        }
        let path = self.snapshots.incoming().join(&piece.name);
        let mut options = File::options();
        let mut file = options.read(true).write(true).create(true).truncate(false).open(path)?;
        // What is there already is part of the digest.
        let mut hasher = Sha256::new();
        let mut part = vec![0; PIECE_BYTES];
        let mut left = want.offset;
        while left > 0 {
            let most = usize::try_from(left).unwrap_or(usize::MAX).min(PIECE_BYTES);
            file.read_exact(&mut part[..most])?;
            hasher.update(&part[..most]);
            left -= most as u64;
        }
        Ok(OpenFile { file, left: piece.bytes - want.offset, hasher })
    }

    fn closed_if_full(&mut self, open: OpenFile, want: Want, piece: &Piece) -> Result<(), Refused> {
        if open.left > 0 {
            self.open = Some(open);
            return Ok(());
        }
        if Digest(open.hasher.finalize().into()) != piece.sha256 {
            fs::remove_file(self.snapshots.incoming().join(&piece.name))?;
            // The part that was here already may be what is wrong: the whole file tells.
            let whole = want.offset == 0;
            return Err(if whole { Refused::Corrupt(piece.name.clone()) } else { Refused::Moved });
        }
        open.file.sync_all()?;
        self.complete += 1;
        Ok(())
    }

    /// Makes it a whole snapshot, if all of it is there, can be read, and is the state it is said to be. Until it is adopted
    /// it goes with its last reader.
    pub(crate) fn finish(self, handle: &StoreHandle) -> Result<Arc<Stored>, Refused> {
        if self.complete < self.wanted.len() {
            return Err(Refused::Length);
        }
        if let Err(refused) = self.check(handle) {
            // Every byte is here: there is nothing to go on with.
            self.snapshots.forget_incoming();
            return Err(refused);
        }
        let partial = self.snapshots.received()?;
        let stored = self.snapshots.complete(partial, self.manifest)?;
        stored.retire();
        Ok(stored)
    }

    /// Reads all of it where it came in, so that what came outlives a stop meanwhile.
    fn check(&self, handle: &StoreHandle) -> Result<(), Refused> {
        let database = self.snapshots.incoming();
        registry_store::sync_dir(&database).map_err(io::Error::other)?;
        if let Some(why) = damage(&database)? {
            // What came had its digests.
            let changed = self.manifest.damaged(&database)?.into_iter().next();
            return Err(match changed {
                Some(piece) => Refused::Changed(piece.name),
                None => Refused::Unsound(why),
            });
        }
        if meta_of(handle, &database)? != self.manifest.meta {
            return Err(Refused::OtherState);
        }
        Ok(())
    }
}

//! The files of a snapshot that are on disk already, from a transfer that was cut off. A file counts if it has the digest
//! that the manifest states, whatever snapshot it came with. A file that the manifest does not name is deleted: there is
//! room for one unfinished snapshot.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::Manifest;
use super::manifest::digest;

/// A file of the manifest that is still wanted, from an offset on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Want {
    pub file: u32,
    pub offset: u64,
}

/// The whole snapshot.
pub(crate) fn all(manifest: &Manifest) -> Vec<Want> {
    // A manifest has at most `FILES_MAX` files.
    let file = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    (0..manifest.files.len()).map(|at| Want { file: file(at), offset: 0 }).collect()
}

/// Sorts through the files in `dir`: what is sound stays, what is not or belongs to no file of the manifest goes.
pub(super) fn wanted(dir: &Path, manifest: &Manifest) -> io::Result<Vec<Want>> {
    sort_out(dir, manifest)?;
    let mut wanted = Vec::new();
    for (mut want, piece) in all(manifest).into_iter().zip(&manifest.files) {
        let path = dir.join(&piece.name);
        want.offset = match fs::metadata(&path) {
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => 0,
            Err(cause) => return Err(cause),
            Ok(meta) if meta.len() < piece.bytes => meta.len(),
            Ok(meta) if meta.len() == piece.bytes && digest(&path)? == piece.sha256 => continue,
            Ok(_) => {
                fs::remove_file(&path)?;
                0
            }
        };
        if piece.bytes == 0 {
            // No byte will come for it.
            File::create(&path)?.sync_all()?;
        } else {
            wanted.push(want);
        }
    }
    Ok(wanted)
}

/// Removes what belongs to no file of the manifest.
fn sort_out(dir: &Path, manifest: &Manifest) -> io::Result<()> {
    let named: BTreeSet<&str> = manifest.files.iter().map(|piece| piece.name.as_str()).collect();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if !named.contains(entry.file_name().to_string_lossy().as_ref()) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

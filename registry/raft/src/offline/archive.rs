//! The archive format: written as a stream, unpacked with every digest checked.
//! It must never name a file outside of its directory, nor call a copy whole that lacks a byte.

use std::fs::{self, File};
use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::Fault;
use crate::codec::{decode, encode};
use crate::snapshot::{DATABASE, Manifest, digest};

const MAGIC: &[u8] = b"ecumene-backup 1\n";

/// The longest manifest: 65,536 files of about 150 bytes each.
pub const MANIFEST_BYTES_MAX: u32 = 16 << 20;

/// Bytes read at a time. Arbitrary.
const PIECE_BYTES: usize = 1 << 20;

/// What stands before the bytes of the files.
pub(crate) fn header(manifest: &Manifest) -> io::Result<Vec<u8>> {
    let encoded = encode(manifest)?;
    let length = u32::try_from(encoded.len()).ok().filter(|length| *length <= MANIFEST_BYTES_MAX);
    let length = length.ok_or_else(|| io::Error::other("the manifest is too long"))?;
    Ok([MAGIC, &length.to_be_bytes(), &encoded].concat())
}

/// Takes a stream of archive bytes into a file, and knows when it is whole.
#[derive(Debug)]
pub struct Intake {
    partial: PathBuf,
    target: PathBuf,
    file: File,
}

impl Intake {
    /// Begins a file that must not exist. Until it is whole it has another name.
    ///
    /// # Errors
    /// It exists, or the disk refuses.
    pub fn begin(target: &Path) -> Result<Self, Fault> {
        if target.exists() {
            return Err(Fault::NotEmpty(target.display().to_string()));
        }
        let mut name = target.as_os_str().to_owned();
        name.push(".partial");
        let partial = PathBuf::from(name);
        let file = File::create(&partial)?;
        Ok(Self { partial, target: target.to_owned(), file })
    }

    /// Takes the next bytes.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        Ok(self.file.write_all(bytes)?)
    }

    /// Reads the archive back, checks every digest, and gives the file its name. Returns how many bytes it has.
    ///
    /// # Errors
    /// It is not whole or not sound: the file keeps its other name.
    pub fn finish(self) -> Result<u64, Fault> {
        self.file.sync_all()?;
        each_file(&self.partial, |_, _| Ok(()))?;
        fs::rename(&self.partial, &self.target)?;
        let folder = self.target.parent().filter(|folder| !folder.as_os_str().is_empty());
        registry_store::sync_dir(folder.unwrap_or(Path::new(".")))?;
        Ok(fs::metadata(&self.target)?.len())
    }
}

/// The manifest of an archive or of its unpacked form.
pub(super) fn manifest(path: &Path) -> Result<Manifest, Fault> {
    if path.is_dir() {
        return checked(Manifest::read(path)?);
    }
    open(path).map(|(manifest, _)| manifest)
}

/// Writes the files of an archive, or of its unpacked form, into a directory that is made for them.
pub(super) fn unpack(path: &Path, into: &Path) -> Result<Manifest, Fault> {
    fs::create_dir(into)?;
    let manifest = if path.is_dir() {
        let manifest = manifest(path)?;
        for piece in &manifest.files {
            let (from, to) = (path.join(DATABASE).join(&piece.name), into.join(&piece.name));
            fs::copy(from, &to)?;
            File::open(&to)?.sync_all()?;
            if digest(&to)? != piece.sha256 {
                return Err(Fault::Corrupt(piece.name.clone()));
            }
        }
        manifest
    } else {
        let mut open: Option<(String, File)> = None;
        let manifest = each_file(path, |name, bytes| {
            if open.as_ref().is_none_or(|(known, _)| known != name) {
                finish(open.take())?;
                open = Some((name.to_owned(), File::create_new(into.join(name))?));
            }
            let (_, file) = open.as_mut().expect("set just before");
            Ok(file.write_all(bytes)?)
        })?;
        finish(open)?;
        manifest
    };
    registry_store::sync_dir(into)?;
    Ok(manifest)
}

fn finish(open: Option<(String, File)>) -> io::Result<()> {
    open.map_or(Ok(()), |(_, file)| file.sync_all())
}

/// Reads an archive to its end. `take` is given every file in pieces, an empty file as one empty piece.
fn each_file(
    path: &Path,
    mut take: impl FnMut(&str, &[u8]) -> Result<(), Fault>,
) -> Result<Manifest, Fault> {
    let (manifest, mut content) = open(path)?;
    let mut piece = vec![0; PIECE_BYTES];
    for file in &manifest.files {
        let mut hasher = Sha256::new();
        let mut left = file.bytes;
        take(&file.name, &[])?;
        while left > 0 {
            let most = usize::try_from(left).unwrap_or(usize::MAX).min(PIECE_BYTES);
            let read = content.read(&mut piece[..most])?;
            if read == 0 {
                return Err(Fault::Archive(format!("it ends within {}", file.name)));
            }
            hasher.update(&piece[..read]);
            take(&file.name, &piece[..read])?;
            left -= read as u64;
        }
        if proto_types::Digest(hasher.finalize().into()) != file.sha256 {
            return Err(Fault::Corrupt(file.name.clone()));
        }
    }
    if content.read(&mut piece[..1])? != 0 {
        return Err(Fault::Archive("there are bytes behind its last file".to_owned()));
    }
    Ok(manifest)
}

fn open(path: &Path) -> Result<(Manifest, File), Fault> {
    let mut file = File::open(path)?;
    let mut start = [0; MAGIC.len() + 4];
    let not_ours = |_| Fault::Archive("it is no archive of ours".to_owned());
    file.read_exact(&mut start).map_err(not_ours)?;
    let (magic, length) = start.split_at(MAGIC.len());
    let length = u32::from_be_bytes(length.try_into().expect("split at all but 4"));
    if magic != MAGIC || length > MANIFEST_BYTES_MAX {
        return Err(Fault::Archive("it is no archive of ours".to_owned()));
    }
    let mut encoded = vec![0; length as usize];
    file.read_exact(&mut encoded).map_err(not_ours)?;
    Ok((checked(decode(&encoded)?)?, file))
}

fn checked(manifest: Manifest) -> Result<Manifest, Fault> {
    match manifest.fault() {
        None => Ok(manifest),
        Some(fault) => Err(Fault::Archive(fault)),
    }
}

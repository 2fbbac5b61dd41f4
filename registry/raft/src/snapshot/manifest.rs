//! The manifest of a snapshot: which state it is, and the digest of every file it consists of.
//! It must never name a file outside its directory.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use proto_types::Digest;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::codec::{decode, encode};
use crate::types::SnapshotMeta;

const FILE: &str = "manifest";

/// The digest of the manifest itself. A snapshot of an earlier version has none.
const CHECK: &str = "manifest.sha256";

/// Files of one snapshot. RocksDB's tables are 64 MiB, so this is 4 TiB.
pub(crate) const FILES_MAX: usize = 65_536;

/// Bytes read at a time while digesting. Arbitrary.
pub(super) const PIECE_BYTES: usize = 1 << 20;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    /// The position and membership of the state.
    pub meta: SnapshotMeta,
    /// In the order in which they are sent.
    pub files: Vec<Piece>,
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Piece {
    pub name: String,
    pub bytes: u64,
    pub sha256: Digest,
    /// Where it lies on the member that wrote this manifest; means nothing to another.
    #[serde(default)]
    pub inode: u64,
}

impl Manifest {
    /// Digests the files of a checkpoint. Tables and blobs never change, so a file that an earlier manifest knows by its
    /// inode keeps the digest it had then: the cost follows what changed, and damage since then is noticed.
    pub(crate) fn of(
        meta: SnapshotMeta,
        database: &Path,
        before: Option<&Self>,
    ) -> io::Result<Self> {
        let known: BTreeMap<(u64, &str), &Piece> = before
            .iter()
            .flat_map(|manifest| &manifest.files)
            .filter(|piece| piece.name.ends_with(".sst") || piece.name.ends_with(".blob"))
            .map(|piece| ((piece.inode, piece.name.as_str()), piece))
            .collect();
        let mut files = Vec::new();
        for entry in fs::read_dir(database)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if !wanted(&name) {
                continue;
            }
            let (inode, bytes) = entry.metadata().map(|file| (file.ino(), file.len()))?;
            let sha256 = match known.get(&(inode, name.as_str())) {
                Some(piece) if piece.bytes == bytes => piece.sha256,
                _ => digest(&entry.path())?,
            };
            files.push(Piece { name, bytes, sha256, inode });
        }
        files.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Self { meta, files })
    }

    /// The files that are not as they were when this manifest was made.
    pub(crate) fn damaged(&self, database: &Path) -> io::Result<Vec<Piece>> {
        let mut damaged = Vec::new();
        for piece in &self.files {
            match digest(&database.join(&piece.name)) {
                Ok(found) if found == piece.sha256 => {}
                Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(cause),
                Ok(_) | Err(_) => damaged.push(piece.clone()),
            }
        }
        Ok(damaged)
    }

    /// Why a manifest from another member is not acceptable, if so.
    pub(crate) fn fault(&self) -> Option<String> {
        if self.files.len() > FILES_MAX {
            return Some(format!("{} files exceed {FILES_MAX}", self.files.len()));
        }
        let bad = self.files.iter().find(|piece| !plain(&piece.name) || !wanted(&piece.name));
        if let Some(piece) = bad {
            return Some(format!("{:?} is no name of a database file", piece.name));
        }
        let twice = self.files.windows(2).find(|pair| pair[0].name >= pair[1].name);
        twice.map(|pair| format!("{:?} is named out of order", pair[1].name))
    }

    pub(crate) fn read(dir: &Path) -> io::Result<Self> {
        let encoded = fs::read(dir.join(FILE))?;
        match fs::read_to_string(dir.join(CHECK)) {
            Ok(kept) if kept == Digest::of(&encoded).hex() => decode(&encoded),
            Ok(_) => Err(io::Error::new(io::ErrorKind::InvalidData, "its manifest is damaged")),
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => decode(&encoded),
            Err(cause) => Err(cause),
        }
    }

    pub(crate) fn write(&self, dir: &Path) -> io::Result<()> {
        let encoded = encode(self)?;
        let check = Digest::of(&encoded).hex();
        for (name, bytes) in [(FILE, encoded.as_slice()), (CHECK, check.as_bytes())] {
            let mut file = File::create(dir.join(name))?;
            file.write_all(bytes)?;
            file.sync_all()?;
        }
        registry_store::sync_dir(dir).map_err(io::Error::other)
    }
}

/// RocksDB's text logs and its lock are no part of the state.
fn wanted(name: &str) -> bool {
    name != "LOCK" && name != "LOG" && !name.starts_with("LOG.")
}

fn plain(name: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    !name.is_empty() && name.len() <= 64 && !name.starts_with('.') && name.bytes().all(known)
}

/// The SHA-256 of a file.
pub(crate) fn digest(path: &Path) -> io::Result<Digest> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let read = file.read(&mut piece)?;
        if read == 0 {
            return Ok(Digest(hasher.finalize().into()));
        }
        hasher.update(&piece[..read]);
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn manifest(names: &[&str]) -> Manifest {
        let piece = |name: &&str| Piece {
            name: (*name).to_owned(),
            bytes: 0,
            sha256: Digest::of(b""),
            inode: 0,
        };
        Manifest { meta: SnapshotMeta::default(), files: names.iter().map(piece).collect() }
    }

    #[test]
    fn only_plain_names_in_order_are_accepted() {
        assert_eq!(manifest(&["000012.sst", "CURRENT", "MANIFEST-000004"]).fault(), None);
        for names in [&["../x"][..], &["a/b"], &[""], &[".."], &["b", "a"], &["a", "a"], &["LOCK"]]
        {
            assert!(manifest(names).fault().is_some(), "{names:?}");
        }
    }

    #[test]
    fn a_known_file_keeps_the_digest_it_had() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("000001.sst"), b"table").unwrap();
        fs::write(dir.path().join("CURRENT"), b"pointer").unwrap();
        let first = Manifest::of(SnapshotMeta::default(), dir.path(), None).unwrap();
        fs::write(dir.path().join("000001.sst"), b"tabl3").unwrap();
        fs::write(dir.path().join("CURRENT"), b"p0inter").unwrap();
        let second = Manifest::of(SnapshotMeta::default(), dir.path(), Some(&first)).unwrap();
        assert_eq!(second.files[0].sha256, first.files[0].sha256, "damage must stay visible");
        assert_ne!(second.files[1].sha256, first.files[1].sha256);
    }

    #[test]
    fn a_manifest_in_which_a_bit_has_turned_is_not_believed() {
        let dir = tempfile::tempdir().unwrap();
        let whole = manifest(&["000012.sst", "CURRENT"]);
        whole.write(dir.path()).unwrap();
        assert_eq!(Manifest::read(dir.path()).unwrap(), whole);
        let file = dir.path().join(FILE);
        let encoded = fs::read(&file).unwrap();
        for at in 0..encoded.len() {
            let mut turned = encoded.clone();
            turned[at] ^= 4;
            fs::write(&file, &turned).unwrap();
            assert!(Manifest::read(dir.path()).is_err(), "byte {at}");
        }
        // As an earlier version left it.
        fs::write(&file, &encoded).unwrap();
        fs::remove_file(dir.path().join(CHECK)).unwrap();
        assert_eq!(Manifest::read(dir.path()).unwrap(), whole);
    }
}

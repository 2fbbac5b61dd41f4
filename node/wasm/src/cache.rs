//! Compiled code on disk.
//!
//! Decides which `.cwasm` files are ours. Loading one runs it as native code, so a file counts only
//! with a valid HMAC, made with a key that never leaves this node, over the artifact's digest, the
//! engine's fingerprint and the code itself. Must never take compiled code from the network, and
//! must never load bytes other than those that it has just authenticated (no second read).
//!
//! A file that fails is deleted and the artifact is compiled again: the cache may lose code, and never gives wrong code.

use std::fs::{self, OpenOptions, Permissions};
use std::hash::{Hash as _, Hasher};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use hmac::{Hmac, KeyInit as _, Mac as _};
use proto_types::Digest;
use sha2::{Digest as _, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

/// Separates this use of the key from any other.
const DOMAIN: &[u8] = b"ecumene/cwasm/1\0";
const KEY_FILE: &str = "cwasm.key";
const KEY_BYTES: usize = 32;
const TAG_BYTES: usize = 32;

/// A file larger than this is not ours: compiled code is some 3 to 10 times the size of WASM, and
/// artifacts are bounded far below.
const FILE_BYTES_MAX: u64 = 1 << 30;

/// The folder of compiled code.
pub(crate) struct Cache {
    dir: PathBuf,
    mac: Hmac<Sha256>,
    fingerprint: [u8; 32],
}

impl Cache {
    /// Opens the folder, and makes it and its key where they are missing.
    pub(crate) fn open(dir: &Path, engine: &Engine) -> io::Result<Self> {
        fs::create_dir_all(dir)?;
        fs::set_permissions(dir, Permissions::from_mode(0o700))?;
        let key = read_or_make_key(&dir.join(KEY_FILE))?;
        let mac = Hmac::<Sha256>::new_from_slice(&key).map_err(io::Error::other)?;
        Ok(Self { dir: dir.to_owned(), mac, fingerprint: fingerprint(engine) })
    }

    /// Loads the code of an artifact, if a file of ours holds it.
    pub(crate) fn load(&self, engine: &Engine, digest: &Digest) -> Option<Component> {
        let path = self.path(digest);
        let file = match read_bounded(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => return self.discard(digest, &error),
        };
        match self.verify(digest, &file).and_then(|code| deserialize(engine, code)) {
            Ok(component) => Some(component),
            Err(error) => self.discard(digest, &error),
        }
    }

    /// Keeps code that our own compiler has just made, whole or not at all.
    pub(crate) fn store(&self, digest: &Digest, code: &[u8]) -> io::Result<()> {
        let path = self.path(digest);
        // The process id keeps two processes that share the folder out of each other's way.
        let partial = path.with_extension(format!("{}.partial", std::process::id()));
        let write = || -> io::Result<()> {
            let mut file = private().write(true).create(true).truncate(true).open(&partial)?;
            file.write_all(&self.tag(digest, code).finalize().into_bytes())?;
            file.write_all(code)?;
            // No fsync: a torn file fails its tag and is compiled again.
            fs::rename(&partial, &path)
        };
        let stored = write();
        if stored.is_err() {
            // The error to tell is the one above, whatever becomes of this.
            let _ = fs::remove_file(&partial);
        }
        stored
    }

    /// Authenticates a file and gives the code in it.
    fn verify<'a>(&self, digest: &Digest, file: &'a [u8]) -> io::Result<&'a [u8]> {
        let Some((tag, code)) = file.split_at_checked(TAG_BYTES) else {
            return Err(io::Error::other("shorter than its tag"));
        };
        let expected = self.tag(digest, code);
        expected.verify_slice(tag).map_err(|_| io::Error::other("not made by this node"))?;
        Ok(code)
    }

    fn tag(&self, digest: &Digest, code: &[u8]) -> Hmac<Sha256> {
        let fixed = [DOMAIN, digest.as_bytes(), &self.fingerprint];
        let mac = fixed.into_iter().fold(self.mac.clone(), |mac, part| mac.chain_update(part));
        mac.chain_update(code)
    }

    /// The fingerprint is in the name so that two versions of the node can share the folder.
    pub(crate) fn path(&self, digest: &Digest) -> PathBuf {
        let engine = u32::from_be_bytes(
            self.fingerprint.first_chunk().copied().expect("a SHA-256 has more than 4 bytes"),
        );
        self.dir.join(format!("{}.{engine:08x}.cwasm", digest.hex()))
    }

    fn discard(&self, digest: &Digest, why: &dyn std::fmt::Display) -> Option<Component> {
        tracing::warn!(%digest, %why, "compiled code on disk refused and deleted");
        if let Err(error) = fs::remove_file(self.path(digest)) {
            tracing::warn!(%digest, %error, "compiled code on disk could not be deleted");
        }
        None
    }
}

#[expect(unsafe_code, reason = "wasmtime loads native code; see the safety comment")]
fn deserialize(engine: &Engine, code: &[u8]) -> io::Result<Component> {
    // SAFETY: the only caller passes bytes that it has just authenticated with a key that only this
    // node has, and `store` signs nothing but what our own compiler returned.
    unsafe { Component::deserialize(engine, code) }.map_err(io::Error::other)
}

/// Everything about the engine that the code depends on: version, target, settings.
fn fingerprint(engine: &Engine) -> [u8; 32] {
    struct Hashed(Sha256);
    impl Hasher for Hashed {
        fn write(&mut self, bytes: &[u8]) {
            self.0.update(bytes);
        }

        fn finish(&self) -> u64 {
            unreachable!("only the whole SHA-256 is used, below")
        }
    }
    let mut hashed = Hashed(Sha256::new());
    engine.precompile_compatibility_hash().hash(&mut hashed);
    hashed.0.finalize().into()
}

/// Reads the key, or makes it where there is none. It appears whole or not at all (written aside,
/// then linked), so a short key is damage, and the operator is told instead of it being replaced.
fn read_or_make_key(path: &Path) -> io::Result<[u8; KEY_BYTES]> {
    if !path.exists() {
        let mut key = [0; KEY_BYTES];
        getrandom::fill(&mut key).map_err(io::Error::other)?;
        let partial = path.with_extension(format!("{}.partial", std::process::id()));
        let mut file = private().write(true).create(true).truncate(true).open(&partial)?;
        file.write_all(&key)?;
        file.sync_all()?;
        match fs::hard_link(&partial, path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => fs::remove_file(&partial)?,
        }
    }
    let mut key = [0; KEY_BYTES];
    fs::File::open(path)?.read_exact(&mut key)?;
    Ok(key)
}

fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    let file = fs::File::open(path)?;
    if file.metadata()?.len() > FILE_BYTES_MAX {
        return Err(io::Error::other("larger than any code of ours"));
    }
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn code_that_cannot_be_kept_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path(), &Engine::default()).unwrap();
        let digest = Digest::of(b"artifact");
        // A folder of that name: the last step fails, as each would on a full disk.
        fs::create_dir(cache.path(&digest)).unwrap();
        cache.store(&digest, b"code").unwrap_err();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "it and the key");
    }
}

//! Secrets come from files, never from flags or variables, which other processes can read.
//!
//! It decides what a well-kept secret file is. It never prints a secret: `Debug` shows a length.

use std::{
    fmt,
    fs::File,
    io::{self, Read},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

/// 16 characters carry 64 bits even in hexadecimal; less can be guessed against a listener.
const LENGTH_MIN: usize = 16;
/// No key or token of ours comes near; a larger file is a wrong path.
const BYTES_MAX: u64 = 64 * 1024;
/// Any permission for others: reading reveals the secret, writing replaces it.
const MODE_OTHERS: u32 = 0o007;

/// A secret text, shown to no log.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// Why a file does not give a secret.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("the secret file {path} cannot be read")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Everybody on the machine has access to the file.
    #[error("the secret file {path} has mode {mode:o}: take the permissions of others away")]
    WorldReadable {
        /// Which file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The secret is shorter than what cannot be guessed.
    #[error("the secret in {path} has {length} bytes, fewer than {LENGTH_MIN}")]
    TooShort {
        /// Which file.
        path: PathBuf,
        /// Bytes after the newline is taken away.
        length: usize,
    },
    /// The file is larger than any secret of ours.
    #[error("the secret file {path} is larger than {BYTES_MAX} bytes")]
    TooLarge {
        /// Which file.
        path: PathBuf,
    },
}

impl Secret {
    /// The secret itself. Whoever calls this must not log it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({} bytes)", self.0.len())
    }
}

/// Reads the secret in the file at `path`; newlines at its end are not part of it.
///
/// # Errors
/// Every [`Error`].
pub fn read(path: &Path) -> Result<Secret, Error> {
    let unreadable = |source| Error::Unreadable { path: path.to_owned(), source };
    // The mode is asked of the open file, so that it is the mode of the bytes that are read.
    let file = File::open(path).map_err(unreadable)?;
    let mode = file.metadata().map_err(unreadable)?.mode() & 0o7777;
    if mode & MODE_OTHERS != 0 {
        return Err(Error::WorldReadable { path: path.to_owned(), mode });
    }
    let mut text = String::new();
    let length = file.take(BYTES_MAX + 1).read_to_string(&mut text).map_err(unreadable)?;
    if length as u64 > BYTES_MAX {
        return Err(Error::TooLarge { path: path.to_owned() });
    }
    text.truncate(text.trim_end_matches(['\r', '\n']).len());
    if text.len() < LENGTH_MIN {
        return Err(Error::TooShort { path: path.to_owned(), length: text.len() });
    }
    Ok(Secret(text))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    fn check(content: &str, mode: u32) -> Result<Secret, Error> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        read(&path)
    }

    #[test]
    fn a_secret_loses_its_newline_and_is_never_printed() {
        let secret = check("0123456789abcdef\r\n", 0o600).unwrap();
        assert_eq!(secret.expose(), "0123456789abcdef");
        assert_eq!(format!("{secret:?}"), "Secret(16 bytes)");
    }

    #[test]
    fn a_badly_kept_secret_is_refused_by_name() {
        let secret = "0123456789abcdef";
        assert!(matches!(check(secret, 0o644), Err(Error::WorldReadable { mode: 0o644, .. })));
        assert!(matches!(check(secret, 0o602), Err(Error::WorldReadable { .. })));
        assert!(check(secret, 0o640).is_ok(), "a group may be how a container gets the file");
        assert!(matches!(
            check("0123456789abcde\n", 0o600),
            Err(Error::TooShort { length: 15, .. })
        ));
        let large = "x".repeat(BYTES_MAX as usize + 1);
        assert!(matches!(check(&large, 0o600), Err(Error::TooLarge { .. })));
        assert!(matches!(read(Path::new("absent")), Err(Error::Unreadable { .. })));
    }
}

//! The credential that a gateway or a node draws for itself, and the join token with which the registry admits it.
//!
//! It decides when a join token is needed: until the registry has admitted the credential. One process at a time has the
//! folder: two that draw one would lose a credential that the registry has heard of, a node's journal tells what one process
//! runs, and the registry passes over what a second gateway of one name reports. It must never lose a credential that the
//! registry may have heard of, nor log one, nor log a join token.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::secret::{self, Secret};
use crate::{atomic_file, private};

/// The file of a credential that the registry has admitted.
const ADMITTED: &str = "credential";
/// The file of one that it may not have admitted yet.
const DRAWN: &str = "credential.drawn";

/// The file whose lock says that a process uses the folder. It stays there; the lock goes with the process.
const LOCK: &str = "lock";

/// A credential that is kept in a state folder. The folder is this process's for as long as this is held.
pub struct Credential {
    folder: PathBuf,
    text: String,
    _lock: File,
}

/// Why there is no join token to show.
#[derive(Debug, thiserror::Error)]
pub enum NoJoinToken {
    /// No file is named.
    #[error("join_token_file: needed until the registry has admitted this process")]
    Unnamed,
    /// The file cannot be used.
    #[error("join_token_file")]
    File(#[source] secret::Error),
}

impl Credential {
    /// The credential in the folder, which is made if there is none; drawn on first use.
    ///
    /// # Errors
    /// The folder, or a file in it, cannot be read or written; [`ErrorKind::ResourceBusy`] where another process uses it.
    pub fn open(folder: &Path, draw: impl FnOnce() -> String) -> io::Result<Self> {
        private::folder(folder)?;
        let lock = lock(folder)?;
        let kept = |text: String| Self { folder: folder.to_owned(), text, _lock: lock };
        for name in [ADMITTED, DRAWN] {
            match fs::read_to_string(folder.join(name)) {
                Ok(text) => return Ok(kept(text.trim_end().to_owned())),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        let text = draw();
        atomic_file::write(&folder.join(DRAWN), format!("{text}\n").as_bytes())?;
        Ok(kept(text))
    }

    /// The credential itself. Whoever calls this must not log it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// As [`is_admitted`], of its folder.
    #[must_use]
    pub fn is_admitted(&self) -> bool {
        is_admitted(&self.folder)
    }

    /// Notes that the registry has admitted it. Again is the same as once.
    ///
    /// # Errors
    /// The folder cannot be written; the role needs a join token at its next start too.
    pub fn admit(&self) -> io::Result<()> {
        match fs::rename(self.folder.join(DRAWN), self.folder.join(ADMITTED)) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
            Ok(()) => atomic_file::sync_folder(&self.folder),
        }
    }
}

/// Has the folder for this process, until the file is closed or the process ends, however it does.
///
/// # Errors
/// The file of the lock cannot be made; [`ErrorKind::ResourceBusy`] where another process has the folder.
pub fn lock(folder: &Path) -> io::Result<File> {
    let file =
        OpenOptions::new().write(true).create(true).truncate(false).open(folder.join(LOCK))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            Err(io::Error::new(ErrorKind::ResourceBusy, "another process uses it"))
        }
        // Not every file system of a network has locks.
        Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => {
            tracing::warn!(
                ?folder,
                "the file system has no locks: a second process would go unseen"
            );
            Ok(file)
        }
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Whether a state folder holds a credential that the registry has admitted: no join token is needed any more.
#[must_use]
pub fn is_admitted(folder: &Path) -> bool {
    folder.join(ADMITTED).exists()
}

/// What a configuration lacks that names no join token for a role that is not admitted yet.
#[must_use]
pub fn lacks_join_token(folder: &Path, file: Option<&Path>) -> Option<String> {
    let lacks = file.is_none() && !is_admitted(folder);
    lacks.then(|| NoJoinToken::Unnamed.to_string())
}

/// The join token in the file that the configuration names.
///
/// # Errors
/// Every [`NoJoinToken`].
pub fn join_token(file: Option<&Path>) -> Result<Secret, NoJoinToken> {
    secret::read(file.ok_or(NoJoinToken::Unnamed)?).map_err(NoJoinToken::File)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn drawn(text: &'static str) -> impl FnOnce() -> String {
        move || text.to_owned()
    }

    #[test]
    fn a_credential_is_drawn_once_and_kept_from_others() {
        let place = tempfile::tempdir().unwrap();
        let state = place.path().join("state");
        let credential = Credential::open(&state, drawn("first")).unwrap();
        assert_eq!(credential.expose(), "first");
        drop(credential);
        let credential = Credential::open(&state, drawn("second")).unwrap();
        assert_eq!(credential.expose(), "first");
        credential.admit().unwrap();
        credential.admit().unwrap();
        drop(credential);
        assert_eq!(Credential::open(&state, drawn("third")).unwrap().expose(), "first");
        let mode = fs::metadata(state.join(ADMITTED)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    /// Caught: two processes used one folder, and each drew a credential over the other's.
    #[test]
    fn a_folder_belongs_to_one_process_until_it_lets_go() {
        let state = tempfile::tempdir().unwrap();
        let first = Credential::open(state.path(), drawn("first")).unwrap();
        let refused = Credential::open(state.path(), drawn("second")).err().unwrap();
        assert_eq!(refused.kind(), ErrorKind::ResourceBusy, "{refused}");
        drop(first);
        assert_eq!(Credential::open(state.path(), drawn("third")).unwrap().expose(), "first");
    }

    #[test]
    fn a_join_token_is_needed_until_the_credential_is_admitted() {
        let place = tempfile::tempdir().unwrap();
        let (state, file) = (place.path().join("state"), place.path().join("join"));
        assert!(lacks_join_token(&state, None).unwrap().starts_with("join_token_file: "));
        assert_eq!(lacks_join_token(&state, Some(&file)), None, "what is named is looked for");
        let credential = Credential::open(&state, drawn("drawn")).unwrap();
        assert!(!credential.is_admitted() && lacks_join_token(&state, None).is_some());
        credential.admit().unwrap();
        assert!(credential.is_admitted());
        assert_eq!(lacks_join_token(&state, None), None);
        assert!(matches!(join_token(None), Err(NoJoinToken::Unnamed)));
        assert!(matches!(join_token(Some(&file)), Err(NoJoinToken::File(_))));
    }
}

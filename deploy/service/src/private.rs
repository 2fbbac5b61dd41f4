//! State that nobody else on the machine may read: folders of mode 0700, files of 0600.
//!
//! It decides modes, for what there is and for what this process will make, libraries' files included. It must never
//! follow a link out of the folder.

use std::fs::{self, DirBuilder, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::Path;

use rustix::fs::Mode;

/// What group and others may do: nothing.
const OWNER_ONLY: u32 = 0o700;

/// From now on this process makes files and folders for its user alone.
pub fn restrict() {
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
}

/// Makes the folder if there is none, and it and all that is in it private, now and from now on. What belongs to another
/// user, as a mounted volume may, keeps its mode with a warning.
///
/// # Errors
/// The folder cannot be made or read.
pub fn folder(path: &Path) -> io::Result<()> {
    restrict();
    DirBuilder::new().recursive(true).mode(OWNER_ONLY).create(path)?;
    let mut folders = vec![path.to_owned()];
    while let Some(folder) = folders.pop() {
        tighten(&folder)?;
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() {
                tighten(&entry.path())?;
            }
        }
    }
    Ok(())
}

/// Takes from group and others what they may do.
fn tighten(path: &Path) -> io::Result<()> {
    let mode = match fs::metadata(path) {
        Ok(metadata) => metadata.permissions().mode(),
        // Another process of ours may clean up at the same time.
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if mode & 0o077 == 0 {
        return Ok(());
    }
    match fs::set_permissions(path, Permissions::from_mode(mode & OWNER_ONLY)) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            let path = path.display();
            tracing::warn!(%path, mode = format_args!("{mode:o}"), "others may read this, and its mode cannot be changed");
            Ok(())
        }
        done => done,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_state_folder_and_all_in_it_are_for_their_user_alone() {
        let outside = tempfile::tempdir().unwrap();
        let public = outside.path().join("public");
        fs::write(&public, "x").unwrap();
        fs::set_permissions(&public, Permissions::from_mode(0o644)).unwrap();
        let place = tempfile::tempdir().unwrap();
        let state = place.path().join("a/state");
        fs::create_dir_all(state.join("inner")).unwrap();
        fs::write(state.join("inner/old"), "x").unwrap();
        for (name, wide) in [("", 0o755), ("inner", 0o777), ("inner/old", 0o644)] {
            fs::set_permissions(state.join(name), Permissions::from_mode(wide)).unwrap();
        }
        std::os::unix::fs::symlink(&public, state.join("link")).unwrap();
        folder(&state).unwrap();
        fs::write(state.join("new"), "x").unwrap();
        fs::create_dir(state.join("later")).unwrap();
        let found = ["", "inner", "inner/old", "new", "later"].map(|name| mode(&state.join(name)));
        assert_eq!(found, [0o700, 0o700, 0o600, 0o600, 0o700]);
        assert_eq!(mode(&public), 0o644, "nothing outside is touched");
    }
}

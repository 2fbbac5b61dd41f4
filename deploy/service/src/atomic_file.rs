//! Files that are there whole or not at all, for their user alone.
//!
//! It decides the order: written aside, synced, renamed, and the folder synced. It must never leave behind what could not
//! be written whole, nor harm what was there before.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// The ending of a file that is being written.
const ASIDE: &str = "new";

/// Writes a file; on return it is on disk. It must not be called twice at a time for one file.
///
/// # Errors
/// What the system said; nothing of the attempt is left.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().ok_or(ErrorKind::InvalidInput)?;
    let aside = path.with_extension(ASIDE);
    let written = synced(&aside, bytes).and_then(|()| fs::rename(&aside, path));
    if written.is_err() {
        // The error to tell is the one above, whatever becomes of this.
        let _ = fs::remove_file(&aside);
    }
    written.and_then(|()| sync_folder(folder))
}

/// Removes what a process that died was writing, from a folder of files whose names have no ending.
///
/// # Errors
/// The folder cannot be read, or a file cannot be removed.
pub fn clear(folder: &Path) -> io::Result<()> {
    for file in fs::read_dir(folder)? {
        let path = file?.path();
        if path.extension().is_some() {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// Has the names in a folder on disk.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_written_whole_for_its_user_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        for text in ["a longer text", "short"] {
            write(&path, text.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(names(folder.path()), ["file"]);
    }

    #[test]
    fn nothing_is_left_of_what_could_not_be_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("taken");
        // A folder of that name: the last step fails.
        fs::create_dir(&path).unwrap();
        write(&path, b"text").unwrap_err();
        assert_eq!(names(folder.path()), ["taken"]);
    }

    #[test]
    fn what_a_dead_process_was_writing_is_cleared_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["whole", "whole.new", "other.0192"] {
            fs::write(folder.path().join(name), "x").unwrap();
        }
        clear(folder.path()).unwrap();
        assert_eq!(names(folder.path()), ["whole"]);
    }
}

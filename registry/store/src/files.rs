//! Directory work that has to survive a crash: synced renames and linked copies.
//! It must never follow a link out of the store or leave a half-written file under its final name.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

use crate::Error;

/// Makes the names in a directory durable.
///
/// # Errors
/// The directory cannot be opened or synced.
pub fn sync_dir(dir: &Path) -> Result<(), Error> {
    let synced = File::open(dir).and_then(|handle| handle.sync_all());
    synced.map_err(|cause| Error::file(dir, &cause))
}

/// Writes a small file under its name in one step: whole and durable, or as it was.
pub(crate) fn replace(path: &Path, content: &str) -> Result<(), Error> {
    let fresh = path.with_extension("new");
    let written = File::create(&fresh)
        .and_then(|mut file| file.write_all(content.as_bytes()).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&fresh, path));
    written.map_err(|cause| Error::file(path, &cause))?;
    sync_dir(path.parent().unwrap_or(Path::new(".")))
}

/// Copies a checkpoint: tables and blobs, which never change, as hard links; the rest byte for byte.
pub(crate) fn link_tree(from: &Path, to: &Path) -> Result<(), Error> {
    let linked = fs::create_dir(to).and_then(|()| {
        for file in fs::read_dir(from)? {
            let file = file?;
            link_file(&file.path(), &to.join(file.file_name()))?;
        }
        Ok(())
    });
    linked.map_err(|cause| Error::file(to, &cause))?;
    sync_dir(to)
}

fn link_file(from: &Path, to: &Path) -> std::io::Result<()> {
    let immutable = [Some(OsStr::new("sst")), Some(OsStr::new("blob"))];
    if immutable.contains(&from.extension()) {
        return fs::hard_link(from, to);
    }
    fs::copy(from, to)?;
    File::open(to)?.sync_all()
}

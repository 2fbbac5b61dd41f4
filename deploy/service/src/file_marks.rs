//! The mark by which it is noticed that a file has changed. It must never read one.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

/// What changes when a file is written or replaced: time, length and inode of each.
pub(crate) type Mark = Vec<Option<(i64, i64, u64, u64)>>;

/// How the files look now; a file that is away is `None`.
pub(crate) fn mark(paths: &[PathBuf]) -> Mark {
    let look = |path: &PathBuf| {
        let seen = fs::metadata(path).ok()?;
        Some((seen.mtime(), seen.mtime_nsec(), seen.len(), seen.ino()))
    };
    paths.iter().map(look).collect()
}

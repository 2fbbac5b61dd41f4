//! Whether the files and folders that a configuration names can be used.
//!
//! It decides what each is for by the name of its setting, since names say it already: a `key` is a secret, a
//! `data_dir` a folder. It looks only; it must never make, change or print one.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

use crate::{credential, secret, telemetry};

/// What a path is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// A file that only the role's own user may read.
    Secret,
    /// The same, until the role is admitted.
    Invitation,
    /// A file that is read.
    Public,
    /// A file that the role writes.
    Written,
    /// A folder that is made if it does not exist.
    Folder,
}

impl Use {
    /// By the name of a setting; none if the name does not tell.
    #[must_use]
    pub fn of(setting: &str) -> Option<Self> {
        let (section, name) = setting.rsplit_once('.').unwrap_or(("", setting));
        let ends = |ends: &[&str]| ends.iter().any(|end| name.ends_with(end));
        Some(match name {
            "join_token_file" => Self::Invitation,
            "token_file" if section == "join" => Self::Invitation,
            "addr_file" => Self::Written,
            "cert" | "ca" | "client_ca" => Self::Public,
            "key" => Self::Secret,
            "artifacts" => Self::Folder,
            _ if ends(&["_dir"]) => Self::Folder,
            _ if ends(&["_ca_file"]) => Self::Public,
            _ if ends(&["key_file", "token_file", "token_files", "secret_file"]) => Self::Secret,
            _ => return None,
        })
    }
}

/// Each path that cannot be used, in words with its setting.
#[must_use]
pub fn unusable(paths: &[(String, PathBuf)]) -> Vec<String> {
    let is_admitted = paths.iter().any(|(setting, path)| {
        Use::of(setting) == Some(Use::Folder) && credential::is_admitted(path)
    });
    let fault = |(setting, path): &(String, PathBuf)| {
        let usable = match Use::of(setting)? {
            Use::Invitation if is_admitted => Ok(()),
            // What a pipe holds is for the one who reads it.
            Use::Secret | Use::Invitation | Use::Public if is_pipe(path) => Ok(()),
            Use::Secret | Use::Invitation => {
                secret::read(path).map(drop).map_err(|error| telemetry::chain(&error))
            }
            Use::Public => public(path).map_err(|error| problem(path, &error)),
            Use::Written => parent(path).map_err(|error| problem(path, &error)),
            Use::Folder => folder(path).map_err(|error| problem(path, &error)),
        };
        usable.err().map(|why| format!("{setting}: {why}"))
    };
    paths.iter().filter_map(fault).collect()
}

fn problem(path: &Path, error: &io::Error) -> String {
    format!("{}: {error}", path.display())
}

fn is_pipe(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.file_type().is_fifo())
}

fn public(path: &Path) -> io::Result<()> {
    let metadata = File::open(path)?.metadata()?;
    match (metadata.is_file(), metadata.len()) {
        (true, 0) => Err(io::Error::other("it is empty")),
        (true, _) => Ok(()),
        (false, _) => Err(io::Error::other("it is not a file")),
    }
}

fn parent(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.map_or(Ok(()), |folder| fs::read_dir(folder).map(drop))
}

/// It is a folder, or can become one below the nearest that is there.
fn folder(path: &Path) -> io::Result<()> {
    let there = path.ancestors().find(|path| !path.as_os_str().is_empty() && path.exists());
    there.map_or(Ok(()), |there| fs::read_dir(there).map(drop))
}

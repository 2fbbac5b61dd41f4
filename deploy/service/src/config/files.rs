//! Whether the files and folders that a configuration names can be used.
//!
//! It decides what each is for by the name of its setting, since names say it already: a `key` is a secret, a
//! `data_dir` a folder. What a file holds is read as the role reads it. It looks only; it must never make, change or
//! print one.

use std::fs;
use std::io;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

use crate::{credential, secret, signing_key, telemetry, tls};

/// What a path is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// A file that only the role's own user may read.
    Secret,
    /// The same, until the role is admitted.
    Invitation,
    /// The seed of a key that signs documents.
    SigningKey,
    /// The private key of a certificate.
    PrivateKey,
    /// A certificate of ours.
    Certificate,
    /// The certificates of authorities.
    Authorities,
    /// A file that is no secret, and is read again when it has changed.
    Table,
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
            "cert" => Self::Certificate,
            "ca" | "client_ca" => Self::Authorities,
            "key" => Self::PrivateKey,
            "artifacts" => Self::Folder,
            _ if ends(&["_dir"]) => Self::Folder,
            _ if ends(&["_ca_file"]) => Self::Authorities,
            _ if ends(&["api_keys_file", "jwks_file"]) => Self::Table,
            _ if ends(&["key_file"]) => Self::SigningKey,
            _ if ends(&[
                "auth_file",
                "credentials_file",
                "token_file",
                "token_files",
                "secret_file",
                "value_file",
            ]) =>
            {
                Self::Secret
            }
            _ => return None,
        })
    }
}

/// Each path that cannot be used, in words with its setting.
pub(super) fn unusable(paths: &[(String, PathBuf)]) -> Vec<String> {
    let is_admitted = paths.iter().any(|(setting, path)| {
        Use::of(setting) == Some(Use::Folder) && credential::is_admitted(path)
    });
    let fault = |(setting, path): &(String, PathBuf)| {
        let used = Use::of(setting)?;
        let usable = if used == Use::Invitation && is_admitted { Ok(()) } else { used.check(path) };
        usable.err().map(|why| format!("{setting}: {why}"))
    };
    paths.iter().filter_map(fault).collect()
}

impl Use {
    /// Reads the path as the role does, or says why that fails.
    fn check(self, path: &Path) -> Result<(), String> {
        match self {
            Self::Written => parent(path).map_err(|error| problem(path, &error)),
            Self::Folder => folder(path).map_err(|error| problem(path, &error)),
            // What a pipe holds is for the one who reads it.
            _ if is_pipe(path) => Ok(()),
            // What stands in it is for the role to judge.
            Self::Table => fs::File::open(path).map(drop).map_err(|error| problem(path, &error)),
            Self::Secret | Self::Invitation => chained(secret::read(path)),
            Self::SigningKey => chained(signing_key::read(path)),
            Self::PrivateKey => chained(tls::check_key(path)),
            Self::Certificate => chained(tls::check_certificate(path)),
            Self::Authorities => chained(tls::check_authorities(path)),
        }
    }
}

fn chained<T, E: std::error::Error + 'static>(read: Result<T, E>) -> Result<(), String> {
    read.map(drop).map_err(|error| telemetry::chain(&error))
}

fn problem(path: &Path, error: &io::Error) -> String {
    format!("{}: {error}", path.display())
}

pub(super) fn is_pipe(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.file_type().is_fifo())
}

/// The folder of a file that is written is there, and takes files.
fn parent(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    takes_files(folder.unwrap_or(Path::new(".")))
}

/// It is a folder that takes files, or can become one below the nearest that is there.
fn folder(path: &Path) -> io::Result<()> {
    let there = path.ancestors().find(|path| !path.as_os_str().is_empty() && path.exists());
    let there = there.unwrap_or(Path::new("."));
    if there == path {
        fs::read_dir(path)?;
    }
    takes_files(there)
}

/// This user may make files in the folder. Nothing is made.
fn takes_files(folder: &Path) -> io::Result<()> {
    if !fs::metadata(folder)?.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    Ok(access(folder, Access::WRITE_OK | Access::EXEC_OK)?)
}

#[cfg(test)]
mod tests;

//! The `IDENTITY` file: whose directory this is, in which format, and which version opened it last.
//! It decides whether this process may open the directory; it must never let one be opened that another member, another
//! format or a newer version has written, nor that of a member that was removed.

use std::fs;
use std::path::{Path, PathBuf};

use proto_types::Digest;

use crate::Error;
use crate::files::{replace, sync_dir};

const FILE: &str = "IDENTITY";

/// The same, while the store is made for the first time: whoever finds it may begin anew.
const MAKING: &str = "IDENTITY.making";

/// The layout of the directory and the encoding of all that is in it. It rises when an older version could not read it.
const FORMAT: u64 = 1;

/// The line of a member that was removed from its cluster.
const REMOVED: &str = "removed";

/// This version.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Whose directory it is. What is `None` is not known yet, and noted once it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// The member's number.
    pub member: Option<u64>,
    /// The cluster, once its state names it.
    pub cluster: Option<Digest>,
    /// How often the cluster was made anew from a backup.
    pub epoch: u64,
    /// The member was removed from the cluster.
    pub removed: bool,
    /// The file as it is.
    written: String,
}

impl Identity {
    /// Reads the file, if there is one, and holds it against this version and this member.
    pub(super) fn kept(dir: &Path, member: Option<u64>) -> Result<Option<Self>, Error> {
        let path = dir.join(FILE);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(cause) => return Err(Error::file(&path, &cause)),
        };
        let found = Self::parse(&path, &text)?;
        match (found.member, member) {
            (Some(found), Some(expected)) if found != expected => {
                Err(Error::OtherMember { path, found, expected })
            }
            (Some(member), Some(_)) if found.removed => Err(Error::Removed { path, member }),
            (known, member) => Ok(Some(Self { member: known.or(member), ..found })),
        }
    }

    /// What a directory without the file is taken for.
    pub(super) fn of(member: u64) -> Self {
        Self { member: Some(member), ..Self::default() }
    }

    /// The same in a cluster.
    pub(super) fn in_cluster(&self, cluster: Digest, epoch: u64) -> Self {
        Self { cluster: Some(cluster), epoch, ..self.clone() }
    }

    /// The same of a member that was removed.
    pub(super) fn of_removed(&self) -> Self {
        Self { removed: true, ..self.clone() }
    }

    /// A store that is made now.
    pub(super) fn begin(dir: &Path, member: Option<u64>) -> Result<Self, Error> {
        let identity = Self { member, ..Self::default() };
        replace(&dir.join(MAKING), &identity.text())?;
        Ok(identity)
    }

    /// Whether a store was being made and is not finished.
    pub(super) fn in_making(dir: &Path) -> bool {
        dir.join(MAKING).exists()
    }

    /// Says that everything else of a new store was made.
    pub(super) fn finish(dir: &Path) -> Result<(), Error> {
        let (from, to) = (dir.join(MAKING), dir.join(FILE));
        fs::rename(&from, &to).map_err(|cause| Error::file(&to, &cause))?;
        sync_dir(dir)
    }

    /// Notes that this version has opened the directory.
    pub(super) fn note(&self, dir: &Path) -> Result<(), Error> {
        replace(&dir.join(FILE), &self.text())
    }

    /// Whether the file says all of this already.
    pub(super) fn is_current(&self) -> bool {
        self.written == self.text()
    }

    fn text(&self) -> String {
        let mut text = format!("format {FORMAT}\nversion {VERSION}\nepoch {}\n", self.epoch);
        if let Some(member) = self.member {
            text.push_str(&format!("member {member}\n"));
        }
        if let Some(cluster) = &self.cluster {
            text.push_str(&format!("cluster {cluster}\n"));
        }
        if self.removed {
            text.push_str(REMOVED);
            text.push('\n');
        }
        text
    }

    fn parse(path: &Path, text: &str) -> Result<Self, Error> {
        let value =
            |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        let bad = |name: &str| Error::File { path: path.to_owned(), why: format!("no {name}") };
        let number = |name: &str| value(name).map(str::parse).transpose().map_err(|_| bad(name));
        let format: u64 = number("format")?.ok_or_else(|| bad("format"))?;
        let version = value("version").ok_or_else(|| bad("version"))?;
        check_version(path, format, version)?;
        let cluster = value("cluster").map(Digest::parse).transpose();
        Ok(Self {
            member: number("member")?,
            cluster: cluster.map_err(|_| bad("cluster"))?,
            epoch: number("epoch")?.unwrap_or(0),
            removed: text.lines().any(|line| line == REMOVED),
            written: text.to_owned(),
        })
    }
}

/// A format or version that is not ours opens the directory, we do not.
fn check_version(path: &Path, format: u64, version: &str) -> Result<(), Error> {
    let (path, version): (PathBuf, String) = (path.to_owned(), version.to_owned());
    if format != FORMAT {
        let (own_format, own_version) = (FORMAT, VERSION);
        return Err(Error::OtherFormat { path, found: format, version, own_format, own_version });
    }
    match numbers(&version) {
        Some(found) if Some(found) > numbers(VERSION) => {
            Err(Error::NewerVersion { path, version, own: VERSION })
        }
        Some(_) => Ok(()),
        None => Err(Error::File { path, why: format!("{version:?} is no version") }),
    }
}

/// `1.2.3` as it is ordered; what follows a `-` or `+` is none of the format's business.
fn numbers(version: &str) -> Option<[u64; 3]> {
    let plain = version.split(['-', '+']).next()?;
    let parts: Option<Vec<u64>> = plain.split('.').map(|part| part.parse().ok()).collect();
    parts?.try_into().ok()
}

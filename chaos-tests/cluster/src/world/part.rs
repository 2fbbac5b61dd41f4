//! The parts of a world, each with its configuration and, while it is up, its process. They are started and ended elsewhere.

use std::path::PathBuf;

use crate::process::Process;

/// A registry member.
pub struct Member {
    /// Its number.
    pub id: u64,
    /// Where it listens.
    pub url: String,
    /// Its configuration.
    pub config: PathBuf,
    /// The command that its program is given to, with arguments; none if empty.
    pub launcher: Vec<String>,
    /// Absent while it is down.
    pub process: Option<Process>,
}

impl Member {
    pub(super) fn down(id: u64, url: String, config: PathBuf) -> Self {
        Self { id, url, config, launcher: Vec::new(), process: None }
    }
}

/// A gateway or a node.
pub struct Part {
    /// Its name.
    pub name: String,
    /// Where it listens; empty for a node.
    pub url: String,
    /// Its configuration.
    pub config: PathBuf,
    /// Absent while it is down.
    pub process: Option<Process>,
}

impl Part {
    pub(super) fn down(name: &str, url: String, config: PathBuf) -> Self {
        Self { name: name.to_owned(), url, config, process: None }
    }
}

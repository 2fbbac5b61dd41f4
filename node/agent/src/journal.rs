//! What the node has taken on, written down before it says so: one small file a task.
//! It decides names and durability; it must never say that something is written before it is on disk.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use proto_types::{Digest, LeaseEpoch, TaskId};
use serde::{Deserialize, Serialize};

/// One line of the journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Line {
    /// The task.
    pub(crate) task: TaskId,
    /// The epoch under which it was taken.
    pub(crate) epoch: LeaseEpoch,
}

/// A folder of lines.
#[derive(Clone, Debug)]
pub(crate) struct Journal {
    folder: PathBuf,
}

impl Journal {
    /// Opens the folder and reads what a node that died has left.
    pub(crate) fn open(state_dir: &Path) -> io::Result<(Self, Vec<Line>)> {
        let journal = Self { folder: state_dir.join("journal") };
        std::fs::create_dir_all(&journal.folder)?;
        let mut lines = Vec::new();
        for file in std::fs::read_dir(&journal.folder)? {
            let path = file?.path();
            // A file that does not parse was never finished: its task was never accepted.
            match serde_json::from_slice(&std::fs::read(&path)?) {
                Ok(line) => lines.push(line),
                Err(_) => std::fs::remove_file(&path)?,
            }
        }
        Ok((journal, lines))
    }

    /// Writes a line; on return it is on disk.
    pub(crate) fn write(&self, line: &Line) -> io::Result<()> {
        let path = self.path(&line.task);
        let aside = path.with_extension("new");
        let mut file = std::fs::File::create(&aside)?;
        file.write_all(serde_json::to_string(line)?.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&aside, &path)?;
        std::fs::File::open(&self.folder)?.sync_all()
    }

    /// Removes a line. Losing the removal is harmless: the task is then handed back once more, under an old epoch.
    pub(crate) fn remove(&self, task: &TaskId) -> io::Result<()> {
        match std::fs::remove_file(self.path(task)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Named by digest, because a task's id may hold characters that a file's name may not.
    fn path(&self, task: &TaskId) -> PathBuf {
        let digest = Digest::of(task.as_str().as_bytes()).to_string();
        self.folder.join(digest.trim_start_matches("sha256:"))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn lines_outlive_the_node_and_torn_ones_do_not_count() {
        let folder = tempfile::tempdir().unwrap();
        let (journal, found) = Journal::open(folder.path()).unwrap();
        assert_eq!(found, []);
        let line = |id: &str| Line { task: TaskId::parse(id).unwrap(), epoch: LeaseEpoch(3) };
        journal.write(&line("../a")).unwrap();
        journal.write(&line("b")).unwrap();
        journal.remove(&line("b").task).unwrap();
        journal.remove(&line("b").task).unwrap();
        std::fs::write(folder.path().join("journal/torn"), b"{\"task\":").unwrap();
        let (_, found) = Journal::open(folder.path()).unwrap();
        assert_eq!(found, [line("../a")]);
        assert_eq!(std::fs::read_dir(folder.path().join("journal")).unwrap().count(), 1);
    }
}

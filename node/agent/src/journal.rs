//! What the node has taken on, written down before it says so: one small file a task.
//! It decides names and durability; it must never say that something is written before it is on disk.

use std::io;
use std::path::{Path, PathBuf};

use deploy_service::atomic_file;
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
        atomic_file::clear(&journal.folder)?;
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

    /// Writes a line; on return it is on disk, or nothing of it is.
    pub(crate) fn write(&self, line: &Line) -> io::Result<()> {
        atomic_file::write(&self.path(&line.task), serde_json::to_string(line)?.as_bytes())
    }

    /// Removes a line. Losing the removal is harmless: the task is then handed back once more, under an old epoch.
    pub(crate) fn remove(&self, task: &TaskId) -> io::Result<()> {
        match std::fs::remove_file(self.path(task)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Where the line of a task lies. Named by digest, because a task's id may hold characters that a file's name may not.
    pub(crate) fn path(&self, task: &TaskId) -> PathBuf {
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
        std::fs::write(folder.path().join("journal/whole.new"), b"{\"task\":\"c\",\"epoch\":1}")
            .unwrap();
        let (_, found) = Journal::open(folder.path()).unwrap();
        assert_eq!(found, [line("../a")]);
        assert_eq!(std::fs::read_dir(folder.path().join("journal")).unwrap().count(), 1);
    }

    #[test]
    fn a_line_that_cannot_be_written_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let (journal, _) = Journal::open(folder.path()).unwrap();
        let line = Line { task: TaskId::parse("a").unwrap(), epoch: LeaseEpoch(1) };
        // A folder of that name: the last step fails, as each would on a full disk.
        std::fs::create_dir(journal.path(&line.task)).unwrap();
        journal.write(&line).unwrap_err();
        assert_eq!(std::fs::read_dir(folder.path().join("journal")).unwrap().count(), 1);
    }
}

//! What a former incarnation of this node had taken on: handed back, never run again, and then taken out of the journal.
//!
//! It decides when the leader has heard of it: a session is heard in order, so that a grant in answer to a later beat says
//! that all before it is done with. It must never give up a line before, or its task could run a second time.

use std::collections::BTreeMap;

use proto_types::{LeaseEpoch, MonoUs, TaskId};

use crate::journal::Line;

use super::TaskSupervisor;

/// Lines that are released at a time: a quarter of the messages that may be under way.
const RELEASED_MAX: usize = 256;

/// The lines, and which of them were released last.
#[derive(Debug, Default)]
pub(crate) struct Former {
    lines: BTreeMap<TaskId, LeaseEpoch>,
    /// When, and which tasks; never none.
    released: Option<(MonoUs, Vec<TaskId>)>,
}

impl Former {
    pub(crate) fn new(lines: Vec<Line>) -> Self {
        let lines = lines.into_iter().map(|line| (line.task, line.epoch)).collect();
        Self { lines, released: None }
    }

    /// One more that is not held any longer.
    pub(crate) fn add(&mut self, line: Line) {
        self.lines.insert(line.task, line.epoch);
    }

    /// Whether the task was taken on under this epoch or a newer one.
    pub(crate) fn has(&self, task: &TaskId, epoch: LeaseEpoch) -> bool {
        self.lines.get(task).is_some_and(|former| *former >= epoch)
    }

    /// The task is held under a newer epoch, whose line takes the place of the old one.
    pub(crate) fn outdated(&mut self, task: &TaskId) {
        self.lines.remove(task);
    }

    /// What is released now.
    fn release_next(&mut self, now: MonoUs) -> Vec<Line> {
        let lines = self.lines.iter().take(RELEASED_MAX);
        let lines: Vec<Line> =
            lines.map(|(task, epoch)| Line { task: task.clone(), epoch: *epoch }).collect();
        let tasks = lines.iter().map(|line| line.task.clone()).collect();
        self.released = (!lines.is_empty()).then_some((now, tasks));
        lines
    }

    /// A beat that was sent then was answered: the lines that were released before it, if any were, are done with.
    fn acknowledged(&mut self, beat_sent: MonoUs) -> Option<Vec<Line>> {
        let (_, tasks) = self.released.take_if(|(at, _)| *at < beat_sent)?;
        let line = |task: TaskId| self.lines.remove(&task).map(|epoch| Line { task, epoch });
        Some(tasks.into_iter().filter_map(line).collect())
    }
}

impl TaskSupervisor {
    /// Hands back what a former incarnation had taken on, a part at a time.
    pub(crate) fn hand_back_former(&mut self) {
        for line in self.former.release_next(self.clock.now()) {
            self.release(&line.task, line.epoch, "the node was restarted");
        }
    }

    /// The leader has answered a beat that was sent then.
    pub(crate) fn strike_former(&mut self, beat_sent: MonoUs) {
        let Some(done) = self.former.acknowledged(beat_sent) else { return };
        done.into_iter().for_each(|line| self.strike(line));
        self.hand_back_former();
    }

    /// Takes a line out of the journal. One that cannot be taken out is handed back and tried again.
    pub(crate) fn strike(&mut self, line: Line) {
        if let Err(error) = self.journal.remove(&line.task) {
            let path = self.journal.path(&line.task);
            tracing::warn!(task = %line.task, path = %path.display(), %error, "a journal line cannot be removed");
            self.former.add(line);
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn line(id: &str, epoch: u64) -> Line {
        Line { task: TaskId::parse(id).unwrap(), epoch: LeaseEpoch(epoch) }
    }

    #[test]
    fn a_line_is_done_with_once_a_beat_after_its_word_was_answered() {
        let mut former = Former::new(vec![line("a", 3)]);
        assert_eq!(former.acknowledged(MonoUs(9)), None, "nothing was released");
        assert_eq!(former.release_next(MonoUs(10)), [line("a", 3)]);
        assert_eq!(former.acknowledged(MonoUs(10)), None, "that beat was sent before it");
        assert!(former.has(&line("a", 3).task, LeaseEpoch(3)));
        assert!(!former.has(&line("a", 3).task, LeaseEpoch(4)), "a newer epoch may run");
        assert_eq!(former.acknowledged(MonoUs(11)), Some(vec![line("a", 3)]));
        assert!(!former.has(&line("a", 3).task, LeaseEpoch(3)));
        assert_eq!(former.release_next(MonoUs(12)), []);
    }

    #[test]
    fn a_session_that_ends_before_it_answers_is_released_again() {
        let mut former = Former::new(vec![line("a", 3)]);
        former.release_next(MonoUs(10));
        assert_eq!(former.release_next(MonoUs(20)), [line("a", 3)]);
        assert_eq!(former.acknowledged(MonoUs(15)), None);
        assert_eq!(former.acknowledged(MonoUs(21)), Some(vec![line("a", 3)]));
    }

    #[test]
    fn the_line_of_a_newer_run_is_left_alone() {
        let mut former = Former::new(vec![line("a", 3), line("b", 1)]);
        former.release_next(MonoUs(10));
        former.outdated(&line("a", 3).task);
        assert_eq!(former.acknowledged(MonoUs(11)), Some(vec![line("b", 1)]));
    }

    #[test]
    fn more_lines_than_a_session_carries_are_released_in_parts() {
        let lines: Vec<_> = (0..RELEASED_MAX + 5).map(|at| line(&format!("t{at:05}"), 1)).collect();
        let mut former = Former::new(lines.clone());
        assert_eq!(former.release_next(MonoUs(10)).len(), RELEASED_MAX);
        assert_eq!(former.acknowledged(MonoUs(11)).unwrap().len(), RELEASED_MAX);
        assert_eq!(former.release_next(MonoUs(12)), lines[RELEASED_MAX..]);
    }
}

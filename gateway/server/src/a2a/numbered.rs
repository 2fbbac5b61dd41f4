//! The ids of a stream's events, for a caller that may go on after any of them (docs/extensions.md).
//!
//! Decides which id an event has, and which of those that nodes push are to be told. Must never tell an event twice, nor give
//! one an id after which another would be missing.

use gateway_core::extensions::{EventIds, Position};
use proto_types::TaskId;

use crate::waiting::Mark;

use super::frames::Frame;

/// The numbers of one stream.
pub(super) struct Numbered {
    ids: EventIds,
    /// The newest event that its caller was told, here or before.
    at: Position,
    /// The task, for a caller that goes on after an event: it is told only if some of what came after that is lost.
    snapshot: Option<Frame>,
}

impl Numbered {
    /// Of a stream that begins there.
    pub(super) fn new(task: &TaskId, at: Position) -> Self {
        Self { ids: EventIds::of(task), at, snapshot: None }
    }

    /// Keeps the task until it is known whether something is lost.
    pub(super) fn hold(&mut self, snapshot: Option<Frame>) {
        self.snapshot = snapshot;
    }

    pub(super) const fn at(&self) -> Position {
        self.at
    }

    /// The field that tells the id of the newest event. What adds nothing to the events of its node has it, too.
    pub(super) fn field(&self) -> String {
        format!("id: {}\n", self.ids.write(self.at))
    }

    /// The end of the run of this epoch is told, or else of the one that is followed. The task is told before it, if its caller
    /// has events of an earlier run.
    pub(super) fn end(&mut self, epoch: Option<u64>) -> Option<Frame> {
        let epoch = epoch.unwrap_or(self.at.epoch);
        let snapshot = self.snapshot.take().filter(|_| epoch > self.at.epoch);
        self.at = Position { epoch, sequence: Position::END };
        snapshot
    }

    /// What is to be told before an event that a node pushes: the task, if its caller lacks what came before the event.
    pub(super) fn before(&mut self, mark: Mark) -> Option<Frame> {
        if mark.epoch < self.at.epoch {
            return None;
        }
        let snapshot = self.snapshot.take()?;
        if mark.goes_on && mark.epoch == self.at.epoch {
            return None;
        }
        self.at = Position { epoch: mark.epoch, sequence: 0 };
        Some(snapshot)
    }

    /// Takes notice of an event that a node pushes; whether it is to be told.
    pub(super) fn take(&mut self, mark: Mark) -> bool {
        if mark.known || mark.epoch < self.at.epoch {
            return false;
        }
        if mark.epoch > self.at.epoch {
            self.at = Position { epoch: mark.epoch, sequence: 0 };
        }
        // It sums up earlier ones: who has some of it begins anew.
        if mark.sequence == 0 {
            return true;
        }
        let is_new = mark.sequence > self.at.sequence;
        self.at.sequence = self.at.sequence.max(mark.sequence);
        is_new
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use gateway_core::Failure;

    use super::*;

    fn numbered(sequence: u64) -> Numbered {
        let mut numbered =
            Numbered::new(&TaskId::parse("t1").unwrap(), Position { epoch: 2, sequence });
        numbered.hold(Some(Frame::failure(Failure::Deadline)));
        numbered
    }

    fn mark(epoch: u64, sequence: u64) -> Mark {
        Mark { epoch, sequence, known: false, goes_on: true }
    }

    #[test]
    fn an_event_is_told_once_and_in_order_whatever_is_pushed_again() {
        let mut numbered = numbered(3);
        let told = [2, 3, 4, 4, 3, 5].map(|sequence| numbered.take(mark(2, sequence)));
        assert_eq!(told, [false, false, true, false, false, true]);
        assert!(!numbered.take(mark(1, 9)), "of an earlier run");
        assert!(!numbered.take(Mark { known: true, ..mark(2, 0) }));
        assert_eq!(numbered.at(), Position { epoch: 2, sequence: 5 });
        assert!(numbered.take(mark(3, 1)), "of the next run");
        assert_eq!(numbered.at(), Position { epoch: 3, sequence: 1 });
        assert!(numbered.end(None).is_none());
        assert!(numbered.field().starts_with("id: 3.end."), "{}", numbered.field());
    }

    #[test]
    fn the_task_is_told_once_and_only_to_who_lacks_what_came_before() {
        let mut goes_on = numbered(3);
        assert!(goes_on.before(mark(1, 9)).is_none(), "nothing is decided by an earlier run");
        assert!(goes_on.before(mark(2, 4)).is_none());
        assert!(goes_on.before(Mark { goes_on: false, ..mark(2, 5) }).is_none(), "it was decided");
        for lost in [Mark { goes_on: false, ..mark(2, 0) }, mark(3, 1)] {
            let mut numbered = numbered(3);
            assert!(numbered.before(lost).is_some(), "{lost:?}");
            assert!(numbered.before(lost).is_none(), "{lost:?}");
            assert_eq!(numbered.at(), Position { epoch: lost.epoch, sequence: 0 });
            assert!(numbered.take(lost), "{lost:?}");
        }
    }
}

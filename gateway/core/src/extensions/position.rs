//! Where a caller has come to in the events of a task, as the ids of events say it.
//!
//! Decides what of a task is still to be told to who has its events up to one. Must never pass over what that caller may not
//! have.

use proto_types::a2a::TaskState;
use proto_types::{Digest, TaskId};

/// Where the events of a run have come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The lease epoch of the run.
    pub epoch: u64,
    /// The number of its newest event; 0 before the first.
    pub sequence: u64,
}

impl Position {
    /// In the place of a number: the end of the run was told, and with it all of its events.
    pub const END: u64 = u64::MAX;
}

/// How [`Position::END`] is written.
const END: &str = "end";

/// Hexadecimal digits of an id that say whose it is. It is no secret: it tells a mistake from what was meant.
const TAG_DIGITS: usize = 16;

/// The ids of the events of one task: `<epoch>.<number>.<tag of the task>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventIds {
    tag: String,
}

impl EventIds {
    /// Of this task.
    #[must_use]
    pub fn of(task: &TaskId) -> Self {
        let digest = Digest::of_parts(&[b"ecumene/event-id\0", task.as_str().as_bytes()]);
        let digits = digest.as_bytes().iter().map(|byte| format!("{byte:02x}"));
        Self { tag: digits.take(TAG_DIGITS / 2).collect() }
    }

    /// The id of an event here.
    #[must_use]
    pub fn write(&self, Position { epoch, sequence }: Position) -> String {
        match sequence {
            Position::END => format!("{epoch}.{END}.{}", self.tag),
            _ => format!("{epoch}.{sequence}.{}", self.tag),
        }
    }

    /// Where an event of this id stands; `None` if it is none of this task's, or was never told.
    #[must_use]
    pub fn read(&self, id: &str) -> Option<Position> {
        let (epoch, rest) = id.split_once('.')?;
        let (sequence, _) = rest.split_once('.')?;
        let sequence = match sequence {
            END => Position::END,
            number => number.parse().ok()?,
        };
        let position = Position { epoch: epoch.parse().ok()?, sequence };
        // There is one way to write it.
        (self.write(position) == id).then_some(position)
    }
}

/// That a caller wants ids with its events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Numbering {
    /// The event that it has read last, if it goes on after one.
    pub after: Option<Position>,
}

/// What is still to be told of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// First of all the task as it stands.
    Whole,
    /// Only what comes after the event that was read last.
    Following,
    /// Only how its run has ended.
    End,
    /// Nothing: its end was told.
    Nothing,
}

impl Numbering {
    /// What is to be told of a task in this state, of which this lease epoch is the newest.
    ///
    /// The events of an earlier run are nobody's concern any more: who has some of them is told the task anew. So is who has
    /// the end of a turn, for what comes is the next one.
    #[must_use]
    pub fn rest(self, newest: u64, state: TaskState) -> Rest {
        let Some(after) = self.after else { return Rest::Whole };
        // Before a node had the task there was its beginning to be told, and nothing of the run to come.
        let waits = state != TaskState::Working;
        let next_run = Position { epoch: newest.saturating_add(1), sequence: 0 };
        let is_before_run = waits && after == next_run;
        match (is_before_run, after.epoch == newest) {
            (true, _) if state.is_terminal() => Rest::End,
            (true, _) => Rest::Following,
            (false, false) => Rest::Whole,
            (false, true) if after.sequence == Position::END => match state.is_terminal() {
                true => Rest::Nothing,
                false => Rest::Whole,
            },
            // It was put back: what was told of the run is void.
            (false, true) if state == TaskState::Submitted => Rest::Whole,
            (false, true) if waits => Rest::End,
            (false, true) => Rest::Following,
        }
    }

    /// Where the stream of such a task begins.
    #[must_use]
    pub fn start(self, newest: u64, state: TaskState) -> Position {
        match (self.rest(newest, state), self.after) {
            (Rest::Following | Rest::End, Some(after)) => after,
            _ if state == TaskState::Working => Position { epoch: newest, sequence: 0 },
            _ if state.is_terminal() => Position { epoch: newest, sequence: Position::END },
            _ => Position { epoch: newest.saturating_add(1), sequence: 0 },
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn at(epoch: u64, sequence: u64) -> Position {
        Position { epoch, sequence }
    }

    fn ids(task: &str) -> EventIds {
        EventIds::of(&TaskId::parse(task).unwrap())
    }

    #[test]
    fn an_id_is_read_as_it_was_written_and_as_no_other_tasks() {
        for position in [at(0, 0), at(1, 17), at(u64::MAX, 3), at(2, Position::END)] {
            let id = ids("t1").write(position);
            assert_eq!(ids("t1").read(&id), Some(position), "{id}");
            assert_eq!(ids("t2").read(&id), None, "{id}");
        }
    }

    #[test]
    fn what_was_never_told_is_no_id() {
        let tag = ids("t1").tag;
        for text in [
            String::new(),
            "7".to_owned(),
            "1.2".to_owned(),
            format!("1.2.{tag}0"),
            format!("+1.2.{tag}"),
            format!("01.2.{tag}"),
            format!("1.-2.{tag}"),
            format!("1.END.{tag}"),
            format!("1.18446744073709551615.{tag}"),
            format!("1.18446744073709551616.{tag}"),
            format!("1.2.3.{tag}"),
        ] {
            assert_eq!(ids("t1").read(&text), None, "{text}");
        }
    }

    #[test]
    fn only_who_has_all_before_is_told_only_what_follows() {
        use TaskState::{Completed, InputRequired, Submitted, Working};
        for (after, newest, state, rest) in [
            (at(1, 5), 1, Working, Rest::Following),
            (at(1, 0), 1, Working, Rest::Following),
            (at(1, 5), 2, Working, Rest::Whole),
            (at(2, 0), 1, Working, Rest::Whole),
            // It waits for its first node, or for its next one.
            (at(1, 0), 0, Submitted, Rest::Following),
            (at(1, 5), 1, Submitted, Rest::Whole),
            (at(2, 0), 1, Submitted, Rest::Following),
            (at(1, 5), 1, Completed, Rest::End),
            (at(1, 0), 0, Completed, Rest::End),
            (at(1, 5), 2, Completed, Rest::Whole),
            (at(2, Position::END), 2, Completed, Rest::Nothing),
            (at(1, Position::END), 2, Completed, Rest::Whole),
            (at(1, 5), 1, InputRequired, Rest::End),
            (at(2, 0), 1, InputRequired, Rest::Following),
            (at(1, Position::END), 1, InputRequired, Rest::Whole),
        ] {
            let numbering = Numbering { after: Some(after) };
            assert_eq!(numbering.rest(newest, state), rest, "{after:?} {newest} {state:?}");
            assert_eq!(Numbering::default().rest(newest, state), Rest::Whole);
        }
    }

    #[test]
    fn a_stream_begins_where_its_caller_was_or_with_the_run_that_is_to_be_told() {
        use TaskState::{Completed, InputRequired, Submitted, Working};
        for (after, newest, state, start) in [
            (None, 0, Submitted, at(1, 0)),
            (None, 1, Working, at(1, 0)),
            (None, 1, InputRequired, at(2, 0)),
            (None, 1, Completed, at(1, Position::END)),
            (Some(at(1, 5)), 1, Working, at(1, 5)),
            (Some(at(1, 5)), 2, Working, at(2, 0)),
            (Some(at(1, 0)), 0, Submitted, at(1, 0)),
        ] {
            let numbering = Numbering { after };
            assert_eq!(numbering.start(newest, state), start, "{after:?} {newest} {state:?}");
        }
    }
}

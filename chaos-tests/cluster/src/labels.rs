//! Is every answer the state that it says it is, and no older than it says?
//!
//! It decides by the revisions that acknowledgements carried. It must never hold an answer against a write whose answer
//! was lost.

use std::time::Duration;

use crate::linear::{Value, Verdict};

/// A write that was acknowledged. Times are in microseconds of one clock that all clients share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acked {
    /// Before the client asked.
    pub begun: u64,
    /// After it had the answer.
    pub ended: u64,
    /// Which register.
    pub key: usize,
    /// What it put.
    pub value: Value,
    /// The revision that it made.
    pub revision: u64,
}

/// An answer to a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Before the client asked.
    pub begun: u64,
    /// After it had the answer.
    pub ended: u64,
    /// Which register.
    pub key: usize,
    /// What was there; 0 for nothing.
    pub value: Value,
    /// The revision that had put it there; 0 for none.
    pub since: u64,
    /// The revision of the state that answered.
    pub revision: u64,
    /// How old that state may be, unless the read was strong.
    pub age: Age,
}

/// How old an answer may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Age {
    /// A strong read: as new as when it was asked for.
    Strong,
    /// So old at most.
    AtMost(Duration),
    /// The member does not know.
    Unknown,
}

/// Holds every answer against every acknowledgement. An age may be too small by `slack`.
///
/// # Errors
/// The first answer that is not what it says.
pub fn check(acked: &[Acked], answers: &[Answer], slack: Duration) -> Verdict {
    check_contents(acked, answers)?;
    let known = Known::of(acked, answers);
    for answer in answers {
        let (least, by) = match answer.age {
            Age::Strong => (known.strong.before(answer.begun), "acknowledged or read before"),
            Age::AtMost(age) => {
                let age = u64::try_from((age + slack).as_micros()).unwrap_or(u64::MAX);
                let then = answer.begun.saturating_sub(age);
                (known.acked.before(then), "acknowledged before that age")
            }
            Age::Unknown => continue,
        };
        if answer.revision < least {
            return Err(format!("revision {least} was {by}: {answer:?}"));
        }
    }
    Ok(())
}

/// Each answer shows the newest write of its key up to its own revision.
fn check_contents(acked: &[Acked], answers: &[Answer]) -> Verdict {
    let mut writes: Vec<&Acked> = acked.iter().collect();
    writes.sort_by_key(|write| (write.key, write.revision));
    for answer in answers {
        let upto = (answer.key, answer.revision);
        let place = writes.partition_point(|write| (write.key, write.revision) <= upto);
        let newest = place.checked_sub(1).map(|place| writes[place]);
        let newest = newest.filter(|write| write.key == answer.key);
        let newest_revision = newest.map_or(0, |write| write.revision);
        if answer.since > answer.revision || answer.since < newest_revision {
            return Err(format!("{newest:?} is not in the state that says so: {answer:?}"));
        }
        // Above the newest that was acknowledged there is only what was not.
        if answer.since == newest_revision && newest.map_or(0, |write| write.value) != answer.value
        {
            return Err(format!("one revision, two values: {newest:?} and {answer:?}"));
        }
    }
    Ok(())
}

/// The revisions that were known at each time.
struct Known {
    acked: Revisions,
    /// With those that strong reads have shown.
    strong: Revisions,
}

/// Pairs of a time and the greatest revision known by then, in ascending order.
struct Revisions(Vec<(u64, u64)>);

impl Known {
    fn of(acked: &[Acked], answers: &[Answer]) -> Self {
        let acks = || acked.iter().map(|write| (write.ended, write.revision));
        let strong = answers.iter().filter(|answer| answer.age == Age::Strong);
        let strong = strong.map(|answer| (answer.ended, answer.revision));
        Self {
            acked: Revisions::of(acks().collect()),
            strong: Revisions::of(acks().chain(strong).collect()),
        }
    }
}

impl Revisions {
    fn of(mut known: Vec<(u64, u64)>) -> Self {
        known.sort_unstable();
        let mut greatest = 0;
        for (_, revision) in &mut known {
            greatest = greatest.max(*revision);
            *revision = greatest;
        }
        Self(known)
    }

    fn before(&self, time: u64) -> u64 {
        let place = self.0.partition_point(|(at, _)| *at < time);
        place.checked_sub(1).map_or(0, |place| self.0[place].1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000;

    /// Register 0 held 1 from revision 10 on, and 2 from 20 on, 30 s later; register 1 is written in between.
    fn acked() -> Vec<Acked> {
        let write = |at, key, value, revision| Acked {
            begun: at * SECOND,
            ended: (at + 1) * SECOND,
            key,
            value,
            revision,
        };
        vec![write(1, 0, 1, 10), write(10, 1, 7, 15), write(30, 0, 2, 20)]
    }

    fn answer(at: u64, (value, since, revision): (Value, u64, u64), age: Age) -> Answer {
        let (begun, ended) = (at * SECOND, (at + 1) * SECOND);
        Answer { begun, ended, key: 0, value, since, revision, age }
    }

    fn verdict(answers: &[Answer]) -> Verdict {
        check(&acked(), answers, Duration::from_secs(1))
    }

    #[test]
    fn answers_of_the_state_that_they_name_pass() {
        let age = |seconds| Age::AtMost(Duration::from_secs(seconds));
        for right in [
            answer(5, (1, 10, 10), Age::Strong),
            answer(40, (2, 20, 20), Age::Strong),
            answer(40, (2, 20, 21), age(0)),
            // Old, and said to be.
            answer(50, (1, 10, 19), age(20)),
            answer(50, (1, 10, 15), Age::Unknown),
            answer(50, (0, 0, 9), age(60)),
            // By one whose answer was lost.
            answer(40, (9, 25, 26), Age::Strong),
            // A write may be seen before it is acknowledged.
            answer(30, (2, 20, 20), Age::Strong),
        ] {
            assert_eq!(verdict(&[right]), Ok(()), "{right:?}");
        }
    }

    #[test]
    fn an_answer_that_is_older_than_it_says_is_caught() {
        let age = |seconds| Age::AtMost(Duration::from_secs(seconds));
        for wrong in [
            answer(40, (1, 10, 19), Age::Strong),
            answer(40, (1, 10, 19), age(0)),
            answer(50, (1, 10, 19), age(5)),
            answer(20, (1, 10, 10), age(3)),
        ] {
            assert!(verdict(&[wrong]).is_err(), "{wrong:?}");
        }
        let (newer, older) =
            (answer(40, (9, 25, 26), Age::Strong), answer(45, (2, 20, 24), Age::Strong));
        assert!(verdict(&[newer, older]).is_err(), "a strong read goes back");
    }

    #[test]
    fn an_answer_that_is_not_of_its_state_is_caught() {
        for wrong in [
            answer(40, (1, 10, 20), Age::Unknown),
            answer(40, (0, 0, 30), Age::Unknown),
            answer(40, (2, 20, 19), Age::Unknown),
            answer(40, (1, 20, 20), Age::Unknown),
            answer(40, (9, 0, 5), Age::Unknown),
        ] {
            assert!(verdict(&[wrong]).is_err(), "{wrong:?}");
        }
    }
}

//! The age of this member's state, by the word of a leader that a majority has confirmed.
//!
//! A network may hold any message for long. So a follower takes a message to be as old as its own newest answer that the
//! leader had when it sent it, and counts only what it has applied. It uses this member's own clock alone, and no contact
//! of a former run.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// Words that wait until the state has reached them. With the ten heartbeats of each second these are some six seconds;
/// further ones are dropped, which makes the state look older than it is.
const AHEAD_MAX: usize = 64;

/// A moment of a member's own clock. It names one in each answer to a leader, and the leader gives it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Moment {
    /// The run of the member.
    run: u64,
    /// Since that run began.
    ms: u64,
}

/// What a leader says with each append of how new its own knowledge is.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Word {
    /// The moment in the newest answer of the member that this is for.
    pub moment: Moment,
    /// How long ago that answer came.
    pub held_ms: u64,
    /// How long ago the leader sent what a majority then answered.
    pub confirmed_ms: u64,
    /// What it knew to be committed after that answer, with an entry of its own term among it.
    pub commit: u64,
}

#[derive(Debug)]
pub(crate) struct Contact {
    run: u64,
    begun: Instant,
    known: Mutex<Known>,
}

/// In milliseconds of the run.
#[derive(Debug, Default)]
struct Known {
    /// When a majority had answered the leader, by its word or as this member knew when it led itself.
    heard: Option<u64>,
    /// The state holds everything that was acknowledged before this.
    reached: Option<u64>,
    /// It will hold everything that was acknowledged before a time once it has reached an index; both ascend.
    ahead: VecDeque<(u64, u64)>,
}

impl Contact {
    pub(crate) fn new() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        // Two runs of a member do not begin in the same nanosecond; the upper bits say nothing.
        let run = since.as_nanos() as u64;
        Self { run, begun: Instant::now(), known: Mutex::default() }
    }

    /// For the next answer.
    pub(super) fn now(&self) -> Moment {
        Moment { run: self.run, ms: millis(self.begun.elapsed()) }
    }

    /// Takes a leader's word: what was acknowledged before it was confirmed is committed up to the index that it names.
    pub(super) fn hear(&self, word: &Word, applied: Option<u64>) {
        let now = self.now();
        if word.moment.run != now.run {
            return;
        }
        let sent = word.moment.ms.saturating_add(word.held_ms);
        let as_of = sent.saturating_sub(word.confirmed_ms).min(now.ms);
        let mut known = self.lock();
        known.settle(applied);
        known.hear(as_of, word.commit);
    }

    /// How long ago the state, with everything up to `applied` in it, was known to hold all that was acknowledged.
    pub(crate) fn age(&self, applied: Option<u64>) -> Option<Duration> {
        let mut known = self.lock();
        known.settle(applied);
        let now = self.now().ms;
        known.reached.map(|at| Duration::from_millis(now.saturating_sub(at)))
    }

    /// Notes how long ago a majority had answered this member as the leader: that goes on counting when it leads no more.
    pub(crate) fn lead(&self, ago: Duration) {
        let at = self.now().ms.checked_sub(millis(ago));
        let mut known = self.lock();
        known.heard = known.heard.max(at);
    }

    /// How long ago a majority had answered the leader whose word this member has, or itself when it led; none before the
    /// first of these in this run.
    pub(crate) fn heard_ago(&self) -> Option<Duration> {
        let heard = self.lock().heard?;
        Some(Duration::from_millis(self.now().ms.saturating_sub(heard)))
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn hear(&mut self, as_of: u64, commit: u64) {
        self.heard = self.heard.max(Some(as_of));
        let full = self.ahead.len() == AHEAD_MAX;
        match self.ahead.back_mut() {
            Some((time, index)) if *index == commit => *time = as_of.max(*time),
            // It was overtaken by a newer one.
            Some((time, index)) if commit < *index || as_of <= *time => {}
            _ if full => {}
            _ => self.ahead.push_back((as_of, commit)),
        }
    }

    fn settle(&mut self, applied: Option<u64>) {
        let Some(applied) = applied else { return };
        while let Some((time, _)) = self.ahead.front().filter(|(_, index)| *index <= applied) {
            self.reached = self.reached.max(Some(*time));
            self.ahead.pop_front();
        }
    }
}

pub(super) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_as_new_as_the_newest_word_that_it_has_reached() {
        let mut known = Known::default();
        known.hear(100, 7);
        known.settle(Some(6));
        assert_eq!(known.reached, None, "what was heard of is not applied");
        known.hear(200, 7);
        known.hear(300, 9);
        known.hear(250, 8);
        known.settle(Some(8));
        assert_eq!(known.reached, Some(200));
        known.settle(Some(9));
        known.hear(290, 9);
        known.settle(Some(9));
        assert_eq!((known.reached, known.ahead.len()), (Some(300), 0));
    }

    #[test]
    fn words_that_wait_are_bounded_and_the_first_of_them_are_kept() {
        let mut known = Known::default();
        for time in 1..1_000 {
            known.hear(time, time);
        }
        assert_eq!(known.ahead.len(), AHEAD_MAX);
        known.settle(Some(1_000));
        assert_eq!(known.reached, Some(AHEAD_MAX as u64));
    }

    #[test]
    fn what_a_member_knew_as_the_leader_counts_until_a_newer_word_comes() {
        let began = begun_100_s_ago();
        began.lead(Duration::from_secs(600));
        assert_eq!(began.heard_ago(), None, "that was before this run");
        began.lead(Duration::from_secs(20));
        began.lead(Duration::from_secs(50));
        assert!(began.heard_ago().is_some_and(|ago| (20_000..50_000).contains(&millis(ago))));
        assert_eq!(began.age(Some(5)), None, "it says nothing of what is in the state");
        let moment = Moment { run: began.run, ms: 99_000 };
        began.hear(&Word { moment, held_ms: 0, confirmed_ms: 0, commit: 5 }, None);
        assert!(began.heard_ago().is_some_and(|ago| (1_000..20_000).contains(&millis(ago))));
    }

    #[test]
    fn case_46_a_word_is_no_newer_than_the_answer_that_its_sender_had() {
        let began = begun_100_s_ago();
        let word = |ms, held_ms, confirmed_ms| Word {
            moment: Moment { run: began.run, ms },
            held_ms,
            confirmed_ms,
            commit: 5,
        };
        // It was sent 40 seconds after the run began, whenever it comes.
        assert_eq!(began.heard_ago(), None);
        began.hear(&word(30_000, 10_000, 1_000), None);
        assert!(began.heard_ago().is_some_and(|ago| (61_000..70_000).contains(&millis(ago))));
        assert_eq!(began.age(None), None, "what it heard of is not in its state");
        began.hear(&word(30_000, 10_000, 1_000), Some(5));
        let age = began.age(Some(5)).map_or(0, millis);
        assert!((61_000..70_000).contains(&age), "{age}");
        let of_another_run = Word { moment: Moment { run: 1, ms: 90_000 }, ..word(0, 0, 0) };
        began.hear(&of_another_run, Some(5));
        assert!(began.age(Some(5)).map_or(0, millis) >= 61_000);
        // Nor is anything newer than now.
        began.hear(&word(u64::MAX, 1, 0), Some(5));
        assert!(began.age(Some(5)).is_some_and(|age| age < Duration::from_secs(61)));
    }

    /// So long ago that a test which stalls for some seconds still tells one moment from another.
    fn begun_100_s_ago() -> Contact {
        let contact = Contact::new();
        Contact { begun: contact.begun - Duration::from_secs(100), ..contact }
    }
}

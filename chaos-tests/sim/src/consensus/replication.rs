//! How entries reach the other members, and when they are committed.
//!
//! It must never count an entry of an older term as committed by the number of its copies (5.4.2),
//! nor acknowledge what is not on disk.

use std::rc::Rc;

use crate::log::{Entry, Log, Position};
use crate::time::Us;

use super::{Consensus, HEARTBEAT_US, Message, Role};

/// Entries of one message; small, so that followers often lag.
const ENTRIES_MAX: usize = 8;

impl Consensus {
    /// Appends on the leader.
    pub(crate) fn append(&mut self, entry: Entry) {
        self.log.append(Rc::new(entry));
        self.broadcast();
    }

    pub(super) fn heartbeat(&mut self, now: Us) {
        self.heartbeat_at = now + HEARTBEAT_US;
        self.broadcast();
    }

    pub(super) fn broadcast(&mut self) {
        let Role::Leader(leading) = &mut self.role else { return };
        leading.round += 1;
        leading.answered[self.id] = leading.round;
        for other in self.others() {
            self.replicate(other);
        }
        self.advance();
    }

    /// Sends a member what comes next for it; a snapshot if the log no longer holds that.
    fn replicate(&mut self, to: usize) {
        let Role::Leader(leading) = &self.role else { return };
        let (term, round, next) = (self.hard.term, leading.round, leading.next[to]);
        let Some(before) = self.log.position(next - 1) else {
            self.needs_snapshot.insert(to);
            return;
        };
        let entries = self.log.from(next, ENTRIES_MAX);
        let (commit, time) = (self.commit, self.clocks.time);
        self.send(to, Message::Append { term, before, entries, commit, round, time }, false);
    }

    pub(super) fn take_entries(&mut self, from: usize, message: &Message, quiet: Us) {
        let Message::Append { term, before, entries, commit, round, .. } = message else { return };
        let (term, round) = (*term, *round);
        if term < self.hard.term {
            return self.refuse(from, round);
        }
        self.follow(from, quiet);
        // What the base stands for is committed, so it agrees with every leader.
        if before.index > self.log.base().index && self.log.position(before.index) != Some(*before)
        {
            return self.refuse(from, round);
        }
        let last = before.index + entries.len() as u64;
        if last < self.log.base().index {
            return self.refuse(from, round);
        }
        for (at, entry) in (before.index + 1..).zip(entries) {
            self.take_entry(at, entry);
        }
        self.commit = self.commit.max((*commit).min(last));
        let shows = self.clocks.shows;
        let answer = Message::Appended { term, matched: Some(last), hint: last + 1, round, shows };
        self.send(from, answer, true);
    }

    fn take_entry(&mut self, at: u64, entry: &Rc<Entry>) {
        if at <= self.log.base().index {
            return;
        }
        let here = self.log.position(at);
        if here == Some(Position { term: entry.term, index: at }) {
            return;
        }
        if here.is_some() {
            self.log.truncate(at - 1);
            self.synced = self.synced.min(at - 1);
        }
        self.log.append(Rc::clone(entry));
    }

    pub(super) fn take_snapshot(&mut self, from: usize, message: &Message, quiet: Us) {
        let Message::Install { term, snapshot, round } = message else { return };
        if *term < self.hard.term {
            return self.refuse(from, *round);
        }
        self.follow(from, quiet);
        if snapshot.last.index > self.commit {
            self.log = Log::after(snapshot.last);
            self.commit = snapshot.last.index;
            self.synced = snapshot.last.index;
            self.installed = Some(Rc::clone(snapshot));
        }
        let matched = snapshot.last.index;
        let answer = Message::Appended {
            term: *term,
            matched: Some(matched),
            hint: matched + 1,
            round: *round,
            shows: self.clocks.shows,
        };
        self.send(from, answer, true);
    }

    fn follow(&mut self, leader: usize, quiet: Us) {
        self.role = Role::Follower;
        self.leader = Some(leader);
        self.election_at = quiet;
    }

    fn refuse(&mut self, to: usize, round: u64) {
        let (term, hint, shows) = (self.hard.term, self.commit + 1, self.clocks.shows);
        self.send(to, Message::Appended { term, matched: None, hint, round, shows }, true);
    }

    pub(super) fn hear(
        &mut self,
        from: usize,
        (term, round): (u64, u64),
        matched: Option<u64>,
        hint: u64,
    ) {
        let last = self.log.last().index;
        if term != self.hard.term {
            return;
        }
        let Role::Leader(leading) = &mut self.role else { return };
        leading.answered[from] = leading.answered[from].max(round);
        let asked = leading.next[from];
        match matched {
            Some(matched) => {
                leading.matched[from] = leading.matched[from].max(matched);
                leading.next[from] = leading.next[from].max(matched + 1);
            }
            None => leading.next[from] = hint.max(leading.matched[from] + 1).min(last + 1),
        }
        // Where nothing has moved the next heartbeat is soon enough: repeated messages must not breed.
        let goes_on = leading.next[from] != asked && leading.next[from] <= last;
        self.advance();
        if goes_on {
            self.replicate(from);
        }
    }

    /// Moves the commit index to what a majority has on disk, in this term.
    pub(super) fn advance(&mut self) {
        let majority = self.quorum();
        let Role::Leader(leading) = &self.role else { return };
        let mut matched = leading.matched.clone();
        matched.sort_unstable_by(|left, right| right.cmp(left));
        let reached = matched[majority - 1];
        let of_this_term =
            self.log.position(reached).is_some_and(|position| position.term == self.hard.term);
        if of_this_term {
            self.commit = self.commit.max(reached);
        }
    }
}

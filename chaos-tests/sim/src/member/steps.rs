//! What a member does after each event, always in this order.
//!
//! It must never let a message out that tells of what is not on disk.

use std::rc::Rc;

use proto_types::Stamp;
use registry_core::query;

use crate::breakage::Breakage;
use crate::consensus::{Consensus, Message, Out, Snapshot};
use crate::history::Answer;
use crate::log::Entry;
use crate::seen::Seen;

use super::{Member, Now, Outbox};

/// Entries from one checkpoint to the next: few, so that restarts and snapshots are common.
const CHECKPOINT_EVERY: u64 = 24;

impl Member {
    /// Does all that can be done now.
    pub(super) fn settle(&mut self, now: Now) -> Outbox {
        let mut outbox = Outbox::default();
        if self.poisoned {
            return outbox;
        }
        self.begin_term(&mut outbox);
        self.append_queue(now, &mut outbox);
        self.install(&mut outbox);
        self.apply_committed(now, &mut outbox);
        self.answer_reads(&mut outbox);
        self.send_snapshots();
        self.persist(&mut outbox);
        self.send(&mut outbox);
        outbox
    }

    fn begin_term(&mut self, outbox: &mut Outbox) {
        if self.consensus.begins() {
            let term = self.consensus.hard.term;
            outbox.seen.push(Seen::Elected { member: self.id, term });
            // An entry that only begins a term says nothing of time.
            let stamp = Stamp { now: self.states_time() };
            let (attempts, proposals) = (Vec::new(), Vec::new());
            self.consensus.append(Entry { term, stamp, attempts, proposals });
        }
        if self.led && !self.consensus.is_leader() {
            // What was asked of the leader that was is Unknown: nobody answers any more.
            self.waiting.clear();
            self.queue.clear();
        }
        self.led = self.consensus.is_leader();
    }

    /// Group commit: all that waits while a sync is under way shares the next entry.
    fn append_queue(&mut self, now: Now, outbox: &mut Outbox) {
        if self.queue.is_empty() || self.disk.is_syncing() || !self.consensus.is_leader() {
            return;
        }
        // What is asked for waits until a majority has told what its clocks show.
        let Some(time) = self.time(now) else { return };
        outbox.seen.push(Seen::Stamped { at: now.at, time });
        let (callers, proposals): (Vec<_>, Vec<_>) = self.queue.drain(..).unzip();
        let attempts = callers.iter().map(|caller| caller.attempt).collect();
        let (term, stamp) = (self.consensus.hard.term, Stamp { now: time });
        let entry = Entry { term, stamp, attempts, proposals };
        if self.breakage == Some(Breakage::EarlyAnswer) {
            let replies = self.machine.clone().apply(&entry).replies;
            let answers = replies.into_iter().map(Answer::Replies);
            outbox.answers.extend(callers.into_iter().zip(answers));
        } else {
            self.waiting.extend(callers);
        }
        self.consensus.append(entry);
    }

    fn install(&mut self, outbox: &mut Outbox) {
        if let Some(snapshot) = self.consensus.installed.take() {
            self.machine = snapshot.machine.clone();
            outbox.seen.push(Seen::Installed { member: self.id, machine: self.machine.clone() });
        }
    }

    fn apply_committed(&mut self, now: Now, outbox: &mut Outbox) {
        while self.machine.applied.index < self.consensus.commit {
            let next = self.machine.applied.index + 1;
            let Some(entry) = self.consensus.log.entry(next).cloned() else { return };
            let change = match self.breakage {
                Some(Breakage::OwnClock) => {
                    let stamp = Stamp { now: now.wall };
                    let (attempts, proposals) = (entry.attempts.clone(), entry.proposals.clone());
                    self.machine.apply(&Entry { stamp, attempts, proposals, ..*entry })
                }
                _ => self.machine.apply(&entry),
            };
            for (place, caller) in self.take_waiting(&entry.attempts) {
                outbox.answers.push((caller, Answer::Replies(change.replies[place].clone())));
            }
            let (applied, chain) = (self.machine.applied, self.machine.chain);
            let clock = query::clock(&self.machine.memory).expect("memory never fails");
            let log = query::log_head(&self.machine.memory).expect("memory never fails");
            let log = log.expect("it is open before clients begin");
            outbox.seen.push(Seen::Applied { member: self.id, applied, chain, clock, log });
        }
    }

    fn answer_reads(&mut self, outbox: &mut Outbox) {
        let applied = self.machine.applied.index;
        for (caller, handle) in self.reads.ready(&self.consensus, applied) {
            let record = query::record(&self.machine.memory, &handle).expect("memory never fails");
            outbox.answers.push((caller, Answer::Record(record)));
        }
    }

    fn send_snapshots(&mut self) {
        let wanted = std::mem::take(&mut self.consensus.needs_snapshot);
        for to in wanted {
            let snapshot = Rc::clone(self.disk.checkpoint());
            if let Some(message) = self.consensus.install(snapshot) {
                self.consensus.out.push(Out { to, message, after_sync: false });
            }
        }
    }

    /// Begins a sync if there is something to sync and none is under way.
    fn persist(&mut self, outbox: &mut Outbox) {
        if self.disk.is_syncing() || !self.is_dirty() {
            return;
        }
        let image = self.image(self.next_checkpoint());
        if self.disk.begin(image) {
            self.syncs += 1;
            outbox.sync_begun = true;
        } else {
            self.poisoned = true;
        }
    }

    fn next_checkpoint(&self) -> Rc<Snapshot> {
        let kept = self.disk.checkpoint();
        // A snapshot that was installed replaces the log, so it has to be on disk with it.
        let due = self.machine.applied.index >= kept.last.index + CHECKPOINT_EVERY
            || self.consensus.log.base().index > kept.last.index;
        match due {
            true => {
                let machine = self.machine.clone();
                Rc::new(Snapshot { last: machine.applied, machine })
            }
            false => Rc::clone(kept),
        }
    }

    fn is_dirty(&self) -> bool {
        let newest = self.disk.newest();
        newest.hard != self.consensus.hard || newest.log.last() != self.consensus.log.last()
    }

    fn send(&mut self, outbox: &mut Outbox) {
        let dirty = self.is_dirty();
        let sync = self.syncs + u64::from(dirty);
        let safe = !dirty && !self.disk.is_syncing();
        for out in std::mem::take(&mut self.consensus.out) {
            match out.after_sync && !safe && !self.poisoned {
                true => self.held.push((sync, out)),
                false if out.after_sync && self.poisoned => {}
                false => outbox.messages.push((out.to, out.message)),
            }
        }
    }
}

impl Consensus {
    /// The message that brings a follower to a snapshot; none if this member leads no more.
    fn install(&self, snapshot: Rc<Snapshot>) -> Option<Message> {
        let (term, round) = (self.hard.term, self.round()?);
        Some(Message::Install { term, snapshot, round })
    }
}

//! One registry member: consensus, the core under test, and a disk that is slower than both.
//!
//! It decides in which order things happen: persist, then send; commit, then apply, then answer. It
//! must never answer a write that it has not applied, unless it is broken on purpose.

mod clocks;
mod steps;

use std::collections::BTreeSet;
use std::rc::Rc;

use proto_types::{Handle, WallMs};
use registry_core::command::Proposal;
use registry_core::timekeeper::Timekeeper;

use crate::breakage::Breakage;
use crate::consensus::{Consensus, Message, Out, Reads};
use crate::disk::{Disk, Image};
use crate::history::{Answer, Attempt, Request};
use crate::machine::Machine;
use crate::seen::Seen;
use crate::time::Us;

/// Whom an answer is for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller {
    pub(crate) client: usize,
    pub(crate) attempt: Attempt,
}

/// What a member gives out when it has settled.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    pub(crate) messages: Vec<(usize, Message)>,
    pub(crate) answers: Vec<(Caller, Answer)>,
    /// A sync has begun; the world says when it is over.
    pub(crate) sync_begun: bool,
    pub(crate) seen: Vec<Seen>,
}

/// The time, in both its forms.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Now {
    pub(crate) at: Us,
    /// What this member's clock says.
    pub(crate) wall: WallMs,
}

/// One member.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) id: usize,
    members: usize,
    consensus: Consensus,
    pub(crate) disk: Disk,
    pub(crate) machine: Machine,
    reads: Reads<(Caller, Handle)>,
    /// Writes that wait for an entry.
    queue: Vec<(Caller, Proposal)>,
    /// Whose writes are in the log of this leader.
    waiting: Vec<Caller>,
    /// Messages that tell of what is not on disk yet, by the sync that they wait for.
    held: Vec<(u64, Out)>,
    syncs: u64,
    /// The disk was full: nothing is taken in until a restart.
    pub(crate) poisoned: bool,
    /// Counts its incarnations, so that what was meant for an earlier one is dropped.
    pub(crate) incarnation: u32,
    /// What it knows of time.
    keeper: Timekeeper,
    breakage: Option<Breakage>,
    led: bool,
}

impl Member {
    pub(crate) fn new(id: usize, members: usize, breakage: Option<Breakage>) -> Self {
        let disk = Disk::new(breakage);
        let (recovered, machine) = disk.recover();
        Self {
            id,
            members,
            consensus: Consensus::recovered(id, members, recovered, breakage),
            disk,
            machine,
            reads: Reads::default(),
            queue: Vec::new(),
            waiting: Vec::new(),
            held: Vec::new(),
            syncs: 0,
            poisoned: false,
            incarnation: 0,
            keeper: Timekeeper::default(),
            breakage,
            led: false,
        }
    }

    /// All that is not on disk is gone.
    pub(crate) fn crash(&mut self, random: &mut fastrand::Rng) {
        self.disk.crash(random);
        let disk = std::mem::replace(&mut self.disk, Disk::new(None));
        let (recovered, machine) = disk.recover();
        let consensus = Consensus::recovered(self.id, self.members, recovered, self.breakage);
        *self = Self {
            disk,
            machine,
            consensus,
            incarnation: self.incarnation + 1,
            ..Self::new(self.id, self.members, self.breakage)
        };
    }

    /// Time has passed.
    pub(crate) fn tick(&mut self, now: Now, random: &mut fastrand::Rng) -> Outbox {
        self.tell(now);
        self.consensus.tick(now.at, random);
        self.settle(now)
    }

    /// A message has come.
    pub(crate) fn receive(
        &mut self,
        now: Now,
        from: usize,
        message: &Message,
        random: &mut fastrand::Rng,
    ) -> Outbox {
        self.hear(now, from, message);
        self.tell(now);
        self.consensus.receive(now.at, from, message, random);
        self.settle(now)
    }

    /// A client asks.
    pub(crate) fn request(&mut self, now: Now, caller: Caller, request: Request) -> Outbox {
        self.tell(now);
        let taken = match request {
            _ if self.poisoned || !self.consensus.is_leader() => false,
            Request::Read(handle) => {
                self.reads.begin(&mut self.consensus, now.at, (caller, handle))
            }
            Request::Write(proposal) => {
                self.queue.push((caller, proposal));
                true
            }
        };
        let mut outbox = self.settle(now);
        if !taken {
            let leader = self.consensus.leader.filter(|leader| *leader != self.id);
            outbox.answers.push((caller, Answer::NotLeader(leader)));
        }
        outbox
    }

    /// The sync that was under way is over.
    pub(crate) fn sync_over(&mut self, now: Now) -> Outbox {
        self.tell(now);
        let log = self.disk.newest().log.clone();
        self.disk.end();
        self.consensus.synced(log.common(&self.consensus.log));
        self.purge();
        let (syncs, mut outbox) = (self.syncs, Outbox::default());
        for (_, out) in self.held.extract_if(.., |(sync, _)| *sync <= syncs) {
            outbox.messages.push((out.to, out.message));
        }
        let settled = self.settle(now);
        outbox.messages.extend(settled.messages);
        Outbox { messages: outbox.messages, ..settled }
    }

    /// Whether it leads, for a world that wants to hurt the leader.
    pub(crate) fn is_leader(&self) -> bool {
        self.consensus.is_leader()
    }

    /// Whether nothing is left to do here: all that is in the log is applied.
    pub(crate) fn is_settled(&self) -> bool {
        self.consensus.log.last() == self.machine.applied
    }

    /// Entries kept behind a checkpoint, for followers that are a little late.
    fn purge(&mut self) {
        /// Few, so that many followers need a snapshot.
        const KEPT: u64 = 12;
        let upto = self.disk.checkpoint().last.index.saturating_sub(KEPT);
        if upto > self.consensus.log.base().index {
            self.consensus.log.purge(upto);
        }
    }

    fn image(&self, checkpoint: Rc<crate::consensus::Snapshot>) -> Image {
        Image { hard: self.consensus.hard, log: self.consensus.log.clone(), checkpoint }
    }

    /// The callers of this entry that wait here.
    fn take_waiting(&mut self, attempts: &[Attempt]) -> Vec<(usize, Caller)> {
        let wanted: BTreeSet<Attempt> = attempts.iter().copied().collect();
        let taken = self.waiting.extract_if(.., |caller| wanted.contains(&caller.attempt));
        let place = |attempt| attempts.iter().position(|each| *each == attempt);
        taken.filter_map(|caller| Some((place(caller.attempt)?, caller))).collect()
    }
}

//! A model of consensus, so that registry cores can live in a world that a seed decides.
//!
//! It decides as the Raft paper does (Ongaro and Ousterhout 2014, figure 2), with ReadIndex
//! (Ongaro's thesis, 6.4) and snapshots. It must never touch a clock, a socket or a disk: time and
//! messages come in, messages go out, and the world says what has reached the disk. It is the
//! environment of the cores under test and not the consensus that is shipped: see
//! docs/decisions/0023-simulated-world.md.

mod election;
mod message;
mod reading;
mod replication;

use std::collections::BTreeSet;
use std::rc::Rc;

use crate::breakage::Breakage;
use crate::log::Log;
use crate::time::Us;

pub(crate) use self::message::{ClockReport, Message, Snapshot};
pub(crate) use self::reading::Reads;

/// From one heartbeat to the next. The world is fast, so that a seed sees many elections.
const HEARTBEAT_US: Us = 20_000;

/// The shortest silence after which a follower calls an election; the longest is twice that.
const ELECTION_US: Us = 100_000;

/// What Raft needs on disk before it may speak, beside the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hard {
    pub(crate) term: u64,
    pub(crate) voted_for: Option<usize>,
}

/// What a member is at the moment.
#[derive(Debug)]
pub(crate) enum Role {
    Follower,
    Candidate { votes: BTreeSet<usize> },
    Leader(Leading),
}

/// What only a leader knows.
#[derive(Debug)]
pub(crate) struct Leading {
    next: Vec<u64>,
    matched: Vec<u64>,
    /// The newest round of messages, and the newest that each member answered.
    round: u64,
    answered: Vec<u64>,
    /// The entry that the leader of this term appended first.
    first: u64,
}

/// A message to a member, and whether it may leave before the disk has what it tells of.
#[derive(Debug)]
pub(crate) struct Out {
    pub(crate) to: usize,
    pub(crate) message: Message,
    pub(crate) after_sync: bool,
}

/// One member's part in the agreement.
#[derive(Debug)]
pub(crate) struct Consensus {
    pub(crate) id: usize,
    members: usize,
    pub(crate) hard: Hard,
    pub(crate) log: Log,
    pub(crate) role: Role,
    pub(crate) leader: Option<usize>,
    pub(crate) commit: u64,
    /// Up to where this member's own log is on its disk.
    synced: u64,
    election_at: Us,
    heartbeat_at: Us,
    pub(crate) out: Vec<Out>,
    /// Members that need entries which the log no longer holds.
    pub(crate) needs_snapshot: BTreeSet<usize>,
    /// A snapshot that came and has to replace the machine's state.
    pub(crate) installed: Option<Rc<Snapshot>>,
    /// What messages that are sent now say of time.
    pub(crate) clocks: ClockReport,
    breakage: Option<Breakage>,
}

/// A member as its disk had it.
#[derive(Debug)]
pub(crate) struct Recovered {
    pub(crate) hard: Hard,
    pub(crate) log: Log,
    /// Up to where the state on disk goes; all of it was committed.
    pub(crate) commit: u64,
}

impl Consensus {
    /// A member with what its disk held.
    pub(crate) fn recovered(
        id: usize,
        members: usize,
        recovered: Recovered,
        breakage: Option<Breakage>,
    ) -> Self {
        let Recovered { hard, log, commit } = recovered;
        let synced = log.last().index;
        Self {
            id,
            members,
            hard,
            log,
            role: Role::Follower,
            leader: None,
            commit,
            synced,
            election_at: 0,
            heartbeat_at: 0,
            out: Vec::new(),
            needs_snapshot: BTreeSet::new(),
            installed: None,
            clocks: ClockReport::default(),
            breakage,
        }
    }

    /// Time has passed.
    pub(crate) fn tick(&mut self, now: Us, random: &mut fastrand::Rng) {
        if self.election_at == 0 {
            self.election_at = now + random.u64(ELECTION_US..2 * ELECTION_US);
        }
        match self.role {
            Role::Leader(_) if now >= self.heartbeat_at => self.heartbeat(now),
            Role::Leader(_) => {}
            _ if now >= self.election_at => self.campaign(now, random),
            _ => {}
        }
    }

    /// A message has come from another member.
    pub(crate) fn receive(
        &mut self,
        now: Us,
        from: usize,
        message: &Message,
        random: &mut fastrand::Rng,
    ) {
        if message.term() > self.hard.term {
            self.step_down(message.term());
        }
        let quiet_until = now + random.u64(ELECTION_US..2 * ELECTION_US);
        match message {
            Message::AskVote { term, last } => self.answer_vote(from, *term, *last, quiet_until),
            Message::Vote { term, granted } => self.count_vote(now, from, *term, *granted),
            Message::Append { .. } => self.take_entries(from, message, quiet_until),
            Message::Install { .. } => self.take_snapshot(from, message, quiet_until),
            Message::Appended { term, matched, hint, round, .. } => {
                self.hear(from, (*term, *round), *matched, *hint);
            }
        }
    }

    /// The disk has the log up to `index`, as it was in `term`.
    pub(crate) fn synced(&mut self, index: u64) {
        self.synced = index.min(self.log.last().index);
        if let Role::Leader(leading) = &mut self.role {
            leading.matched[self.id] = self.synced;
            self.advance();
        }
    }

    /// Holds if this member leads and has not yet appended the entry that begins its term.
    pub(crate) fn begins(&self) -> bool {
        matches!(&self.role, Role::Leader(leading) if self.log.last().index < leading.first)
    }

    pub(crate) fn is_leader(&self) -> bool {
        matches!(self.role, Role::Leader(_))
    }

    /// The newest round of messages of this leader.
    pub(crate) fn round(&self) -> Option<u64> {
        match &self.role {
            Role::Leader(leading) => Some(leading.round),
            _ => None,
        }
    }

    fn majority(&self) -> usize {
        self.members / 2 + 1
    }

    /// How many copies make an entry committed.
    fn quorum(&self) -> usize {
        if self.breakage == Some(Breakage::QuorumOfOne) { 1 } else { self.majority() }
    }

    fn others(&self) -> impl Iterator<Item = usize> + use<> {
        let id = self.id;
        (0..self.members).filter(move |other| *other != id)
    }

    fn step_down(&mut self, term: u64) {
        self.hard = Hard { term, voted_for: None };
        self.role = Role::Follower;
        self.leader = None;
    }

    fn send(&mut self, to: usize, message: Message, after_sync: bool) {
        self.out.push(Out { to, message, after_sync });
    }
}

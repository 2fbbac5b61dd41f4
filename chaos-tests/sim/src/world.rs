//! The world of one seed: an order of events, and everything they happen to.
//!
//! It decides what happens next: the earliest event, and of those at one time the one that was
//! planned first. It must never use anything but the seed to decide; the same seed is the same world.

mod events;
mod faults;

use std::collections::{BTreeMap, VecDeque};

use proto_types::WallMs;

use crate::breakage::Breakage;
use crate::client::Client;
use crate::consensus::Message;
use crate::history::{Answer, Attempt, Operation, Request};
use crate::invariant::{self, Invariant};
use crate::member::{Caller, Member, Now, Outbox};
use crate::nemesis::Fault;
use crate::network::{Network, Place};
use crate::seen::{End, Seen};
use crate::time::{START, Us};

/// Clients of a world. More of them make bigger batches, not other ones.
const CLIENTS: usize = 5;

/// When the faults end; clients go on a little longer.
const FAULTS_END_US: Us = 2_500_000;

/// When clients begin nothing more.
const CLIENTS_END_US: Us = 3_000_000;

/// By when all must have calmed down.
const CALM_BY_US: Us = 8_000_000;

/// Lines of the trace that are kept.
const TRACE_MAX: usize = 60;

/// What happens to a client.
#[derive(Debug)]
enum Meets {
    /// There is time for its next operation.
    Turn,
    Answer(Attempt, Answer),
    /// The pause before it asks again is over.
    Retry(Attempt),
    /// It has waited long enough.
    Patience(Attempt),
}

/// Something that is going to happen.
#[derive(Debug)]
enum Event {
    /// A member's timers are looked at.
    Tick {
        member: usize,
        incarnation: u32,
    },
    Deliver {
        from: usize,
        to: usize,
        message: Message,
    },
    Ask {
        to: usize,
        caller: Caller,
        request: Request,
    },
    /// What a client meets.
    Client {
        client: usize,
        meets: Meets,
    },
    Synced {
        member: usize,
        incarnation: u32,
    },
    Restart {
        member: usize,
        incarnation: u32,
    },
    SpaceFreed {
        member: usize,
    },
    Fault(Fault),
    Calm,
}

/// What did not hold, and how it came about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Of which world.
    pub seed: u64,
    /// Which invariant, a sentence.
    pub invariant: String,
    /// What was found.
    pub why: String,
    /// The last things that happened.
    pub trace: Vec<String>,
}

/// How a world went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Operations that clients know to be committed.
    pub acknowledged: usize,
    /// Strong reads that were answered.
    pub reads: usize,
    /// Operations whose fate no client knows.
    pub unknown: usize,
    /// Elections that were won.
    pub elections: usize,
    /// Snapshots that replaced a member's state.
    pub snapshots: usize,
    /// Crashes.
    pub crashes: usize,
}

/// One world.
pub(crate) struct World {
    seed: u64,
    now: Us,
    planned: u64,
    events: BTreeMap<(Us, u64), Event>,
    random: fastrand::Rng,
    members: Vec<Member>,
    conditions: Vec<Condition>,
    clients: Vec<Client>,
    network: Network,
    history: Vec<Operation>,
    invariants: Vec<Box<dyn Invariant>>,
    trace: VecDeque<String>,
    calm: bool,
    account: Account,
}

/// What the nemesis has done to a member.
#[derive(Clone, Copy, Debug, Default)]
struct Condition {
    down: bool,
    paused_until: Us,
    clock_ms: i64,
    slow_disk: Us,
}

impl World {
    pub(crate) fn new(seed: u64, members: usize, breakage: Option<Breakage>) -> Self {
        let mut world = Self {
            seed,
            now: 0,
            planned: 0,
            events: BTreeMap::new(),
            random: fastrand::Rng::with_seed(seed),
            members: (0..members).map(|id| Member::new(id, members, breakage)).collect(),
            conditions: vec![Condition::default(); members],
            clients: (0..CLIENTS).map(|id| Client::new(id, members)).collect(),
            network: Network::default(),
            history: Vec::new(),
            invariants: invariant::all(members),
            trace: VecDeque::new(),
            calm: false,
            account: Account::default(),
        };
        for member in 0..members {
            world.plan(member as Us, Event::Tick { member, incarnation: 0 });
        }
        for client in 0..CLIENTS {
            world.plan(200_000 + client as Us, Event::Client { client, meets: Meets::Turn });
        }
        world.plan_fault();
        world.plan(FAULTS_END_US, Event::Calm);
        world
    }

    /// Lets everything happen.
    pub(crate) fn run(mut self) -> Result<Account, Violation> {
        while let Some((at, event)) = self.next_event() {
            self.now = at;
            self.happen(event)?;
            if self.is_over() {
                return self.judge();
            }
            if self.now > CALM_BY_US {
                let why = "the members have not agreed, or a client still waits".to_owned();
                return Err(self.violation("all calms down", why));
            }
        }
        unreachable!("members tick for ever")
    }

    fn next_event(&mut self) -> Option<(Us, Event)> {
        self.events.pop_first().map(|((at, _), event)| (at, event))
    }

    fn plan(&mut self, delay: Us, event: Event) {
        self.planned += 1;
        self.events.insert((self.now + delay, self.planned), event);
    }

    fn clock(&self, member: usize) -> Now {
        let jumped = i64::try_from(START.0 + self.now / 1_000).expect("a short world");
        let wall = jumped + self.conditions[member].clock_ms;
        Now { at: self.now, wall: WallMs(u64::try_from(wall).expect("jumps are small")) }
    }

    /// Carries out what a member gave out.
    fn let_out(&mut self, member: usize, outbox: Outbox) -> Result<(), Violation> {
        for seen in &outbox.seen {
            self.observe(seen)?;
        }
        if outbox.sync_begun {
            let slow = self.conditions[member].slow_disk;
            let incarnation = self.members[member].incarnation;
            let took = self.random.u64(300..4_000) + slow;
            self.plan(took, Event::Synced { member, incarnation });
        }
        let from = Place::Member(member);
        for (to, message) in outbox.messages {
            for delay in self.network.delays(from, Place::Member(to), &mut self.random) {
                let message = message.clone();
                self.plan(delay, Event::Deliver { from: member, to, message });
            }
        }
        for (Caller { client, attempt }, answer) in outbox.answers {
            for delay in self.network.delays(from, Place::Client(client), &mut self.random) {
                let answer = answer.clone();
                let meets = Meets::Answer(attempt, answer);
                self.plan(delay, Event::Client { client, meets });
            }
        }
        Ok(())
    }

    fn observe(&mut self, seen: &Seen) -> Result<(), Violation> {
        match seen {
            Seen::Elected { .. } => self.account.elections += 1,
            Seen::Installed { .. } => self.account.snapshots += 1,
            Seen::Applied { .. }
            | Seen::Restarted { .. }
            | Seen::Stamped { .. }
            | Seen::ClockSet { .. } => {}
        }
        for at in 0..self.invariants.len() {
            if let Err(why) = self.invariants[at].observe(seen) {
                return Err(self.violation(self.invariants[at].name(), why));
            }
        }
        Ok(())
    }

    fn is_over(&self) -> bool {
        let done = self.calm && self.now > CLIENTS_END_US;
        done && self.clients.iter().all(|client| client.pending.is_none())
            && self.members.iter().any(Member::is_leader)
            && self.members.iter().all(Member::is_settled)
            && self
                .members
                .windows(2)
                .all(|pair| pair[0].machine.applied == pair[1].machine.applied)
    }

    fn judge(mut self) -> Result<Account, Violation> {
        let machines = self.members.iter().map(|member| &member.machine).collect();
        let end = End { machines, history: &self.history };
        let verdicts = self.invariants.iter_mut().map(|it| (it.name(), it.at_end(&end)));
        let broken = verdicts.filter_map(|(name, verdict)| Some((name, verdict.err()?))).next();
        match broken {
            Some((name, why)) => Err(self.violation(name, why)),
            None => Ok(self.account),
        }
    }

    fn violation(&self, invariant: &str, why: String) -> Violation {
        let trace = self.trace.iter().cloned().collect();
        Violation { seed: self.seed, invariant: invariant.to_owned(), why, trace }
    }

    fn note(&mut self, line: String) {
        if self.trace.len() == TRACE_MAX {
            self.trace.pop_front();
        }
        self.trace.push_back(format!("{:>9} us  {line}", self.now));
    }
}

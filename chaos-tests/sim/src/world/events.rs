//! What each event does.
//!
//! It decides which event reaches nobody: of an earlier incarnation, or at a member that is down. It must
//! never let a paused member act.

use crate::client::{Next, PATIENCE_US};
use crate::history::{Operation, Outcome};
use crate::member::Caller;
use crate::network::Place;
use crate::time::{START, Us};

use super::{CLIENTS_END_US, Event, Meets, Violation, World};

/// How often a member looks at its timers.
const TICK_US: Us = 5_000;

impl World {
    pub(super) fn happen(&mut self, event: Event) -> Result<(), Violation> {
        if let Some(until) = self.paused(&event) {
            self.plan(until - self.now, event);
            return Ok(());
        }
        match event {
            Event::Tick { member, incarnation } => self.tick(member, incarnation),
            Event::Deliver { to, .. } | Event::Ask { to, .. } if self.conditions[to].down => Ok(()),
            Event::Deliver { from, to, message } => {
                let now = self.clock(to);
                let outbox = self.members[to].receive(now, from, &message, &mut self.random);
                self.let_out(to, outbox)
            }
            Event::Ask { to, caller, request } => {
                let now = self.clock(to);
                let outbox = self.members[to].request(now, caller, request);
                self.let_out(to, outbox)
            }
            Event::Synced { member, incarnation } => self.synced(member, incarnation),
            Event::Client { client, meets } => {
                self.meet(client, meets);
                Ok(())
            }
            Event::Restart { member, incarnation } => self.restart(member, incarnation),
            Event::SpaceFreed { member } => self.free_space(member),
            Event::Fault(fault) => self.strike(fault),
            Event::Calm => self.calm_down(),
        }
    }

    fn meet(&mut self, client: usize, meets: Meets) {
        let members = self.members.len();
        match meets {
            Meets::Turn => self.turn(client),
            Meets::Answer(attempt, answer) => {
                let next = self.clients[client].answered(attempt, answer, members);
                self.go_on(client, next);
            }
            Meets::Retry(attempt) => {
                let pending = self.clients[client].pending.as_ref();
                if pending.is_some_and(|pending| pending.attempt == attempt) {
                    self.ask(client);
                }
            }
            Meets::Patience(attempt) => {
                let next = self.clients[client].lost_patience(attempt, members);
                self.go_on(client, next);
            }
        }
    }

    /// Until when the member that this event is for is paused.
    fn paused(&self, event: &Event) -> Option<Us> {
        let member = match event {
            Event::Tick { member, .. } | Event::Synced { member, .. } => *member,
            Event::Deliver { to, .. } | Event::Ask { to, .. } => *to,
            _ => return None,
        };
        Some(self.conditions[member].paused_until).filter(|until| *until > self.now)
    }

    fn tick(&mut self, member: usize, incarnation: u32) -> Result<(), Violation> {
        if self.conditions[member].down || self.members[member].incarnation != incarnation {
            return Ok(());
        }
        let now = self.clock(member);
        let outbox = self.members[member].tick(now, &mut self.random);
        self.plan(TICK_US, Event::Tick { member, incarnation });
        self.let_out(member, outbox)
    }

    fn synced(&mut self, member: usize, incarnation: u32) -> Result<(), Violation> {
        if self.conditions[member].down || self.members[member].incarnation != incarnation {
            return Ok(());
        }
        let now = self.clock(member);
        let outbox = self.members[member].sync_over(now);
        self.let_out(member, outbox)
    }

    fn turn(&mut self, client: usize) {
        if self.now > CLIENTS_END_US {
            return;
        }
        let now = self.clock_of_clients();
        let request = self.clients[client].workload.next_request(now, &mut self.random);
        let operation = self.history.len();
        self.history.push(Operation { request: request.clone(), begun: self.now, ended: None });
        self.clients[client].begin(operation, request);
        self.ask(client);
    }

    fn clock_of_clients(&self) -> proto_types::WallMs {
        START.plus_ms(self.now / 1_000)
    }

    /// Sends the attempt that the client is at.
    fn ask(&mut self, client: usize) {
        let Some(pending) = &self.clients[client].pending else { return };
        let (to, attempt) = (self.clients[client].member, pending.attempt);
        let request = pending.request.clone();
        let caller = Caller { client, attempt };
        let (from, place) = (Place::Client(client), Place::Member(to));
        for delay in self.network.delays(from, place, &mut self.random) {
            self.plan(delay, Event::Ask { to, caller, request: request.clone() });
        }
        self.plan(PATIENCE_US, Event::Client { client, meets: Meets::Patience(attempt) });
    }

    fn go_on(&mut self, client: usize, next: Next) {
        match next {
            Next::Nothing => {}
            Next::Again => self.ask(client),
            Next::Later(attempt) => {
                let pause = self.random.u64(5_000..60_000);
                self.plan(pause, Event::Client { client, meets: Meets::Retry(attempt) });
            }
            Next::Over(outcome) => self.end(client, outcome),
        }
    }

    fn end(&mut self, client: usize, outcome: Outcome) {
        match &outcome {
            Outcome::Acked(_) => self.account.acknowledged += 1,
            Outcome::Read(_) => self.account.reads += 1,
            Outcome::Unknown => self.account.unknown += 1,
        }
        if let Some(pending) = self.clients[client].pending.take() {
            self.history[pending.attempt.operation].ended = Some((self.now, outcome));
        }
        let pause = self.random.u64(500..30_000);
        self.plan(pause, Event::Client { client, meets: Meets::Turn });
    }
}

//! What each fault does, and how all of them end.
//!
//! It must never undo a fault before its time, but when the faults end.

use crate::nemesis::{self, Fault};
use crate::network::Place;
use crate::seen::Seen;
use crate::time::Us;

use super::{Condition, Event, FAULTS_END_US, Violation, World};

impl World {
    pub(super) fn plan_fault(&mut self) {
        let (delay, fault) = nemesis::next(self.members.len(), &mut self.random);
        if self.now + delay < FAULTS_END_US {
            self.plan(delay, Event::Fault(fault));
        }
    }

    pub(super) fn strike(&mut self, fault: Fault) -> Result<(), Violation> {
        self.note(format!("{fault:?}"));
        match fault {
            Fault::Crash { member, down } => self.crash(member, down),
            Fault::CrashAll { down } => {
                (0..self.members.len()).for_each(|member| self.crash(member, down));
            }
            Fault::CrashLeader { down } => self.crash_leader(down),
            Fault::Pause { member, pause } => {
                self.conditions[member].paused_until = self.now + pause;
            }
            Fault::Isolate { member } => self.isolate(member),
            Fault::IsolateLeader => self.isolate_leader(),
            Fault::OneWay { from, to } => self.network.cut(Place::Member(from), Place::Member(to)),
            Fault::Lossy { loss, repetition } => {
                (self.network.loss, self.network.repetition) = (loss, repetition);
            }
            Fault::Heal => self.network.heal(),
            Fault::Clock { member, by_ms } => self.turn_clock(member, by_ms)?,
            Fault::DiskFull { member, full } => {
                self.members[member].disk.full = true;
                self.plan(full, Event::SpaceFreed { member });
            }
            Fault::SlowDisk { member, by } => self.conditions[member].slow_disk = by,
        }
        self.plan_fault();
        Ok(())
    }

    fn turn_clock(&mut self, member: usize, by_ms: i64) -> Result<(), Violation> {
        self.conditions[member].clock_ms += by_ms;
        let off_ms = self.conditions[member].clock_ms;
        self.observe(&Seen::ClockSet { member, off_ms })
    }

    fn leader(&self) -> Option<usize> {
        let leads =
            |member: &usize| !self.conditions[*member].down && self.members[*member].is_leader();
        (0..self.members.len()).find(leads)
    }

    fn isolate_leader(&mut self) {
        if let Some(leader) = self.leader() {
            self.isolate(leader);
        }
    }

    fn isolate(&mut self, member: usize) {
        self.network.split(&[member].into(), self.members.len());
    }

    fn crash_leader(&mut self, down: Us) {
        if let Some(leader) = self.leader() {
            self.crash(leader, down);
        }
    }

    fn crash(&mut self, member: usize, down: Us) {
        if self.conditions[member].down {
            return;
        }
        self.account.crashes += 1;
        self.conditions[member].down = true;
        self.members[member].crash(&mut self.random);
        let incarnation = self.members[member].incarnation;
        self.plan(down, Event::Restart { member, incarnation });
    }

    pub(super) fn restart(&mut self, member: usize, incarnation: u32) -> Result<(), Violation> {
        if !self.conditions[member].down || self.members[member].incarnation != incarnation {
            return Ok(());
        }
        self.conditions[member].down = false;
        self.conditions[member].paused_until = 0;
        self.plan(0, Event::Tick { member, incarnation });
        let machine = self.members[member].machine.clone();
        self.note(format!("member {member} is back at {:?}", machine.applied));
        self.observe(&Seen::Restarted { member, machine })
    }

    /// A member that found its disk full begins anew from what it holds.
    pub(super) fn free_space(&mut self, member: usize) -> Result<(), Violation> {
        self.members[member].disk.full = false;
        if self.members[member].poisoned && !self.conditions[member].down {
            self.crash(member, 0);
        }
        Ok(())
    }

    /// The faults end, and everybody comes back.
    pub(super) fn calm_down(&mut self) -> Result<(), Violation> {
        self.note("the faults end".to_owned());
        self.calm = true;
        self.network.heal();
        for member in 0..self.members.len() {
            self.free_space(member)?;
            let Condition { down, .. } = self.conditions[member];
            self.conditions[member] = Condition { down, ..Condition::default() };
            let incarnation = self.members[member].incarnation;
            self.restart(member, incarnation)?;
        }
        Ok(())
    }
}

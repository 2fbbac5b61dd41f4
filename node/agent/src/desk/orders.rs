//! What the leader orders. It decides what is refused before a core sees it: what cannot be read, what a former life
//! of this node had already taken on, and what the ledger has no room for.

use node_core::{Assignment, Event, Request, Task};
use proto_types::{Handle, LeaseEpoch, MonoUs, TaskId};
use proto_wire::registry::v1 as wire;
use proto_wire::registry::v1::node_order::Kind;

use crate::work::Plan;

use super::held::Held;
use super::{Desk, micros};

impl Desk {
    /// Does what the leader says.
    pub(crate) fn order(&mut self, order: Kind) {
        match order {
            Kind::Granted(granted) => self.granted(granted.ttl_ms),
            Kind::Assigned(assigned) => self.assigned(assigned),
            Kind::Cancel(cancel) => self.cancel(&cancel.task, cancel.epoch),
            Kind::Revoked(revoked) => self.for_held(&revoked.task, revoked.epoch, Event::LeaseLost),
        }
    }

    /// The lease counts from when the beat was *sent*: the leader counts from its receipt, which is later.
    fn granted(&mut self, ttl_ms: u64) {
        let sent = self.beats.pop_front().unwrap_or(MonoUs(0));
        let expires = MonoUs(sent.0.saturating_add(ttl_ms.saturating_mul(1_000)));
        self.lease_expires = self.lease_expires.max(expires);
        self.beat_every = std::time::Duration::from_millis((ttl_ms / 3).max(10));
        let wanted = self.held.iter().filter(|(_, held)| held.task.wants_lease());
        let wanted: Vec<_> =
            wanted.map(|(id, held)| (id.clone(), held.task.assignment().epoch)).collect();
        for (id, epoch) in wanted {
            self.handle(&id, Event::LeaseRenewed { epoch, expires });
        }
    }

    /// A task that is not here cannot be ended here: the leader hears it, and ends it itself.
    fn cancel(&mut self, task: &str, epoch: u64) {
        match TaskId::parse(task) {
            Ok(id) if !self.held.contains_key(&id) => {
                self.release(&id, LeaseEpoch(epoch), "the node does not hold this task");
            }
            _ => self.for_held(task, epoch, Event::CancelRequested),
        }
    }

    fn for_held(&mut self, task: &str, epoch: u64, event: Event) {
        let Ok(id) = TaskId::parse(task) else { return };
        let held = self.held.get(&id).map(|held| held.task.assignment().epoch);
        if held == Some(LeaseEpoch(epoch)) {
            self.handle(&id, event);
        }
    }

    fn assigned(&mut self, assigned: wire::Assigned) {
        let epoch = LeaseEpoch(assigned.epoch);
        let Ok(id) = TaskId::parse(&assigned.task) else {
            tracing::warn!("the leader assigned a task whose id is none");
            return;
        };
        if let Some(held) = self.held.get(&id) {
            let holds = held.task.assignment().epoch;
            if holds < epoch {
                self.handle(&id, Event::LeaseRenewed { epoch, expires: MonoUs(0) });
                self.release(&id, epoch, "the node still ends an older run of this task");
            }
            return;
        }
        if self.former.get(&id).is_some_and(|former| *former >= epoch) {
            return self.release(&id, epoch, "the node was restarted");
        }
        match self.admit(&id, &assigned) {
            Ok(held) => {
                self.held.insert(id.clone(), held);
                self.pump(&id);
            }
            Err(reason) => self.release(&id, epoch, &reason),
        }
    }

    /// Reserves room and opens the task; `Err` says why not.
    fn admit(&mut self, id: &TaskId, assigned: &wire::Assigned) -> Result<Held, String> {
        let agent = assigned.agent.as_ref().ok_or("the assignment names no agent")?;
        let handle = Handle::parse(&agent.handle).map_err(|error| error.to_string())?;
        let mut plan = Plan::read(agent)?;
        let left_ms = assigned.deadline_ms.saturating_sub(crate::clock::wall().0);
        plan.limits.wall_ms = plan.limits.wall_ms.min(left_ms.max(1));
        let request = Request {
            task: id.clone(),
            isolation: agent.isolation.iter().filter_map(|class| class.parse().ok()).collect(),
            memory_bytes: plan.limits.memory_bytes,
        };
        let reservation = self.ledger.reserve(&request).map_err(|refusal| refusal.to_string())?;
        let task = Task::new(Assignment {
            task: id.clone(),
            agent: handle,
            artifact: plan.artifact,
            reservation,
            epoch: LeaseEpoch(assigned.epoch),
            lease_expires: self.lease_now(),
        });
        Ok(Held::new(task, assigned.clone(), plan))
    }

    /// Before the first grant the assignment itself shows that the leader holds the node alive: one beat.
    fn lease_now(&self) -> MonoUs {
        let beat = micros(self.beat_every);
        self.lease_expires.max(MonoUs(self.clock.now().0.saturating_add(beat)))
    }
}

//! What the leader orders. It decides what is refused before a core sees it: what cannot be read, what a former incarnation
//! of this node had already taken on, and what there is no room for.

use std::time::Duration;

use node_core::{Assignment, Event, Lease, Request, Task, lease};
use proto_types::{Handle, LeaseEpoch, TaskId, WallMs};
use proto_wire::registry::v1 as wire;
use proto_wire::registry::v1::node_order::Kind;

use crate::push::Follower;
use crate::work::Plan;

use super::TaskSupervisor;
use super::held::Held;

/// However short leases are: beats are no flood.
const BEAT_MIN: Duration = Duration::from_millis(10);

impl TaskSupervisor {
    /// Does what the leader says.
    pub(crate) fn order(&mut self, order: Kind) {
        match order {
            Kind::Granted(granted) => self.granted(granted),
            Kind::Assigned(assigned) => self.assigned(assigned),
            Kind::Cancel(cancel) => self.cancel(&cancel.task, cancel.epoch),
            Kind::Revoked(revoked) => self.for_held(&revoked.task, revoked.epoch, Event::LeaseLost),
            Kind::Follow(follow) => self.follow(follow),
        }
    }

    /// A further gateway wants the events of a task. It hears the outcome elsewhere, so that nothing is said if it cannot be.
    fn follow(&mut self, follow: wire::Follow) {
        let (Ok(id), Some(to)) = (TaskId::parse(&follow.task), follow.reply_to) else { return };
        let held = self.held.get_mut(&id).filter(|held| held.assigned.epoch == follow.epoch);
        let follower = Follower { to, after: follow.after };
        if held.is_some_and(|held| !held.follows.add(follower)) {
            tracing::debug!(task = %id, "a gateway follows a run that has ended, or too many do");
        }
    }

    fn granted(&mut self, granted: wire::Granted) {
        // A registry of an older version tells no time.
        if granted.time_ms > 0 {
            self.clock.hear(WallMs(granted.time_ms));
        }
        let length_us = granted.ttl_ms.saturating_mul(1_000);
        // A grant that answers no beat grants nothing.
        let sent = self.beats.pop_front();
        if let Some(sent) = sent {
            self.strike_former(sent);
        }
        let lease = sent.map_or_else(Lease::default, |sent| Lease::granted(sent, length_us));
        self.lease = self.lease.or_longer(lease);
        self.beat_every = Duration::from_micros(lease::beat_every_us(length_us)).max(BEAT_MIN);
        let wanted = self.held.iter().filter(|(_, held)| held.task.wants_lease());
        let wanted: Vec<_> =
            wanted.map(|(id, held)| (id.clone(), held.task.assignment().epoch)).collect();
        for (id, epoch) in wanted {
            self.handle(&id, Event::LeaseRenewed { epoch, lease });
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
                self.handle(&id, Event::LeaseRenewed { epoch, lease: Lease::default() });
                self.release(&id, epoch, "the node still ends an older run of this task");
            }
            return;
        }
        if self.former.has(&id, epoch) {
            return self.release(&id, epoch, "the node was restarted");
        }
        match self.admit(&id, &assigned) {
            Ok(held) => {
                self.former.outdated(&id);
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
        let left_ms = WallMs(assigned.deadline_ms).since(self.clock.registry_time());
        let deadline = self.clock.now().plus_ms(left_ms);
        plan.limits.wall_ms = plan.limits.wall_ms.min(left_ms.max(1));
        let request = Request {
            task: id.clone(),
            isolation: agent.isolation.iter().filter_map(|class| class.parse().ok()).collect(),
            memory_bytes: plan.limits.memory_bytes,
        };
        let reservation =
            self.reservations.reserve(&request).map_err(|refusal| refusal.to_string())?;
        let task = Task::new(Assignment {
            task: id.clone(),
            agent: handle,
            artifact: plan.artifact,
            reservation,
            epoch: LeaseEpoch(assigned.epoch),
            lease: self.lease,
        });
        Ok(Held::new(task, assigned.clone(), plan, deadline))
    }
}

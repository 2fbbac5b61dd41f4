//! One session of a node: its lease, what the node says of itself, and what it was told. An order that was not taken is sent
//! again; one that was is not, nor is one that names a further gateway.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proto_types::{Digest, LeaseEpoch, TaskId};
use proto_wire::registry::v1 as wire;
use registry_api::Problem;
use registry_core::entry::Capacity;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tonic::Status;

/// Orders that wait for one node. A node that is further behind dials again and is told anew.
pub(super) const ORDERS_MAX: usize = 256;

/// Places in that queue that only grants of leases may take.
const LEASES_KEPT: usize = 16;

/// Follows of one task that a node has still to be told of: as many as it pushes to. A gateway may have several. Beyond it
/// the first is forgotten.
pub(super) const FOLLOWS_MAX: usize = 8;

// The orders about a task may exceed the room by all but one, and take places that are kept for leases.
const _: () = assert!(FOLLOWS_MAX + 1 < LEASES_KEPT);

/// Two processes that dial in turn meet again within seconds; attempts of one alone are not late twice in that time.
const REPLACED_AGAIN: Duration = Duration::from_secs(60);

/// An order that was not accepted is sent again after this long.
const RESEND_AFTER: Duration = Duration::from_secs(3);

/// Gateways that a node has still to be told of, by task.
pub(super) type Follows = BTreeMap<TaskId, Vec<wire::Follow>>;

/// Where the orders of one session go.
pub(super) type Orders = mpsc::Sender<Result<wire::NodeOrder, Status>>;

/// What a new session brings.
#[derive(Debug)]
pub(super) struct Opening {
    pub(super) capacity: Capacity,
    pub(super) held: Vec<(TaskId, LeaseEpoch)>,
    pub(super) orders: Orders,
    pub(super) alive: oneshot::Sender<()>,
}

/// One session.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) number: u64,
    /// When it replaced another session of the node, if it did.
    pub(super) replaced_at: Option<Instant>,
    pub(super) orders: Orders,
    /// Dropped with the entry, which ends the session's task.
    _alive: oneshot::Sender<()>,
    pub(super) lease_until: Instant,
    /// Whether its lease was lengthened since it was last heard.
    pub(super) excused: bool,
    pub(super) capacity: Capacity,
    /// Slots that the node will not give, for reasons that only it knows.
    pub(super) withheld: u32,
    pub(super) draining: bool,
    pub(super) cached: BTreeSet<Digest>,
    held: BTreeMap<TaskId, Held>,
    /// Where events of its tasks go too, as far as it has still to be told.
    pub(super) follows: Follows,
}

/// What a node was told about a task.
#[derive(Clone, Copy, Debug)]
struct Held {
    epoch: LeaseEpoch,
    sent_at: Instant,
    accepted: bool,
    cancel_sent: bool,
}

impl Live {
    pub(super) fn new(number: u64, opening: Opening, now: Instant, ttl: Duration) -> Self {
        let held = |epoch| Held { epoch, sent_at: now, accepted: true, cancel_sent: false };
        Self {
            number,
            replaced_at: None,
            orders: opening.orders,
            _alive: opening.alive,
            lease_until: now + ttl,
            excused: false,
            capacity: opening.capacity,
            withheld: 0,
            draining: false,
            cached: BTreeSet::new(),
            held: opening.held.into_iter().map(|(id, epoch)| (id, held(epoch))).collect(),
            follows: Follows::new(),
        }
    }

    /// Whether it replaced another session a moment ago: if it is replaced now, another process of the node dials in turn.
    pub(super) fn has_replaced_lately(&self, now: Instant) -> bool {
        self.replaced_at.is_some_and(|at| now.duration_since(at) < REPLACED_AGAIN)
    }

    /// The lease begins anew.
    pub(super) fn renew(&mut self, now: Instant, ttl: Duration) {
        self.lease_until = now + ttl;
        self.excused = false;
    }

    /// What the node says is free, while it holds so many tasks as the state says. Slots that are neither free nor held are
    /// withheld.
    pub(super) fn says_free(&mut self, free_slots: u32, held: u32) {
        self.withheld = self.capacity.slots.get().saturating_sub(free_slots).saturating_sub(held);
    }

    /// The slots that it gives, whether tasks hold them or not.
    pub(super) fn slots_given(&self) -> u32 {
        self.capacity.slots.get().saturating_sub(self.withheld)
    }

    /// Whether tasks may be placed on it: it does not drain, and its lease has not run out unseen.
    pub(super) fn takes_tasks(&self, now: Instant) -> bool {
        !self.draining && self.lease_until > now
    }

    /// The reason why the session ends; a full queue loses it.
    pub(super) fn say_last(&self, problem: Problem) {
        let _ = self.orders.try_send(Err(problem.into()));
    }

    /// How many orders the session takes now, with some kept back for leases.
    pub(super) fn room(&self) -> usize {
        self.orders.capacity().saturating_sub(LEASES_KEPT)
    }

    /// Whether it takes so many that a pass for what there was no room for is worth its cost.
    pub(super) fn has_room_again(&self) -> bool {
        self.room() >= (ORDERS_MAX - LEASES_KEPT) / 2
    }

    /// Whether the node has to be told about this assignment; if so, it counts as told.
    pub(super) fn must_tell(&mut self, task: &TaskId, epoch: LeaseEpoch, now: Instant) -> bool {
        let known = self.held.get(task).filter(|held| held.epoch == epoch);
        if known.is_some_and(|held| held.accepted || held.sent_at + RESEND_AFTER > now) {
            return false;
        }
        let held = Held { epoch, sent_at: now, accepted: false, cancel_sent: false };
        self.held.insert(task.clone(), held);
        true
    }

    /// Whether the node has to be told to cancel; if so, it counts as told.
    pub(super) fn must_cancel(&mut self, task: &TaskId) -> bool {
        let untold = self.held.get_mut(task).filter(|held| !held.cancel_sent);
        untold.map(|held| held.cancel_sent = true).is_some()
    }

    /// The caller asks again: perhaps the node never heard it.
    pub(super) fn cancel_anew(&mut self, task: &TaskId) {
        if let Some(held) = self.held.get_mut(task) {
            held.cancel_sent = false;
        }
    }

    /// A further gateway wants the events of a task. Who asks the same again before the node was told takes no second place.
    pub(super) fn followed(&mut self, task: TaskId, follow: wire::Follow) {
        let untold = self.follows.entry(task).or_default();
        if untold.contains(&follow) {
            return;
        }
        if untold.len() == FOLLOWS_MAX {
            untold.remove(0);
        }
        untold.push(follow);
    }

    /// The gateways that the node has to be told of, once it was told of the task itself; they count as told. Those of an
    /// assignment that is over are forgotten.
    pub(super) fn take_follows(&mut self, task: &TaskId, epoch: LeaseEpoch) -> Vec<wire::Follow> {
        let mut untold = self.follows.remove(task).unwrap_or_default();
        untold.retain(|follow| follow.epoch == epoch.0);
        untold
    }

    /// The node has taken the task.
    pub(super) fn accepted(&mut self, task: &TaskId, epoch: LeaseEpoch) {
        if let Some(held) = self.held.get_mut(task).filter(|held| held.epoch == epoch) {
            held.accepted = true;
        }
    }

    /// Forgets every task that is not assigned to the node any more.
    pub(super) fn keep_only(&mut self, assigned: &BTreeSet<TaskId>) {
        self.held.retain(|task, _| assigned.contains(task));
        self.follows.retain(|task, _| assigned.contains(task));
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proto_types::Slots;

    use super::*;

    const TTL: Duration = Duration::from_secs(10);

    fn live(now: Instant) -> Live {
        let (orders, alive) = (mpsc::channel(ORDERS_MAX).0, oneshot::channel().0);
        let capacity = Capacity { slots: Slots::new(4).unwrap(), ..Capacity::default() };
        Live::new(1, Opening { capacity, held: vec![], orders, alive }, now, TTL)
    }

    #[test]
    fn an_order_is_sent_again_until_it_is_accepted() {
        let now = Instant::now();
        let mut live = live(now);
        let (task, epoch): (TaskId, _) = ("t".parse().unwrap(), LeaseEpoch(1));
        assert!(live.must_tell(&task, epoch, now));
        assert!(!live.must_tell(&task, epoch, now));
        assert!(live.must_tell(&task, epoch, now + RESEND_AFTER));
        live.accepted(&task, epoch);
        assert!(!live.must_tell(&task, epoch, now + RESEND_AFTER * 9));
        assert!(live.must_tell(&task, epoch.next(), now), "a new epoch is a new order");
        assert!(live.must_cancel(&task) && !live.must_cancel(&task));
    }

    #[test]
    fn a_node_that_drains_or_was_not_heard_for_a_lease_takes_no_task() {
        let now = Instant::now();
        let mut live = live(now);
        assert!(live.takes_tasks(now) && !live.takes_tasks(now + TTL));
        live.renew(now + TTL, TTL);
        assert!(live.takes_tasks(now + TTL));
        live.draining = true;
        assert!(!live.takes_tasks(now));
    }

    #[test]
    fn slots_that_are_neither_free_nor_held_are_not_given() {
        let mut live = live(Instant::now());
        for (free, held, given) in [(4, 0, 4), (2, 2, 4), (2, 1, 3), (0, 0, 0), (4, 4, 4)] {
            live.says_free(free, held);
            assert_eq!(live.slots_given(), given, "{free} free, {held} held");
        }
    }
}

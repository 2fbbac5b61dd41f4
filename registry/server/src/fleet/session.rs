//! The session of one node: hello, then beats and answers in, orders out. A lease is granted only to the node itself, and
//! only by a member that leads.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use deploy_service::wait_until;
use proto_types::{Digest, LeaseEpoch, NodeId, Reason, TaskId, WallMs};
use proto_wire::registry::v1 as wire;
use proto_wire::registry::v1::node_message::Kind as Said;
use proto_wire::registry::v1::node_order::Kind as Order;
use registry_api::{Code, Principal, Problem, decode, field};
use registry_core::command::{Command, ReleaseTask};
use registry_core::entry::{NodeState, TaskState};
use registry_core::query;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio::time::{Instant, timeout};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use crate::member::{Member, stopping};

use super::live::{Live, ORDERS_MAX, Opening};
use super::{Fleet, keeper, orders};

/// The first message must come within this.
const HELLO_TIMEOUT: Duration = Duration::from_secs(10);

/// From an election to the first session: a strong read and a list of the nodes.
const BEGIN_TIMEOUT: Duration = Duration::from_secs(2);

/// Tasks that a hello may name; above the slots of any machine we know.
const HELD_MAX: usize = 4_096;

/// Digests that a beat may name, as the contract says.
const CACHED_MAX: usize = 256;

/// The orders of one session.
pub(crate) type OrderStream = ReceiverStream<Result<wire::NodeOrder, Status>>;

/// Opens a session and serves it until either side ends it.
pub(crate) async fn open(
    member: Arc<Member>,
    caller: &Principal,
    mut said: Streaming<wire::NodeMessage>,
) -> Result<OrderStream, Problem> {
    let node = caller.node()?.clone();
    let permit = admit(&member).await?;
    let hello = hello(&node, &mut said).await?;
    let capacity = decode::fleet::capacity(hello.capacity.as_ref())?;
    let held = held(&hello.held)?;
    keeper::hear(&member, &node, capacity.clone()).await?;

    let (orders, stream) = mpsc::channel(ORDERS_MAX);
    let (alive, ended) = oneshot::channel();
    let (kept, revoked) = reconcile(&member, &node, held)?;
    let opening = Opening { capacity, held: kept, orders, alive };
    let session = Session::begin(member, node, opening)?;
    revoked.into_iter().for_each(|order| session.send(Order::Revoked(order)));
    tokio::spawn(async move {
        session.serve(said, ended).await;
        drop(permit);
    });
    Ok(ReceiverStream::new(stream))
}

/// A permit for a session at the leader. One that was elected a moment ago is given time to begin.
async fn admit(member: &Member) -> Result<OwnedSemaphorePermit, Problem> {
    member.require_leader()?;
    let mut leading = member.fleet.is_leading.subscribe();
    let begun = timeout(BEGIN_TIMEOUT, wait_until(&mut leading, |leading| *leading)).await;
    begun.map_err(|_| member.not_leader())?.map_err(|_| stopping())?;
    Arc::clone(&member.fleet.sessions)
        .try_acquire_owned()
        .map_err(|_| Problem::new(Code::TooManyStreams, "as many sessions as are allowed are open"))
}

async fn hello(
    node: &NodeId,
    said: &mut Streaming<wire::NodeMessage>,
) -> Result<wire::Hello, Problem> {
    let first = timeout(HELLO_TIMEOUT, said.message()).await;
    let Ok(Ok(Some(wire::NodeMessage { kind: Some(Said::Hello(hello)) }))) = first else {
        return Err(Problem::argument("kind", "the first message must be a hello"));
    };
    if hello.id != node.as_str() {
        let why = "the hello names another node than the credential";
        return Err(Problem::new(Code::PermissionDenied, why));
    }
    Ok(hello)
}

fn held(held: &[wire::Held]) -> Result<BTreeMap<TaskId, LeaseEpoch>, Problem> {
    if held.len() > HELD_MAX {
        return Err(Problem::argument("held", format_args!("at most {HELD_MAX}")));
    }
    let one =
        |held: &wire::Held| Ok((field::read("held.task", &held.task)?, LeaseEpoch(held.epoch)));
    held.iter().map(one).collect()
}

/// What of the things that a node holds is still its own, and orders about the rest.
type Reconciled = (Vec<(TaskId, LeaseEpoch)>, Vec<wire::Revoked>);

fn reconcile(
    member: &Member,
    node: &NodeId,
    mut held: BTreeMap<TaskId, LeaseEpoch>,
) -> Result<Reconciled, Problem> {
    let assigned = query::tasks_of_node(&member.registry.view().0, node, HELD_MAX)?;
    let mut kept = Vec::new();
    for task in assigned {
        if held.get(&task.id) == Some(&task.epoch) {
            held.remove(&task.id);
            kept.push((task.id, task.epoch));
        }
    }
    let revoke = |(task, epoch): (TaskId, LeaseEpoch)| wire::Revoked {
        task: task.to_string(),
        epoch: epoch.0,
    };
    // Orders beyond the queue would end the session; the node hears the rest when it reports.
    Ok((kept, held.into_iter().map(revoke).take(ORDERS_MAX / 2).collect()))
}

fn granted(lease: Duration, time: WallMs) -> Order {
    let ttl_ms = u64::try_from(lease.as_millis()).unwrap_or(u64::MAX);
    Order::Granted(wire::Granted { ttl_ms, time_ms: time.0 })
}

/// What this leader may grant now.
fn lease(member: &Member) -> Result<Duration, Problem> {
    let age = member.registry.age();
    age.and_then(|age| left_of(member.fleet.ttl, age)).ok_or_else(|| member.not_leader())
}

/// What is left of a lease that began when a majority heard its leader last: another one may lead since then, and gives the
/// node's tasks away a lease after it began. Of less than half the node could not use much.
fn left_of(ttl: Duration, age: Duration) -> Option<Duration> {
    ttl.checked_sub(age).filter(|left| *left >= ttl / 2)
}

/// Takes a session up; returns its number, or `None` if this member does not lead.
fn take_up(fleet: &Fleet, node: &NodeId, opening: Opening, granted: Order) -> Option<u64> {
    let mut table = fleet.table();
    // Before a submission finds the node, which would overtake what may have waited for it; and no pass finds one of the two
    // without the other.
    fleet.waiting().try_all();
    let opened = table.open(node, opening, Instant::now(), fleet.ttl);
    if opened.is_some() {
        // In the same moment: the node drops a task that comes before the lease.
        table.send(node, granted);
    }
    opened
}

struct Session {
    member: Arc<Member>,
    node: NodeId,
    number: u64,
}

impl Session {
    fn begin(member: Arc<Member>, node: NodeId, opening: Opening) -> Result<Self, Problem> {
        let granted = granted(lease(&member)?, member.clock.now());
        let opened = take_up(&member.fleet, &node, opening, granted);
        let number = opened.ok_or_else(|| member.not_leader())?;
        tracing::info!(%node, number, "a node's session begins");
        let session = Self { member, node, number };
        session.member.fleet.touch(session.node.clone());
        session.member.fleet.wake();
        Ok(session)
    }

    async fn serve(self, mut said: Streaming<wire::NodeMessage>, mut ended: oneshot::Receiver<()>) {
        let stopping = self.member.shutdown.clone();
        loop {
            let message = tokio::select! {
                // Dropped by the table: replaced, expired, too slow, or this member leads no more.
                _ = &mut ended => break,
                () = stopping.triggered() => break self.end(Problem::new(Code::Stopping, "draining")),
                message = said.message() => message,
            };
            let heard = match message {
                Ok(Some(wire::NodeMessage { kind: Some(kind) })) => self.hear(kind).await,
                Ok(Some(wire::NodeMessage { kind: None })) => {
                    Err(Problem::argument("kind", "an empty message"))
                }
                Ok(None) | Err(_) => break,
            };
            if let Err(problem) = heard {
                break self.end(problem);
            }
        }
        self.member.fleet.table().close(&self.node, self.number);
        tracing::info!(node = %self.node, number = self.number, "a node's session ends");
    }

    async fn hear(&self, kind: Said) -> Result<(), Problem> {
        match kind {
            Said::Hello(_) => return Err(Problem::argument("kind", "a second hello")),
            Said::Beat(beat) => self.beat(&beat).await?,
            Said::Accepted(accepted) => {
                let task = field::read("task", &accepted.task)?;
                self.with_live(|live| live.accepted(&task, LeaseEpoch(accepted.epoch)));
            }
            Said::Released(released) => self.release(released).await?,
        }
        orders::wake_for_rest(&self.member.fleet, &self.node);
        Ok(())
    }

    async fn beat(&self, beat: &wire::Beat) -> Result<(), Problem> {
        if beat.cached.len() > CACHED_MAX {
            return Err(Problem::argument("cached", format_args!("at most {CACHED_MAX}")));
        }
        let cached = beat.cached.iter().map(|digest| field::read::<Digest>("cached", digest));
        let cached: BTreeSet<Digest> = cached.collect::<Result<_, _>>()?;
        let (now, ttl) = (Instant::now(), self.member.fleet.ttl);
        let (held, mut turned) = (self.tasks_held()?, false);
        self.with_live(|live| {
            live.renew(now, ttl);
            live.says_free(beat.free_slots, held);
            live.cached = cached;
            turned = live.draining != beat.draining;
            if turned && !beat.draining {
                // Before a submission finds the node.
                self.member.fleet.waiting().try_all();
            }
            live.draining = beat.draining;
        });
        self.grant()?;
        if turned {
            let state = if beat.draining { NodeState::Draining } else { NodeState::Joined };
            let committed = keeper::set_state(&self.member, &self.node, state).await;
            // The sweep commits it otherwise; the session need not end for it.
            if let Err(problem) = committed {
                super::failed("a node's state is not committed yet", &problem);
            }
        }
        Ok(())
    }

    /// How many tasks the node holds, as the state says.
    fn tasks_held(&self) -> Result<u32, Problem> {
        let held = query::task_ids_of_node(&self.member.registry.view().0, &self.node, HELD_MAX)?;
        Ok(u32::try_from(held.len()).unwrap_or(u32::MAX))
    }

    /// A refusal means that the task is not the node's any more, which ends the matter as well.
    async fn release(&self, released: wire::Released) -> Result<(), Problem> {
        let id: TaskId = field::read("task", &released.task)?;
        let view = self.member.registry.view().0;
        let task = query::task(&view, &id)?;
        let own = TaskState::Assigned { node: self.node.clone() };
        if !task.is_some_and(|task| task.state == own) {
            return Ok(());
        }
        let reason = Reason::given(&released.reason);
        let command =
            Command::ReleaseTask(ReleaseTask { id, epoch: LeaseEpoch(released.epoch), reason });
        match self.member.write_command(command).await {
            Err(problem) if problem.status() >= 500 => Err(problem),
            _ => {
                self.member.fleet.wake();
                Ok(())
            }
        }
    }

    /// A leader that has lost its majority does not keep a node from the next one.
    fn grant(&self) -> Result<(), Problem> {
        self.send(granted(lease(&self.member)?, self.member.clock.now()));
        Ok(())
    }

    fn send(&self, order: Order) {
        let mut table = self.member.fleet.table();
        if table.session(&self.node, self.number).is_some() {
            table.send(&self.node, order);
        }
    }

    fn with_live(&self, change: impl FnOnce(&mut Live)) {
        let mut table = self.member.fleet.table();
        if let Some(live) = table.session(&self.node, self.number) {
            change(live);
        }
    }

    /// Ends the session with a reason.
    fn end(&self, problem: Problem) {
        let mut table = self.member.fleet.table();
        if let Some(live) = table.session(&self.node, self.number) {
            live.say_last(problem);
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proto_types::Revision;
    use registry_core::entry::Capacity;
    use registry_core::fair::Next;
    use tokio::sync::broadcast;

    use super::*;

    #[test]
    fn what_no_node_could_run_counts_as_placeable_from_when_a_node_is_there_that_may() {
        let effects = broadcast::Sender::new(1).subscribe();
        let fleet = Fleet::new(effects, Duration::from_secs(10), 1);
        fleet.table().begin(vec![]);
        let next = Next {
            namespace: Default::default(),
            agent: "text".parse().unwrap(),
            owner: "https://a.example".to_owned(),
            revision: Revision(1),
            task: "t1".parse().unwrap(),
        };
        fleet.waiting().add(next.clone());
        fleet.waiting().tried(&next, false, 0);
        assert_eq!(fleet.waits().0, 0);
        let ((orders, _received), alive) = (mpsc::channel(ORDERS_MAX), oneshot::channel().0);
        let opening = Opening { capacity: Capacity::default(), held: vec![], orders, alive };
        let granted = granted(Duration::from_secs(10), WallMs(1));
        assert!(take_up(&fleet, &"n1".parse().unwrap(), opening, granted).is_some());
        assert_eq!(fleet.waits().0, 1);
        fleet.waiting().tried(&next, false, 0);
        assert_eq!(fleet.waits().0, 1, "a pass that began before has not seen the node");
    }

    #[test]
    fn a_leader_without_a_majority_grants_nothing_that_outlives_the_first_lease_of_the_next() {
        let ms = Duration::from_millis;
        for ttl in [ms(200), ms(4_000), ms(10_000), ms(600_000)] {
            let shares = (0..=12).map(|tenths| ttl * tenths / 10);
            for age in shares {
                let Some(left) = left_of(ttl, age) else {
                    assert!(age > ttl / 2, "{age:?} of {ttl:?}");
                    continue;
                };
                // A node kills at three quarters of what it was granted; the next leader began when this one was heard
                // last, at the earliest.
                let killed = age + left * 3 / 4;
                assert!(killed + left / 4 <= ttl, "{age:?} of {ttl:?}");
            }
        }
        assert_eq!(left_of(ms(4_000), Duration::ZERO), Some(ms(4_000)));
    }
}

//! What a leader does for the fleet while it leads: leases, placement, deadlines.
//!
//! It decides when to look. It must never act as a leader after it heard that it leads no more, and
//! never rely on having seen an effect: each can be found again by a sweep.

mod keeper;
mod offers;
mod placer;
mod session;
mod table;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use deploy_service::wait_until;
use proto_types::NodeId;
use registry_api::Problem;
use registry_core::change::Effect;
use registry_core::fair::Waiting;
use tokio::sync::{Notify, Semaphore, broadcast, watch};
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::member::Member;

use self::offers::Offers;
use self::table::Table;

pub(crate) use self::offers::unmet;
pub(crate) use self::session::{OrderStream, open};

/// How often everything is looked at again, at most and at least; between them a quarter lease.
const SWEEP: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// The leader's memory of the fleet; empty on other members but for `offers`.
#[derive(Debug)]
pub(crate) struct Fleet {
    ttl: Duration,
    offers: Offers,
    table: Mutex<Table>,
    /// The tasks that wait for a node, as far as the state was read; empty on other members.
    waiting: Mutex<Waiting>,
    /// Nodes that have to be told something.
    touched: Mutex<BTreeSet<NodeId>>,
    wake: Notify,
    /// Whether sessions are taken up.
    is_leading: watch::Sender<bool>,
    sessions: Arc<Semaphore>,
}

impl Fleet {
    pub(crate) fn new(ttl: Duration, sessions_max: usize) -> Self {
        Self {
            ttl,
            offers: Offers::default(),
            table: Mutex::default(),
            waiting: Mutex::default(),
            touched: Mutex::default(),
            wake: Notify::new(),
            is_leading: watch::Sender::new(false),
            sessions: Arc::new(Semaphore::new(sessions_max)),
        }
    }

    /// Something has changed that a pass may act on.
    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }

    /// How many sessions there are.
    pub(crate) fn sessions(&self) -> usize {
        self.table().all().count()
    }

    /// This member leads; each of these nodes has until then to dial in.
    fn begin(&self, silent: Vec<(NodeId, Instant)>) {
        self.table().begin(silent);
        *self.waiting() = Waiting::default();
        self.is_leading.send_replace(true);
    }

    /// This member leads no more.
    fn end(&self) {
        self.is_leading.send_replace(false);
        self.table().end();
        *self.waiting() = Waiting::default();
    }

    fn touch(&self, node: NodeId) {
        self.touched.lock().unwrap_or_else(PoisonError::into_inner).insert(node);
    }

    fn take_touched(&self) -> BTreeSet<NodeId> {
        std::mem::take(&mut *self.touched.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What waits for a node; held as [`Fleet::table`] is.
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Held for a few map operations, never across an await.
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Leads the fleet whenever this member leads the cluster, until the member stops.
pub(crate) async fn lead(member: Arc<Member>) {
    let (id, mut leadership) = (member.registry.id(), member.registry.leadership());
    let mut effects = member.registry.subscribe_effects();
    let stopping = member.shutdown.clone();
    loop {
        tokio::select! {
            () = stopping.triggered() => break,
            led = wait_until(&mut leadership, |now| now.leader == Some(id)) => {
                if led.is_err() {
                    break;
                }
            }
        }
        tokio::select! {
            () = stopping.triggered() => break,
            lost = wait_until(&mut leadership, |now| now.leader != Some(id)) => {
                if lost.is_err() {
                    break;
                }
            }
            () = while_leading(&member, &mut effects) => {}
        }
        member.fleet.end();
        tracing::info!("the fleet is led elsewhere");
    }
    member.fleet.end();
}

async fn while_leading(member: &Member, effects: &mut broadcast::Receiver<Effect>) {
    while let Err(problem) = keeper::begin(member).await {
        failed("cannot read the nodes", &problem);
        tokio::time::sleep(SWEEP.1).await;
    }
    tracing::info!("this member leads the fleet");
    let mut sweep = interval((member.fleet.ttl / 4).clamp(SWEEP.0, SWEEP.1));
    sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut looked = Instant::now();
    loop {
        let all = tokio::select! {
            _ = sweep.tick() => true,
            () = member.fleet.wake.notified() => false,
            effect = effects.recv() => note(&member.fleet, effect),
        };
        // Effects that wait already are part of this pass.
        let all = std::iter::from_fn(|| effects.try_recv().ok())
            .fold(all, |all, effect| note(&member.fleet, Ok(effect)) | all);
        hear_first(member, &mut looked);
        if let Err(problem) = pass(member, all).await {
            failed("a pass over the fleet ended early", &problem);
        }
    }
}

/// A leader that has not looked for half a lease was stopped, or its machine was: what it did not hear in that time says
/// nothing about who is there.
fn hear_first(member: &Member, looked: &mut Instant) {
    let (now, ttl) = (Instant::now(), member.fleet.ttl);
    if now - *looked > ttl / 2 {
        tracing::warn!(away = ?(now - *looked), "this member was stopped: every node has a lease to be heard");
        member.fleet.table().excuse(now + ttl);
    }
    *looked = now;
}

/// One look at the fleet: everything, or what has changed.
async fn pass(member: &Member, all: bool) -> Result<(), Problem> {
    let now = Instant::now();
    if all {
        keeper::expire_leases(member, now).await?;
        keeper::expire_tasks(member).await?;
        keeper::settle_states(member).await?;
    }
    placer::place(member).await?;
    let touched = member.fleet.take_touched();
    let nodes = match all {
        true => member.fleet.table().all().map(|(node, _)| node.clone()).collect(),
        false => touched,
    };
    placer::tell(member, &nodes, now)
}

/// Notes whom an effect concerns; true if effects were lost and everything must be looked at.
fn note(fleet: &Fleet, effect: Result<Effect, broadcast::error::RecvError>) -> bool {
    match effect {
        Ok(Effect::TaskAssigned(_, node, _)) => {
            fleet.touch(node);
            false
        }
        Ok(Effect::TaskCancelRequested(task, node, _)) => {
            if let Some(live) = fleet.table().live(&node) {
                live.cancel_anew(&task);
            }
            fleet.touch(node);
            false
        }
        Ok(Effect::TaskPending(_) | Effect::TaskEnded(_) | Effect::EnvelopeReady(_)) => false,
        Err(_) => true,
    }
}

/// A refusal within a pass means that the state has moved on; only failures end the pass.
fn tolerate<T>(outcome: Result<T, Problem>) -> Result<Option<T>, Problem> {
    match outcome {
        Ok(done) => Ok(Some(done)),
        Err(problem) if problem.status() < 500 => {
            tracing::debug!(code = %problem.code(), detail = problem.detail(), "refused");
            Ok(None)
        }
        Err(problem) => Err(problem),
    }
}

fn failed(what: &str, problem: &Problem) {
    tracing::warn!(code = %problem.code(), detail = problem.detail(), cause = problem.cause(), "{what}");
}

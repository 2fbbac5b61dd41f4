//! The leader's memory of the fleet: the sessions of its nodes, the tasks that wait, what is under way, and what the nodes
//! offer. `fleet/lead.rs` works by it while this member leads, and `fleet/pick.rs` for each task that is submitted.

mod counts;
mod follow;
mod keeper;
mod lead;
mod live;
mod offers;
mod orders;
mod pick;
mod placer;
mod session;
mod shares;
mod table;
mod under_way;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use proto_types::{NodeId, Revision, TaskId};
use registry_api::Problem;
use registry_core::change::Effect;
use registry_core::fair::Waiting;
use tokio::sync::{Notify, Semaphore, broadcast, watch};
use tokio::time::Instant;

use self::offers::Offers;
use self::pick::Picks;
use self::shares::Reported;
use self::table::Table;
use self::under_way::UnderWay;

pub(crate) use self::follow::{follow, take_notices};
pub(crate) use self::lead::lead;
pub(crate) use self::offers::Offered;
pub(crate) use self::pick::prepare;
pub(crate) use self::session::{OrderStream, open};
pub(crate) use self::shares::Heard;

/// The leader's memory of the fleet; empty on other members but for `offers`.
#[derive(Debug)]
pub(crate) struct Fleet {
    ttl: Duration,
    offers: Offers,
    /// Locked before those below but `picks`, never after.
    table: Mutex<Table>,
    /// The tasks that wait for a node, as far as the state was read; empty on other members.
    waiting: Mutex<Waiting>,
    /// What names the node of a task that is submitted. Locked before any other of these, never after.
    picks: Mutex<Picks>,
    under_way: UnderWay,
    /// Nodes that have to be told something.
    touched: Mutex<BTreeMap<NodeId, Touched>>,
    wake: Arc<Notify>,
    /// A node has to be told something that no effect is about.
    orders_due: Notify,
    /// What gateways report: how much of the quotas of peers each wants, and how far it has come.
    reported: Mutex<Option<Reported>>,
    /// Whether sessions are taken up.
    is_leading: watch::Sender<bool>,
    sessions: Arc<Semaphore>,
}

/// Of which tasks a node has to be told.
#[derive(Debug)]
enum Touched {
    /// Whatever it holds.
    Whole,
    /// These alone: what else it holds may be thousands.
    Tasks(BTreeSet<TaskId>),
}

impl Fleet {
    pub(crate) fn new(
        effects: broadcast::Receiver<Effect>,
        ttl: Duration,
        sessions_max: usize,
    ) -> Self {
        let wake = Arc::new(Notify::new());
        Self {
            ttl,
            offers: Offers::default(),
            table: Mutex::default(),
            waiting: Mutex::default(),
            picks: Mutex::new(Picks::new(effects)),
            under_way: UnderWay::new(Arc::clone(&wake)),
            touched: Mutex::default(),
            wake,
            orders_due: Notify::new(),
            reported: Mutex::default(),
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
        self.picks().forget();
        *self.waiting() = Waiting::default();
        self.table().begin(silent);
        self.is_leading.send_replace(true);
    }

    /// This member leads no more.
    fn end(&self) {
        self.is_leading.send_replace(false);
        self.table().end();
        *self.waiting() = Waiting::default();
        self.picks().forget();
        self.forget_demands();
    }

    /// The node has to be told whatever it does not know.
    fn touch(&self, node: NodeId) {
        self.touched().insert(node, Touched::Whole);
    }

    /// The node has to be told of a task.
    fn touch_task(&self, node: NodeId, task: TaskId) {
        let mut touched = self.touched();
        let of_node = touched.entry(node).or_insert_with(|| Touched::Tasks(BTreeSet::new()));
        if let Touched::Tasks(tasks) = of_node {
            tasks.insert(task);
        }
    }

    /// The node has still to be told of these tasks: there was no room for them.
    fn touch_rest(&self, node: NodeId, mut rest: BTreeSet<TaskId>) {
        let mut touched = self.touched();
        let of_node = touched.entry(node).or_insert_with(|| Touched::Tasks(BTreeSet::new()));
        if let Touched::Tasks(tasks) = of_node {
            tasks.append(&mut rest);
        }
    }

    fn take_touched(&self) -> BTreeMap<NodeId, Touched> {
        std::mem::take(&mut *self.touched())
    }

    fn touched(&self) -> MutexGuard<'_, BTreeMap<NodeId, Touched>> {
        self.touched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many tasks wait that a node could run, or are about to, as far as the state was read; and how far it was.
    fn waits(&self) -> (usize, Revision) {
        let (placeable, read_through) = {
            let waiting = self.waiting();
            (waiting.placeable(), waiting.read_through)
        };
        (placeable.saturating_add(self.under_way.without_slot()), read_through)
    }

    /// Held while one node is named.
    fn picks(&self) -> MutexGuard<'_, Picks> {
        self.picks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What waits for a node; held for a few map operations.
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Held for a few map operations, never across an await.
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
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

//! The leader's memory of the fleet: the sessions of its nodes, the tasks that wait, and what the nodes offer.
//! `fleet/lead.rs` works by it while this member leads.

mod keeper;
mod lead;
mod offers;
mod placer;
mod session;
mod table;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use proto_types::NodeId;
use registry_api::Problem;
use registry_core::fair::Waiting;
use tokio::sync::{Notify, Semaphore, watch};
use tokio::time::Instant;

use self::offers::Offers;
use self::table::Table;

pub(crate) use self::lead::lead;
pub(crate) use self::offers::Offered;
pub(crate) use self::session::{OrderStream, open};

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

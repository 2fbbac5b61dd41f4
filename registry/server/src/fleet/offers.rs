//! What the nodes offer, as the state says: whether one could run an agent, and what a task waits for
//! (docs/decisions/0038). Callers read it, so it never tells of a single node.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use registry_api::Problem;
use registry_core::entry::{Hosted, NodeEntry, TaskEntry, TaskState};
use registry_core::query;
use registry_core::rank::{self, Needs, Unmet, Unplaced};
use registry_core::view::View;
use tokio::time::Instant;

use super::Fleet;

/// Nodes looked at; far above any fleet we know.
const NODES_MAX: usize = 10_000;

/// After this long the nodes are read anew: gateways ask every two seconds for each call that waits.
const AGE_MAX: Duration = Duration::from_secs(1);

/// The nodes of one state.
#[derive(Debug)]
pub(crate) struct Offered(Vec<NodeEntry>);

impl Offered {
    pub(crate) fn read(view: &dyn View) -> Result<Self, Problem> {
        Ok(Self(query::nodes(view, None, NODES_MAX)?))
    }

    /// The requirement of the agent that none of them meets.
    pub(crate) fn unmet(&self, agent: &Hosted) -> Option<Unmet> {
        of_nodes(agent, &self.0)
    }
}

/// The nodes as they were read last.
#[derive(Debug, Default)]
pub(super) struct Offers(Mutex<Option<(Instant, Arc<[NodeEntry]>)>>);

impl Offers {
    fn recent(&self, view: &dyn View) -> Result<Arc<[NodeEntry]>, Problem> {
        // Read under the lock: whoever waited for it shares what was read in the meantime.
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, nodes)) = &*kept
            && at.elapsed() < AGE_MAX
        {
            return Ok(Arc::clone(nodes));
        }
        let nodes: Arc<[NodeEntry]> = query::nodes(view, None, NODES_MAX)?.into();
        *kept = Some((Instant::now(), Arc::clone(&nodes)));
        Ok(nodes)
    }
}

impl Fleet {
    /// Why a task that waits for a node has none; `None` of one that does not wait.
    pub(crate) fn unplaced(
        &self,
        view: &dyn View,
        task: &TaskEntry,
    ) -> Result<Option<Unplaced>, Problem> {
        if task.state != TaskState::Pending {
            return Ok(None);
        }
        let entry = query::agent(view, &task.agent)?;
        let Some(agent) = entry.as_ref().and_then(|entry| entry.hosted()) else { return Ok(None) };
        let unmet = of_nodes(agent, &self.offers.recent(view)?);
        Ok(Some(unmet.map_or(Unplaced::Busy, Unplaced::Nowhere)))
    }
}

fn of_nodes(agent: &Hosted, nodes: &[NodeEntry]) -> Option<Unmet> {
    rank::unmet(&Needs::from(agent), nodes.iter().map(|node| (node.state, &node.capacity)))
}

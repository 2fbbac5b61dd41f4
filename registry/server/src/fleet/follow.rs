//! Further gateways of a task: any member hears of one, and the leader tells the node that runs the task. It is told to one
//! leader and one node, and never written down: whoever follows a task has its outcome from the state.

use std::sync::Arc;

use proto_types::{LeaseEpoch, TaskId};
use proto_wire::registry::v1 as wire;
use registry_api::{Code, Problem, render};
use registry_core::entry::{ReplyTo, TaskEntry, TaskState};
use registry_core::query;
use registry_raft::TakeNotice;
use serde::{Deserialize, Serialize};

use crate::member::Member;

use super::{Fleet, failed};

/// What a member tells the leader.
#[derive(Debug, Deserialize, Serialize)]
enum Notice {
    /// The events of a task go there too. Whether they may, the member has looked at.
    Follow {
        task: TaskId,
        reply_to: ReplyTo,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: After,
    },
}

/// Up to which event of which run the gateway's caller has them, if it wants to go on there.
type After = Option<(LeaseEpoch, u64)>;

/// Has the node that runs a task push its events there too.
///
/// # Errors
/// `node-not-connected` if the leader knows of no session of a node that runs it; `no-leader` if nobody is known to have
/// heard of it.
pub(crate) async fn follow(
    member: &Member,
    task: TaskId,
    (reply_to, after): (ReplyTo, After),
) -> Result<(), Problem> {
    let notice = serde_json::to_vec(&Notice::Follow { task, reply_to, after });
    let noted = member.registry.notify_leader(notice.map_err(Problem::internal)?).await;
    match noted.map_err(|why| Problem::new(Code::NoLeader, why))? {
        true => Ok(()),
        false => {
            let why = "no node that runs the task is connected to the leader";
            Err(Problem::new(Code::NodeNotConnected, why))
        }
    }
}

/// What this member does, whenever it leads, with what the others tell it, and with what it tells itself.
pub(crate) fn take_notices(member: &Arc<Member>) -> TakeNotice {
    // The registry keeps the closure, and the member the registry.
    let member = Arc::downgrade(member);
    Box::new(move |notice: &[u8]| {
        let Some(member) = member.upgrade() else { return false };
        let noted = match serde_json::from_slice(notice) {
            Ok(Notice::Follow { task, reply_to, after }) => {
                note(&member, &task, (&reply_to, after))
            }
            // A member of a later version may say more.
            Err(error) => {
                tracing::debug!(%error, "a notice is not understood");
                return false;
            }
        };
        noted.unwrap_or_else(|problem| {
            failed("a gateway that follows a task is not noted", &problem);
            false
        })
    })
}

/// Notes the gateway for the node that has the task by now; false if this leader does not know that one has it.
fn note(
    member: &Member,
    id: &TaskId,
    (reply_to, after): (&ReplyTo, After),
) -> Result<bool, Problem> {
    let task = query::task(&member.registry.view().0, id)?;
    Ok(task.is_some_and(|task| member.fleet.note_follow(&task, (reply_to, after))))
}

impl Fleet {
    /// Has a pass tell the node of a task where its events go too; false if no node has it that has a session. A pass alone
    /// gives orders, so that this one comes after the task itself.
    fn note_follow(&self, task: &TaskEntry, (reply_to, after): (&ReplyTo, After)) -> bool {
        let TaskState::Assigned { node } = &task.state else { return false };
        let follow = wire::Follow {
            task: task.id.to_string(),
            epoch: task.epoch.0,
            reply_to: Some(render::fleet::reply_to(reply_to)),
            // The numbers of another run say nothing of this one.
            after: after.map(|(epoch, sequence)| if epoch == task.epoch { sequence } else { 0 }),
        };
        let mut table = self.table();
        let Some(live) = table.live(node) else { return false };
        live.followed(task.id.clone(), follow);
        drop(table);
        self.touch_task(node.clone(), task.id.clone());
        self.orders_due.notify_one();
        true
    }
}

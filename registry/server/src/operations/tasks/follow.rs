//! A further gateway of a task: the one that asks, in the name of the task's owner. Nothing is written for it, and nobody
//! learns of a task that is not the owner's.

use proto_types::Revision;
use proto_wire::registry::v1 as wire;
use registry_api::decode::task::Follow;
use registry_api::{Problem, decode};
use registry_core::entry::{TaskEntry, TaskState};

use crate::call::Call;
use crate::fleet;
use crate::lookup;
use crate::member::Member;

use super::check_reply_to;

/// Has the node that runs a task push its events to the gateway that calls. Of one that no node runs there are none.
pub(crate) async fn follow(
    member: &Member,
    call: &Call,
    request: &wire::FollowTaskRequest,
) -> Result<Revision, Problem> {
    let asked = decode::task::follow(&call.principal, request)?;
    check_reply_to(member, call, Some(&asked.reply_to)).await?;
    let (task, revision) = find(member, &asked).await?;
    if let TaskState::Assigned { .. } = task.state {
        fleet::follow(member, asked.id, (asked.reply_to, asked.after)).await?;
    }
    Ok(revision)
}

/// The owner's task. What this member does not know to run may be newer than what it has applied.
async fn find(member: &Member, asked: &Follow) -> Result<(TaskEntry, Revision), Problem> {
    let known = member.stale();
    match lookup::task(&known.view, &asked.id, Some(&asked.owner)) {
        Ok(task) if matches!(task.state, TaskState::Assigned { .. }) => Ok((task, known.revision)),
        _ => {
            let newest = member.strong().await?;
            let task = lookup::task(&newest.view, &asked.id, Some(&asked.owner))?;
            Ok((task, newest.revision))
        }
    }
}

//! The operations on where the changes of tasks are pushed to. What a receiver is shown is told to gateways alone.

use proto_types::Revision;
use proto_wire::registry::v1::{self as wire, Consistency};
use registry_api::{Problem, decode, render};
use registry_core::change::Reply;

use crate::call::Call;
use crate::lookup;
use crate::member::{Member, Reading, done_at, unexpected};

/// Sets where the changes of a task are pushed to.
pub(crate) async fn put(
    member: &Member,
    call: &Call,
    request: &wire::PutPushConfigRequest,
) -> Result<Revision, Problem> {
    match member.write(decode::push::put(&call.principal, request)?).await? {
        Reply::Task(task) => Ok(task.revision),
        other => Err(unexpected(&other)),
    }
}

/// Where the changes of a task are pushed to.
pub(crate) async fn list(
    member: &Member,
    call: &Call,
    request: &wire::ListPushConfigsRequest,
    consistency: Consistency,
) -> Result<(Reading, wire::PushConfigList), Problem> {
    let (task, owner) = decode::push::named(&call.principal, &request.task, &request.owner)?;
    let reading = member.read(consistency).await?;
    let entry = lookup::task(&reading.view, &task, Some(&owner))?;
    let configs = entry.push.iter().map(render::fleet::push_config).collect();
    let agent = entry.agent.to_string();
    Ok((reading, wire::PushConfigList { configs, agent }))
}

/// Has no more changes of a task pushed there.
pub(crate) async fn delete(
    member: &Member,
    call: &Call,
    request: &wire::DeletePushConfigRequest,
) -> Result<Revision, Problem> {
    done_at(&member.write(decode::push::delete(&call.principal, request)?).await?)
}

//! Tasks.
//!
//! It decides nothing but in whose name a task is read.

use proto_types::TaskId;
use proto_wire::registry::v1 as wire;
use registry_api::{Principal, Problem, decode, field};
use registry_core::change::Reply;
use registry_core::command::Proposal;
use tonic::Request;

use crate::lookup;
use crate::member::{Member, done_at, unexpected};

use super::{Handled, at, caller};

pub(super) async fn submit(
    member: &Member,
    request: Request<wire::SubmitTaskRequest>,
) -> Handled<wire::Task> {
    let caller = caller(&request)?;
    let request = request.into_inner();
    let proposal = decode::task::submit(&caller, &request)?;
    check_reply_to(member, &caller, request.reply_to.as_ref()).await?;
    decided(member, Ok(proposal)).await
}

pub(super) async fn continued(
    member: &Member,
    request: Request<wire::ContinueTaskRequest>,
) -> Handled<wire::Task> {
    let caller = caller(&request)?;
    let request = request.into_inner();
    let proposal = decode::task::continue_task(&caller, &request)?;
    check_reply_to(member, &caller, request.reply_to.as_ref()).await?;
    decided(member, Ok(proposal)).await
}

/// Nodes connect to where a task's events go: to a gateway's own address, as it is registered, and nowhere else.
async fn check_reply_to(
    member: &Member,
    caller: &Principal,
    reply_to: Option<&wire::ReplyTo>,
) -> Result<(), Problem> {
    let Some(reply_to) = reply_to else { return Ok(()) };
    if decode::task::is_own(caller, reply_to, &member.stale().view)? {
        return Ok(());
    }
    // A registration may be newer than what this member has applied.
    match decode::task::is_own(caller, reply_to, &member.strong().await?.view)? {
        true => Ok(()),
        false => {
            let why = "it is not the address that the gateway is registered with";
            Err(Problem::argument("reply_to.endpoint", why))
        }
    }
}

pub(super) async fn cancel(
    member: &Member,
    request: Request<wire::CancelTaskRequest>,
) -> Handled<wire::Task> {
    let caller = caller(&request)?;
    decided(member, decode::task::cancel(&caller, request.get_ref())).await
}

pub(super) async fn complete(
    member: &Member,
    request: Request<wire::CompleteTaskRequest>,
) -> Handled<wire::Task> {
    let caller = caller(&request)?;
    let id: TaskId = field::read("id", &request.get_ref().id)?;
    let proposal = decode::task::complete(&caller, request.get_ref())?;
    let revision = done_at(&member.decide(proposal).await?)?;
    let reading = member.reached(revision).await?;
    Ok(at(&reading, lookup::task(&reading.view, &id, None)?))
}

pub(super) async fn one(
    member: &Member,
    request: Request<wire::GetTaskRequest>,
) -> Handled<wire::Task> {
    let caller = caller(&request)?;
    let request = request.into_inner();
    let id: TaskId = field::read("id", &request.id)?;
    let owner = decode::task::owner(&caller, &request.owner)?;
    let reading = member.read(request.consistency).await?;
    Ok(at(&reading, lookup::task(&reading.view, &id, owner.as_deref())?))
}

/// The task as the write has left it, with its bodies.
async fn decided(member: &Member, proposal: Result<Proposal, Problem>) -> Handled<wire::Task> {
    match member.decide(proposal?).await? {
        Reply::Task(entry) => {
            let reading = member.reached(entry.revision).await?;
            Ok(at(&reading, lookup::whole_task(&reading.view, &entry)?))
        }
        other => Err(unexpected(&other)),
    }
}

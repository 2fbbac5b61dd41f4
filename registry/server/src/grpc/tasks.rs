//! Tasks.
//!
//! It decides in whose name a task is read, and from when on one that waits for a slot says so.

use proto_types::TaskId;
use proto_wire::registry::v1 as wire;
use registry_api::{Principal, Problem, decode, field, render};
use registry_core::change::Reply;
use registry_core::command::Proposal;
use registry_core::entry::TaskEntry;
use registry_core::rank::Unplaced;
use tonic::Request;

use crate::lookup;
use crate::member::{Member, Reading, done_at, unexpected};

use super::{Handled, at, caller, read};

/// A free slot is taken within this time; a task that waits for longer found none.
const PLACED_WITHIN_MS: u64 = 1_000;

pub(super) async fn submit(
    member: &Member,
    request: Request<wire::SubmitTaskRequest>,
) -> Handled<wire::Task> {
    let caller = caller(&request)?;
    let request = request.into_inner();
    let proposal = decode::task::submit(&caller, &request)?;
    check_reply_to(member, &caller, request.reply_to.as_ref()).await?;
    written(member, Ok(proposal)).await
}

pub(super) async fn continued(
    member: &Member,
    request: Request<wire::ContinueTaskRequest>,
) -> Handled<wire::Task> {
    let caller = caller(&request)?;
    let request = request.into_inner();
    let proposal = decode::task::continue_task(&caller, &request)?;
    check_reply_to(member, &caller, request.reply_to.as_ref()).await?;
    written(member, Ok(proposal)).await
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
    written(member, decode::task::cancel(&caller, request.get_ref())).await
}

pub(super) async fn complete(
    member: &Member,
    request: Request<wire::CompleteTaskRequest>,
) -> Handled<wire::Task> {
    let caller = caller(&request)?;
    let id: TaskId = field::read("id", &request.get_ref().id)?;
    let proposal = decode::task::complete(&caller, request.get_ref())?;
    let revision = done_at(&member.write(proposal).await?)?;
    let reading = member.reached(revision).await?;
    Ok(at(&reading, message(member, &reading, &lookup::task(&reading.view, &id, None)?)?))
}

pub(super) async fn one(
    member: &Member,
    request: Request<wire::GetTaskRequest>,
) -> Handled<wire::Task> {
    let caller = caller(&request)?;
    let request = request.into_inner();
    let id: TaskId = field::read("id", &request.id)?;
    let owner = decode::task::owner(&caller, &request.owner)?;
    let reading = read(member, request.consistency).await?;
    let entry = lookup::task(&reading.view, &id, owner.as_deref())?;
    Ok(at(&reading, message(member, &reading, &entry)?))
}

/// The task as the write has left it, with its bodies.
async fn written(member: &Member, proposal: Result<Proposal, Problem>) -> Handled<wire::Task> {
    match member.write(proposal?).await? {
        Reply::Task(entry) => {
            let reading = member.reached(entry.revision).await?;
            Ok(at(&reading, message(member, &reading, &entry)?))
        }
        other => Err(unexpected(&other)),
    }
}

/// A task with its bodies, and what it waits for.
fn message(member: &Member, reading: &Reading, entry: &TaskEntry) -> Result<wire::Task, Problem> {
    let task = lookup::whole_task(&reading.view, entry)?;
    let is_new = reading.time.since(entry.changed_at) < PLACED_WITHIN_MS;
    let why = member.fleet.unplaced(&reading.view, entry)?;
    Ok(match why.filter(|why| *why != Unplaced::Busy || !is_new) {
        Some(why) => render::fleet::waiting(task, why),
        None => task,
    })
}

//! The operations on tasks: where the events of one may go, in whose name it is read, and what is told of one that waits
//! for a slot. A token that comes with a task is never spent but in one proposal with it; lists and the gateways that follow
//! one are beside.

mod follow;
mod list;

use proto_types::TaskId;
use proto_wire::registry::v1::{self as wire, Consistency};
use registry_api::{Problem, decode, field, render};
use registry_core::change::Reply;
use registry_core::command::Proposal;
use registry_core::entry::{ReplyTo, TaskEntry};
use registry_core::rank::Unplaced;
use registry_raft::StoreView;

use crate::call::Call;
use crate::lookup;
use crate::member::{Member, Reading, done_at, unexpected};

pub(crate) use self::follow::follow;
pub(crate) use self::list::list;

use super::tokens::{check_unspent, paid};

/// A task with its bodies, and the state that it was read from.
pub(crate) type Shown = (Reading, wire::Task);

/// A free slot is taken within this time; a task that waits for longer found none.
const PLACED_WITHIN_MS: u64 = 1_000;

/// Submits a task, with its caller's token.
pub(crate) async fn submit(
    member: &Member,
    call: &Call,
    request: &wire::SubmitTaskRequest,
) -> Result<Shown, Problem> {
    let view = member.registry.view().0;
    let (proposal, reply_to) = decode::task::submit(&call.principal, request, &view)?;
    check_unspent(&view, &proposal)?;
    drop(view);
    check_reply_to(member, call, reply_to.as_ref()).await?;
    paid(written(member, proposal, request.omit_input).await)
}

/// Continues a task that asked for more.
pub(crate) async fn continue_task(
    member: &Member,
    call: &Call,
    request: &wire::ContinueTaskRequest,
) -> Result<Shown, Problem> {
    let (proposal, reply_to) = decode::task::continue_task(&call.principal, request)?;
    check_reply_to(member, call, reply_to.as_ref()).await?;
    written(member, proposal, request.omit_input).await
}

/// Nodes connect to where a task's events go: to a gateway's own address, as it is registered, and nowhere else.
async fn check_reply_to(
    member: &Member,
    call: &Call,
    reply_to: Option<&ReplyTo>,
) -> Result<(), Problem> {
    let Some(reply_to) = reply_to else { return Ok(()) };
    let check = |view: &StoreView| decode::task::check_reply_to(&call.principal, reply_to, view);
    // A registration may be newer than what this member has applied.
    if check(&member.stale().view).is_ok() {
        return Ok(());
    }
    check(&member.strong().await?.view)
}

/// Ends a task that nobody wants any more.
pub(crate) async fn cancel(
    member: &Member,
    call: &Call,
    request: &wire::CancelTaskRequest,
) -> Result<Shown, Problem> {
    written(member, decode::task::cancel(&call.principal, request)?, false).await
}

/// Commits the outcome of a task.
pub(crate) async fn complete(
    member: &Member,
    call: &Call,
    request: &wire::CompleteTaskRequest,
) -> Result<Shown, Problem> {
    let proposal = decode::task::complete(&call.principal, request)?;
    let revision = done_at(&member.write(proposal).await?)?;
    let reading = member.reached(revision).await?;
    let id: TaskId = field::read("id", &request.id)?;
    let entry = lookup::task(&reading.view, &id, None)?;
    match request.omit_documents {
        true => Ok((reading, render::fleet::task(&entry, Vec::new(), Vec::new()))),
        false => shown(member, reading, &entry, false),
    }
}

/// One task.
pub(crate) async fn one(
    member: &Member,
    call: &Call,
    request: &wire::GetTaskRequest,
    consistency: Consistency,
) -> Result<Shown, Problem> {
    let id: TaskId = field::read("id", &request.id)?;
    let owner = decode::task::owner(&call.principal, &request.owner)?;
    let reading = member.read(consistency).await?;
    let entry = lookup::task(&reading.view, &id, owner.as_ref())?;
    shown(member, reading, &entry, false)
}

/// The task as the write has left it.
async fn written(member: &Member, proposal: Proposal, omit_input: bool) -> Result<Shown, Problem> {
    match member.write(proposal).await? {
        Reply::Task(entry) => {
            let reading = member.reached(entry.revision).await?;
            shown(member, reading, &entry, omit_input)
        }
        other => Err(unexpected(&other)),
    }
}

/// A task with its bodies, and what it waits for.
fn shown(
    member: &Member,
    reading: Reading,
    entry: &TaskEntry,
    omit_input: bool,
) -> Result<Shown, Problem> {
    let task = lookup::whole_task(&reading.view, entry, omit_input)?;
    let task = with_wait(member, &reading, entry, task)?;
    Ok((reading, task))
}

/// The task with what it waits for, if it waits.
fn with_wait(
    member: &Member,
    reading: &Reading,
    entry: &TaskEntry,
    task: wire::Task,
) -> Result<wire::Task, Problem> {
    let is_new = reading.time.since(entry.changed_at) < PLACED_WITHIN_MS;
    let why = member.fleet.unplaced(&reading.view, entry)?;
    Ok(match why.filter(|why| *why != Unplaced::Busy || !is_new) {
        Some(why) => render::fleet::waiting(task, why),
        None => task,
    })
}

//! Tasks: submit, cancel, complete. A node answers only for its own tasks, and a gateway names the owner of the task that
//! it asks for.

use proto_types::{LeaseEpoch, NodeId, Reason, TaskOwner, json};
use proto_wire::registry::v1 as wire;
use registry_core::command::{
    CancelTask, Command, CompleteTask, ContinueTask, FleetCommand, Proposal, SubmitTask,
};
use registry_core::entry::ReplyTo;
use registry_core::query;
use registry_core::view::View;

use crate::field;
use crate::identity::{Principal, Role};
use crate::problem::Problem;

/// Reads a submission, and where its events are to go; [`check_reply_to`] says whether they may.
///
/// # Errors
/// As [`Principal::require`], `invalid-argument`, `malformed-json`, `body-too-large`.
pub fn submit(
    caller: &Principal,
    request: &wire::SubmitTaskRequest,
) -> Result<(Proposal, Option<ReplyTo>), Problem> {
    caller.require(&[Role::Gateway, Role::Operator])?;
    let id = field::read("id", &request.id)?;
    let context = field::read("context", &request.context)?;
    let agent = field::read("agent", &request.agent)?;
    let owner = field::read("owner", &request.owner)?;
    let events = request.reply_to.as_ref().map(reply_to).transpose()?;
    let deadline = field::time("deadline_ms", request.deadline_ms)?;
    let shared = *caller != Principal::Operator;
    super::agent::json_object("input", &request.input)?;
    let proposal = super::with_body(&request.input, |input| {
        Command::SubmitTask(SubmitTask {
            id,
            context,
            agent,
            owner,
            input,
            reply_to: events.clone(),
            deadline,
            shared,
            metered: true,
        })
    })?;
    Ok((proposal, events))
}

/// Reads the next message of a task, and where its events are to go.
///
/// # Errors
/// As [`submit`].
pub fn continue_task(
    caller: &Principal,
    request: &wire::ContinueTaskRequest,
) -> Result<(Proposal, Option<ReplyTo>), Problem> {
    caller.require(&[Role::Gateway, Role::Operator])?;
    let id = field::read("id", &request.id)?;
    let owner = field::read("owner", &request.owner)?;
    let events = request.reply_to.as_ref().map(reply_to).transpose()?;
    let deadline = field::time("deadline_ms", request.deadline_ms)?;
    super::agent::json_object("input", &request.input)?;
    let proposal = super::with_body(&request.input, |input| {
        let reply_to = events.clone();
        FleetCommand::ContinueTask(ContinueTask { id, owner, input, reply_to, deadline }).into()
    })?;
    Ok((proposal, events))
}

/// Whether a caller may have events go there, where nodes connect to: a gateway to itself, the operator to any gateway, and
/// either only to the address that it is registered with.
///
/// # Errors
/// `invalid-argument`, `internal` if the view fails.
pub fn check_reply_to(
    caller: &Principal,
    reply_to: &ReplyTo,
    view: &dyn View,
) -> Result<(), Problem> {
    let allowed = match caller {
        Principal::Gateway(gateway) => *gateway == reply_to.gateway,
        caller => *caller == Principal::Operator,
    };
    let registered = query::gateway(view, &reply_to.gateway)?;
    if allowed && registered.is_some_and(|gateway| gateway.endpoint == reply_to.endpoint) {
        return Ok(());
    }
    let why = "it is not the address that the gateway is registered with";
    Err(Problem::argument("reply_to.endpoint", why))
}

/// Reads a cancellation. Only an operator may leave the owner out.
pub fn cancel(caller: &Principal, request: &wire::CancelTaskRequest) -> Result<Proposal, Problem> {
    let id = field::read("id", &request.id)?;
    let owner = owner(caller, &request.owner)?;
    Ok(super::one(Command::CancelTask(CancelTask { id, owner })))
}

/// In whose name a task is asked for: `None` for an operator who names nobody.
pub fn owner(caller: &Principal, owner: &str) -> Result<Option<TaskOwner>, Problem> {
    caller.require(&[Role::Gateway, Role::Operator])?;
    if owner.is_empty() && *caller == Principal::Operator {
        return Ok(None);
    }
    field::read("owner", owner).map(Some)
}

/// Reads an outcome.
///
/// # Errors
/// As [`Principal::require`], `invalid-argument`, `malformed-json`, `body-too-large`.
pub fn complete(
    caller: &Principal,
    request: &wire::CompleteTaskRequest,
) -> Result<Proposal, Problem> {
    let node: NodeId = caller.node()?.clone();
    let id = field::read("id", &request.id)?;
    let epoch = LeaseEpoch(request.epoch);
    let end = field::read("end", &request.end)?;
    // A task must not wait for its deadline because of how its end is worded.
    let reason = Reason::of(&request.reason);
    let command =
        |outcome| Command::CompleteTask(CompleteTask { id, node, epoch, end, outcome, reason });
    if request.outcome.is_empty() {
        return Ok(super::one(command(None)));
    }
    super::agent::json_object("outcome", &request.outcome)?;
    super::with_body(&request.outcome, |outcome| command(Some(outcome)))
}

/// What the agent said last, of an outcome document that is kept; `None` if it said nothing.
#[must_use]
pub fn closing_message(outcome: &[u8]) -> Option<String> {
    let document = json::parse_lossless(outcome).ok()?;
    document.get("message").filter(|message| message.is_object()).map(ToString::to_string)
}

fn reply_to(reply_to: &wire::ReplyTo) -> Result<ReplyTo, Problem> {
    Ok(ReplyTo {
        gateway: field::read("reply_to.gateway", &reply_to.gateway)?,
        endpoint: field::read("reply_to.endpoint", &reply_to.endpoint)?,
        secret: field::read("reply_to.secret", &reply_to.secret)?,
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_of_every_task_are_counted_and_those_of_callers_against_their_share() {
        let request = wire::SubmitTaskRequest {
            id: "task-1".to_owned(),
            context: "context-1".to_owned(),
            agent: "urn:agent:0001".to_owned(),
            owner: "https://a.example".to_owned(),
            input: "{}".into(),
            deadline_ms: 1,
            reply_to: None,
            omit_input: false,
        };
        let gateway = Principal::Gateway("g1".parse().unwrap());
        for (caller, shares) in [(gateway, true), (Principal::Operator, false)] {
            let (proposal, _) = submit(&caller, &request).unwrap();
            let [_, Command::SubmitTask(task)] = &proposal.commands[..] else {
                panic!("{proposal:?}");
            };
            assert_eq!((task.shared, task.metered), (shares, true), "{caller:?}");
        }
    }
}

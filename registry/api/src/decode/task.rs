//! Tasks: submitting, cancelling, completing.
//!
//! It decides who may act on a task and in whose name. It must never let a node answer for a task
//! under another node's name, nor a gateway reach a task without naming its owner.

use proto_types::outcome::{REASON_BYTES_MAX, printable};
use proto_types::{GatewayId, LeaseEpoch, NodeId, json};
use proto_wire::registry::v1 as wire;
use registry_core::command::{
    CancelTask, Command, CompleteTask, ContinueTask, FleetCommand, Proposal, SubmitTask,
};
use registry_core::entry::{ReplyTo, TaskEnd};
use registry_core::query;
use registry_core::view::View;

use crate::field;
use crate::identity::{Principal, Role};
use crate::problem::Problem;

/// Names of owners are origins or the word of the operator.
const OWNER_BYTES_MAX: usize = 512;

/// Secrets of gateways are 43 characters; some room.
const SECRET_BYTES_MAX: usize = 256;

/// Reads a submission.
///
/// # Errors
/// As [`Principal::require`], `invalid-argument`, `malformed-json`, `body-too-large`.
pub fn submit(caller: &Principal, request: &wire::SubmitTaskRequest) -> Result<Proposal, Problem> {
    caller.require(&[Role::Gateway, Role::Operator])?;
    let id = field::read("id", &request.id)?;
    let context = field::read("context", &request.context)?;
    let agent = field::read("agent", &request.agent)?;
    let owner = field::text("owner", &request.owner, OWNER_BYTES_MAX)?;
    let reply_to = request.reply_to.as_ref().map(reply_to).transpose()?;
    let deadline = field::time("deadline_ms", request.deadline_ms)?;
    let shared = *caller != Principal::Operator;
    super::agent::json_object("input", &request.input)?;
    super::with_body(&request.input, |input| {
        Command::SubmitTask(SubmitTask {
            id,
            context,
            agent,
            owner,
            input,
            reply_to,
            deadline,
            shared,
            metered: true,
        })
    })
}

/// Reads the next message of a task.
///
/// # Errors
/// As [`submit`].
pub fn continue_task(
    caller: &Principal,
    request: &wire::ContinueTaskRequest,
) -> Result<Proposal, Problem> {
    caller.require(&[Role::Gateway, Role::Operator])?;
    let id = field::read("id", &request.id)?;
    let owner = field::text("owner", &request.owner, OWNER_BYTES_MAX)?;
    let reply_to = request.reply_to.as_ref().map(reply_to).transpose()?;
    let deadline = field::time("deadline_ms", request.deadline_ms)?;
    super::agent::json_object("input", &request.input)?;
    super::with_body(&request.input, |input| {
        FleetCommand::ContinueTask(ContinueTask { id, owner, input, reply_to, deadline }).into()
    })
}

/// Whether a caller may have events go there: a gateway to itself, the operator to any gateway, and either only to the
/// address that it is registered with.
///
/// # Errors
/// `invalid-argument`, `internal` if the view fails.
pub fn is_own(
    caller: &Principal,
    reply_to: &wire::ReplyTo,
    view: &dyn View,
) -> Result<bool, Problem> {
    let id: GatewayId = field::read("reply_to.gateway", &reply_to.gateway)?;
    let allowed = match caller {
        Principal::Gateway(gateway) => *gateway == id,
        caller => *caller == Principal::Operator,
    };
    let registered = query::gateway(view, &id)?;
    Ok(allowed && registered.is_some_and(|gateway| gateway.endpoint == reply_to.endpoint))
}

/// Reads a cancellation. Only an operator may leave the owner out.
///
/// # Errors
/// As [`Principal::require`], `invalid-argument`.
pub fn cancel(caller: &Principal, request: &wire::CancelTaskRequest) -> Result<Proposal, Problem> {
    let id = field::read("id", &request.id)?;
    let owner = owner(caller, &request.owner)?;
    Ok(super::one(Command::CancelTask(CancelTask { id, owner })))
}

/// In whose name a task is asked for: `None` for an operator who names nobody.
///
/// # Errors
/// As [`Principal::require`], `invalid-argument`.
pub fn owner(caller: &Principal, owner: &str) -> Result<Option<String>, Problem> {
    caller.require(&[Role::Gateway, Role::Operator])?;
    if owner.is_empty() && *caller == Principal::Operator {
        return Ok(None);
    }
    field::text("owner", owner, OWNER_BYTES_MAX).map(Some)
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
    let end = end(&request.end)?;
    // A task must not wait for its deadline because of how its end is worded.
    let reason = Some(printable(&request.reason, REASON_BYTES_MAX)).filter(|text| !text.is_empty());
    let command =
        |outcome| Command::CompleteTask(CompleteTask { id, node, epoch, end, outcome, reason });
    if request.outcome.is_empty() {
        return Ok(super::one(command(None)));
    }
    super::agent::json_object("outcome", &request.outcome)?;
    super::with_body(&request.outcome, |outcome| command(Some(outcome)))
}

/// Reads why a task was handed back; a node that gives no reason still hands it back.
#[must_use]
pub fn release_reason(text: &str) -> String {
    match printable(text, REASON_BYTES_MAX) {
        reason if reason.is_empty() => "no reason given".to_owned(),
        reason => reason,
    }
}

/// What the agent said last, of an outcome document that is kept; `None` if it said nothing.
#[must_use]
pub fn closing_message(outcome: &[u8]) -> Option<String> {
    let document = json::parse_lossless(outcome).ok()?;
    document.get("message").filter(|message| message.is_object()).map(ToString::to_string)
}

fn end(text: &str) -> Result<TaskEnd, Problem> {
    match text {
        "completed" => Ok(TaskEnd::Completed),
        "failed" => Ok(TaskEnd::Failed),
        "canceled" => Ok(TaskEnd::Canceled),
        "rejected" => Ok(TaskEnd::Rejected),
        "input-required" => Ok(TaskEnd::InputRequired),
        _ => {
            let allowed = "one of completed, failed, canceled, rejected, input-required";
            Err(Problem::argument("end", allowed))
        }
    }
}

fn reply_to(reply_to: &wire::ReplyTo) -> Result<ReplyTo, Problem> {
    Ok(ReplyTo {
        gateway: field::read("reply_to.gateway", &reply_to.gateway)?,
        endpoint: super::fleet::endpoint("reply_to.endpoint", &reply_to.endpoint)?,
        secret: field::text("reply_to.secret", &reply_to.secret, SECRET_BYTES_MAX)?,
    })
}

/// The problem of a text that is not strict JSON.
pub fn not_json(error: &json::Error) -> Problem {
    use crate::problem::Code;
    let code = match error {
        json::Error::Shape { .. } => Code::InvalidDocument,
        _ => Code::MalformedJson,
    };
    Problem::new(code, error)
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
        };
        let gateway = Principal::Gateway("g1".parse().unwrap());
        for (caller, shares) in [(gateway, true), (Principal::Operator, false)] {
            let proposal = submit(&caller, &request).unwrap();
            let [_, Command::SubmitTask(task)] = &proposal.commands[..] else {
                panic!("{proposal:?}");
            };
            assert_eq!((task.shared, task.metered), (shares, true), "{caller:?}");
        }
    }
}

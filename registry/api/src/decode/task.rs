//! Tasks: submit, cancel, complete, follow; lists are beside. A node answers only for its own tasks, and a gateway names the
//! owner of the task that it asks for. No request names the node that a task goes to.

pub mod list;

use proto_types::{
    ContextId, Digest, GatewayId, Handle, LeaseEpoch, NodeId, Reason, TaskId, TaskOwner,
    TraceParent, WallMs, json,
};
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

/// Reads a submission, with the token that is spent with it, and where its events are to go; [`check_reply_to`] says
/// whether they may.
///
/// # Errors
/// As [`Principal::require`], `invalid-argument`, `malformed-json`, `body-too-large`, `internal` if the view fails.
pub fn submit(
    caller: &Principal,
    request: &wire::SubmitTaskRequest,
    view: &dyn View,
) -> Result<(Proposal, Option<ReplyTo>), Problem> {
    caller.require(&[Role::Gateway, Role::Operator])?;
    let Stated { id, context, agent, owner, deadline, traceparent, push } = stated(request)?;
    let events = request.reply_to.as_ref().map(reply_to).transpose()?;
    let token = super::token::payment(caller, request.token.as_ref(), view)?;
    let proposal = with_input(&request.input, |input| {
        Command::SubmitTask(SubmitTask {
            id,
            context,
            agent,
            owner,
            input,
            reply_to: events.clone(),
            deadline,
            shared: *caller != Principal::Operator,
            metered: true,
            counted: true,
            listed: true,
            token,
            node: None,
            gateway: gateway_of(caller),
            traceparent,
        })
    })?;
    Ok((behind(proposal, push), events))
}

/// What sets where the changes of a task are pushed to stands behind its message: the task must be there.
fn behind(mut proposal: Proposal, push: Option<Command>) -> Proposal {
    proposal.commands.extend(push);
    proposal
}

/// What sets with a message where the changes of its task are pushed to.
fn push(
    task: (&TaskId, &TaskOwner),
    config: Option<&wire::PushConfig>,
) -> Result<Option<Command>, Problem> {
    config.map(|config| super::push::command(task, config)).transpose()
}

/// What a submission states of its task.
struct Stated {
    id: TaskId,
    context: ContextId,
    agent: Handle,
    owner: TaskOwner,
    deadline: WallMs,
    traceparent: Option<TraceParent>,
    push: Option<Command>,
}

fn stated(request: &wire::SubmitTaskRequest) -> Result<Stated, Problem> {
    let (id, owner) = (field::read("id", &request.id)?, field::read("owner", &request.owner)?);
    Ok(Stated {
        push: push((&id, &owner), request.push.as_ref())?,
        id,
        context: field::read("context", &request.context)?,
        agent: field::read("agent", &request.agent)?,
        owner,
        deadline: field::time("deadline_ms", request.deadline_ms)?,
        traceparent: field::optional("traceparent", &request.traceparent)?,
    })
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
    let traceparent = field::optional("traceparent", &request.traceparent)?;
    let push = push((&id, &owner), request.push.as_ref())?;
    let proposal = with_input(&request.input, |input| {
        let (reply_to, gateway) = (events.clone(), gateway_of(caller));
        let next = ContinueTask { id, owner, input, reply_to, deadline, gateway, traceparent };
        FleetCommand::ContinueTask(next).into()
    })?;
    Ok((behind(proposal, push), events))
}

/// A message, and the command that names it.
fn with_input(
    message: &[u8],
    command: impl FnOnce(Digest) -> Command,
) -> Result<Proposal, Problem> {
    super::agent::json_object("input", message)?;
    super::with_body(message, command)
}

/// The gateway that waits for what is asked for.
fn gateway_of(caller: &Principal) -> Option<GatewayId> {
    match caller {
        Principal::Gateway(gateway) => Some(gateway.clone()),
        _ => None,
    }
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

/// A further gateway of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Follow {
    /// Which task.
    pub id: TaskId,
    /// Must own it.
    pub owner: TaskOwner,
    /// Where its events go too; [`check_reply_to`] says whether they may.
    pub reply_to: ReplyTo,
    /// Up to which event of which run its caller has them; `None` if it wants no numbers.
    pub after: Option<(LeaseEpoch, u64)>,
}

/// Reads which task's events a gateway asks for, in whose name.
///
/// # Errors
/// As [`Principal::require`], `invalid-argument`.
pub fn follow(caller: &Principal, request: &wire::FollowTaskRequest) -> Result<Follow, Problem> {
    caller.require(&[Role::Gateway])?;
    let missing = || Problem::argument("reply_to", "it is missing");
    Ok(Follow {
        id: field::read("id", &request.id)?,
        owner: field::read("owner", &request.owner)?,
        reply_to: reply_to(request.reply_to.as_ref().ok_or_else(missing)?)?,
        after: request.after.as_ref().map(|after| (LeaseEpoch(after.epoch), after.sequence)),
    })
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
    use registry_core::command::SpendToken;
    use registry_core::view::Memory;

    use super::*;

    fn request() -> wire::SubmitTaskRequest {
        wire::SubmitTaskRequest {
            id: "task-1".to_owned(),
            context: "context-1".to_owned(),
            agent: "urn:agent:0001".to_owned(),
            owner: "https://a.example".to_owned(),
            input: "{}".into(),
            deadline_ms: 1,
            ..Default::default()
        }
    }

    fn gateway() -> Principal {
        Principal::Gateway("g1".parse().unwrap())
    }

    fn submitted(caller: &Principal, request: &wire::SubmitTaskRequest) -> SubmitTask {
        let (mut proposal, _) = submit(caller, request, &Memory::default()).unwrap();
        match proposal.commands.pop() {
            Some(Command::SubmitTask(task)) => task,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_bytes_of_every_task_are_counted_and_those_of_callers_against_their_share() {
        for (caller, shares) in [(gateway(), true), (Principal::Operator, false)] {
            let task = submitted(&caller, &request());
            assert_eq!((task.shared, task.metered), (shares, true), "{caller:?}");
            assert!(task.listed, "and its owner's list has it");
        }
    }

    #[test]
    fn a_task_is_waited_for_by_the_gateway_that_calls_and_by_no_other_that_it_names() {
        let reply_to = Some(wire::ReplyTo {
            gateway: "g2".to_owned(),
            endpoint: "http://127.0.0.1:1".to_owned(),
            secret: "reply-secret".to_owned(),
        });
        let named = wire::SubmitTaskRequest { reply_to: reply_to.clone(), ..request() };
        let next = wire::ContinueTaskRequest {
            id: "task-1".to_owned(),
            owner: "https://a.example".to_owned(),
            input: "{}".into(),
            deadline_ms: 1,
            reply_to,
            ..Default::default()
        };
        for (caller, waits) in [(gateway(), Some("g1")), (Principal::Operator, None)] {
            let waits: Option<GatewayId> = waits.map(|id| id.parse().unwrap());
            assert_eq!(submitted(&caller, &named).gateway, waits, "{caller:?}");
            let (mut proposal, _) = continue_task(&caller, &next).unwrap();
            let Some(Command::Fleet(FleetCommand::ContinueTask(turn))) = proposal.commands.pop()
            else {
                panic!("no turn");
            };
            assert_eq!(turn.gateway, waits, "{caller:?}");
        }
    }

    #[test]
    fn where_to_push_is_set_in_the_proposal_of_the_message_behind_it() {
        let push = Some(wire::PushConfig {
            id: "c1".to_owned(),
            url: "https://receiver.example/hook".to_owned(),
            version: "1.0".to_owned(),
            ..Default::default()
        });
        let named = wire::SubmitTaskRequest { push: push.clone(), ..request() };
        let next = wire::ContinueTaskRequest {
            id: "task-1".to_owned(),
            owner: "https://a.example".to_owned(),
            input: "{}".into(),
            deadline_ms: 1,
            push,
            ..Default::default()
        };
        let submitted = submit(&gateway(), &named, &Memory::default()).unwrap().0;
        for proposal in [submitted, continue_task(&gateway(), &next).unwrap().0] {
            let last = proposal.commands.last();
            let Some(Command::Fleet(FleetCommand::PutPushConfig(put))) = last else {
                panic!("{proposal:?}")
            };
            assert_eq!((put.task.as_str(), put.owner.as_str()), ("task-1", "https://a.example"));
            assert_eq!(proposal.commands.len(), 3);
        }
    }

    #[test]
    fn a_token_is_spent_with_the_task_of_a_gateway_and_the_node_is_left_open() {
        let key = vec![7; 32].into();
        let token =
            wire::TokenUse { key, remember_until_ms: 400_000, issued_at_ms: 1, epoch: None };
        let paid = wire::SubmitTaskRequest { token: Some(token), ..request() };
        let task = submitted(&gateway(), &paid);
        let spent = SpendToken { hash: Digest([7; 32]), until: WallMs(400_000) };
        assert_eq!((task.token, task.node), (Some(spent), None));
        assert!(submit(&Principal::Operator, &paid, &Memory::default()).is_err());
    }
}

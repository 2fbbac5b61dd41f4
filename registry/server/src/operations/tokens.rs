//! The operations on tokens that count once: gateways spend them, by themselves or with what they pay for, and charge those
//! that were used badly.

use proto_wire::registry::v1 as wire;
use registry_api::{Code, Problem, decode, render};
use registry_core::change::Reply;
use registry_core::command::{Command, Proposal};
use registry_core::query;
use registry_core::view::View;

use crate::call::Call;
use crate::member::{Member, unexpected};

/// Spends tokens, each once.
pub(crate) async fn spend(
    member: &Member,
    call: &Call,
    request: &wire::SpendTokensRequest,
) -> Result<wire::SpendTokensReply, Problem> {
    let proposal = decode::token::spend(&call.principal, request, &member.registry.view().0)?;
    verdicts(member, proposal).await
}

/// Charges tokens, which does not spend them.
pub(crate) async fn charge(
    member: &Member,
    call: &Call,
    request: &wire::SpendTokensRequest,
) -> Result<wire::SpendTokensReply, Problem> {
    let proposal = decode::token::charge(&call.principal, request, &member.registry.view().0)?;
    verdicts(member, proposal).await
}

/// Refuses a token that this member's state has as spent, before what it pays for goes into the log. A task that the state
/// has already is its own repetition, and pays nothing.
pub(crate) fn check_unspent(view: &dyn View, proposal: &Proposal) -> Result<(), Problem> {
    for command in &proposal.commands {
        let token = match command {
            Command::SubmitTask(task) if query::task(view, &task.id)?.is_none() => &task.token,
            Command::EnqueueEnvelope(envelope) => &envelope.token,
            _ => continue,
        };
        if let Some(token) = token
            && query::is_spent(view, &token.hash)?
        {
            return Err(spent());
        }
    }
    Ok(())
}

fn spent() -> Problem {
    Problem::new(Code::TokenSpent, "the token was used before, or is past its time")
}

/// What is told of a write that a token pays for. Its gateway has shown a credential that holds, so what is refused as
/// unauthenticated is the token.
pub(crate) fn paid<T>(written: Result<T, Problem>) -> Result<T, Problem> {
    written.map_err(|problem| match problem.code() {
        Code::Unauthenticated => spent(),
        _ => problem,
    })
}

async fn verdicts(member: &Member, proposal: Proposal) -> Result<wire::SpendTokensReply, Problem> {
    match member.write(proposal).await? {
        Reply::Spent(spent) => Ok(render::fleet::verdicts(&spent)),
        other => Err(unexpected(&other)),
    }
}

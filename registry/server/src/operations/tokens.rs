//! The operations on tokens that count once: gateways spend them, and charge those that were used badly.

use proto_wire::registry::v1 as wire;
use registry_api::{Problem, decode, render};
use registry_core::change::Reply;
use registry_core::command::Proposal;

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

async fn verdicts(member: &Member, proposal: Proposal) -> Result<wire::SpendTokensReply, Problem> {
    match member.write(proposal).await? {
        Reply::Spent(spent) => Ok(render::fleet::verdicts(&spent)),
        other => Err(unexpected(&other)),
    }
}

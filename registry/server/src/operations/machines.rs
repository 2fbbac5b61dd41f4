//! Gateways and nodes, and the join tokens with which they, peers and members come in.

use proto_types::{GatewayId, NodeId, Revision, WallMs};
use proto_wire::registry::v1 as wire;
use registry_api::{List, Problem, Role, decode};
use registry_core::command::Proposal;
use registry_core::entry::{GatewayEntry, NodeEntry};
use registry_core::query;

use crate::call::Call;
use crate::fleet::Heard;
use crate::member::{Member, Reading, done_at};
use crate::random;

use super::{Listed, Page};

/// Registers a gateway. Its join token, or the credential that it has come in with, is what lets it.
pub(crate) async fn register_gateway(
    member: &Member,
    request: &wire::RegisterGatewayRequest,
) -> Result<(Reading, Revision), Problem> {
    register(member, decode::fleet::register_gateway(request)?).await
}

/// Registers a node, as [`register_gateway`] a gateway.
pub(crate) async fn register_node(
    member: &Member,
    request: &wire::RegisterNodeRequest,
) -> Result<(Reading, Revision), Problem> {
    register(member, decode::fleet::register_node(request)?).await
}

/// The credential counts at this member once this has returned.
async fn register(member: &Member, proposal: Proposal) -> Result<(Reading, Revision), Problem> {
    let revision = done_at(&member.write(proposal).await?)?;
    Ok((member.reached(revision).await?, revision))
}

/// The nodes by id, lost ones too.
pub(crate) async fn nodes(
    member: &Member,
    call: &Call,
    page: Page<NodeId>,
) -> Result<Listed<NodeEntry>, Problem> {
    call.principal.require(&[Role::Operator, Role::Gateway, Role::Node])?;
    let Page { after, limit, consistency } = page;
    let reading = member.read(consistency).await?;
    let entries = query::nodes(&reading.view, after.as_ref(), limit)?;
    let next = member.cursors(List::Nodes).next(&entries, limit, |node| node.id.as_str());
    Ok(Listed { reading, entries, next })
}

/// The gateways by id, each with what was heard of it. The leader alone has heard it, and answers once a majority has confirmed
/// that it leads.
pub(crate) async fn gateways(
    member: &Member,
    call: &Call,
    page: Page<GatewayId>,
) -> Result<(Listed<GatewayEntry>, Vec<Heard>), Problem> {
    call.principal.require(&[Role::Operator])?;
    member.require_leader()?;
    let reading = member.strong().await?;
    let (_, term) = member.registry.leader_view().ok_or_else(|| member.not_leader())?;
    let entries = query::gateways(&reading.view, page.after.as_ref(), page.limit)?;
    let next = member.cursors(List::Gateways).next(&entries, page.limit, |it| it.id.as_str());
    let heard = member.fleet.heard(term, entries.iter().map(|gateway| &gateway.id));
    Ok((Listed { reading, entries, next }, heard))
}

/// Issues a join token; it gives the token, which is shown this once, and when it is void.
pub(crate) async fn invite(
    member: &Member,
    call: &Call,
    request: &wire::IssueJoinTokenRequest,
) -> Result<(String, WallMs), Problem> {
    let (token, now) = (random::token()?, member.clock.now());
    let (proposal, expires_at) = decode::peer::invitation(&call.principal, request, &token, now)?;
    member.write(proposal).await?;
    Ok((token, expires_at))
}

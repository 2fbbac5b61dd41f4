//! Gateways, nodes and join tokens over gRPC. `operations/machines.rs` does what is asked.

use proto_wire::registry::v1 as wire;
use registry_api::{List, field, render};
use tonic::{Request, Response};

use crate::member::Member;
use crate::operations::{Listed, Page, machines};

use super::{Handled, at, call, consistency};

pub(super) async fn register_gateway(
    member: &Member,
    request: Request<wire::RegisterGatewayRequest>,
) -> Handled<wire::Registration> {
    let request = request.into_inner();
    let (reading, revision) = machines::register_gateway(member, &request).await?;
    Ok(at(&reading, wire::Registration { id: request.id, revision: revision.0 }))
}

pub(super) async fn register_node(
    member: &Member,
    request: Request<wire::RegisterNodeRequest>,
) -> Handled<wire::Registration> {
    let request = request.into_inner();
    let (reading, revision) = machines::register_node(member, &request).await?;
    Ok(at(&reading, wire::Registration { id: request.id, revision: revision.0 }))
}

pub(super) async fn nodes(
    member: &Member,
    request: Request<wire::ListRequest>,
) -> Handled<wire::NodeList> {
    let call = call(&request)?;
    let request = request.into_inner();
    let after = member.cursors(List::Nodes).after("after", &request.after)?;
    let limit = field::page(request.limit)?;
    let consistency = consistency(request.consistency)?;
    let page = Page { after, limit, consistency };
    let Listed { reading, entries, next } = machines::nodes(member, &call, page).await?;
    let nodes = entries.iter().map(render::fleet::node).collect();
    Ok(at(&reading, wire::NodeList { nodes, next }))
}

pub(super) async fn invite(
    member: &Member,
    request: Request<wire::IssueJoinTokenRequest>,
) -> Handled<wire::JoinToken> {
    let (token, expires_at) = machines::invite(member, &call(&request)?, request.get_ref()).await?;
    Ok(Response::new(wire::JoinToken { token, expires_at_ms: expires_at.0 }))
}

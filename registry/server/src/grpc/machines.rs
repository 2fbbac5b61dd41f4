//! Gateways, nodes and join tokens over gRPC. `operations/machines.rs` does what is asked.

use proto_wire::registry::v1::{self as wire, Consistency};
use registry_api::{List, field, render};
use registry_core::entry::GatewayEntry;
use tonic::{Request, Response};

use crate::fleet::Heard;
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

pub(super) async fn gateways(
    member: &Member,
    request: Request<wire::ListRequest>,
) -> Handled<wire::GatewayList> {
    let call = call(&request)?;
    let request = request.into_inner();
    let after = member.cursors(List::Gateways).after("after", &request.after)?;
    let page = Page { after, limit: field::page(request.limit)?, consistency: Consistency::Strong };
    let (Listed { reading, entries, next }, heard) =
        machines::gateways(member, &call, page).await?;
    let gateways = entries.iter().zip(heard).map(|(entry, heard)| gateway(entry, heard)).collect();
    let epoch = member.registry.epoch().unwrap_or(0);
    Ok(at(&reading, wire::GatewayList { gateways, next, epoch }))
}

fn gateway(entry: &GatewayEntry, Heard { silent, applied }: Heard) -> wire::Gateway {
    wire::Gateway {
        id: entry.id.to_string(),
        endpoint: entry.endpoint.to_string(),
        revision: entry.revision.0,
        heard: applied.is_some(),
        silent_ms: u64::try_from(silent.as_millis()).unwrap_or(u64::MAX),
        applied,
    }
}

pub(super) async fn invite(
    member: &Member,
    request: Request<wire::IssueJoinTokenRequest>,
) -> Handled<wire::JoinToken> {
    let (token, expires_at) = machines::invite(member, &call(&request)?, request.get_ref()).await?;
    Ok(Response::new(wire::JoinToken { token, expires_at_ms: expires_at.0 }))
}

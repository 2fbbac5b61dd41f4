//! Peers' conduct over gRPC: gateways report it, and ask what they may give to whom; operators read a peer's reputation.

use proto_types::Origin;
use proto_wire::registry::v1 as wire;
use registry_api::{Role, field};
use tonic::{Request, Response};

use crate::lookup;
use crate::member::Member;
use crate::operations::{peers, shares};

use super::{Handled, at, call, caller, read};

pub(super) async fn report(
    member: &Member,
    request: Request<wire::ReportConductRequest>,
) -> Handled<wire::ReportConductReply> {
    let call = call(&request)?;
    Ok(Response::new(peers::report(member, &call, request.get_ref()).await?))
}

pub(super) async fn lease_shares(
    member: &Member,
    request: Request<wire::LeaseSharesRequest>,
) -> Handled<wire::LeaseSharesReply> {
    let call = call(&request)?;
    Ok(Response::new(shares::lease(member, &call, request.get_ref()).await?))
}

pub(super) async fn reputation(
    member: &Member,
    request: Request<wire::GetPeerReputationRequest>,
) -> Handled<wire::PeerReputation> {
    // Before anything is read: whether a peer is known is no secret, its score is.
    caller(&request)?.require(&[Role::Operator])?;
    let request = request.into_inner();
    let origin: Origin = field::read("origin", &request.origin)?;
    let reading = read(member, request.consistency).await?;
    let shown = lookup::reputation(&reading.view, &origin)?;
    Ok(at(&reading, shown))
}

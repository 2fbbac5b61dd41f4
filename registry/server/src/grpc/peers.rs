//! Peers and their manifests over gRPC: it reads arguments for `operations/peers.rs` and writes the answers.

use proto_types::Origin;
use proto_wire::registry::v1 as wire;
use registry_api::decode::Conditions;
use registry_api::{List, Role, decode, field, render};
use tonic::Request;

use crate::federation::show;
use crate::lookup;
use crate::member::{Member, done_at};
use crate::operations::{Page, peers};

use super::{Handled, at, call, caller, consistency, done, page, read};

pub(super) async fn enrol(
    member: &Member,
    request: Request<wire::EnrolPeerRequest>,
) -> Handled<wire::Peer> {
    let call = call(&request)?;
    let (reading, peer) = peers::enrol(member, &call, request.get_ref()).await?;
    Ok(at(&reading, peer))
}

pub(super) async fn requests(
    member: &Member,
    request: Request<wire::ListPeerRequestsRequest>,
) -> Handled<wire::PeerRequestList> {
    caller(&request)?.require(&[Role::Operator])?;
    let request = request.into_inner();
    let reading = member.stale();
    let limit = field::page(request.limit)?;
    Ok(at(&reading, lookup::peer_requests(&reading.view, ("after", &request.after), limit)?))
}

pub(super) async fn decide(
    member: &Member,
    request: Request<wire::DecidePeerRequestRequest>,
) -> Handled<wire::Done> {
    let call = call(&request)?;
    Ok(done(peers::decide(member, &call, request.get_ref()).await?))
}

pub(super) async fn operate(
    member: &Member,
    request: Request<wire::PutDocumentRequest>,
) -> Handled<wire::Done> {
    Ok(done(peers::operate(member, &request.get_ref().document, None).await?))
}

pub(super) async fn log(
    member: &Member,
    request: Request<wire::GetPeerLogRequest>,
) -> Handled<wire::PeerLog> {
    let limit = page(&request, request.get_ref().limit)?;
    let request = request.into_inner();
    let origin: Origin = field::read("origin", &request.origin)?;
    let reading = read(member, request.consistency).await?;
    Ok(at(&reading, lookup::peer_log(&reading.view, &origin, request.after, limit)?))
}

pub(super) async fn stand(
    member: &Member,
    request: Request<wire::SetPeerStandingRequest>,
) -> Handled<wire::Done> {
    let call = call(&request)?;
    Ok(done(peers::stand(member, &call, request.get_ref()).await?))
}

pub(super) async fn allow_token_life(
    member: &Member,
    request: Request<wire::SetPeerTokenLifeRequest>,
) -> Handled<wire::Done> {
    let call = call(&request)?;
    Ok(done(peers::allow_token_life(member, &call, request.get_ref()).await?))
}

pub(super) async fn ask_domain(
    member: &Member,
    request: Request<wire::AskPeerDomainRequest>,
) -> Handled<wire::Done> {
    let call = call(&request)?;
    Ok(done(peers::ask_domain(member, &call, &request.get_ref().origin).await?))
}

pub(super) async fn revoke(
    member: &Member,
    request: Request<wire::RevokePeerRequest>,
) -> Handled<wire::Done> {
    let caller = caller(&request)?;
    let proposal = decode::peer::revoke(&caller, request.get_ref())?;
    Ok(done(done_at(&member.write(proposal).await?)?))
}

pub(super) async fn one(
    member: &Member,
    request: Request<wire::GetPeerRequest>,
) -> Handled<wire::Peer> {
    let request = request.into_inner();
    let origin: Origin = field::read("origin", &request.origin)?;
    let reading = read(member, request.consistency).await?;
    let shown = lookup::peer(&reading.view, &origin)?;
    Ok(at(&reading, show::peer(&reading.view, shown)?))
}

pub(super) async fn list(
    member: &Member,
    request: Request<wire::ListRequest>,
) -> Handled<wire::PeerList> {
    let limit = page(&request, request.get_ref().limit)?;
    let request = request.into_inner();
    let after = member.cursors(List::Peers).after("after", &request.after)?;
    let consistency = consistency(request.consistency)?;
    let listed = peers::list(member, Page { after, limit, consistency }).await?;
    let peers = listed.entries.iter().map(|peer| render::peer::peer(peer, None)).collect();
    Ok(at(&listed.reading, wire::PeerList { peers, next: listed.next }))
}

pub(super) async fn put_manifest(
    member: &Member,
    request: Request<wire::PutDocumentRequest>,
) -> Handled<wire::Done> {
    let document = &request.get_ref().document;
    Ok(done(peers::put_manifest(member, document, Conditions::default()).await?))
}

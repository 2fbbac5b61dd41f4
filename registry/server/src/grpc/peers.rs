//! Peers, their manifests, and invitations.
//!
//! It decides nothing: `registry-api` reads the requests and the core decides.

use proto_types::Origin;
use proto_wire::registry::v1 as wire;
use registry_api::{List, Problem, Role, decode, field, render};
use registry_core::change::Reply;
use registry_core::query;
use tonic::{Request, Response};

use crate::federation::show;
use crate::member::{Member, Reading, done_at};
use crate::{enrolment, lookup, random};

use super::{Handled, at, caller, origin, page};

pub(super) async fn enrol(
    member: &Member,
    request: Request<wire::EnrolPeerRequest>,
) -> Handled<wire::Peer> {
    let caller = caller(&request)?;
    let source = origin(&request);
    let request = request.into_inner();
    let (reading, peer) = enrolment::enrol(member, &caller, source, &request).await?;
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
    let caller = caller(&request)?;
    let proposal = decode::peer::decide(&caller, request.get_ref())?;
    committed(member.write(proposal).await?)
}

pub(super) async fn operate(
    member: &Member,
    request: Request<wire::PutDocumentRequest>,
) -> Handled<wire::Done> {
    let reading = member.strong().await?;
    let document = &request.get_ref().document;
    let proposal = decode::operation::operate(document, None, &reading.view, member.clock.now())?;
    committed(member.write(proposal).await?)
}

pub(super) async fn log(
    member: &Member,
    request: Request<wire::GetPeerLogRequest>,
) -> Handled<wire::PeerLog> {
    let limit = page(&request, request.get_ref().limit)?;
    let request = request.into_inner();
    let origin: Origin = field::read("origin", &request.origin)?;
    let reading = member.read(request.consistency).await?;
    Ok(at(&reading, lookup::peer_log(&reading.view, &origin, request.after, limit)?))
}

pub(super) async fn stand(
    member: &Member,
    request: Request<wire::SetPeerStandingRequest>,
) -> Handled<wire::Done> {
    let caller = caller(&request)?;
    let proposal = decode::peer::stand(&caller, request.get_ref())?;
    committed(member.write(proposal).await?)
}

pub(super) async fn allow_token_life(
    member: &Member,
    request: Request<wire::SetPeerTokenLifeRequest>,
) -> Handled<wire::Done> {
    let caller = caller(&request)?;
    let proposal = decode::peer::allow_token_life(&caller, request.get_ref())?;
    committed(member.write(proposal).await?)
}

pub(super) async fn ask_domain(
    member: &Member,
    request: Request<wire::AskPeerDomainRequest>,
) -> Handled<wire::Done> {
    let caller = caller(&request)?;
    let proposal = decode::peer::ask_domain(&caller, &request.get_ref().origin)?;
    committed(member.write(proposal).await?)
}

pub(super) async fn revoke(
    member: &Member,
    request: Request<wire::RevokePeerRequest>,
) -> Handled<wire::Done> {
    let caller = caller(&request)?;
    let proposal = decode::peer::revoke(&caller, request.get_ref())?;
    committed(member.write(proposal).await?)
}

pub(super) async fn one(
    member: &Member,
    request: Request<wire::GetPeerRequest>,
) -> Handled<wire::Peer> {
    let request = request.into_inner();
    let origin: Origin = field::read("origin", &request.origin)?;
    let reading = member.read(request.consistency).await?;
    let shown = lookup::peer(&reading.view, &origin)?;
    Ok(at(&reading, show::peer(&reading.view, shown)?))
}

pub(super) async fn list(
    member: &Member,
    request: Request<wire::ListRequest>,
) -> Handled<wire::PeerList> {
    let limit = page(&request, request.get_ref().limit)?;
    let request = request.into_inner();
    let after: Option<Origin> = member.cursors(List::Peers).after("after", &request.after)?;
    let reading = member.read(request.consistency).await?;
    let listed = query::peers(&reading.view, after.as_ref(), limit)?;
    let next = member.cursors(List::Peers).next(&listed, limit, |peer| peer.origin.as_str());
    let peers = listed.iter().map(|peer| render::peer::peer(peer, None)).collect();
    Ok(at(&reading, wire::PeerList { peers, next }))
}

pub(super) async fn put_manifest(
    member: &Member,
    request: Request<wire::PutDocumentRequest>,
) -> Handled<wire::Done> {
    let reading = member.strong().await?;
    let document = &request.get_ref().document;
    let proposal = decode::manifest::put(document, &reading.view, member.clock.now())?;
    committed(member.write(proposal).await?)
}

pub(super) async fn invite(
    member: &Member,
    request: Request<wire::IssueJoinTokenRequest>,
) -> Handled<wire::JoinToken> {
    let caller = caller(&request)?;
    let token = random::token()?;
    let now = member.clock.now();
    let (proposal, expires_at) = decode::peer::invitation(&caller, request.get_ref(), &token, now)?;
    member.write(proposal).await?;
    Ok(Response::new(wire::JoinToken { token, expires_at_ms: expires_at.0 }))
}

/// The state after a write that answers with its revision.
pub(super) async fn done(member: &Member, reply: Reply) -> Result<Reading, Problem> {
    member.reached(done_at(&reply)?).await
}

/// The answer of a write that is only its revision.
pub(super) fn committed(reply: Reply) -> Handled<wire::Done> {
    Ok(Response::new(wire::Done { revision: done_at(&reply)?.0 }))
}

//! Peers: what their owners sign, and what operators and gateways do about them.
//!
//! It decides by which state a signed document is judged: one that a majority has confirmed. How a peer is let in,
//! `enrolment.rs` decides.

use proto_types::{Origin, Revision};
use proto_wire::registry::v1 as wire;
use registry_api::decode::Conditions;
use registry_api::{List, Problem, decode, render};
use registry_core::entry::PeerEntry;
use registry_core::query;

use crate::call::Call;
use crate::member::{Member, done_at, unexpected};

use super::{Listed, Page};

/// The peers by origin, whatever their standing.
pub(crate) async fn list(
    member: &Member,
    page: Page<Origin>,
) -> Result<Listed<PeerEntry>, Problem> {
    let Page { after, limit, consistency } = page;
    let reading = member.read(consistency).await?;
    let entries = query::peers(&reading.view, after.as_ref(), limit)?;
    let next = member.cursors(List::Peers).next(&entries, limit, |peer| peer.origin.as_str());
    Ok(Listed { reading, entries, next })
}

/// Carries out an operation of a peer's owner, `of` this peer if one is named. Anybody may bring it.
pub(crate) async fn operate(
    member: &Member,
    document: &[u8],
    of: Option<&Origin>,
) -> Result<Revision, Problem> {
    let view = member.strong().await?.view;
    let proposal = decode::operation::operate(document, of, &view, member.clock.now())?;
    drop(view);
    done_at(&member.write(proposal).await?)
}

/// Takes a peer's manifest. Anybody may bring it.
pub(crate) async fn put_manifest(
    member: &Member,
    document: &[u8],
    conditions: Conditions,
) -> Result<Revision, Problem> {
    let view = member.strong().await?.view;
    let proposal = decode::manifest::put(document, &view, member.clock.now())?;
    drop(view);
    done_at(&member.write(conditions.on(proposal)).await?)
}

/// Lets in a peer that waits, or forgets its wish.
pub(crate) async fn decide(
    member: &Member,
    call: &Call,
    request: &wire::DecidePeerRequestRequest,
) -> Result<Revision, Problem> {
    let proposal = decode::peer::decide(&call.principal, request)?;
    done_at(&member.write(proposal).await?)
}

/// Suspends, resumes, revokes or ends a peer.
pub(crate) async fn stand(
    member: &Member,
    call: &Call,
    request: &wire::SetPeerStandingRequest,
) -> Result<Revision, Problem> {
    let proposal = decode::peer::stand(&call.principal, request)?;
    done_at(&member.write(proposal).await?)
}

/// Says how long a peer's tokens may live.
pub(crate) async fn allow_token_life(
    member: &Member,
    call: &Call,
    request: &wire::SetPeerTokenLifeRequest,
) -> Result<Revision, Problem> {
    let proposal = decode::peer::allow_token_life(&call.principal, request)?;
    done_at(&member.write(proposal).await?)
}

/// Has a peer's host asked soon whether it vouches for the peer's keys.
pub(crate) async fn ask_domain(
    member: &Member,
    call: &Call,
    origin: &str,
) -> Result<Revision, Problem> {
    let proposal = decode::peer::ask_domain(&call.principal, origin)?;
    done_at(&member.write(proposal).await?)
}

/// Takes what a gateway has seen of peers' conduct.
pub(crate) async fn report(
    member: &Member,
    call: &Call,
    request: &wire::ReportConductRequest,
) -> Result<wire::ReportConductReply, Problem> {
    let reply = member.write(decode::conduct::report(&call.principal, request)?).await?;
    render::reputation::counted(&reply).ok_or_else(|| unexpected(&reply))
}

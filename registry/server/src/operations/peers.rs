//! The operations on peers: what owners sign, and what operators and gateways do about them. A signed document is judged
//! by a state that a majority has confirmed; strangers are enrolled within the limits of `enrolment.rs`.

use proto_types::{Origin, Revision};
use proto_wire::registry::v1 as wire;
use registry_api::decode::Conditions;
use registry_api::{List, Problem, decode, render};
use registry_core::command::{Command, PeerCommand};
use registry_core::entry::{Candidate, PeerEntry};
use registry_core::query;
use tokio::time::Instant;

use crate::call::Call;
use crate::lookup;
use crate::member::{Member, Reading, done_at, unexpected};

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

/// Reads an enrolment and has it committed; the peer as it then is, or as it waits. A request costs no proposal before its
/// signatures are verified, and never causes a look-up of a host (attack case 24): the leader does that later, at its own
/// pace.
pub(crate) async fn enrol(
    member: &Member,
    call: &Call,
    request: &wire::EnrolPeerRequest,
) -> Result<(Reading, wire::Peer), Problem> {
    let from = call.source.map(|source| source.to_string());
    let proposal = decode::peer::enrol(&call.principal, request, from, member.clock.now())?;
    let (candidate, waits) = subject(proposal.commands.last())
        .ok_or_else(|| Problem::internal("an enrolment without a candidate"))?;
    if waits {
        if let Some(reading) = waiting(member, &candidate).await? {
            return Ok((reading, render::peer::pending(&candidate)));
        }
        member.enrolment_limiter.admit(call.source, &candidate.origin, Instant::now())?;
    }
    let reading = member.reached(done_at(&member.write(proposal).await?)?).await?;
    let peer = match waits {
        true => render::peer::pending(&candidate),
        false => lookup::peer(&reading.view, &candidate.origin)?,
    };
    Ok((reading, peer))
}

/// A confirmed state in which this very request waits already: to ask again changes nothing, and is not counted.
async fn waiting(member: &Member, candidate: &Candidate) -> Result<Option<Reading>, Problem> {
    let id = candidate.id();
    let waits = |reading: &Reading| -> Result<bool, Problem> {
        let found = query::peer_request(&reading.view, &candidate.origin, &id)?;
        Ok(found.is_some_and(|request| request.expires_at > reading.time))
    };
    if !waits(&member.stale())? {
        return Ok(None);
    }
    let reading = member.strong().await?;
    Ok(waits(&reading)?.then_some(reading))
}

fn subject(command: Option<&Command>) -> Option<(Candidate, bool)> {
    match command {
        Some(Command::Peer(PeerCommand::Admit(admit))) => Some((admit.candidate.clone(), false)),
        Some(Command::Peer(PeerCommand::Request(request))) => {
            Some((request.candidate.clone(), true))
        }
        _ => None,
    }
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

/// Lets in a peer that waits, or forgets its request.
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

//! Agents and their artifacts over gRPC: it reads arguments for `operations/agents.rs` and writes the answers. An
//! artifact is never held in memory.

use std::slice;

use futures_util::stream::BoxStream;
use futures_util::{StreamExt as _, TryStreamExt as _};
use proto_types::{Digest, Handle};
use proto_wire::registry::v1 as wire;
use registry_api::{List, Problem, Role, field};
use registry_core::query;
use tonic::{Request, Response, Status, Streaming};

use crate::federation::show;
use crate::lookup;
use crate::member::Member;
use crate::operations::agents::{self, Written};
use crate::rest::conditions;

use super::{Handled, at, call, caller, done, log_cause, look, page, tagged};

/// The largest chunk, as the contract says.
const CHUNK_BYTES_MAX: usize = 1 << 20;

/// A page of agents ends beyond this: with the last card it stays below the 4 MiB that gRPC clients
/// take by default.
const PAGE_BYTES_ENOUGH: usize = 2 << 20;

pub(super) async fn put(
    member: &Member,
    request: Request<wire::PutAgentRequest>,
) -> Handled<wire::Agent> {
    let (call, conditions) = (call(&request)?, conditions(request.metadata().as_ref())?);
    let written = agents::put(member, &call, request.get_ref(), conditions).await?;
    Ok(stored(written))
}

pub(super) async fn attach(
    member: &Member,
    request: Request<wire::AttachAgentRequest>,
) -> Handled<wire::Agent> {
    let (call, conditions) = (call(&request)?, conditions(request.metadata().as_ref())?);
    let written = agents::attach(member, &call, request.get_ref(), conditions).await?;
    Ok(stored(written))
}

fn stored(Written { reading, agent, version, .. }: Written) -> Response<wire::Agent> {
    tagged(at(&reading, agent), &version)
}

pub(super) async fn remove(
    member: &Member,
    request: Request<wire::RemoveAgentRequest>,
) -> Handled<wire::Done> {
    let (call, conditions) = (call(&request)?, conditions(request.metadata().as_ref())?);
    let handle = &request.get_ref().handle;
    let revision = agents::remove(member, &call, handle, conditions).await?;
    Ok(done(revision))
}

pub(super) async fn one(
    member: &Member,
    request: Request<wire::GetAgentRequest>,
) -> Handled<wire::Agent> {
    let handle: Handle = field::read("handle", &request.get_ref().handle)?;
    let caller = caller(&request)?;
    let (reading, viewer) = look(member, &caller, request.get_ref().consistency).await?;
    let shown = lookup::agent(&reading.view, &viewer, &handle)?;
    let version = agents::shown_version(&shown)?;
    let mut shown = show::agent(&reading.view, &viewer, shown)?;
    agents::tell_unplaceable(&reading.view, &caller, slice::from_mut(&mut shown))?;
    let answer = at(&reading, shown);
    Ok(match version {
        Some(version) => tagged(answer, &version),
        None => answer,
    })
}

pub(super) async fn list(
    member: &Member,
    request: Request<wire::ListRequest>,
) -> Handled<wire::AgentList> {
    let query = request.get_ref();
    let cursors = member.cursors(List::Agents);
    let after: Option<Handle> = cursors.after("after", &query.after)?;
    let limit = page(&request, query.limit)?;
    let caller = caller(&request)?;
    let (reading, viewer) = look(member, &caller, query.consistency).await?;
    let seen = query::agents_seen(&reading.view, &viewer, after.as_ref(), limit)?;
    let mut next = cursors.next(&seen, limit, |(agent, _)| agent.handle.as_str());
    let mut agents = Vec::with_capacity(seen.len());
    let mut bytes = 0;
    for (entry, disclosure) in seen {
        if bytes > PAGE_BYTES_ENOUGH {
            let last = agents.last();
            next = last.map_or(next, |last: &wire::Agent| cursors.cursor(&last.handle));
            break;
        }
        let agent = lookup::seen_agent(&reading.view, &viewer, (&entry, disclosure))?;
        bytes += agent.card.len();
        agents.push(agent);
    }
    agents::tell_unplaceable(&reading.view, &caller, &mut agents)?;
    Ok(at(&reading, wire::AgentList { agents, next }))
}

pub(super) async fn put_artifact(
    member: &Member,
    request: Request<Streaming<wire::ArtifactChunk>>,
) -> Handled<wire::ArtifactInfo> {
    caller(&request)?.require(&[Role::Operator])?;
    let chunks = request.into_inner().map(|chunk| {
        let chunk = chunk.map_err(|_| Problem::argument("bytes", "the upload broke off"))?;
        match chunk.bytes.len() {
            0..=CHUNK_BYTES_MAX => Ok(chunk.bytes),
            len => Err(field::too_large(len, CHUNK_BYTES_MAX)),
        }
    });
    let stored = member.artifacts.put(chunks).await?;
    let info = wire::ArtifactInfo { digest: stored.digest.to_string(), bytes: stored.bytes };
    Ok(Response::new(info))
}

pub(super) async fn artifact(
    member: &Member,
    request: Request<wire::GetArtifactRequest>,
) -> Handled<BoxStream<'static, Result<wire::ArtifactChunk, Status>>> {
    caller(&request)?.require(&[Role::Node, Role::Operator])?;
    let digest: Digest = field::read("digest", &request.get_ref().digest)?;
    let chunks = member.artifacts.get(&digest).await?;
    let chunks = chunks.map_ok(|bytes| wire::ArtifactChunk { bytes }).map_err(|problem| {
        log_cause(&problem);
        Status::from(problem)
    });
    Ok(Response::new(chunks.boxed()))
}

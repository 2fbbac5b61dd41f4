//! `ecumene.registry.v1.Log`: checkpoints and proofs.
//!
//! It decides nothing about the log. A proof goes the way of a read: who may not see a thing learns
//! no more here than there.

use std::sync::Arc;

use proto_types::{Handle, Namespace, Origin};
use proto_wire::registry::v1 as wire;
use proto_wire::registry::v1::log_server::Log;
use registry_api::{Principal, Problem, field};
use registry_core::query;
use registry_core::viewer::{Disclosure, Viewer};
use tonic::{Request, Response, Status};

use crate::log::{Proof, consistency};
use crate::lookup::{self, Seen};
use crate::member::{Member, Reading};
use crate::operations::namespaces;

use super::{Handled, caller, finish};

/// The service, over the member.
#[derive(Clone)]
pub(crate) struct LogService(pub(crate) Arc<Member>);

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl Log for LogService {
    async fn checkpoint(
        &self,
        _: Request<wire::CheckpointRequest>,
    ) -> Answer<wire::SignedCheckpoint> {
        finish(checkpoint(&self.0))
    }

    async fn inclusion_proof(
        &self,
        request: Request<wire::InclusionProofRequest>,
    ) -> Answer<wire::InclusionProofResponse> {
        finish(included(&self.0, &request))
    }

    async fn consistency_proof(
        &self,
        request: Request<wire::ConsistencyProofRequest>,
    ) -> Answer<wire::ConsistencyProofResponse> {
        finish(between(&self.0, request.get_ref()))
    }
}

fn checkpoint(member: &Member) -> Handled<wire::SignedCheckpoint> {
    let note = member.log.published(&member.registry.view().0)?;
    Ok(Response::new(wire::SignedCheckpoint { note: note.to_string().into_bytes().into() }))
}

/// With the eyes of who asks.
fn included(
    member: &Member,
    request: &Request<wire::InclusionProofRequest>,
) -> Handled<wire::InclusionProofResponse> {
    let caller = caller(request)?;
    let proof = inclusion(member, &caller, request.get_ref())?;
    Ok(Response::new(rendered(&proof)?))
}

fn inclusion(
    member: &Member,
    caller: &Principal,
    request: &wire::InclusionProofRequest,
) -> Result<Proof, Problem> {
    let reading = member.stale();
    let view = &reading.view;
    match request.kind.as_str() {
        "record" | "card" | "agent" => entry(member, &reading, &caller.viewer(view)?, request),
        "peer" => {
            let origin: Origin = field::read("id", &request.id)?;
            let absent = || Problem::not_found(&request.kind, &request.id);
            member.log.prove(view, &query::peer(view, &origin)?.ok_or_else(absent)?)
        }
        "namespace" => {
            let name: Namespace = field::read("id", &request.id)?;
            let (entry, _) = namespaces::one(view, caller, &name)?;
            member.log.prove(view, &entry)
        }
        _ => Err(Problem::argument("kind", "peer, record, card, agent or namespace")),
    }
}

/// The proof of what has a handle.
fn entry(
    member: &Member,
    reading: &Reading,
    viewer: &Viewer,
    request: &wire::InclusionProofRequest,
) -> Result<Proof, Problem> {
    let view = &reading.view;
    let handle: Handle = field::read("id", &request.id)?;
    let absent = || Problem::not_found(&request.kind, &request.id);
    match request.kind.as_str() {
        "record" => {
            let seen = lookup::record(view, viewer, &handle, reading.time)?;
            member.log.prove(view, whole(seen).as_ref().ok_or_else(absent)?)
        }
        "card" => {
            let seen = lookup::card(view, viewer, &handle)?;
            member.log.prove(view, whole(seen).as_ref().ok_or_else(absent)?)
        }
        _ => {
            let seen = query::agent_seen(view, viewer, &handle)?;
            let whole = seen.filter(|(_, disclosure)| *disclosure == Disclosure::Whole);
            member.log.prove(view, &whole.ok_or_else(absent)?.0)
        }
    }
}

/// Who sees a part of an entry may not confirm the rest.
fn whole<T>(seen: Seen<T>) -> Option<T> {
    (seen.disclosure == Disclosure::Whole).then_some(seen.entry)
}

fn rendered(proof: &Proof) -> Result<wire::InclusionProofResponse, Problem> {
    let Proof { inclusion, checkpoint } = proof;
    let fact = serde_json::to_vec(&inclusion.fact).map_err(Problem::internal)?;
    Ok(wire::InclusionProofResponse {
        fact: fact.into(),
        salt: inclusion.salt.0.to_vec().into(),
        index: inclusion.index,
        size: inclusion.size,
        path: inclusion.path.iter().map(|hash| hash.0.to_vec().into()).collect(),
        checkpoint: checkpoint.to_string().into_bytes().into(),
    })
}

fn between(
    member: &Member,
    request: &wire::ConsistencyProofRequest,
) -> Handled<wire::ConsistencyProofResponse> {
    let hashes = consistency(&member.registry.view().0, request.old_size, request.new_size)?;
    let hashes = hashes.iter().map(|hash| hash.0.to_vec().into()).collect();
    Ok(Response::new(wire::ConsistencyProofResponse { hashes }))
}

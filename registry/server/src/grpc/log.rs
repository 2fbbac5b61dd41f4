//! `ecumene.registry.v1.Log`: checkpoints and proofs.
//!
//! It decides nothing about the log. A proof goes the way of a read: who may not see a thing learns
//! no more here than there.

use std::sync::Arc;

use proto_types::{Handle, Origin};
use proto_wire::registry::v1 as wire;
use proto_wire::registry::v1::log_server::Log;
use registry_api::{Problem, field};
use registry_core::query;
use tonic::{Request, Response, Status};

use crate::log::{Proof, consistency};
use crate::lookup;
use crate::member::Member;

use super::{Handled, finish};

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
        finish(inclusion(&self.0, request.get_ref()))
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

fn inclusion(
    member: &Member,
    request: &wire::InclusionProofRequest,
) -> Handled<wire::InclusionProofResponse> {
    let (view, _) = member.registry.view();
    let handle = || field::read::<Handle>("id", &request.id);
    let absent = || Problem::not_found(&request.kind, &request.id);
    let proof = match request.kind.as_str() {
        "record" => {
            let (entry, ..) = lookup::record(&view, &handle()?, member.clock.now())?;
            member.log.prove(&view, &entry)?
        }
        "card" => member.log.prove(&view, &lookup::card(&view, &handle()?)?.0)?,
        "agent" => {
            let entry = query::agent(&view, &handle()?)?.ok_or_else(absent)?;
            member.log.prove(&view, &entry)?
        }
        "peer" => {
            let origin: Origin = field::read("id", &request.id)?;
            let entry = query::peer(&view, &origin)?.ok_or_else(absent)?;
            member.log.prove(&view, &entry)?
        }
        _ => return Err(Problem::argument("kind", "peer, record, card or agent")),
    };
    Ok(Response::new(rendered(&proof)?))
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

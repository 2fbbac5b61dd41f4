//! The gRPC service `ecumene.registry.v1.Log`: checkpoints and proofs. `operations/log.rs` says which proof a caller gets.

use proto_wire::registry::v1 as wire;
use proto_wire::registry::v1::log_server::Log;
use registry_api::Problem;
use tonic::{Request, Response};

use crate::log::{Proof, consistency};
use crate::member::Member;
use crate::operations::log;

use super::{Handled, call, service};

service! {
    LogService: Log {
        checkpoint(wire::CheckpointRequest) -> wire::SignedCheckpoint = checkpoint;
        inclusion_proof(wire::InclusionProofRequest) -> wire::InclusionProofResponse = included;
        consistency_proof(wire::ConsistencyProofRequest) -> wire::ConsistencyProofResponse
            = between;
    }
}

async fn checkpoint(
    member: &Member,
    _: Request<wire::CheckpointRequest>,
) -> Handled<wire::SignedCheckpoint> {
    let note = member.log.published(&member.registry.view().0)?;
    Ok(Response::new(wire::SignedCheckpoint { note: note.to_string().into_bytes().into() }))
}

async fn included(
    member: &Member,
    request: Request<wire::InclusionProofRequest>,
) -> Handled<wire::InclusionProofResponse> {
    let proof = log::prove(member, &call(&request)?, request.get_ref())?;
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

async fn between(
    member: &Member,
    request: Request<wire::ConsistencyProofRequest>,
) -> Handled<wire::ConsistencyProofResponse> {
    let request = request.get_ref();
    let hashes = consistency(&member.registry.view().0, request.old_size, request.new_size)?;
    let hashes = hashes.iter().map(|hash| hash.0.to_vec().into()).collect();
    Ok(Response::new(wire::ConsistencyProofResponse { hashes }))
}

//! Who calls a gRPC method, before its message is read.
//!
//! It decides which methods anybody may call. Every other one is refused to who shows no credential that is known, by
//! metadata alone: a message is decoded whole before its handler runs. It says what these cost, as the table of routes does
//! for REST. It must never open a method that is not named here.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use deploy_service::Claim;
use proto_types::Class;
use registry_api::{Code, Principal, Problem};
use tonic::Status;
use tonic::metadata::MetadataMap;

use crate::grpc::caller;
use crate::member::Member;
use crate::{allowance, holder};

/// Services that are for everybody; members know each other by a secret of their own, before anything is read as well.
const OPEN_SERVICES: [&str; 6] = [
    "/ecumene.raft.v1.RaftTransport/",
    "/ecumene.registry.v1.Log/",
    "/ecumene.registry.v1.Search/",
    "/grpc.health.v1.Health/",
    "/grpc.reflection.v1.ServerReflection/",
    "/grpc.reflection.v1alpha.ServerReflection/",
];

/// Methods that are for everybody: what everybody may read, what its own signature or proof speaks for, and what brings
/// a join token.
const OPEN: [&str; 21] = [
    "Cluster/Join",
    "Directory/EnrolPeer",
    "Directory/GetAgent",
    "Directory/GetCard",
    "Directory/GetNamespace",
    "Directory/GetPeer",
    "Directory/GetPeerLog",
    "Directory/GetRecord",
    "Directory/ListAgents",
    "Directory/ListCards",
    "Directory/ListNamespaces",
    "Directory/ListPeers",
    "Directory/ListRecords",
    "Directory/OperatePeer",
    "Directory/PutCard",
    "Directory/PutManifest",
    "Directory/PutRecord",
    "Directory/Status",
    "Directory/Watch",
    "Fleet/RegisterGateway",
    "Fleet/RegisterNode",
];

/// Lets in who may call the method, and reserves memory for the system's own roles.
pub(super) async fn check(
    State(member): State<Arc<Member>>,
    request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path();
    if let Some(refused) = allowance::refusal(request.extensions(), cost(path), true) {
        return refused;
    }
    if OPEN_SERVICES.iter().any(|service| path.starts_with(service)) {
        return next.run(request).await;
    }
    let (open, claim) = (is_open(path), request.extensions().get::<Claim>().cloned());
    let metadata = MetadataMap::from_headers(request.headers().clone());
    match admit(&member, &metadata, claim).await {
        // A credential that is shown there may be one that the call is about to make known.
        Err(problem) if !open => Status::from(problem).into_http(),
        _ => next.run(request).await,
    }
}

async fn admit(
    member: &Member,
    metadata: &MetadataMap,
    claim: Option<Claim>,
) -> Result<(), Problem> {
    let caller = caller(member, metadata).await?;
    if caller == Principal::Anonymous {
        return Err(Problem::new(Code::Unauthenticated, "this call needs a credential"));
    }
    if let Some(claim) = claim.filter(|_| holder::class(&caller) == Class::System) {
        claim.prove_system();
    }
    Ok(())
}

fn is_open(path: &str) -> bool {
    path.strip_prefix("/ecumene.registry.v1.").is_some_and(|method| OPEN.contains(&method))
}

/// What a call costs its source, if nobody has verified it.
fn cost(path: &str) -> u32 {
    match path.strip_prefix("/ecumene.registry.v1.").unwrap_or_default() {
        "Search/SearchAgents" => allowance::SEARCH,
        "Directory/EnrolPeer"
        | "Directory/OperatePeer"
        | "Directory/PutCard"
        | "Directory/PutManifest"
        | "Directory/PutRecord" => allowance::VERIFICATION,
        _ => allowance::PLAIN,
    }
}

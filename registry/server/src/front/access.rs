//! Who calls a gRPC method, before its message is read.
//!
//! It decides who calls, once, for the handler too; which methods anybody may call, and how much anybody may send there.
//! Every other one is refused to who shows no credential that is known, by metadata alone: a message is decoded whole
//! before its handler runs. It must never open a method that is not named here.

use std::sync::Arc;

use axum::BoxError;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use deploy_service::Claim;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use proto_types::Class;
use registry_api::decode::BODY_BYTES_MAX;
use registry_api::{Code, Principal, Problem, field};
use tonic::Status;

use crate::grpc::Caller;
use crate::holder;
use crate::member::Member;

/// Services that need not know who calls; members know each other by a secret of their own, before anything is read as
/// well.
const UNASKED: [&str; 4] = [
    "/ecumene.raft.v1.RaftTransport/",
    "/grpc.health.v1.Health/",
    "/grpc.reflection.v1.ServerReflection/",
    "/grpc.reflection.v1alpha.ServerReflection/",
];

/// What anybody may send where there is no document: names, conditions, a join token. Arbitrary, and a few times the
/// longest of them.
pub(super) const WORDS_BYTES_MAX: usize = 64 << 10;

/// What anybody may send with a document: one as large as REST takes, and words.
const DOCUMENT_BYTES_MAX: usize = BODY_BYTES_MAX + WORDS_BYTES_MAX;

/// Methods that are for everybody, and how much: what everybody may read, what its own signature or proof speaks for, and
/// what brings a join token.
const OPEN: [(&str, usize); 25] = [
    ("Cluster/Join", WORDS_BYTES_MAX),
    ("Directory/EnrolPeer", DOCUMENT_BYTES_MAX),
    ("Directory/GetAgent", WORDS_BYTES_MAX),
    ("Directory/GetCard", WORDS_BYTES_MAX),
    ("Directory/GetNamespace", WORDS_BYTES_MAX),
    ("Directory/GetPeer", WORDS_BYTES_MAX),
    ("Directory/GetPeerLog", WORDS_BYTES_MAX),
    ("Directory/GetRecord", WORDS_BYTES_MAX),
    ("Directory/ListAgents", WORDS_BYTES_MAX),
    ("Directory/ListCards", WORDS_BYTES_MAX),
    ("Directory/ListNamespaces", WORDS_BYTES_MAX),
    ("Directory/ListPeers", WORDS_BYTES_MAX),
    ("Directory/ListRecords", WORDS_BYTES_MAX),
    ("Directory/OperatePeer", DOCUMENT_BYTES_MAX),
    ("Directory/PutCard", DOCUMENT_BYTES_MAX),
    ("Directory/PutManifest", DOCUMENT_BYTES_MAX),
    ("Directory/PutRecord", DOCUMENT_BYTES_MAX),
    ("Directory/Status", WORDS_BYTES_MAX),
    ("Directory/Watch", WORDS_BYTES_MAX),
    ("Fleet/RegisterGateway", WORDS_BYTES_MAX),
    ("Fleet/RegisterNode", WORDS_BYTES_MAX),
    ("Log/Checkpoint", WORDS_BYTES_MAX),
    ("Log/ConsistencyProof", WORDS_BYTES_MAX),
    ("Log/InclusionProof", WORDS_BYTES_MAX),
    ("Search/SearchAgents", WORDS_BYTES_MAX),
];

/// Lets in who may call the method, says to the handler who that is, and reserves memory for the system's own roles.
pub(super) async fn check(
    State(member): State<Arc<Member>>,
    mut request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path();
    if UNASKED.iter().any(|service| path.starts_with(service)) {
        return next.run(request).await;
    }
    let anybody = open(path);
    let known = member.caller(request.headers()).await;
    match (proven(&known), anybody) {
        (Ok(caller), _) => {
            let claim = request.extensions().get::<Claim>();
            if let Some(claim) = claim.filter(|_| holder::class(caller) == Class::System) {
                claim.prove_system();
            }
        }
        // A credential that is shown there may be one that the call is about to make known.
        (Err(_), Some(bytes_max)) => request = request.map(|body| bounded(body, bytes_max)),
        (Err(problem), None) => return Status::from(problem).into_http(),
    }
    request.extensions_mut().insert(Caller(known));
    next.run(request).await
}

/// Who has shown a credential that is known.
fn proven(known: &Result<Principal, Problem>) -> Result<&Principal, Problem> {
    match known {
        Ok(Principal::Anonymous) => {
            Err(Problem::new(Code::Unauthenticated, "this call needs a credential"))
        }
        Ok(caller) => Ok(caller),
        Err(problem) => Err(problem.clone()),
    }
}

/// How much anybody may send to the method, if anybody may call it.
fn open(path: &str) -> Option<usize> {
    let method = path.strip_prefix("/ecumene.registry.v1.")?;
    OPEN.iter().find(|(name, _)| *name == method).map(|(_, bytes_max)| *bytes_max)
}

/// A body that ends in a refusal beyond so many bytes.
fn bounded(body: Body, bytes_max: usize) -> Body {
    let refused = move |error: BoxError| -> BoxError {
        match error.is::<LengthLimitError>() {
            true => Box::new(Status::from(field::too_large(bytes_max + 1, bytes_max))),
            false => error,
        }
    };
    Body::new(Limited::new(body, bytes_max).map_err(refused))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_proves_nothing_sends_a_document_at_most_and_only_where_one_is_taken() {
        for (method, bytes_max) in [
            ("Directory/PutRecord", Some(DOCUMENT_BYTES_MAX)),
            ("Directory/GetRecord", Some(WORDS_BYTES_MAX)),
            ("Log/InclusionProof", Some(WORDS_BYTES_MAX)),
            ("Directory/PutAgent", None),
            ("Log/Unheard", None),
        ] {
            assert_eq!(open(&format!("/ecumene.registry.v1.{method}")), bytes_max, "{method}");
        }
        assert_eq!(open("/Directory/PutRecord"), None);
    }
}

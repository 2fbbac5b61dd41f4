//! Who may call a gRPC method, decided by metadata alone before its message is read: which methods are open to anybody,
//! how much anybody may send there, and what that costs its source. A method that is not named here is refused to a
//! caller without a known credential, because a message is decoded whole before its handler runs.

use axum::BoxError;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use deploy_service::{Claim, Source};
use http::Extensions;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use proto_types::Class;
use registry_api::decode::BODY_BYTES_MAX;
use registry_api::{Code, Principal, Problem, field};
use tonic::Status;

use crate::allowance::{self, Pages};
use crate::call::Caller;
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

/// What anybody may do with a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Open {
    /// The most that is read of a message.
    bytes_max: usize,
    /// What a call takes of its source's allowance.
    cost: u32,
    /// What its page takes besides: how long that is stands in the message.
    pages: Option<Pages>,
}

/// What everybody may read, and what brings a join token.
const WORDS: Open = Open { bytes_max: WORDS_BYTES_MAX, cost: allowance::PLAIN, pages: None };
/// What its own signature or proof speaks for.
const DOCUMENT: Open =
    Open { bytes_max: DOCUMENT_BYTES_MAX, cost: allowance::VERIFICATION, ..WORDS };
const SEARCH: Open = Open { cost: allowance::SEARCH, ..WORDS };
const NAMES: Open = Open { pages: Some(allowance::NAMES), ..WORDS };
const ENTRIES: Open = Open { pages: Some(allowance::ENTRIES), ..WORDS };
const DOCUMENTS: Open = Open { pages: Some(allowance::DOCUMENTS), ..WORDS };

/// Methods that are for everybody.
const OPEN: [(&str, Open); 25] = [
    ("Cluster/Join", WORDS),
    ("Directory/EnrolPeer", DOCUMENT),
    ("Directory/GetAgent", WORDS),
    ("Directory/GetCard", WORDS),
    ("Directory/GetNamespace", WORDS),
    ("Directory/GetPeer", WORDS),
    ("Directory/GetPeerLog", DOCUMENTS),
    ("Directory/GetRecord", WORDS),
    ("Directory/ListAgents", DOCUMENTS),
    ("Directory/ListCards", NAMES),
    ("Directory/ListNamespaces", WORDS),
    ("Directory/ListPeers", ENTRIES),
    ("Directory/ListRecords", NAMES),
    ("Directory/OperatePeer", DOCUMENT),
    ("Directory/PutCard", DOCUMENT),
    ("Directory/PutManifest", DOCUMENT),
    ("Directory/PutRecord", DOCUMENT),
    ("Directory/Status", WORDS),
    ("Directory/Watch", WORDS),
    ("Fleet/RegisterGateway", WORDS),
    ("Fleet/RegisterNode", WORDS),
    ("Log/Checkpoint", WORDS),
    ("Log/ConsistencyProof", WORDS),
    ("Log/InclusionProof", WORDS),
    ("Search/SearchAgents", SEARCH),
];

/// Lets in who may call the method, says to the handler who that is, and reserves memory for the system's own roles.
///
/// # Errors
/// The answer to who may not.
pub(super) async fn check(member: &Member, mut request: Request) -> Result<Request, Box<Response>> {
    let path = request.uri().path();
    let open = open(path);
    let cost = open.map_or(allowance::PLAIN, |open| open.cost);
    if let Some(response) = allowance::refusal(request.extensions(), cost, refused) {
        return Err(Box::new(response));
    }
    if UNASKED.iter().any(|service| path.starts_with(service)) {
        return Ok(request);
    }
    let source = request.extensions().get::<Source>().copied();
    let caller = Caller::find(member, request.headers(), source).await;
    match (proven(&caller.principal), open) {
        (Ok(principal), _) => {
            let claim = request.extensions().get::<Claim>();
            if let Some(claim) = claim.filter(|_| holder::class(principal) == Class::System) {
                claim.prove_system();
            }
        }
        // A credential that is shown there may be one that the call is about to make known.
        (Err(_), Some(open)) => request = request.map(|body| bounded(body, open.bytes_max)),
        (Err(problem), None) => return Err(Box::new(refused(problem))),
    }
    request.extensions_mut().extend(extensions(caller, open));
    Ok(request)
}

/// What a handler gets with a request: who calls, and what a page costs who is not verified.
fn extensions(caller: Caller, open: Option<Open>) -> Extensions {
    let mut extensions = Extensions::new();
    extensions.insert(caller);
    if let Some(pages) = open.and_then(|open| open.pages) {
        extensions.insert(pages);
    }
    extensions
}

/// A problem as the answer to a call.
pub(super) fn refused(problem: Problem) -> Response {
    Status::from(problem).into_http()
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

/// What anybody may do with the method, if anybody may call it.
fn open(path: &str) -> Option<Open> {
    let method = path.strip_prefix("/ecumene.registry.v1.")?;
    OPEN.iter().find(|(name, _)| *name == method).map(|(_, open)| *open)
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
        for (method, allowed) in [
            ("Directory/PutRecord", Some(DOCUMENT)),
            ("Directory/GetRecord", Some(WORDS)),
            ("Directory/ListRecords", Some(NAMES)),
            ("Log/InclusionProof", Some(WORDS)),
            ("Directory/PutAgent", None),
            ("Directory/AttachAgent", None),
            ("Directory/RemoveAgent", None),
            ("Log/Unheard", None),
        ] {
            assert_eq!(open(&format!("/ecumene.registry.v1.{method}")), allowed, "{method}");
        }
        assert_eq!(open("/Directory/PutRecord"), None);
    }
}

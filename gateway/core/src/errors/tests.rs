//! What is told, and what is not.
#![expect(clippy::unwrap_used, reason = "tests")]

use proto_types::token::Refusal;

use super::*;
use crate::client::Refused;
use crate::nonce::Unusable;
use crate::params::fault;

const RETRY: RetryAfter = RetryAfter { us: 1_200_000 };

#[test]
fn each_failure_has_its_status_code_and_rpc_error() {
    let faults = || vec![fault("/message/parts", "at least one")];
    for (failure, status, code, rpc_code) in [
        (Failure::Path(path::Error::DotSegment), 400, "path-ambiguous", -32043),
        (Failure::NotFound, 404, "not-found", -32042),
        (Failure::Method(Methods::POST), 405, "method-not-allowed", -32043),
        (Failure::PreconditionFailed { etag: "\"a\"".into() }, 412, "precondition-failed", -32043),
        (Failure::Credential(credential::Error::Several), 400, "credential-ambiguous", -32043),
        (Failure::Credential(credential::Error::Missing), 401, "unauthenticated", -32040),
        (Failure::Denied(Denial::IssuerUnknown), 401, "unauthenticated", -32040),
        (Failure::Denied(Denial::Nonce(Unusable::Gone)), 401, "use-nonce", -32040),
        (Failure::Denied(Denial::Token(Refusal::NonceMissing)), 401, "use-nonce", -32040),
        (Failure::Denied(Denial::HolderAway), 503, "gateway-unavailable", -32045),
        (Failure::Replayed, 401, "unauthenticated", -32040),
        (Failure::NotOperator, 401, "unauthenticated", -32040),
        (Failure::AddressLimit(RETRY), 429, "rate-limited", -32047),
        (Failure::PeerLimit(RETRY), 429, "rate-limited", -32047),
        (Failure::ClientLimit(RETRY), 429, "rate-limited", -32047),
        (Failure::Forbidden(Forbidden::MethodNotGranted), 403, "method-not-granted", -32041),
        (Failure::Forbidden(Forbidden::PolicyDenied), 403, "policy-denied", -32041),
        (Failure::Body(BodyFault::TooLarge { limit: 1 }), 413, "body-too-large", -32044),
        (Failure::Body(BodyFault::Unreadable), 400, "body-unreadable", -32043),
        (Failure::Body(BodyFault::MediaType), 415, "unsupported-media-type", -32005),
        (Failure::Body(BodyFault::Compressed), 415, "message-compressed", -32043),
        (Failure::NotJson(faults()), 400, "malformed-json", -32043),
        (Failure::Document(faults()), 400, "invalid-document", -32043),
        (Failure::Argument(faults()), 400, "invalid-argument", -32043),
        (Failure::Forbidden(Forbidden::ForeignSource), 403, "source-mismatch", -32041),
        (Failure::Forbidden(Forbidden::NotByFront), 403, "gateway-auth-required", -32041),
        (Failure::StaleLease, 409, "not-leased", -32043),
        (Failure::RegistryAway, 503, "registry-unavailable", -32045),
        (Failure::Overloaded, 503, "overloaded", -32045),
        (Failure::ShareReached, 429, "share-reached", -32047),
        (Failure::UpstreamUnreachable, 502, "upstream-unreachable", -32045),
        (Failure::UpstreamOverloaded, 503, "upstream-overloaded", -32045),
        (Failure::UpstreamTimeout, 504, "upstream-timeout", -32046),
        (Failure::LoopDetected, 508, "loop-detected", -32043),
        (Failure::Deadline, 504, "deadline-exceeded", -32046),
        (Failure::Stopping, 503, "stopping", -32045),
        (Failure::Internal, 500, "internal", -32603),
        (Failure::Call(CallError::Parse), 200, "malformed-json", -32700),
        (Failure::Call(CallError::Request(faults())), 200, "request-invalid", -32600),
        (Failure::Call(CallError::Params(faults())), 200, "params-invalid", -32602),
        (
            Failure::Call(CallError::ContentType(faults())),
            200,
            "content-type-not-supported",
            -32005,
        ),
        (Failure::Call(CallError::TaskNotFound), 200, "task-not-found", -32001),
        (Failure::Call(CallError::TaskNotCancelable), 200, "task-not-cancelable", -32002),
        (Failure::Call(CallError::TaskOver), 200, "task-over", -32004),
        (Failure::Call(CallError::TaskEnded), 200, "task-ended", -32004),
        (Failure::Call(CallError::AgentResponse), 200, "agent-response-invalid", -32006),
        (upstream(A2aError::ExtensionSupportRequired), 200, "operation-unsupported", -32008),
        (upstream(A2aError::TaskNotFound), 200, "task-not-found", -32001),
        (upstream(A2aError::InvalidParams), 200, "params-invalid", -32602),
        (Failure::Call(CallError::NoFederationKey), 503, "federation-key-missing", -32045),
        (Failure::Call(CallError::AttachedUnsupported), 200, "operation-unsupported", -32004),
        (operation(dispatch::Error::Version), 200, "version-not-supported", -32009),
        (operation(dispatch::Error::VersionConflict), 200, "version-conflicting", -32009),
        (operation(dispatch::Error::Legacy), 200, "method-legacy", -32601),
        (operation(dispatch::Error::Unsupported), 200, "operation-unsupported", -32004),
        (operation(dispatch::Error::PushNotifications), 200, "push-unsupported", -32003),
        (operation(dispatch::Error::Unknown), 200, "method-unknown", -32601),
    ] {
        let reply = failure.reply();
        assert_eq!((reply.status, reply.code.as_str()), (status, code), "{failure:?}");
        let error = &answer(&reply)["error"];
        assert_eq!(error["code"], rpc_code, "{failure:?}");
        for detail in error["data"].as_array().expect("an array of details") {
            let kind = detail["@type"].as_str().expect("each says what it is");
            assert!(kind.starts_with("type.googleapis.com/google.rpc."), "{failure:?}: {kind}");
        }
        assert_eq!(error["data"][0]["metadata"]["code"], code, "{failure:?}");
        assert_eq!(reply.problem()["status"], status);
    }
}

fn answer(reply: &ErrorReply) -> Value {
    answer_for(reply, Reader::A2a)
}

fn answer_for(reply: &ErrorReply, reader: Reader) -> Value {
    serde_json::to_value(reply.rpc(&Id::from("id-1"), reader)).unwrap()
}

fn upstream(error: A2aError) -> Failure {
    Failure::Call(CallError::Upstream(error, "the agent's own words".to_owned()))
}

#[test]
fn an_agents_refusal_is_told_in_its_own_words() {
    let reply = upstream(A2aError::ContentTypeNotSupported).reply();
    let error = &answer(&reply)["error"];
    assert_eq!(
        (&error["code"], &error["message"]),
        (&json!(-32005), &json!("the agent's own words"))
    );
    assert_eq!(error["data"][0]["reason"], "CONTENT_TYPE_NOT_SUPPORTED");
    assert_eq!(reply.problem()["title"], "the agent's own words");
}

fn operation(error: dispatch::Error) -> Failure {
    Failure::Call(CallError::Operation(error))
}

#[test]
fn outside_every_denial_is_the_same_401() {
    let denials = [
        Failure::Denied(Denial::IssuerUnknown),
        Failure::Denied(Denial::IssuerRevoked),
        Failure::Denied(Denial::KeyUnknown),
        Failure::Denied(Denial::BoundToken),
        Failure::Denied(Denial::Client(Refused::KeyUnknown)),
        Failure::Denied(Denial::Client(Refused::Signature)),
        Failure::Denied(Denial::Token(Refusal::BadSignature)),
        Failure::Denied(Denial::Token(Refusal::Audience)),
        Failure::Replayed,
        Failure::Credential(credential::Error::Missing),
    ];
    let mut codes = std::collections::BTreeSet::new();
    for denial in &denials {
        assert_eq!(denial.reply(), Failure::NotOperator.reply());
        codes.insert(denial.audit_code());
    }
    assert_eq!(codes.len(), denials.len(), "inside, they are told apart");
}

#[test]
fn a_limit_says_when_to_come_back_in_both_forms() {
    let reply = Failure::PeerLimit(RETRY).reply();
    assert_eq!(reply.retry_after_s, Some(2));
    assert_eq!(reply.problem()["retryAfterSeconds"], 2);
    let answer = answer(&reply);
    assert_eq!(answer["id"], "id-1");
    assert_eq!(answer["error"]["data"][0]["reason"], "RATE_LIMITED");
    assert_eq!(answer["error"]["data"][1]["retryDelay"], "2s");
}

#[test]
fn a_limit_has_the_code_of_pilox_for_its_clients_alone() {
    let reply = Failure::PeerLimit(RETRY).reply();
    for (path, header, pilox) in [
        ("/agents/echo", "authorization", false),
        ("/v1/a2a/jsonrpc", "a2a-version", false),
        ("/agents/echo", "x-hive-federation-jwt", true),
        ("/agents/echo", "x-pilox-trace", true),
        ("/api/a2a/jsonrpc", "authorization", true),
    ] {
        let reader = Reader::of(path, ["accept", header].into_iter());
        let error = &answer_for(&reply, reader)["error"];
        assert_eq!(error["code"] == -32005, pilox, "{path} {header}");
        assert_eq!(error["data"]["retryAfterSeconds"] == 2, pilox, "{path} {header}");
    }
    let denied = Failure::Replayed.reply();
    assert_eq!(answer_for(&denied, Reader::Pilox), answer(&denied), "only limits differ");
}

#[test]
fn wrong_parameters_are_named_in_the_data() {
    let faults = vec![fault("/message/role", "ROLE_USER")];
    let answer = answer(&Failure::Call(CallError::Params(faults)).reply());
    let data = &answer["error"]["data"];
    assert_eq!(data[0]["reason"], "INVALID_PARAMS");
    assert_eq!(data[0]["domain"], "a2a-protocol.org");
    assert_eq!(data[1]["fieldViolations"][0]["field"], "message.role");
}

#[test]
fn each_failure_of_a_call_has_its_status_over_grpc() {
    let faults = || vec![fault("/message/parts", "at least one")];
    for (failure, status) in [
        (Failure::NotFound, "NOT_FOUND"),
        (Failure::Credential(credential::Error::Missing), "UNAUTHENTICATED"),
        (Failure::Credential(credential::Error::Several), "INVALID_ARGUMENT"),
        (Failure::Replayed, "UNAUTHENTICATED"),
        (Failure::AddressLimit(RETRY), "RESOURCE_EXHAUSTED"),
        (Failure::PeerLimit(RETRY), "RESOURCE_EXHAUSTED"),
        (Failure::Forbidden(Forbidden::MethodNotGranted), "PERMISSION_DENIED"),
        (Failure::Forbidden(Forbidden::PolicyDenied), "PERMISSION_DENIED"),
        (Failure::Body(BodyFault::TooLarge { limit: 1 }), "RESOURCE_EXHAUSTED"),
        (Failure::Body(BodyFault::Unreadable), "INVALID_ARGUMENT"),
        (Failure::Body(BodyFault::Compressed), "UNIMPLEMENTED"),
        (Failure::Argument(faults()), "INVALID_ARGUMENT"),
        (Failure::RegistryAway, "UNAVAILABLE"),
        (Failure::Overloaded, "RESOURCE_EXHAUSTED"),
        (Failure::ShareReached, "RESOURCE_EXHAUSTED"),
        (Failure::Deadline, "DEADLINE_EXCEEDED"),
        (Failure::Stopping, "UNAVAILABLE"),
        (Failure::Internal, "INTERNAL"),
        (Failure::Call(CallError::Params(faults())), "INVALID_ARGUMENT"),
        (Failure::Call(CallError::ContentType(faults())), "INVALID_ARGUMENT"),
        (Failure::Call(CallError::TaskNotFound), "NOT_FOUND"),
        (Failure::Call(CallError::TaskNotCancelable), "FAILED_PRECONDITION"),
        (Failure::Call(CallError::TaskOver), "FAILED_PRECONDITION"),
        (Failure::Call(CallError::TaskEnded), "FAILED_PRECONDITION"),
        (Failure::Call(CallError::AgentResponse), "INTERNAL"),
        (operation(dispatch::Error::Version), "FAILED_PRECONDITION"),
        (operation(dispatch::Error::VersionConflict), "FAILED_PRECONDITION"),
        (operation(dispatch::Error::Unsupported), "FAILED_PRECONDITION"),
        (operation(dispatch::Error::PushNotifications), "FAILED_PRECONDITION"),
        (operation(dispatch::Error::Unknown), "UNIMPLEMENTED"),
    ] {
        let reply = failure.reply();
        assert_eq!(reply.code.grpc(), Some(reply.grpc()), "{failure:?}");
        assert_eq!(reply.grpc().as_str(), status, "{failure:?}");
    }
}

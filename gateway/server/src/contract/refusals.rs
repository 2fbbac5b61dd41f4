//! With which statuses and codes each kind of operation is refused.
//!
//! Decides which codes a caller can be told, and in which form. Must never leave out a status that one can see; statuses and
//! words are those of the codes, and each has its page.

use std::collections::BTreeMap;

use deploy_service::error_pages;
use gateway_core::ErrorReply;
use gateway_core::errors::Rpc;
use proto_types::Code;
use serde_json::{Map, Value, json};

use super::{A2A_JSON, JSON, PROBLEM, reference};

/// The refusals of one kind of operation.
#[derive(Debug)]
pub(super) struct Refusals {
    name: &'static str,
    form: Form,
    codes: &'static [&'static [Code]],
    /// Those of a call itself. Over JSON-RPC they are told with 200.
    of_call: &'static [Code],
}

/// In which form a refusal is told. One that comes before it is known what is asked for is always a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Problem,
    JsonRpc,
    HttpJson,
    HttpJsonV03,
}

/// What any request may be refused with; the last four by the listener, before any route.
const ANY: &[Code] = &[
    Code::Internal,
    Code::Stopping,
    Code::RateLimited,
    Code::PathAmbiguous,
    Code::NotFound,
    Code::ShareReached,
    Code::Overloaded,
    Code::FramingAmbiguous,
    Code::HostInvalid,
    Code::UriTooLong,
    Code::HeaderTooLarge,
];
const BODY: &[Code] = &[Code::BodyTooLarge, Code::BodyUnreadable, Code::UnsupportedMediaType];
/// Of whoever shows a credential that is checked against what the registry says.
const CALLER: &[Code] =
    &[Code::Unauthenticated, Code::CredentialAmbiguous, Code::RegistryUnavailable];
/// Of who may show a token that is bound to a gateway.
const BOUND: &[Code] = &[Code::UseNonce, Code::GatewayUnavailable];
/// Of local subscribers and operators.
const LOCAL: &[Code] = &[Code::Unauthenticated, Code::RegistryUnavailable, Code::DeadlineExceeded];
const DOCUMENT: &[Code] = &[Code::PreconditionFailed];
const CALL: &[Code] = &[
    Code::PolicyDenied,
    Code::MethodNotGranted,
    Code::GatewayAuthRequired,
    Code::DeadlineExceeded,
    Code::UpstreamUnreachable,
    Code::UpstreamOverloaded,
    Code::UpstreamTimeout,
    Code::LoopDetected,
    Code::InvalidArgument,
];
/// An attached agent may refuse any operation with any error of A2A.
const OF_CALL: &[Code] = &[
    Code::MalformedJson,
    Code::ParamsInvalid,
    Code::TaskNotFound,
    Code::TaskNotCancelable,
    Code::TaskOver,
    Code::TaskEnded,
    Code::AgentResponseInvalid,
    Code::VersionNotSupported,
    Code::VersionConflicting,
    Code::ContentTypeNotSupported,
    Code::OperationUnsupported,
    Code::PushUnsupported,
];

/// What everybody may read.
pub(super) static PLAIN: Refusals = problems("Plain", &[ANY]);
/// A document that has a version.
pub(super) static VERSIONED: Refusals = problems("Document", &[ANY, DOCUMENT]);
/// A card, which depends on who looks.
pub(super) static CARD: Refusals = problems("Card", &[ANY, DOCUMENT, CALLER]);
/// An envelope that is sent.
pub(super) static PUBLISH: Refusals = problems(
    "Publish",
    &[
        ANY,
        BODY,
        CALLER,
        BOUND,
        &[
            Code::LoopDetected,
            Code::InvalidArgument,
            Code::MalformedJson,
            Code::InvalidDocument,
            Code::SourceMismatch,
            Code::DeadlineExceeded,
            Code::PolicyDenied,
            Code::MethodNotGranted,
            Code::GatewayAuthRequired,
        ],
    ],
);
/// Envelopes that are asked for.
pub(super) static PULL: Refusals = problems("Pull", &[ANY, LOCAL, &[Code::InvalidArgument]]);
/// An envelope that is done.
pub(super) static ACKNOWLEDGE: Refusals =
    problems("Acknowledge", &[ANY, LOCAL, BODY, &[Code::InvalidDocument, Code::NotLeased]]);
/// Dead letters in JetStream.
pub(super) static DEAD_LETTERS: Refusals =
    problems("DeadLetters", &[ANY, LOCAL, BODY, &[Code::InvalidDocument, Code::InvalidArgument]]);
/// What operators read.
pub(super) static FEDERATION: Refusals = problems("Federation", &[ANY, LOCAL]);
/// A call of an operator to a peer.
pub(super) static PROXY: Refusals = problems(
    "Proxy",
    &[
        ANY,
        LOCAL,
        BODY,
        &[
            Code::MalformedJson,
            Code::InvalidDocument,
            Code::FederationKeyMissing,
            Code::UpstreamUnreachable,
            Code::UpstreamOverloaded,
            Code::UpstreamTimeout,
            Code::LoopDetected,
            Code::InvalidArgument,
        ],
    ],
);
/// An A2A call over JSON-RPC.
pub(super) static JSON_RPC: Refusals = call("JsonRpc", Form::JsonRpc, &[]);
/// The same over HTTP+JSON.
pub(super) static HTTP_JSON: Refusals = call("HttpJson", Form::HttpJson, OF_CALL);
/// The same in A2A 0.3.
pub(super) static HTTP_JSON_V03: Refusals = call("HttpJsonV03", Form::HttpJsonV03, OF_CALL);

static ALL: [&Refusals; 12] = [
    &PLAIN,
    &VERSIONED,
    &CARD,
    &PUBLISH,
    &PULL,
    &ACKNOWLEDGE,
    &DEAD_LETTERS,
    &FEDERATION,
    &PROXY,
    &JSON_RPC,
    &HTTP_JSON,
    &HTTP_JSON_V03,
];

const fn problems(name: &'static str, codes: &'static [&'static [Code]]) -> Refusals {
    Refusals { name, form: Form::Problem, codes, of_call: &[] }
}

const fn call(name: &'static str, form: Form, of_call: &'static [Code]) -> Refusals {
    Refusals { name, form, codes: &[ANY, BODY, CALLER, BOUND, CALL], of_call }
}

/// Every refusal as a component.
pub(super) fn components() -> Value {
    let each = ALL.iter().flat_map(|refusals| {
        let by_status = refusals.by_status().into_iter();
        by_status.map(move |(status, codes)| {
            (refusals.name_of(status), refusals.response(status, &codes))
        })
    });
    Value::Object(each.collect())
}

impl Refusals {
    /// A reference to each, by its status.
    pub(super) fn references(&self) -> Map<String, Value> {
        let statuses = self.by_status().into_keys();
        let named = statuses
            .map(|status| (status.to_string(), reference("responses", &self.name_of(status))));
        named.collect()
    }

    fn name_of(&self, status: u16) -> String {
        format!("{}.{status}", self.name)
    }

    fn by_status(&self) -> BTreeMap<u16, Vec<Code>> {
        let mut by_status: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
        let plain = self.codes.iter().copied().flatten().map(|code| (code.status(), *code));
        let of_call = self.of_call.iter().map(|code| (status_of_call(*code), *code));
        for (status, code) in plain.chain(of_call) {
            by_status.entry(status).or_default().push(code);
        }
        for codes in by_status.values_mut() {
            codes.sort_unstable();
            codes.dedup();
        }
        by_status
    }

    fn response(&self, status: u16, codes: &[Code]) -> Value {
        let lines = codes.iter().map(|code| {
            let page = error_pages::reference(code.as_str());
            format!("[`{code}`]({page}): {}.", code.title())
        });
        let mut response = json!({
            "description": lines.collect::<Vec<_>>().join(" "),
            "content": self.form.contents(),
        });
        let headers: &[&str] = match status {
            401 => &["WWW-Authenticate"],
            412 => &["ETag"],
            429 | 503 => &["Retry-After"],
            _ => &[],
        };
        if !headers.is_empty() {
            response["headers"] = super::headers(headers);
        }
        response
    }
}

impl Form {
    fn contents(self) -> Value {
        let error = |name| json!({ "schema": reference("schemas", name) });
        let own: &[(&str, &str)] = match self {
            Self::Problem => &[],
            Self::JsonRpc => &[(JSON, "JsonRpcError")],
            Self::HttpJson => &[(JSON, "HttpJsonError"), (A2A_JSON, "HttpJsonError")],
            Self::HttpJsonV03 => &[(JSON, "HttpJsonErrorV03")],
        };
        let all = own.iter().copied().chain([(PROBLEM, "Problem")]);
        Value::Object(all.map(|(media, name)| (media.to_owned(), error(name))).collect())
    }
}

/// The status over HTTP+JSON of what is wrong with a call.
fn status_of_call(code: Code) -> u16 {
    let (message, rpc) = (code.title().into(), Rpc::Edge(0));
    let (retry_after_s, faults) = (None, Vec::new());
    ErrorReply { status: 200, code, message, rpc, retry_after_s, faults }.http_status()
}

//! One route as an operation of OpenAPI.
//!
//! It decides which refusals follow from what a route takes: a body can be too large, a credential
//! unknown, a strong read unconfirmed. It must never leave a status out that a caller can see.

use std::collections::BTreeMap;

use http::Method;
use registry_api::{Code, problem};
use serde_json::{Map, Value, json};

use super::super::parameter::{
    CONSISTENCY, Header, MAX_AGE, Parameter, Place, RATE_LIMIT, RATE_LIMIT_POLICY, RETRY_AFTER,
    WWW_AUTHENTICATE,
};
use super::super::route::{Access, Route};
use super::{contents, parsed};

/// What the listener refuses before any route: these codes are its own (docs/errors).
const LISTENER: [(u16, &str, &str); 4] = [
    (400, "framing-ambiguous", "The message has two readings"),
    (400, "host-invalid", "The request does not name one host"),
    (414, "uri-too-long", "The target is too long"),
    (431, "header-too-large", "The header section is too large"),
];

/// What any call may be refused with.
const ANY: [Code; 7] = [
    Code::Internal,
    Code::Stopping,
    Code::DiskFailed,
    Code::RateLimited,
    Code::PathAmbiguous,
    Code::ShareReached,
    Code::Overloaded,
];

/// What a body may be refused with.
const BODY: [Code; 4] =
    [Code::MalformedJson, Code::InvalidDocument, Code::BodyTooLarge, Code::UnsupportedMediaType];

/// What a write may be refused with.
const WRITE: [Code; 5] =
    [Code::Overloaded, Code::NoLeader, Code::InDoubt, Code::ReadUnconfirmed, Code::BoundReached];

/// What a strong read may be refused with.
const STRONG: [Code; 2] = [Code::NoLeader, Code::ReadUnconfirmed];

pub(super) fn of(route: &Route) -> Value {
    let (summary, _) = route.about.split_once(". ").unwrap_or((route.about, ""));
    let mut operation = json!({
        "operationId": route.id,
        "tags": [route.tag],
        "summary": summary.trim_end_matches('.'),
        "description": described(route),
        "security": security(route.access),
        "responses": responses(route),
    });
    let bound = route.reads_state().then_some(&MAX_AGE);
    let parameters = route.parameters.iter().copied().chain(bound);
    let parameters: Vec<Value> = parameters.map(parameter).collect();
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    if let Some(body) = route.body {
        let reference = format!("#/components/schemas/{}", body.schema.name);
        operation["requestBody"] = json!({
            "required": true,
            "content": { body.media: { "schema": { "$ref": reference } } },
        });
    }
    operation
}

fn described(route: &Route) -> String {
    match route.access {
        Access::Required(who) => format!("{} Needs a credential: {who}.", route.about),
        Access::Open | Access::Optional => route.about.to_owned(),
    }
}

fn security(access: Access) -> Value {
    match access {
        Access::Open => json!([]),
        Access::Optional => json!([{}, { "bearer": [] }, { "mtls": [] }]),
        Access::Required(_) => json!([{ "bearer": [] }, { "mtls": [] }]),
    }
}

fn parameter(parameter: &Parameter) -> Value {
    let place = match parameter.place {
        Place::Path => "path",
        Place::Query => "query",
        Place::Header => "header",
    };
    json!({
        "name": parameter.name,
        "in": place,
        "description": parameter.about,
        "required": parameter.required,
        "schema": parsed(parameter.schema),
    })
}

fn responses(route: &Route) -> Value {
    let mut responses = Map::new();
    for answer in &route.answers {
        let mut response = json!({ "description": answer.about });
        if !answer.contents.is_empty() {
            response["content"] = contents(answer);
        }
        if !answer.headers.is_empty() {
            response["headers"] = headers(answer.headers);
        }
        responses.insert(answer.status.to_string(), response);
    }
    for (status, codes) in refusals(route) {
        let key = status.to_string();
        // A status that also succeeds (readiness says 503 in its own form) keeps that form.
        responses.entry(key).or_insert_with(|| refusal(status, &codes));
    }
    Value::Object(responses)
}

fn headers(headers: &[Header]) -> Value {
    let each = headers.iter().map(|header| {
        let said = json!({
            "description": header.about,
            "required": header.required,
            "schema": parsed(header.schema),
        });
        (header.name.to_owned(), said)
    });
    Value::Object(each.collect())
}

/// Every refusal by its status: code and title.
fn refusals(route: &Route) -> BTreeMap<u16, Vec<(&'static str, &'static str)>> {
    let codes = codes(route);
    let own = codes.iter().map(|code| (code.status(), code.as_str(), code.title()));
    let mut by_status: BTreeMap<u16, Vec<_>> = BTreeMap::new();
    for (status, code, title) in own.chain(LISTENER) {
        by_status.entry(status).or_default().push((code, title));
    }
    by_status
}

/// What the handler and those before it refuse with, in order.
fn codes(route: &Route) -> Vec<Code> {
    let mut codes: Vec<Code> = [route.refusals.as_slice(), &ANY].concat();
    codes.extend(of_parameters(route));
    if route.body.is_some() {
        codes.extend(BODY);
    }
    if route.method != Method::GET {
        codes.extend(WRITE);
    }
    if route.reads_state() {
        codes.extend([Code::StateTooOld, Code::InvalidArgument]);
    }
    match route.access {
        Access::Open => {}
        Access::Optional => codes.push(Code::Unauthenticated),
        Access::Required(_) => codes.extend([Code::Unauthenticated, Code::PermissionDenied]),
    }
    codes.sort_unstable();
    codes.dedup();
    codes
}

/// What follows from the parameters: a cursor is of one cluster epoch, and whether a number was reached a majority says.
fn of_parameters(route: &Route) -> Vec<Code> {
    let mut codes = Vec::new();
    let takes = |name: &str| route.parameters.iter().any(|parameter| parameter.name == name);
    if !route.parameters.is_empty() {
        codes.push(Code::InvalidArgument);
    }
    if takes("cursor") || takes("since") {
        codes.push(Code::FutureRevision);
    }
    if takes("since") || takes(CONSISTENCY.name) {
        codes.extend(STRONG);
    }
    codes
}

fn refusal(status: u16, codes: &[(&str, &str)]) -> Value {
    let lines = codes.iter().map(|(code, title)| format!("`{code}`: {title}."));
    let mut response = json!({
        "description": lines.collect::<Vec<_>>().join(" "),
        "content": {
            problem::MEDIA_TYPE: { "schema": { "$ref": "#/components/schemas/Problem" } },
        },
    });
    match status {
        401 => response["headers"] = headers(&[WWW_AUTHENTICATE]),
        429 => response["headers"] = headers(&[RETRY_AFTER, RATE_LIMIT, RATE_LIMIT_POLICY]),
        503 => response["headers"] = headers(&[RETRY_AFTER]),
        _ => {}
    }
    response
}

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
use super::super::route::{Access, Answer, Content, Route};
use super::components::Components;
use super::parsed;

/// What any call may be refused with; the last four by the listener, before any route.
const ANY: [Code; 11] = [
    Code::Internal,
    Code::Stopping,
    Code::DiskFailed,
    Code::RateLimited,
    Code::PathAmbiguous,
    Code::ShareReached,
    Code::Overloaded,
    Code::FramingAmbiguous,
    Code::HostInvalid,
    Code::UriTooLong,
    Code::HeaderTooLarge,
];

/// What a body may be refused with.
const BODY: [Code; 4] =
    [Code::MalformedJson, Code::InvalidDocument, Code::BodyTooLarge, Code::UnsupportedMediaType];

/// What a write may be refused with.
const WRITE: [Code; 5] =
    [Code::Overloaded, Code::NoLeader, Code::InDoubt, Code::ReadUnconfirmed, Code::BoundReached];

/// What a strong read may be refused with.
const STRONG: [Code; 2] = [Code::NoLeader, Code::ReadUnconfirmed];

pub(super) fn of(route: &Route, components: &mut Components) -> Value {
    let (summary, _) = route.about.split_once(". ").unwrap_or((route.about, ""));
    let mut operation = json!({
        "operationId": route.id,
        "tags": [route.tag],
        "summary": summary.trim_end_matches('.'),
        "description": described(route),
        "security": security(route.access),
        "responses": responses(route, components),
    });
    let bound = route.reads_state().then_some(&MAX_AGE);
    let parameters = route.parameters.iter().copied().chain(bound);
    let parameters: Vec<Value> = parameters
        .map(|it| components.reference("parameters", it.name, route.id, parameter(it)))
        .collect();
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    if let Some(body) = route.body {
        operation["requestBody"] = json!({ "required": true, "content": contents(&[body]) });
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

/// The media types and schemas of a body or an answer.
fn contents(contents: &[Content]) -> Value {
    let each = contents.iter().map(|content| {
        let reference = format!("#/components/schemas/{}", content.schema.name);
        (content.media.to_owned(), json!({ "schema": { "$ref": reference } }))
    });
    Value::Object(each.collect())
}

pub(super) fn parameter(parameter: &Parameter) -> Value {
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

fn responses(route: &Route, components: &mut Components) -> Value {
    let mut responses = Map::new();
    for answer in &route.answers {
        responses.insert(answer.status.to_string(), answered(answer, route.id, components));
    }
    for (status, codes) in refusals(route) {
        let key = status.to_string();
        // A status that also succeeds (readiness says 503 in its own form) keeps that form.
        responses.entry(key).or_insert_with(|| refusal(status, &codes, route.id, components));
    }
    Value::Object(responses)
}

fn answered(answer: &Answer, operation: &str, components: &mut Components) -> Value {
    let mut response = json!({ "description": answer.about });
    if !answer.contents.is_empty() {
        response["content"] = contents(&answer.contents);
    }
    if !answer.headers.is_empty() {
        response["headers"] = headers(answer.headers, operation, components);
    }
    response
}

fn headers(headers: &[Header], operation: &str, components: &mut Components) -> Value {
    let each = headers.iter().map(|header| {
        let said = json!({
            "description": header.about,
            "required": header.required,
            "schema": parsed(header.schema),
        });
        (header.name.to_owned(), components.reference("headers", header.name, operation, said))
    });
    Value::Object(each.collect())
}

/// Every refusal by its status.
fn refusals(route: &Route) -> BTreeMap<u16, Vec<Code>> {
    let mut by_status: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
    for code in codes(route) {
        by_status.entry(code.status()).or_default().push(code);
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

fn refusal(status: u16, codes: &[Code], operation: &str, components: &mut Components) -> Value {
    let lines = codes.iter().map(|code| format!("`{code}`: {}.", code.title()));
    let mut response = json!({
        "description": lines.collect::<Vec<_>>().join(" "),
        "content": {
            problem::MEDIA_TYPE: { "schema": { "$ref": "#/components/schemas/Problem" } },
        },
    });
    let carried: &[Header] = match status {
        401 => &[WWW_AUTHENTICATE],
        429 => &[RETRY_AFTER, RATE_LIMIT, RATE_LIMIT_POLICY],
        503 => &[RETRY_AFTER],
        _ => &[],
    };
    if !carried.is_empty() {
        response["headers"] = headers(carried, operation, components);
    }
    components.reference("responses", &refusal_name(status, codes), operation, response)
}

/// A status has one description in an operation, so it is named by all its codes but those that any call may be refused with.
fn refusal_name(status: u16, codes: &[Code]) -> String {
    let own = codes.iter().filter(|code| !ANY.contains(code));
    own.fold(status.to_string(), |name, code| name + "." + code.as_str())
}

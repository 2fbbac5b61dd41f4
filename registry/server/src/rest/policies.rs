//! Policies of calls over HTTP, as the text that they are: it reads arguments for `operations/policies.rs` and writes the
//! answers.

use axum::body::{Body, Bytes};
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, Request, State};
use axum::response::Response;
use deploy_service::content_coding;
use http::header::{CACHE_CONTROL as KEEP, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode};
use proto_types::Digest;
use proto_types::policy::POLICY_BYTES_MAX;
use registry_api::{Code, Problem, Role, field};
use registry_core::entry::PolicyEntry;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::call::Caller;
use crate::operations::policies::{self, Kept};

use super::cards::tagged;
use super::conditions::{conditions, is_sent, unchanged};
use super::parameter::{
    AGE, CACHE_CONTROL, CONSISTENCY, ETAG, Header, IF_MATCH, IF_NONE_MATCH, Parameter, READ,
    REVISION, UNKEPT, UNLESS_MATCH, WRITTEN,
};
use super::route::{Access, Content, Route};
use super::{Answered, Shared, at, consistency, done, json, parameters, schemas};

static NAME: Parameter = Parameter::path(
    "name",
    "The name of the policy.",
    r##"{"$ref":"#/components/schemas/PolicyName"}"##,
);

/// Cedar has no media type of its own.
const TEXT: Content = Content { media: "text/plain", schema: &schemas::TEXT };

/// Answers of one policy.
const ONE: &[Header] = &[ETAG, REVISION, AGE, CACHE_CONTROL];

const OPERATOR: Access = Access::Required("the operator's");

pub(super) fn routes() -> Vec<Route> {
    let path = "/v1/policies/{name}";
    vec![
        Route::get("/v1/policies", list)
            .is("listPolicies", "policies", "The policies of calls, by name.")
            .access(Access::Required("the operator's, or a gateway's"))
            .takes(&[&CONSISTENCY])
            .gives(200, "All of them.", &schemas::POLICIES, READ),
        Route::get(path, one)
            .is("getPolicy", "policies", "A policy, byte for byte as it was put.")
            .access(OPERATOR)
            .takes(&[&NAME, &CONSISTENCY, &IF_MATCH, &IF_NONE_MATCH])
            .answers(200, "The policy.", &[TEXT], ONE)
            .answers(304, "The caller has this version.", &[], ONE)
            .refuses(&[Code::NotFound, Code::PreconditionFailed]),
        Route::put(path, put)
            .is("putPolicy", "policies", "Keeps a policy, in Cedar. One that the schema of calls does not fit is refused, with the place of what is wrong. As soon as one is stored, no call is let through that none permits.")
            .access(OPERATOR)
            .takes(&[&NAME, &IF_MATCH, &UNLESS_MATCH])
            .reads(TEXT)
            .gives(200, "It is stored on a majority; gateways follow within a second.", &schemas::POLICY_STORED, WRITTEN)
            .refuses(&[Code::PreconditionFailed]),
        Route::delete(path, delete)
            .is("deletePolicy", "policies", "Forgets a policy. Where none is left, calls are decided without policies.")
            .access(OPERATOR)
            .takes(&[&NAME, &IF_MATCH, &UNLESS_MATCH])
            .gives(200, "It is gone.", &schemas::DONE, UNKEPT)
            .refuses(&[Code::NotFound, Code::PreconditionFailed]),
    ]
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reading {
    consistency: Option<String>,
}

async fn list(
    State(member): Shared,
    query: Result<Query<Reading>, QueryRejection>,
    caller: Caller,
) -> Answered {
    let call = caller.call()?;
    let consistency = consistency(parameters(query)?.consistency.as_deref())?;
    let (reading, kept) = policies::list(&member, &call, consistency).await?;
    let policies: Vec<Value> = kept.iter().map(value).collect();
    Ok(at(&reading, json(StatusCode::OK, &json!({ "policies": policies }))))
}

async fn one(
    State(member): Shared,
    path: Result<Path<String>, PathRejection>,
    query: Result<Query<Reading>, QueryRejection>,
    caller: Caller,
    headers: HeaderMap,
) -> Answered {
    let call = caller.call()?;
    let name = name(path)?;
    let consistency = consistency(parameters(query)?.consistency.as_deref())?;
    let (reading, (entry, text)) = policies::one(&member, &call, (&name, consistency)).await?;
    Ok(at(&reading, versioned(&headers, &entry.digest, text)?))
}

async fn put(
    State(member): Shared,
    path: Result<Path<String>, PathRejection>,
    caller: Caller,
    request: Request,
) -> Answered {
    let call = caller.call()?;
    // Before the body is read.
    call.principal.require(&[Role::Operator])?;
    let name = name(path)?;
    let conditions = conditions(request.headers())?;
    let text = body(request).await?;
    let (_, entry) = policies::put(&member, &call, (&name, &text), conditions).await?;
    Ok(tagged(json(StatusCode::OK, &stored(&entry)), &entry.digest))
}

async fn delete(
    State(member): Shared,
    path: Result<Path<String>, PathRejection>,
    caller: Caller,
    headers: HeaderMap,
) -> Answered {
    let call = caller.call()?;
    let name = name(path)?;
    let conditions = conditions(&headers)?;
    Ok(done(policies::delete(&member, &call, &name, conditions).await?))
}

fn name(path: Result<Path<String>, PathRejection>) -> Result<String, Problem> {
    let Path(text) = path.map_err(|_| Problem::argument("name", "it is not percent-encoded"))?;
    Ok(text)
}

/// The text of a policy: `text/plain`, of which no parameter but the encoding has a meaning.
async fn body(request: Request) -> Result<Bytes, Problem> {
    let unsupported = |why| Problem::new(Code::UnsupportedMediaType, why);
    let headers = request.headers();
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case(TEXT.media) {
        return Err(unsupported("send Content-Type: text/plain"));
    }
    if !content_coding::is_identity(headers) {
        return Err(unsupported("compressed bodies are not accepted"));
    }
    let read = axum::body::to_bytes(request.into_body(), POLICY_BYTES_MAX).await;
    read.map_err(|_| field::too_large(POLICY_BYTES_MAX + 1, POLICY_BYTES_MAX))
}

fn versioned(headers: &HeaderMap, version: &Digest, text: Vec<u8>) -> Result<Response, Problem> {
    let mut response = match is_sent(headers, version)? {
        true => Response::new(Body::from(text)),
        false => unchanged(),
    };
    let own = response.headers_mut();
    own.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    own.insert(KEEP, HeaderValue::from_static("no-store"));
    Ok(tagged(response, version))
}

fn stored(entry: &PolicyEntry) -> Value {
    json!({
        "ok": true,
        "name": entry.name.as_str(),
        "etag": entry.digest.etag(),
        "revision": entry.revision.0,
    })
}

fn value((entry, text): &Kept) -> Value {
    json!({
        "name": entry.name.as_str(),
        "digest": entry.digest.to_string(),
        "text": String::from_utf8_lossy(text),
        "revision": entry.revision.0,
    })
}

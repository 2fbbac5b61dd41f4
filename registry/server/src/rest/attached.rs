//! One agent over HTTP: read, attached or removed. It reads arguments for `operations/agents.rs` and writes the answers.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, Request, State};
use http::{HeaderMap, Uri};
use proto_types::Digest;
use proto_wire::to_json_without;
use registry_api::{Code, Role, decode};
use serde::Deserialize;

use crate::call::Caller;
use crate::lookup;
use crate::operations::agents;

use super::cards::{tagged, versioned};
use super::conditions::conditions;
use super::parameter::{
    AGE, CACHE_CONTROL, CONSISTENCY, EPOCH, ETAG, HANDLE, Header, IF_MATCH, IF_NONE_MATCH,
    REVISION, UNKEPT, UNLESS_MATCH,
};
use super::route::{Access, Route};
use super::{Answered, Shared, at, done, handle, json_body, kept_for, look, parameters, schemas};

const OPERATOR: Access = Access::Required("the operator's");

/// Who changes an agent has read it before: what a cache holds is confirmed first.
const CACHE_S: u64 = 0;

/// What changes without a write of the agent, and so is not of its version.
const NOT_WRITTEN: [&str; 2] = ["liveness", "unplaceable"];

/// Answers of a read.
const READ: &[Header] = &[ETAG, REVISION, EPOCH, AGE, CACHE_CONTROL];

/// Answers of a write that gives a version.
const STORED: &[Header] = &[ETAG, EPOCH, CACHE_CONTROL];

pub(super) fn routes() -> Vec<Route> {
    let path = "/v1/agents/{handle}";
    vec![
        Route::get(path, one)
            .is("getAgent", "agents", "An agent, hosted or attached. Its entity tag is the version that conditions of a write name, where all of it is shown.")
            .access(Access::Optional)
            .takes(&[&HANDLE, &CONSISTENCY, &IF_MATCH, &IF_NONE_MATCH])
            .gives(200, "The agent.", &schemas::AGENT, READ)
            .answers(304, "The caller has this version.", &[], READ)
            .refuses(&[Code::NotFound, Code::PreconditionFailed]),
        Route::put("/v1/agents/{handle}/upstream", attach)
            .is("attachAgent", "agents", "Puts an A2A server behind the gateways, or changes how they reach it. A hosted agent of this handle is removed first.")
            .access(OPERATOR)
            .takes(&[&HANDLE, &IF_MATCH, &UNLESS_MATCH])
            .body(&schemas::AGENT_ATTACHED)
            .gives(200, "It is stored on a majority.", &schemas::DONE, STORED)
            .refuses(&[Code::Conflict, Code::PreconditionFailed]),
        Route::delete(path, remove)
            .is("removeAgent", "agents", "Takes an agent away, hosted or attached. A hosted one is removed only while none of its tasks is open.")
            .access(OPERATOR)
            .takes(&[&HANDLE, &IF_MATCH, &UNLESS_MATCH])
            .gives(200, "It is gone.", &schemas::DONE, UNKEPT)
            .refuses(&[Code::NotFound, Code::Conflict, Code::PreconditionFailed]),
    ]
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reading {
    consistency: Option<String>,
}

async fn one(
    State(member): Shared,
    query: Result<Query<Reading>, QueryRejection>,
    caller: Caller,
    request: Request,
) -> Answered {
    let (head, _) = request.into_parts();
    let handle = handle(&head.uri)?;
    let query = parameters(query)?;
    let (reading, viewer) = look(&member, caller, query.consistency.as_deref()).await?;
    let agent = lookup::agent(&reading.view, &viewer, &handle)?;
    let body = to_json_without(&agent, &NOT_WRITTEN).to_string().into_bytes();
    let version = agents::shown_version(&agent)?.unwrap_or_else(|| Digest::of(&body));
    let response = versioned(&head.headers, &version, kept_for(&viewer, CACHE_S), body)?;
    Ok(at(&reading, response))
}

async fn attach(State(member): Shared, caller: Caller, request: Request) -> Answered {
    let call = caller.call()?;
    // Before the body is read.
    call.principal.require(&[Role::Operator])?;
    let handle = handle(request.uri())?;
    let conditions = conditions(request.headers())?;
    let body = json_body(request).await?;
    let request = decode::agent::attach_request(handle.as_str(), &body)?;
    let written = agents::attach(&member, &call, &request, conditions).await?;
    Ok(tagged(done(written.revision), &written.version))
}

async fn remove(
    State(member): Shared,
    target: Uri,
    headers: HeaderMap,
    caller: Caller,
) -> Answered {
    let call = caller.call()?;
    let handle = handle(&target)?;
    let conditions = conditions(&headers)?;
    Ok(done(agents::remove(&member, &call, handle.as_str(), conditions).await?))
}

//! Namespaces over HTTP: it reads arguments for `operations/namespaces.rs` and writes the answers.

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, Request, State};
use http::{StatusCode, Uri};
use proto_types::Namespace;
use registry_api::{Code, List, Problem, decode, field};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::call::Caller;
use crate::operations::namespaces::{self, Kept};
use crate::operations::{Listed, Page};

use super::log::{PROOF_HEADER, WITH_PROOF, proven};
use super::page::{CURSOR, Listing, PAGED};
use super::parameter::{
    AGE, CACHE_CONTROL, CONSISTENCY, Header, LIMIT, Parameter, REVISION, UNKEPT,
};
use super::route::{Access, Route};
use super::{Answered, Shared, at, consistency, json, json_body, page, parameters, read, schemas};

static NAME: Parameter = Parameter::path(
    "name",
    "The name of the namespace.",
    r##"{"$ref":"#/components/schemas/NamespaceName"}"##,
);

/// Answers of one namespace.
const PROVEN: &[Header] = &[REVISION, AGE, CACHE_CONTROL, PROOF_HEADER];

const ADMINISTRATION: Access = Access::Required("the operator's, or an owner's");

pub(super) fn routes() -> Vec<Route> {
    let path = "/v1/namespaces/{name}";
    vec![
        Route::get("/v1/namespaces", list)
            .is("listNamespaces", "namespaces", "The namespaces that the caller administrates.")
            .access(ADMINISTRATION)
            .takes(&[&CURSOR, &LIMIT, &CONSISTENCY])
            .gives(200, "A page of namespaces.", &schemas::NAMESPACES, PAGED),
        Route::get(path, one)
            .is("getNamespace", "namespaces", "A namespace, its terms and what it keeps.")
            .access(ADMINISTRATION)
            .takes(&[&NAME, &CONSISTENCY, &WITH_PROOF])
            .gives(200, "The namespace.", &schemas::NAMESPACE, PROVEN)
            .refuses(&[Code::NotFound]),
        Route::put(path, put)
            .is("putNamespace", "namespaces", "Sets the terms of a namespace. Owners, prefixes and quotas are the operator's to change.")
            .access(ADMINISTRATION)
            .takes(&[&NAME])
            .body(&schemas::TERMS)
            .gives(200, "They hold on a majority.", &schemas::NAMESPACE_STORED, UNKEPT)
            .refuses(&[Code::NotFound, Code::Conflict, Code::BoundReached]),
        Route::delete(path, delete)
            .is("deleteNamespace", "namespaces", "Ends a namespace in which nothing lives.")
            .access(Access::Required("the operator's"))
            .takes(&[&NAME])
            .gives(200, "It is gone.", &schemas::NAMESPACE_STORED, UNKEPT)
            .refuses(&[Code::NotFound]),
    ]
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reading {
    consistency: Option<String>,
    #[serde(default)]
    proof: bool,
}

async fn list(
    State(member): Shared,
    query: Result<Query<Listing>, QueryRejection>,
    caller: Caller,
    uri: Uri,
) -> Answered {
    let call = caller.call()?;
    let query = parameters(query)?;
    let after = page::after(member.cursors(List::Namespaces), query.cursor.as_deref())?;
    let limit = page::limit(query.limit)?;
    let consistency = consistency(query.consistency.as_deref())?;
    let page = Page { after, limit, consistency };
    let Listed { reading, entries, next } = namespaces::list(&member, &call, page).await?;
    let namespaces: Vec<Value> = entries.iter().map(value).collect();
    let response = json(StatusCode::OK, &json!({ "namespaces": namespaces, "next": next }));
    Ok(at(&reading, page::linked(response, &uri, &next)))
}

async fn one(
    State(member): Shared,
    path: Result<Path<String>, PathRejection>,
    query: Result<Query<Reading>, QueryRejection>,
    caller: Caller,
) -> Answered {
    let call = caller.call()?;
    let name: Namespace = field::read("name", &name(path)?)?;
    let query = parameters(query)?;
    let reading = read(&member, query.consistency.as_deref()).await?;
    let kept = namespaces::one(&reading.view, &call.principal, &name)?;
    let response = at(&reading, json(StatusCode::OK, &value(&kept)));
    match query.proof {
        true => Ok(proven(response, &member.log.prove(&reading.view, &kept.0)?)?),
        false => Ok(response),
    }
}

async fn put(
    State(member): Shared,
    path: Result<Path<String>, PathRejection>,
    caller: Caller,
    request: Request,
) -> Answered {
    let call = caller.call()?;
    let name = name(path)?;
    let terms = json_body(request).await?;
    let revision = namespaces::put(&member, &call, &name, &terms).await?;
    Ok(stored(&name, revision.0))
}

async fn delete(
    State(member): Shared,
    path: Result<Path<String>, PathRejection>,
    caller: Caller,
) -> Answered {
    let call = caller.call()?;
    let name = name(path)?;
    let revision = namespaces::delete(&member, &call, &name).await?;
    Ok(stored(&name, revision.0))
}

fn stored(name: &str, revision: u64) -> axum::response::Response {
    json(StatusCode::OK, &json!({ "ok": true, "name": name, "revision": revision }))
}

fn name(path: Result<Path<String>, PathRejection>) -> Result<String, Problem> {
    let Path(text) = path.map_err(|_| Problem::argument("name", "it is not percent-encoded"))?;
    Ok(text)
}

fn value((entry, usage): &Kept) -> Value {
    json!({
        "name": entry.name.as_str(),
        "terms": decode::namespace::to_json(&entry.terms),
        "usage": decode::namespace::usage_to_json(usage),
        "revision": entry.revision.0,
    })
}

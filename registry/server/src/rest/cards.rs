//! A2A cards over HTTP, byte for byte.
//!
//! It decides nothing about a card.

use std::sync::Arc;

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, Request, State};
use axum::response::{IntoResponse as _, Response};
use http::header::{CACHE_CONTROL, ETAG};
use http::{HeaderMap, HeaderValue, StatusCode};
use proto_types::{Digest, Handle};
use registry_api::{Code, Problem, decode};
use serde::Deserialize;
use serde_json::json;

use crate::lookup;
use crate::member::{Member, done_at};

use super::conditions::not_modified;
use super::log::{WITH_PROOF, proven};
use super::parameter::{CONSISTENCY, HANDLE, IF_NONE_MATCH, Parameter, VERSIONED, WRITTEN};
use super::route::{Access, Route};
use super::{
    Answered, Shared, at, bytes, caller, handle, json, json_body, parameters, read, schemas,
};

/// Cards change seldom, and a stale one does no harm for this long. Arbitrary.
const CACHE: HeaderValue = HeaderValue::from_static("public, max-age=60");

static OWNER: Parameter = Parameter::query(
    "owner",
    "The peer whose enrolled key has signed the card; without it the card counts as unsigned.",
    r##"{"$ref":"#/components/schemas/Origin"}"##,
);

pub(super) fn routes() -> Vec<Route> {
    let path = "/v1/cards/{handle}";
    vec![
        Route::get(path, one)
            .is("getCard", "cards", "A card, byte for byte as it was put.")
            .takes(&[&HANDLE, &CONSISTENCY, &WITH_PROOF, &IF_NONE_MATCH])
            .gives(200, "The card.", &schemas::AGENT_CARD, VERSIONED)
            .answers(304, "The caller has this version.", &[], VERSIONED)
            .refuses(&[Code::NotFound]),
        Route::put(path, put)
            .is("putCard", "cards", "Keeps a card. The signature of its owner's enrolled key is the authority; an unsigned card needs the operator.")
            .access(Access::Optional)
            .takes(&[&HANDLE, &OWNER])
            .body(&schemas::AGENT_CARD)
            .gives(200, "It is stored on a majority.", &schemas::CARD_STORED, WRITTEN)
            .refuses(&[Code::PermissionDenied, Code::NotOwner, Code::KeyNotEnrolled, Code::BadSignature]),
    ]
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reading {
    consistency: Option<String>,
    #[serde(default)]
    proof: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Owner {
    owner: Option<String>,
}

pub(super) async fn one(
    State(member): Shared,
    path: Result<Path<String>, PathRejection>,
    query: Result<Query<Reading>, QueryRejection>,
    headers: HeaderMap,
) -> Answered {
    let handle = handle(path)?;
    let asked = parameters(query)?;
    let reading = read(&member, asked.consistency.as_deref()).await?;
    let (entry, document) = lookup::card(&reading.view, &handle)?;
    let response = at(&reading, versioned(&headers, &entry.digest, CACHE, document));
    match asked.proof {
        true => Ok(proven(response, &member.log.prove(&reading.view, &entry)?)?),
        false => Ok(response),
    }
}

pub(super) async fn put(
    State(member): Shared,
    path: Result<Path<String>, PathRejection>,
    query: Result<Query<Owner>, QueryRejection>,
    request: Request,
) -> Answered {
    let caller = caller(&member, request.headers()).await?;
    let handle = handle(path)?;
    let owner = parameters(query)?.owner.unwrap_or_default();
    let document = json_body(request).await?;
    let digest = Digest::of(&document);
    let revision = store(&member, &caller, &handle, &document, &owner).await?;
    let body = json!({
        "ok": true,
        "handle": handle.as_str(),
        "etag": digest.etag(),
        "revision": revision,
    });
    Ok(tagged(json(StatusCode::OK, &body), &digest))
}

async fn store(
    member: &Arc<Member>,
    caller: &registry_api::Principal,
    handle: &Handle,
    document: &[u8],
    owner: &str,
) -> Result<u64, Problem> {
    let seen = member.strong().await?;
    let proposal = decode::card::put(caller, handle.as_str(), document, owner, &seen.view)?;
    Ok(done_at(&member.decide(proposal).await?)?.0)
}

/// A document under its version: whole, or 304 to who has it already.
pub(super) fn versioned(
    headers: &HeaderMap,
    version: &Digest,
    cache: HeaderValue,
    document: Vec<u8>,
) -> Response {
    let mut response = match not_modified(headers, version) {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => bytes(document),
    };
    response.headers_mut().insert(CACHE_CONTROL, cache);
    tagged(response, version)
}

/// Adds the strong entity tag.
pub(super) fn tagged(mut response: Response, version: &Digest) -> Response {
    let tag = HeaderValue::from_str(&version.etag())
        .expect("a digest is hexadecimal digits and a colon in quotes");
    response.headers_mut().insert(ETAG, tag);
    response
}

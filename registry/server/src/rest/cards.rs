//! A2A cards over HTTP, byte for byte: it reads arguments for `operations/cards.rs` and writes the answers.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, Request, State};
use axum::response::Response;
use http::header::{CACHE_CONTROL, ETAG, VARY};
use http::{HeaderMap, HeaderValue, StatusCode, Uri};
use proto_types::{Digest, Handle};
use registry_api::decode::card::Terms;
use registry_api::{Code, List, Problem};
use registry_core::entry::ImportKind;
use registry_core::viewer::Disclosure;
use serde::Deserialize;
use serde_json::json;

use crate::call::Caller;
use crate::operations::cards::{self, Put};
use crate::operations::{Listed, Page};
use crate::{allowance, lookup};

use super::conditions::{conditions, is_sent, unchanged};
use super::log::{WITH_PROOF, proven};
use super::page::{CURSOR, Listing, PAGED};
use super::parameter::{
    CONSISTENCY, CREDENTIAL, HANDLE, IF_MATCH, IF_NONE_MATCH, LIMIT, Parameter, UNLESS_MATCH,
    VISIBILITY, WRITTEN,
};
use super::route::{Access, Route, WRITE_REFUSALS};
use super::{
    Answered, Shared, VARY_BY, annotations, at, bytes, consistency, handle, json, json_body,
    kept_for, look, page, parameters, schemas,
};

/// Cards change seldom, and a stale one does no harm for this long. Arbitrary.
const CACHE_S: u64 = 60;

static OWNER: Parameter = Parameter::query(
    "owner",
    "The peer whose enrolled key has signed the card; without it the card counts as unsigned.",
    r##"{"$ref":"#/components/schemas/Origin"}"##,
);

/// An empty name is none, where over gRPC it stands for nobody.
fn owner(named: Option<&str>) -> Result<&str, Problem> {
    match named {
        Some("") => Err(Problem::argument("owner", "it is empty")),
        named => Ok(named.unwrap_or_default()),
    }
}

pub(super) fn routes() -> Vec<Route> {
    let path = "/v1/cards/{handle}";
    vec![
        Route::get("/v1/cards", list)
            .is("listCards", "cards", "The handles of the cards, in order. The cards themselves may be large, and are read one by one.")
            .access(Access::Optional)
            .costs_by_page(allowance::NAMES, page::DEFAULT)
            .takes(&[&CURSOR, &LIMIT, &CONSISTENCY])
            .gives(200, "A page of handles.", &schemas::CARDS, PAGED),
        Route::get(path, one)
            .is("getCard", "cards", "A card, byte for byte as it was put.")
            .access(Access::Optional)
            .takes(&[&HANDLE, &CONSISTENCY, &WITH_PROOF, &IF_MATCH, &IF_NONE_MATCH])
            .gives(200, "The card.", &schemas::AGENT_CARD, annotations::CARD)
            .answers(304, "The caller has this version.", &[], annotations::CARD)
            .refuses(&[Code::NotFound, Code::PreconditionFailed]),
        Route::put(path, put)
            .is("putCard", "cards", "Keeps a card. The signature of its owner's enrolled key is the authority, and to replace a card takes its owner's credential too; an unsigned card needs the operator.")
            .access(Access::Optional)
            .costs(allowance::VERIFICATION)
            .takes(&[&HANDLE, &OWNER, &VISIBILITY, &CREDENTIAL, &IF_MATCH, &UNLESS_MATCH])
            .body(&schemas::AGENT_CARD)
            .gives(200, "It is stored on a majority.", &schemas::CARD_STORED, WRITTEN)
            .refuses(WRITE_REFUSALS)
            .refuses(&[Code::NotOwner, Code::KeyNotEnrolled, Code::BadSignature, Code::HomeElsewhere, Code::PreconditionFailed]),
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
pub(super) struct PutQuery {
    owner: Option<String>,
    visibility: Option<String>,
}

pub(super) async fn list(
    State(member): Shared,
    query: Result<Query<Listing>, QueryRejection>,
    caller: Caller,
    uri: Uri,
) -> Answered {
    let query = parameters(query)?;
    let after = page::after(member.cursors(List::Cards), query.cursor.as_deref())?;
    let limit = page::limit(query.limit)?;
    let (call, consistency) = (caller.reader()?, consistency(query.consistency.as_deref())?);
    let page = Page { after, limit, consistency };
    let Listed { reading, entries, next } = cards::list(&member, &call, page).await?;
    let names: Vec<&str> = entries.iter().map(Handle::as_str).collect();
    let response = json(StatusCode::OK, &json!({ "handles": names, "next": next }));
    Ok(at(&reading, page::linked(response, &uri, &next)))
}

pub(super) async fn one(
    State(member): Shared,
    query: Result<Query<Reading>, QueryRejection>,
    caller: Caller,
    request: Request,
) -> Answered {
    let (head, _) = request.into_parts();
    let handle = handle(&head.uri)?;
    let query = parameters(query)?;
    let (reading, viewer) = look(&member, caller, query.consistency.as_deref()).await?;
    let spares = |version: &Digest| is_sent(&head.headers, version) != Ok(true);
    let seen = lookup::published_card(&reading.view, &viewer, &handle, spares)?;
    let cache = kept_for(&viewer, CACHE_S);
    let response = at(&reading, versioned(&head.headers, &seen.version, cache, seen.document)?);
    if seen.disclosure < Disclosure::Whole {
        return Ok(response);
    }
    let response = annotations::annotate(response, &reading.view, ImportKind::Card, &handle)?;
    match query.proof {
        true => Ok(proven(response, &member.log.prove(&reading.view, &seen.entry)?)?),
        false => Ok(response),
    }
}

pub(super) async fn put(
    State(member): Shared,
    query: Result<Query<PutQuery>, QueryRejection>,
    caller: Caller,
    request: Request,
) -> Answered {
    let call = caller.with_credential()?;
    let handle = handle(request.uri())?;
    let query = parameters(query)?;
    let conditions = conditions(request.headers())?;
    let document = json_body(request).await?;
    let terms = Terms {
        owner: owner(query.owner.as_deref())?,
        visibility: query.visibility.as_deref().unwrap_or_default(),
    };
    let put = Put { handle: handle.as_str(), document: &document, terms, conditions };
    let (stored, _) = cards::put(&member, &call, put).await?;
    let (etag, revision) = (stored.version.etag(), stored.revision.0);
    let body = json!({ "ok": true, "handle": handle.as_str(), "etag": etag, "revision": revision });
    Ok(tagged(json(StatusCode::OK, &body), &stored.version))
}

/// A document under its version: whole, or 304 to who has it already.
///
/// # Errors
/// As [`is_sent`].
pub(super) fn versioned(
    headers: &HeaderMap,
    version: &Digest,
    cache: HeaderValue,
    document: Vec<u8>,
) -> Result<Response, Problem> {
    let mut response = match is_sent(headers, version)? {
        true => bytes(document),
        false => unchanged(),
    };
    response.headers_mut().insert(CACHE_CONTROL, cache);
    response.headers_mut().insert(VARY, VARY_BY);
    Ok(tagged(response, version))
}

/// Adds the strong entity tag.
pub(super) fn tagged(mut response: Response, version: &Digest) -> Response {
    let tag = HeaderValue::try_from(version.etag())
        .expect("a digest is hexadecimal digits and a colon in quotes");
    response.headers_mut().insert(ETAG, tag);
    response
}

//! Records over HTTP, as the Pilox registry serves them.
//!
//! It decides nothing about a record: it says over HTTP what `registry-api` and the core decide.

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, Request, State};
use http::{HeaderMap, HeaderValue, StatusCode};
use proto_types::pilox::record::{self, Invalid, ParsedRecord};
use proto_types::{Digest, Handle};
use registry_api::{Code, Principal, Problem, decode, field, render};
use registry_core::entry::RecordEntry;
use registry_core::query;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::lookup;
use crate::member::Member;

use super::cards::{tagged, versioned};
use super::conditions::if_match;
use super::parameter::{
    CONSISTENCY, HANDLE, IF_MATCH, IF_NONE_MATCH, Parameter, READ, RECORD as SEEN, UNKEPT, WRITTEN,
};
use super::route::{Access, Route};
use super::{Answered, Shared, at, caller, handle, json, json_body, parameters, read, schemas};

/// Handles of one catalog; a longer one goes on at `next`. About a MiB.
const CATALOG_MAX: usize = 10_000;

/// What a record without `ttlSecondsRecommended` is cached for; the Pilox registry says so of all.
const TTL_S_DEFAULT: u64 = 60;

/// Where a catalog goes on.
static AFTER: Parameter = Parameter::query(
    "after",
    "The `next` of the page before.",
    r##"{"$ref":"#/components/schemas/Handle"}"##,
);

static CATALOG_LIMIT: Parameter = Parameter::query(
    "limit",
    "Handles of a page.",
    r#"{"type":"integer","minimum":1,"maximum":10000,"default":10000}"#,
);

static AGENT_CARD_URL: Parameter = Parameter::query(
    "agentCardUrl",
    "Where the card is, exactly as the record says.",
    r#"{"type":"string","minLength":1}"#,
)
.required();

const SIGNED: Access = Access::Optional;

pub(super) fn routes() -> Vec<Route> {
    [writes(), reads()].into_iter().flatten().collect()
}

fn writes() -> Vec<Route> {
    let path = "/v1/records/{handle}";
    vec![
        Route::post("/v1/records", publish)
            .is("publishRecord", "records", "Publishes a record. Its proof by an enrolled key is the authority; any other record needs the operator.")
            .access(SIGNED)
            .takes(&[&IF_MATCH])
            .body(&schemas::RECORD)
            .gives(201, "It is stored on a majority.", &schemas::RECORD_STORED, WRITTEN)
            .refuses(&[Code::BadProof, Code::StaleUpdatedAt, Code::PreconditionFailed, Code::NotOwner, Code::PermissionDenied, Code::TooFarAhead, Code::KeyNotEnrolled]),
        Route::post("/v1/records/validate", validate)
            .is("validateRecord", "records", "Says what publishing would do, and stores nothing.")
            .access(SIGNED)
            .body(&schemas::RECORD)
            .gives(200, "What was found.", &schemas::VALIDATION, UNKEPT),
        Route::delete(path, delete)
            .is("deleteRecord", "records", "Deletes a record; its tombstone keeps older versions out.")
            .access(Access::Required("the operator's"))
            .takes(&[&HANDLE, &IF_MATCH])
            .gives(200, "It is gone.", &schemas::RECORD_DELETED, UNKEPT)
            .refuses(&[Code::NotFound, Code::PreconditionFailed]),
    ]
}

fn reads() -> Vec<Route> {
    vec![
        Route::get("/v1/records", catalog)
            .is(
                "listRecords",
                "records",
                "The handles of all records, signed. A longer list goes on at `next`.",
            )
            .takes(&[&AFTER, &CATALOG_LIMIT, &CONSISTENCY])
            .gives(200, "A page of handles.", &schemas::CATALOG, READ),
        Route::get("/v1/records/{handle}", one)
            .is("getRecord", "records", "A record, byte for byte as it was published.")
            .takes(&[&HANDLE, &CONSISTENCY, &IF_NONE_MATCH])
            .gives(200, "The record.", &schemas::RECORD, SEEN)
            .answers(304, "The caller has this version.", &[], SEEN)
            .refuses(&[Code::NotFound, Code::RecordExpired]),
        Route::get("/v1/resolve", resolve)
            .is("resolveRecord", "records", "The records whose card is at a URL.")
            .takes(&[&AGENT_CARD_URL])
            .gives(200, "Their handles; none if there is none.", &schemas::RESOLVED, READ),
    ]
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Listing {
    after: Option<String>,
    limit: Option<usize>,
    consistency: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reading {
    consistency: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Wanted {
    agent_card_url: Option<String>,
}

pub(super) async fn publish(State(member): Shared, request: Request) -> Answered {
    let caller = caller(&member, request.headers()).await?;
    let if_match = if_match(request.headers())?;
    let document = json_body(request).await?;
    let seen = member.strong().await?;
    let put = decode::record::put(&caller, &document, if_match, &seen.view)?;
    member.propose(put.proposal).await?;
    let version = Digest::of(&document);
    let body = json!({
        "ok": true,
        "handle": put.handle.as_str(),
        "etag": version.etag(),
        "assurance": put.assurance.as_str(),
    });
    Ok(tagged(json(StatusCode::CREATED, &body), &version))
}

/// Says what [`publish`] would do, and stores nothing.
pub(super) async fn validate(State(member): Shared, request: Request) -> Answered {
    let caller = caller(&member, request.headers()).await?;
    let document = json_body(request).await?;
    let body = match record::parse(&document) {
        Ok(parsed) => dry_run(&member, &caller, &document, &parsed).await?,
        Err(Invalid::Schema(errors)) => {
            let errors = decode::record::faults(&Invalid::Schema(errors));
            json!({ "wouldAcceptWrite": false, "schemaValid": false, "schemaErrors": errors })
        }
        Err(_) => return decode_refusal(&caller, &document, &member),
    };
    Ok(json(StatusCode::OK, &body))
}

/// A body that is not JSON is refused as [`publish`] refuses it.
fn decode_refusal(caller: &Principal, document: &[u8], member: &Member) -> Answered {
    match decode::record::put(caller, document, None, &member.registry.view().0) {
        Err(problem) => Err(problem.into()),
        Ok(_) => Err(Problem::internal("a record parsed once and not again").into()),
    }
}

async fn dry_run(
    member: &Member,
    caller: &Principal,
    document: &[u8],
    parsed: &ParsedRecord,
) -> Result<Value, Problem> {
    let view = member.strong().await?.view;
    let would = decode::record::put(caller, document, None, &view).and_then(|put| {
        let kept = query::record(&view, &put.handle)?;
        let stale = kept.filter(|kept| parsed.updated_at <= kept.updated_at);
        match stale {
            Some(_) => Err(Problem::new(Code::StaleUpdatedAt, "updatedAt is not newer")),
            None => Ok(put.assurance),
        }
    });
    let mut body = json!({
        "wouldAcceptWrite": would.is_ok(),
        "schemaValid": true,
        "schemaErrors": [],
    });
    match would {
        Ok(assurance) => body["assurance"] = assurance.as_str().into(),
        Err(problem) if problem.status() >= 500 => return Err(problem),
        Err(problem) => {
            body["code"] = problem.code().as_str().into();
            body["detail"] = problem.detail().into();
        }
    }
    Ok(body)
}

pub(super) async fn catalog(
    State(member): Shared,
    query: Result<Query<Listing>, QueryRejection>,
) -> Answered {
    let asked = parameters(query)?;
    let after: Option<Handle> = field::optional("after", asked.after.as_deref().unwrap_or(""))?;
    let limit = asked.limit.unwrap_or(CATALOG_MAX);
    if !(1..=CATALOG_MAX).contains(&limit) {
        return Err(Problem::argument("limit", format_args!("1 to {CATALOG_MAX}")).into());
    }
    let reading = read(&member, asked.consistency.as_deref()).await?;
    let page = query::records(&reading.view, after.as_ref(), limit)?;
    let next = field::next(&page, limit, |record| record.handle.as_str());
    let handles: Vec<Handle> = page.into_iter().map(|record| record.handle).collect();
    let signer = &member.signer;
    let now = member.clock.now();
    let body = render::pilox::catalog(&handles, &next, now, &signer.kid, &signer.key);
    Ok(at(&reading, json(StatusCode::OK, &body)))
}

pub(super) async fn one(
    State(member): Shared,
    path: Result<Path<String>, PathRejection>,
    query: Result<Query<Reading>, QueryRejection>,
    headers: HeaderMap,
) -> Answered {
    let handle = handle(path)?;
    let reading = read(&member, parameters(query)?.consistency.as_deref()).await?;
    let (entry, version, document) = lookup::record(&reading.view, &handle, member.clock.now())?;
    let cache = cache(&member, &entry);
    let mut response = versioned(&headers, &version, cache, document);
    if let Some(seen) = query::liveness(&reading.view, &handle)? {
        let line = HeaderValue::from_str(&render::federation::liveness_line(&seen));
        let line = line.expect("a class and numbers are visible ASCII");
        response.headers_mut().insert("ecumene-liveness", line);
    }
    Ok(at(&reading, response))
}

/// As long as the record recommends, but not past its end.
fn cache(member: &Member, entry: &RecordEntry) -> HeaderValue {
    let ttl_s = entry.ttl_s.unwrap_or(TTL_S_DEFAULT);
    let left_s = entry.valid_until.map(|until| until.since(member.clock.now()) / 1_000);
    let seconds = left_s.map_or(ttl_s, |left_s| left_s.min(ttl_s));
    HeaderValue::from_str(&format!("public, max-age={seconds}"))
        .expect("digits are allowed in a header value")
}

pub(super) async fn delete(
    State(member): Shared,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Answered {
    let caller = caller(&member, &headers).await?;
    let handle = handle(path)?;
    let proposal = decode::record::delete(&caller, handle.as_str(), if_match(&headers)?)?;
    member.propose(proposal).await?;
    let body = json!({ "ok": true, "deleted": handle.as_str() });
    Ok(json(StatusCode::OK, &body))
}

pub(super) async fn resolve(
    State(member): Shared,
    query: Result<Query<Wanted>, QueryRejection>,
) -> Answered {
    let Some(url) = parameters(query)?.agent_card_url.filter(|url| !url.is_empty()) else {
        return Err(Problem::argument("agentCardUrl", "it is required").into());
    };
    let reading = member.stale();
    let found = query::record_by_card_url(&reading.view, &url)?;
    let handles: Vec<&str> = found.iter().map(|record| record.handle.as_str()).collect();
    Ok(at(&reading, json(StatusCode::OK, &json!({ "handles": handles }))))
}

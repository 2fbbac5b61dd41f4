//! Records over HTTP, as the Pilox registry serves them: it reads arguments for `operations/records.rs` and writes the
//! answers.

mod catalog;
mod resolve;
mod validate;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, Request, State};
use http::{HeaderMap, StatusCode, Uri};
use proto_types::{Digest, WallMs};
use registry_api::decode::record::Terms;
use registry_api::{Code, Problem, decode};
use registry_core::entry::{ImportKind, RecordEntry};
use registry_core::viewer::Disclosure;
use serde::Deserialize;
use serde_json::json;

use crate::allowance;
use crate::call::Caller;
use crate::lookup::{self, Seen};
use crate::operations::records::{self, Put};

use super::cards::{tagged, versioned};
use super::conditions::{conditions, is_sent};
use super::log::{WITH_PROOF, proven};
use super::page::{CURSOR, PAGED};
use super::parameter::{
    CONSISTENCY, CREDENTIAL, HANDLE, IF_MATCH, IF_NONE_MATCH, READ, UNKEPT, UNLESS_MATCH,
    VISIBILITY, WRITTEN,
};
use super::route::{Access, Route, WRITE_REFUSALS};
use super::{
    Answered, Shared, annotations, at, handle, json, json_body, kept_for, look, parameters, schemas,
};

/// What a record without `ttlSecondsRecommended` is cached for; the Pilox registry says so of all.
const TTL_S_DEFAULT: u64 = 60;

pub(super) fn routes() -> Vec<Route> {
    [writes(), reads()].into_iter().flatten().collect()
}

fn writes() -> Vec<Route> {
    let path = "/v1/records/{handle}";
    vec![
        Route::post("/v1/records", publish)
            .is("publishRecord", "records", "Publishes a record. Its proof by an enrolled key is the authority; any other record needs the operator.")
            .access(Access::Optional)
            .costs(allowance::VERIFICATION)
            .takes(&[&IF_MATCH, &UNLESS_MATCH, &VISIBILITY, &CREDENTIAL])
            .body(&schemas::RECORD)
            .gives(201, "It is stored on a majority.", &schemas::RECORD_STORED, WRITTEN)
            .refuses(WRITE_REFUSALS)
            .refuses(&[Code::BadProof, Code::StaleUpdatedAt, Code::PreconditionFailed, Code::NotOwner, Code::TooFarAhead, Code::KeyNotEnrolled, Code::NotReady, Code::BoundReached, Code::HomeElsewhere]),
        Route::post("/v1/records/validate", validate::validate)
            .is("validateRecord", "records", "Says what publishing would do, and stores nothing.")
            .access(Access::Optional)
            .costs(allowance::VERIFICATION)
            .takes(&[&IF_MATCH, &UNLESS_MATCH, &VISIBILITY, &CREDENTIAL])
            .body(&schemas::RECORD)
            .gives(200, "What was found.", &schemas::VALIDATION, UNKEPT)
            .refuses(&[Code::WriteDisabled]),
        Route::delete(path, delete)
            .is("deleteRecord", "records", "Deletes a record; its tombstone keeps older versions out.")
            .access(Access::Required("the operator's, or an owner's"))
            .takes(&[&HANDLE, &IF_MATCH, &UNLESS_MATCH])
            .gives(200, "It is gone.", &schemas::RECORD_DELETED, UNKEPT)
            .refuses(&[Code::NotFound, Code::PreconditionFailed, Code::HomeElsewhere]),
    ]
}

fn reads() -> Vec<Route> {
    vec![
        // It pays for its parts as it reads them.
        Route::get("/v1/records", catalog::catalog)
            .is(
                "listRecords",
                "records",
                "The handles of all records, signed. A longer list than one answer holds says that it is \
                 `truncated`, and goes on at `next`.",
            )
            .access(Access::Optional)
            .takes(&[&CURSOR, &catalog::LIMIT, &CONSISTENCY])
            .gives(200, "A page of handles.", &schemas::CATALOG, PAGED)
            .refuses(&[Code::Overloaded]),
        Route::get("/v1/records/{handle}", one)
            .is("getRecord", "records", "A record, byte for byte as it was published.")
            .access(Access::Optional)
            .takes(&[&HANDLE, &CONSISTENCY, &WITH_PROOF, &IF_MATCH, &IF_NONE_MATCH])
            .gives(200, "The record.", &schemas::RECORD, annotations::RECORD)
            .answers(304, "The caller has this version.", &[], annotations::RECORD)
            .refuses(&[Code::NotFound, Code::RecordExpired, Code::PreconditionFailed]),
        Route::get("/v1/resolve", resolve::resolve)
            .is("resolveRecord", "records", "The records whose card is at a URL.")
            .access(Access::Optional)
            .takes(&[&resolve::AGENT_CARD_URL])
            .gives(200, "Their handles; none if there is none.", &schemas::RESOLVED, READ),
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
pub(super) struct Publishing {
    visibility: Option<String>,
}

impl Publishing {
    fn terms(&self) -> Result<Terms, Problem> {
        let visibility = decode::visibility(self.visibility.as_deref().unwrap_or_default())?;
        Ok(Terms { visibility })
    }
}

pub(super) async fn publish(
    State(member): Shared,
    query: Result<Query<Publishing>, QueryRejection>,
    caller: Caller,
    request: Request,
) -> Answered {
    let terms = parameters(query)?.terms()?;
    let call = caller.with_credential()?;
    let conditions = conditions(request.headers())?;
    let document = json_body(request).await?;
    let put = Put { document: &document, terms, conditions };
    let (stored, _) = records::put(&member, &call, put).await?;
    let body = json!({
        "ok": true,
        "handle": stored.handle.as_str(),
        "etag": stored.version.etag(),
        "assurance": stored.assurance.as_str(),
    });
    Ok(tagged(json(StatusCode::CREATED, &body), &stored.version))
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
    // A document that is not sent need not be read.
    let spares = |version: &Digest| is_sent(&head.headers, version) != Ok(true);
    let terms = (reading.time, spares);
    let seen = lookup::published_record(&reading.view, &viewer, &handle, terms)?;
    let cache = kept_for(&viewer, fresh_s(reading.time, &seen));
    let response = at(&reading, versioned(&head.headers, &seen.version, cache, seen.document)?);
    if seen.disclosure < Disclosure::Whole {
        return Ok(response);
    }
    let response = annotations::annotate(response, &reading.view, ImportKind::Record, &handle)?;
    match query.proof {
        true => Ok(proven(response, &member.log.prove(&reading.view, &seen.entry)?)?),
        false => Ok(response),
    }
}

/// As long as the record recommends, but not past its end. Who does not see the record does not see
/// its recommendation either.
fn fresh_s(now: WallMs, seen: &Seen<RecordEntry>) -> u64 {
    if seen.disclosure < Disclosure::Whole {
        return TTL_S_DEFAULT;
    }
    let ttl_s = seen.entry.ttl_s.unwrap_or(TTL_S_DEFAULT);
    let left_s = seen.entry.valid_until.map(|until| until.since(now) / 1_000);
    left_s.map_or(ttl_s, |left_s| left_s.min(ttl_s))
}

pub(super) async fn delete(
    State(member): Shared,
    target: Uri,
    caller: Caller,
    headers: HeaderMap,
) -> Answered {
    let call = caller.call()?;
    let handle = handle(&target)?;
    let conditions = conditions(&headers)?;
    records::delete(&member, &call, handle.as_str(), conditions).await?;
    let body = json!({ "ok": true, "deleted": handle.as_str() });
    Ok(json(StatusCode::OK, &body))
}

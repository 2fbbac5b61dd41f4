//! What owners of peers do over HTTP: they enrol and sign operations. Anybody reads a peer's log. Signatures are the
//! authority.

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, Request, State};
use http::StatusCode;
use proto_types::{Digest, Origin};
use proto_wire::registry::v1 as wire;
use proto_wire::to_json;
use registry_api::{Code, Problem, decode, render};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::super::parameter::{CONSISTENCY, LIMIT, Parameter, READ, UNKEPT};
use super::super::route::{Access, Route};
use super::super::{Answered, Shared, at, json, json_body, page, parameters, read, schemas};
use super::{ORIGIN, nulled, origin, peer};
use crate::call::Caller;
use crate::operations::peers;
use crate::{allowance, lookup};

static AFTER: Parameter = Parameter::query(
    "after",
    "The number of the last entry of the page before.",
    r#"{"type":"integer","minimum":0,"default":0}"#,
);

pub(super) fn routes() -> Vec<Route> {
    let operations = "/v1/peers/{origin}/operations";
    vec![
        Route::post("/v1/peers", enrol)
            .is("enrolPeer", "peers", "Enrols a peer by its signed enrolment. With a join token or by the operator it is let in at once; else it waits for an operator, or for its host to vouch for it.")
            .access(Access::Optional)
            .costs(allowance::VERIFICATION)
            .body(&schemas::PEER_ENROLMENT)
            .gives(201, "It is enrolled.", &schemas::PEER, UNKEPT)
            .gives(202, "It waits to be let in.", &schemas::PEER, UNKEPT)
            .refuses(&[Code::BadSignature, Code::DocumentExpired, Code::TooFarAhead, Code::JoinTokenInvalid, Code::PermissionDenied, Code::Conflict, Code::OperationOutOfOrder, Code::BoundReached]),
        Route::get(operations, log)
            .is("getPeerLog", "peers", "The hash-linked log of a peer, with the signed documents that it speaks of. Anybody can verify it from its first entry on.")
            .costs_by_page(allowance::DOCUMENTS, page::DEFAULT)
            .takes(&[&ORIGIN, &AFTER, &LIMIT, &CONSISTENCY])
            .gives(200, "A page of the log.", &schemas::PEER_LOG, READ)
            .refuses(&[Code::NotFound]),
        Route::post(operations, operate)
            .is("operatePeer", "peers", "Carries out an operation of the peer's owner. The signature is the authority: anybody may bring it.")
            .takes(&[&ORIGIN])
            .costs(allowance::VERIFICATION)
            .body(&schemas::PEER_OPERATION)
            .gives(201, "It is taken on a majority.", &schemas::MANIFEST_STORED, UNKEPT)
            .refuses(&[Code::NotFound, Code::KeyNotEnrolled, Code::BadSignature, Code::DocumentExpired, Code::TooFarAhead, Code::Conflict, Code::OperationOutOfOrder, Code::RecoveryTooLate, Code::PeerNotActive, Code::BoundReached]),
    ]
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Enrolment<'a> {
    #[serde(borrow)]
    operation: &'a RawValue,
    #[serde(default)]
    join_token: String,
    #[serde(default)]
    domain: bool,
}

async fn enrol(State(member): Shared, caller: Caller, request: Request) -> Answered {
    let call = caller.call()?;
    let body = json_body(request).await?;
    // Strictness first: what serde skips over, a reader of the log would stumble on.
    proto_types::json::parse(&body).map_err(|error| decode::not_json(&error))?;
    let enrolment: Enrolment<'_> =
        serde_json::from_slice(&body).map_err(|why| Problem::new(Code::InvalidDocument, why))?;
    let request = wire::EnrolPeerRequest {
        operation: enrolment.operation.get().as_bytes().to_vec().into(),
        join_token: enrolment.join_token,
        domain: enrolment.domain,
        ..Default::default()
    };
    let (reading, enrolled) = peers::enrol(&member, &call, &request).await?;
    let waits = enrolled.status == render::peer::PENDING;
    let status = if waits { StatusCode::ACCEPTED } else { StatusCode::CREATED };
    Ok(at(&reading, json(status, &peer(&enrolled))))
}

async fn operate(
    State(member): Shared,
    path: Result<Path<String>, PathRejection>,
    request: Request,
) -> Answered {
    let named: Origin = origin(path)?;
    let document = json_body(request).await?;
    let revision = peers::operate(&member, &document, Some(&named)).await?;
    let version = Digest::of(&document);
    let body = json!({ "ok": true, "etag": version.etag(), "revision": revision.0 });
    Ok(json(StatusCode::CREATED, &body))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Paging {
    #[serde(default)]
    after: u64,
    #[serde(default)]
    limit: Option<u32>,
    consistency: Option<String>,
}

async fn log(
    State(member): Shared,
    path: Result<Path<String>, PathRejection>,
    query: Result<Query<Paging>, QueryRejection>,
) -> Answered {
    let (origin, query) = (origin(path)?, parameters(query)?);
    let limit = page::limit(query.limit)?;
    let reading = read(&member, query.consistency.as_deref()).await?;
    let page = lookup::peer_log(&reading.view, &origin, query.after, limit)?;
    let entries = page.entries.iter().map(line).collect::<Result<Vec<_>, _>>()?;
    let body = json!({ "entries": entries, "more": page.more });
    Ok(at(&reading, json(StatusCode::OK, &body)))
}

/// A line with its document as JSON: its signature is over its canonical form, so how it is encoded does
/// not matter.
fn line(line: &wire::PeerLogEntry) -> Result<Value, Problem> {
    let shown = nulled(to_json(line), &["voidedBy"]);
    let damaged = !line.entry.is_empty() && shown["entry"].is_null();
    if damaged { Err(Problem::internal("an entry of a peer's log is no JSON")) } else { Ok(shown) }
}

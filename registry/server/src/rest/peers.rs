//! Peers, the signed roster and manifests over HTTP.
//!
//! It decides nothing about a peer: `operations/peers.rs` does what is asked.

mod operator;
mod owner;
mod reputation;

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, Request, State};
use axum::response::Response;
use http::header::CACHE_CONTROL;
use http::{HeaderValue, StatusCode, Uri};
use proto_types::{Digest, Origin};
use proto_wire::registry::v1 as wire;
use registry_api::{Code, List, Problem, field, render};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::operations::{Listed, Page, peers};
use crate::roster::{self, Signed};
use crate::{allowance, lookup};

use super::cards::tagged;
use super::conditions::conditions;
use super::page::{CURSOR, Listing, PAGED};
use super::parameter::{
    CONSISTENCY, IF_MATCH, LIMIT, Parameter, READ, ROSTER, TRUNCATED, UNLESS_MATCH, WRITTEN,
};
use super::route::Route;
use super::{
    Answered, Shared, at, bytes, consistency, json, json_body, page, parameters, read, schemas,
};

/// A roster may be this old at a peer. The bound on how long a revoked key may still be believed.
const ROSTER_CACHE: &str = "public, max-age=60";

/// The name of a peer in a path.
static ORIGIN: Parameter = Parameter::path(
    "origin",
    "The peer's origin, percent-encoded as one segment.",
    r##"{"$ref":"#/components/schemas/Origin"}"##,
);

pub(super) fn routes() -> Vec<Route> {
    let mut routes = directory();
    routes.extend(owner::routes());
    routes.extend(operator::routes());
    routes.extend(reputation::routes());
    routes
}

fn directory() -> Vec<Route> {
    vec![
        Route::get("/v1/peers/{origin}", one)
            .is("getPeer", "peers", "A peer, whatever its standing.")
            .takes(&[&ORIGIN, &CONSISTENCY])
            .gives(200, "The peer.", &schemas::PEER, READ)
            .refuses(&[Code::NotFound]),
        Route::get("/v1/peers", list)
            .is("listPeers", "peers", "Peers by origin, revoked ones included.")
            .costs_by_page(allowance::ENTRIES, page::DEFAULT)
            .takes(&[&CURSOR, &LIMIT, &CONSISTENCY])
            .gives(200, "A page of peers.", &schemas::PEERS, PAGED),
        Route::get("/v1/peers/roster.json", roster)
            .is("getRoster", "peers", "The active peers as a Pilox instance reads them, signed whole: at most 8,192, and 2 MiB.")
            .gives(200, "The roster.", &schemas::ROSTER, ROSTER),
        Route::post("/v1/peers/manifests", put_manifest)
            .is("putManifest", "peers", "Takes a peer's signed manifest. The signature is the authority: anybody may bring it.")
            .costs(allowance::VERIFICATION)
            .takes(&[&IF_MATCH, &UNLESS_MATCH])
            .body(&schemas::PEER_MANIFEST)
            .gives(201, "It is stored on a majority.", &schemas::MANIFEST_STORED, WRITTEN)
            .refuses(&[Code::KeyNotEnrolled, Code::BadSignature, Code::DocumentExpired, Code::SequenceNotHigher, Code::SequenceTooFar, Code::PeerNotActive, Code::BoundReached, Code::TooFarAhead, Code::Conflict, Code::PreconditionFailed]),
    ]
}

pub(super) async fn list(
    State(member): Shared,
    query: Result<Query<Listing>, QueryRejection>,
    uri: Uri,
) -> Answered {
    let query = parameters(query)?;
    let after = page::after(member.cursors(List::Peers), query.cursor.as_deref())?;
    let limit = page::limit(query.limit)?;
    let consistency = consistency(query.consistency.as_deref())?;
    let page = Page { after, limit, consistency };
    let Listed { reading, entries, next } = peers::list(&member, page).await?;
    let peers: Vec<Value> =
        entries.iter().map(|entry| peer(&render::peer::peer(entry, None))).collect();
    let response = json(StatusCode::OK, &json!({ "peers": peers, "next": next }));
    Ok(at(&reading, page::linked(response, &uri, &next)))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reading {
    consistency: Option<String>,
}

async fn one(
    State(member): Shared,
    path: Result<Path<String>, PathRejection>,
    query: Result<Query<Reading>, QueryRejection>,
) -> Answered {
    let (origin, query) = (origin(path)?, parameters(query)?);
    let reading = read(&member, query.consistency.as_deref()).await?;
    let found = lookup::peer(&reading.view, &origin)?;
    Ok(at(&reading, json(StatusCode::OK, &peer(&found))))
}

/// The origin in a path, where it stands percent-encoded.
fn origin(path: Result<Path<String>, PathRejection>) -> Result<Origin, Problem> {
    let Path(text) = path.map_err(|_| Problem::argument("origin", "it is not percent-encoded"))?;
    field::read("origin", &text)
}

/// A peer in JSON, told by the same words as over gRPC.
pub(super) fn peer(entry: &wire::Peer) -> Value {
    let (keys, recovery) = (keys(&entry.keys), keys(&entry.recovery_keys));
    let stated = (entry.manifest_seq > 0).then_some(entry);
    json!({
        "origin": entry.origin,
        "keys": keys,
        "recoveryKeys": recovery,
        "status": entry.status,
        "enrolledAtMs": entry.enrolled_at_ms,
        "manifestSeq": stated.map(|peer| peer.manifest_seq),
        "manifestDigest": stated.map(|peer| &peer.manifest_digest),
        "manifestExpiresAtMs": stated.map(|peer| peer.manifest_expires_at_ms),
        "movedTo": text(&entry.moved_to),
        "epoch": entry.epoch,
        "operationSeq": entry.operation_seq,
        "operationDigest": text(&entry.operation_digest),
        "logIndex": entry.log_index,
        "logDigest": text(&entry.log_digest),
        "domainProven": entry.domain_proven,
        "tokenLifeSMax": (entry.token_life_s_max > 0).then_some(entry.token_life_s_max),
        "revision": entry.revision,
    })
}

pub(super) fn keys(keys: &[wire::Key]) -> Vec<Value> {
    let time = |ms: u64| (ms > 0).then_some(ms);
    let key = |key: &wire::Key| {
        json!({
            "kid": key.kid,
            "publicKeyHex": key.public_key_hex,
            "use": if key.usage.is_empty() { "recovery" } else { &key.usage },
            "notBeforeMs": time(key.not_before_ms),
            "notAfterMs": time(key.not_after_ms),
        })
    };
    keys.iter().map(key).collect()
}

fn text(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

pub(super) async fn roster(State(member): Shared) -> Answered {
    let (reading, signed) = roster::current(&member).await?;
    Ok(at(&reading, shown_roster(signed)))
}

/// The document is signed whole and has no member that says that it is cut: a header does.
fn shown_roster(signed: Signed) -> Response {
    let mut response = bytes(signed.document.into());
    if signed.truncated {
        let said = HeaderValue::from_static("true");
        response.headers_mut().insert(TRUNCATED.name, said);
    }
    let cache = HeaderValue::from_static(ROSTER_CACHE);
    response.headers_mut().insert(CACHE_CONTROL, cache);
    response
}

pub(super) async fn put_manifest(State(member): Shared, request: Request) -> Answered {
    let conditions = conditions(request.headers())?;
    let document = json_body(request).await?;
    let revision = peers::put_manifest(&member, &document, conditions).await?;
    let version = Digest::of(&document);
    let body = json!({ "ok": true, "etag": version.etag(), "revision": revision.0 });
    Ok(tagged(json(StatusCode::CREATED, &body), &version))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_roster_that_is_cut_says_so_in_a_header_and_a_whole_one_does_not() {
        let said = |truncated| {
            let document = bytes::Bytes::from_static(b"{}");
            let shown = shown_roster(Signed { document, truncated });
            shown.headers().get("ecumene-truncated").cloned()
        };
        assert_eq!(said(true), Some(HeaderValue::from_static("true")));
        assert_eq!(said(false), None);
    }
}

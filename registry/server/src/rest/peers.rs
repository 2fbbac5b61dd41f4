//! Peers, the signed roster and manifests over HTTP: it reads arguments for `operations/peers.rs` and writes the answers.

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
use proto_wire::{to_json, to_json_without};
use registry_api::{Code, List, Problem, field, render};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::operations::{Listed, Page, peers};
use crate::roster::Signed;
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

/// Members of a peer that are null where there is nothing to tell.
const NULL: [&str; 7] = [
    "manifestSeq",
    "manifestDigest",
    "manifestExpiresAtMs",
    "movedTo",
    "operationDigest",
    "logDigest",
    "tokenLifeSMax",
];

/// A peer in JSON, told by the same words as over gRPC.
pub(super) fn peer(entry: &wire::Peer) -> Value {
    let mut shown = nulled(to_json_without(entry, &["manifest", "liveness"]), &NULL);
    shown["keys"] = keys(&entry.keys);
    shown["recoveryKeys"] = keys(&entry.recovery_keys);
    shown
}

pub(super) fn keys(keys: &[wire::Key]) -> Value {
    let key = |key: &wire::Key| {
        let mut shown = nulled(to_json(key), &["notBeforeMs", "notAfterMs"]);
        if key.usage.is_empty() {
            shown["use"] = "recovery".into();
        }
        shown
    };
    keys.iter().map(key).collect()
}

/// Protobuf says 0 or an empty text where there is nothing; these members are null then.
pub(super) fn nulled(mut said: Value, members: &[&str]) -> Value {
    for name in members {
        let value = &mut said[*name];
        if *value == 0 || *value == "" {
            *value = Value::Null;
        }
    }
    said
}

pub(super) async fn roster(State(member): Shared) -> Answered {
    let (reading, signed) = member.roster.current(&member.signer, || member.stale()).await?;
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
    fn what_is_not_there_of_a_peer_is_null() {
        assert_eq!(
            peer(&wire::Peer::default()).to_string(),
            r#"{"domainProven":false,"enrolledAtMs":0,"epoch":0,"keys":[],"logDigest":null,"logIndex":0,"manifestDigest":null,"manifestExpiresAtMs":null,"manifestSeq":null,"movedTo":null,"operationDigest":null,"operationSeq":0,"origin":"","recoveryKeys":[],"revision":0,"status":"","tokenLifeSMax":null}"#
        );
        let text = str::to_owned;
        let (kid, usage) = (text("k1"), text("signing"));
        let key = wire::Key { kid, usage, not_before_ms: 1, ..Default::default() };
        let full = wire::Peer {
            origin: text("https://a.example"),
            keys: vec![key.clone()],
            status: text("active"),
            enrolled_at_ms: 1,
            manifest_seq: 2,
            manifest_digest: text("d1"),
            revision: 3,
            manifest: bytes::Bytes::from_static(b"{}"),
            recovery_keys: vec![wire::Key { usage: String::new(), not_after_ms: 2, ..key }],
            moved_to: text("https://b.example"),
            epoch: 4,
            operation_seq: 5,
            operation_digest: text("d2"),
            log_index: 6,
            log_digest: text("d3"),
            domain_proven: true,
            manifest_expires_at_ms: 7,
            token_life_s_max: 300,
            liveness: Some(wire::Liveness::default()),
        };
        assert_eq!(
            peer(&full).to_string(),
            r#"{"domainProven":true,"enrolledAtMs":1,"epoch":4,"keys":[{"kid":"k1","notAfterMs":null,"notBeforeMs":1,"publicKeyHex":"","use":"signing"}],"logDigest":"d3","logIndex":6,"manifestDigest":"d1","manifestExpiresAtMs":7,"manifestSeq":2,"movedTo":"https://b.example","operationDigest":"d2","operationSeq":5,"origin":"https://a.example","recoveryKeys":[{"kid":"k1","notAfterMs":2,"notBeforeMs":1,"publicKeyHex":"","use":"recovery"}],"revision":3,"status":"active","tokenLifeSMax":300}"#
        );
    }

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

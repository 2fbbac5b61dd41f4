//! Peers, the signed roster and manifests over HTTP.
//!
//! It decides nothing about a peer.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, Request, State};
use http::header::CACHE_CONTROL;
use http::{StatusCode, Uri};
use proto_types::{Digest, Origin};
use registry_api::{Code, Problem, decode, field, render};
use registry_core::entry::PeerEntry;
use registry_core::query;
use registry_core::view::View;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::member::done_at;

use super::cards::tagged;
use super::page::{CURSOR, PAGED};
use super::parameter::{CONSISTENCY, LIMIT, READ, WRITTEN};
use super::route::Route;
use super::{Answered, Shared, at, json, json_body, page, parameters, read, schemas};

/// The list that cursors of peers belong to.
const LIST: &str = "peers";

/// Peers read at a time.
const PAGE: usize = 1_000;

/// Peers of one roster; it cannot be paged, because it is signed whole. Below the bound of our own
/// reader.
const ROSTER_MAX: usize = 50_000;

/// A roster may be this old at a peer. The bound on how long a revoked key may still be believed.
const ROSTER_CACHE: &str = "public, max-age=60";

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/v1/peers", list)
            .is("listPeers", "peers", "Peers by origin, revoked ones included.")
            .takes(&[&CURSOR, &LIMIT, &CONSISTENCY])
            .gives(200, "A page of peers.", &schemas::PEERS, PAGED),
        Route::get("/v1/peers/roster.json", roster)
            .is("getRoster", "peers", "The active peers as a Pilox instance reads them, signed whole.")
            .gives(200, "The roster.", &schemas::ROSTER, READ)
            .refuses(&[Code::BoundReached]),
        Route::post("/v1/peers/manifests", put_manifest)
            .is("putManifest", "peers", "Takes a peer's signed manifest. The signature is the authority: anybody may bring it.")
            .body(&schemas::PEER_MANIFEST)
            .gives(201, "It is stored on a majority.", &schemas::MANIFEST_STORED, WRITTEN)
            .refuses(&[Code::KeyNotEnrolled, Code::BadSignature, Code::DocumentExpired, Code::SequenceNotHigher, Code::TooFarAhead, Code::Conflict]),
    ]
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Listing {
    cursor: Option<String>,
    limit: Option<u32>,
    consistency: Option<String>,
}

pub(super) async fn list(
    State(member): Shared,
    query: Result<Query<Listing>, QueryRejection>,
    uri: Uri,
) -> Answered {
    let asked = parameters(query)?;
    let after: Option<Origin> = page::after(LIST, asked.cursor.as_deref())?;
    let limit = page::limit(asked.limit)?;
    let reading = read(&member, asked.consistency.as_deref()).await?;
    let page = query::peers(&reading.view, after.as_ref(), limit)?;
    let next = page::cursor(LIST, &field::next(&page, limit, |peer| peer.origin.as_str()));
    let peers: Vec<Value> = page.iter().map(peer).collect();
    let response = json(StatusCode::OK, &json!({ "peers": peers, "next": next }));
    Ok(at(&reading, page::linked(response, &uri, &next)))
}

fn peer(entry: &PeerEntry) -> Value {
    let keys = entry
        .keys
        .iter()
        .map(|key| json!({ "kid": key.kid.as_str(), "publicKeyHex": key.public_key.to_hex() }));
    json!({
        "origin": entry.origin.as_str(),
        "keys": keys.collect::<Vec<_>>(),
        "status": render::directory::peer_status(entry.status),
        "enrolledAtMs": entry.enrolled_at.0,
        "manifestSeq": entry.manifest.as_ref().map(|manifest| manifest.seq),
        "manifestDigest": entry.manifest.as_ref().map(|manifest| manifest.digest.to_string()),
        "revision": entry.revision.0,
    })
}

pub(super) async fn roster(State(member): Shared) -> Answered {
    let reading = member.stale();
    let peers = all_peers(&reading.view)?;
    let document = render::pilox::roster(&peers, member.clock.now(), &member.signer.key);
    let mut response = json(StatusCode::OK, &document);
    let cache = http::HeaderValue::from_static(ROSTER_CACHE);
    response.headers_mut().insert(CACHE_CONTROL, cache);
    Ok(at(&reading, response))
}

fn all_peers(view: &dyn View) -> Result<Vec<PeerEntry>, Problem> {
    let mut peers: Vec<PeerEntry> = Vec::new();
    loop {
        let after = peers.last().map(|peer| peer.origin.clone());
        let page = query::peers(view, after.as_ref(), PAGE)?;
        let whole = page.len() < PAGE;
        peers.extend(page);
        if peers.len() > ROSTER_MAX {
            let why = format_args!("more than {ROSTER_MAX} peers do not fit into one roster");
            return Err(Problem::new(Code::BoundReached, why));
        }
        if whole {
            return Ok(peers);
        }
    }
}

pub(super) async fn put_manifest(State(member): Shared, request: Request) -> Answered {
    let document = json_body(request).await?;
    let seen = member.strong().await?;
    let proposal = decode::manifest::put(&document, &seen.view, member.clock.now())?;
    let revision = done_at(&member.decide(proposal).await?)?;
    let version = Digest::of(&document);
    let body = json!({ "ok": true, "etag": version.etag(), "revision": revision.0 });
    Ok(tagged(json(StatusCode::CREATED, &body), &version))
}

//! What needs no peer's token: documents for everybody, and what local operators and subscribers ask.
//!
//! Decides who is local: whoever shows one of the configured tokens. Must never hand out an envelope
//! to anybody else, nor call a peer for anybody but an operator.

use axum::body::Body;
use axum::response::Response;
use deploy_service::{Claim, error_pages};
use gateway_core::Failure;
use gateway_core::path::{Brand, Route};
use http::{HeaderMap, Method, Request, StatusCode};
use proto_types::{Digest, Handle};
use serde_json::json;
use std::sync::Arc;

use crate::envelopes::{self, Pull, dead};
use crate::gateway::Gateway;
use crate::{contract, federation, metrics, query, reply, secrets};

use super::body;

/// How long a card or descriptor may be reused: a new agent should be found within a minute.
pub(super) const MAX_AGE_S: u32 = 60;

pub(super) async fn answer(
    gateway: &Arc<Gateway>,
    route: Route,
    request: Request<Body>,
) -> Result<Response, Failure> {
    match route {
        // Pilox asks its gateway for the second member.
        Route::Health => Ok(reply::json(StatusCode::OK, &json!({"live": true, "ok": true}))),
        Route::Ready => Ok(ready(gateway)),
        Route::Metrics => Ok(metrics::answer(gateway, request.headers())),
        Route::ErrorPage(code) => error_pages::answer(&code).ok_or(Failure::NotFound),
        Route::Contract(notation) => contract::answer(notation, request.headers(), MAX_AGE_S),
        Route::Descriptor(brand) => descriptor(gateway, brand, request.headers()),
        Route::Jwks => reply::document(&gateway.federation.jwks, request.headers(), MAX_AGE_S),
        Route::Pull(target) => pull(gateway, target, request).await,
        Route::Acknowledge(target) => acknowledge(gateway, target, request).await,
        Route::DeadLetters => dead_letters(gateway, request).await,
        Route::FederationProxy => Box::pin(proxy(gateway, request)).await,
        Route::FederationStatus => Box::pin(federation_status(gateway, request)).await,
        Route::FederationDirectory => directory(gateway, &request),
        Route::A2aStatus => a2a_status(gateway, &request),
        Route::MeshPeers => Box::pin(mesh_peers(gateway, request)).await,
        // Answered before, by the layers of those who must be let in.
        Route::InstanceRpc | Route::AgentRpc(_) | Route::HttpJson(_) => Err(Failure::NotFound),
        Route::Grpc(_) | Route::Publish => Err(Failure::NotFound),
        // Answered before, with the viewer in mind.
        Route::InstanceCard | Route::AgentCard(_) | Route::MeshAgents => Err(Failure::NotFound),
    }
}

async fn pull(
    gateway: &Arc<Gateway>,
    target: Option<Handle>,
    request: Request<Body>,
) -> Result<Response, Failure> {
    check_local(gateway, &request)?;
    let query = request.uri().query().unwrap_or_default();
    let pull = Pull::read(target.map(String::from), query)?;
    if envelopes::stream::is_wanted(request.headers()) {
        return pull.stream(gateway, request.headers());
    }
    drop(request);
    pull.answer(gateway).await
}

async fn acknowledge(
    gateway: &Gateway,
    target: Option<Handle>,
    request: Request<Body>,
) -> Result<Response, Failure> {
    check_local(gateway, &request)?;
    let (parts, body) = request.into_parts();
    body::check_head(&parts, envelopes::ACK_BYTES_MAX, true)?;
    let body = body::read(body, envelopes::ACK_BYTES_MAX).await?;
    envelopes::acknowledge(gateway, target.map(String::from), &body).await
}

/// Those of the gateway's own store, where that is not the registry.
async fn dead_letters(gateway: &Gateway, request: Request<Body>) -> Result<Response, Failure> {
    check_operator(gateway, &request)?;
    let (parts, body) = request.into_parts();
    if parts.method == Method::GET {
        let asked = dead::Selector::read(parts.uri.query().unwrap_or_default())?;
        return asked.answer(gateway).await;
    }
    body::check_head(&parts, envelopes::ACK_BYTES_MAX, true)?;
    let body = body::read(body, envelopes::ACK_BYTES_MAX).await?;
    dead::act(gateway, &body).await
}

fn directory(gateway: &Gateway, request: &Request<Body>) -> Result<Response, Failure> {
    check_local(gateway, request)?;
    federation::directory(gateway)
}

/// A call to a peer, in the name of this instance.
async fn proxy(gateway: &Arc<Gateway>, request: Request<Body>) -> Result<Response, Failure> {
    check_operator(gateway, &request)?;
    gateway.federation.check()?;
    let (parts, body) = request.into_parts();
    let limit = gateway.call_bytes_max();
    body::check_head(&parts, limit, true)?;
    let body = body::read(body, limit).await?;
    federation::proxy(gateway, &parts, &body).await
}

fn a2a_status(gateway: &Gateway, request: &Request<Body>) -> Result<Response, Failure> {
    check_local(gateway, request)?;
    federation::a2a_status(gateway)
}

/// How peers answer is the operator's to know, as with Pilox.
async fn mesh_peers(gateway: &Gateway, request: Request<Body>) -> Result<Response, Failure> {
    check_operator(gateway, &request)?;
    let is_probe = is_probe(&request);
    drop(request);
    federation::peer_health(gateway, is_probe).await
}

/// Whether peers are to be looked at.
fn is_probe(request: &Request<Body>) -> bool {
    let query = request.uri().query().unwrap_or_default();
    query::pairs(query).any(|(name, value)| name == "probe" && value == "1")
}

/// Whoever runs this instance may read it; only an operator has peers looked at for it.
async fn federation_status(gateway: &Gateway, request: Request<Body>) -> Result<Response, Failure> {
    let is_probe = is_probe(&request);
    match is_probe {
        true => check_operator(gateway, &request)?,
        false => check_local(gateway, &request)?,
    }
    drop(request);
    federation::status(gateway, is_probe).await
}

fn descriptor(gateway: &Gateway, brand: Brand, headers: &HeaderMap) -> Result<Response, Failure> {
    let [hive, pilox] = &gateway.federation.descriptors;
    let served = match brand {
        Brand::Hive => hive,
        Brand::Pilox => pilox,
    };
    let document = served.as_ref().ok_or(Failure::NotFound)?;
    reply::document(document, headers, MAX_AGE_S)
}

pub(super) fn check_local(gateway: &Gateway, request: &Request<Body>) -> Result<(), Failure> {
    check_shown(&gateway.live.load().tokens.subscribers, request)
}

fn check_operator(gateway: &Gateway, request: &Request<Body>) -> Result<(), Failure> {
    check_shown(&gateway.live.load().tokens.operators, request)
}

fn check_shown(tokens: &[Digest], request: &Request<Body>) -> Result<(), Failure> {
    if !secrets::shows(request.headers(), tokens) {
        return Err(Failure::NotOperator);
    }
    if let Some(claim) = request.extensions().get::<Claim>() {
        claim.prove_system();
    }
    Ok(())
}

fn ready(gateway: &Gateway) -> Response {
    let unmet = gateway.readiness.waiting_for();
    let status = if unmet.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    reply::json(status, &json!({"ready": unmet.is_empty(), "waiting_for": unmet}))
}

//! What needs no peer's token: documents for everybody, and what local operators and subscribers ask.
//!
//! Decides who is local: whoever shows one of the configured tokens. Must never hand out an envelope
//! to anybody else, nor call a peer for anybody but an operator.

use axum::body::Body;
use axum::response::Response;
use deploy_service::reload::Reloads;
use deploy_service::{Claim, error_pages};
use gateway_core::Failure;
use gateway_core::path::{Brand, Route};
use http::{HeaderMap, Request, StatusCode};
use proto_types::{Digest, Handle};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::envelopes::{self, Pull};
use crate::gateway::Gateway;
use crate::metrics::Figure;
use crate::webhooks::Deliveries;
use crate::{federation, query, reply, secrets};

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
        Route::Metrics => Ok(metrics(gateway)),
        Route::ErrorPage(code) => error_pages::answer(&code).ok_or(Failure::NotFound),
        Route::Descriptor(brand) => descriptor(gateway, brand, request.headers()),
        Route::Pull(target) => pull(gateway, target, request).await,
        Route::Acknowledge(target) => acknowledge(gateway, target, request).await,
        Route::FederationProxy => Box::pin(proxy(gateway, request)).await,
        Route::FederationStatus => Box::pin(federation_status(gateway, request)).await,
        Route::FederationDirectory => directory(gateway, &request),
        // Answered before: by the federated layers, and with the viewer in mind.
        Route::InstanceRpc
        | Route::AgentRpc(_)
        | Route::HttpJson(_)
        | Route::Grpc(_)
        | Route::Publish
        | Route::InstanceCard
        | Route::AgentCard(_) => Err(Failure::NotFound),
    }
}

async fn pull(
    gateway: &Gateway,
    target: Option<Handle>,
    request: Request<Body>,
) -> Result<Response, Failure> {
    check_local(gateway, &request)?;
    let query = request.uri().query().unwrap_or_default();
    let pull = Pull::read(target.map(String::from), query)?;
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

/// Whoever runs this instance may read it; only an operator has peers looked at for it.
async fn federation_status(gateway: &Gateway, request: Request<Body>) -> Result<Response, Failure> {
    let query = request.uri().query().unwrap_or_default();
    let is_probe = query::pairs(query).any(|(name, value)| name == "probe" && value == "1");
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

fn check_local(gateway: &Gateway, request: &Request<Body>) -> Result<(), Failure> {
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

fn metrics(gateway: &Gateway) -> Response {
    let spent = gateway.spender.counts();
    // Exact up to 2^53, which no figure here reaches.
    let counted = |name, help, value: &AtomicU64| {
        let value = value.load(Ordering::Relaxed) as f64;
        Figure { name, kind: "counter", help, value }
    };
    let gauge =
        |name, help, value: usize| Figure { name, kind: "gauge", help, value: value as f64 };
    let peers = gateway.cache.peers.load().len();
    let agents = gateway.cache.agents.load().open_count();
    let mut figures = vec![
        counted("spend_calls_total", "Calls that do nothing but spend tokens.", &spent.calls),
        counted("spend_tokens_total", "Tokens that these calls were to spend.", &spent.tokens),
        gauge("peers", "Peers that this gateway knows.", peers),
        gauge("agents", "Agents that anybody may call.", agents),
        gauge("waiting_tasks", "Calls that wait for their task.", gateway.waiting.len()),
        Figure {
            name: "clock_off_seconds",
            kind: "gauge",
            help: "How far this clock is from the registry's time.",
            value: gateway.registry.clock_off_ms() as f64 / 1_000.0,
        },
    ];
    figures.extend(reloads(&gateway.reloads));
    figures.extend(deliveries(&gateway.deliveries));
    let text = gateway.metrics.text(&figures);
    reply::body(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", text)
}

/// How deliveries to webhooks ended. Exact, as above.
fn deliveries(deliveries: &Deliveries) -> [Figure; 2] {
    let counter = |name, help, value: &AtomicU64| {
        let value = value.load(Ordering::Relaxed) as f64;
        Figure { name, kind: "counter", help, value }
    };
    [
        counter(
            "webhook_deliveries_total",
            "Envelopes that the receiver of a webhook has taken.",
            &deliveries.taken,
        ),
        counter(
            "webhook_failures_total",
            "Deliveries to webhooks that failed.",
            &deliveries.failed,
        ),
    ]
}

/// How reading the configuration anew went. Exact, as above.
fn reloads(reloads: &Reloads) -> [Figure; 3] {
    let counter =
        |name, help, value: u64| Figure { name, kind: "counter", help, value: value as f64 };
    [
        counter(
            "config_reloads_total",
            "Configurations that were read anew and taken over.",
            reloads.taken(),
        ),
        counter(
            "config_reloads_refused_total",
            "Configurations that were read anew and refused.",
            reloads.refused(),
        ),
        Figure {
            name: "config_last_reload_successful",
            kind: "gauge",
            help: "1 unless the last configuration that was read anew was refused.",
            value: f64::from(u8::from(reloads.is_last_good())),
        },
    ]
}

//! What needs no peer's token: documents for everybody, and what local operators and subscribers ask.
//!
//! Decides who is local: whoever shows one of the configured tokens. Must never hand out an envelope
//! to anybody else.

use axum::body::Body;
use axum::response::Response;
use deploy_service::reload::Reloads;
use deploy_service::{Claim, error_pages};
use gateway_core::Failure;
use gateway_core::path::{Brand, Route};
use http::{HeaderMap, Request, StatusCode};
use proto_types::Handle;
use serde_json::json;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::envelopes::{self, Pull};
use crate::gateway::Gateway;
use crate::metrics::Figure;
use crate::{reply, secrets};

use super::body;

/// How long a card or descriptor may be reused: a new agent should be found within a minute.
pub(super) const MAX_AGE_S: u32 = 60;

pub(super) async fn answer(
    gateway: &Gateway,
    route: Route,
    request: Request<Body>,
) -> Result<Response, Failure> {
    match route {
        Route::Health => Ok(reply::json(StatusCode::OK, &json!({"live": true}))),
        Route::Ready => Ok(ready(gateway)),
        Route::Metrics => Ok(metrics(gateway)),
        Route::ErrorPage(code) => error_pages::answer(&code).ok_or(Failure::NotFound),
        Route::Descriptor(brand) => descriptor(gateway, brand, request.headers()),
        Route::Pull(target) => {
            let pull = pull(gateway, target, &request)?;
            drop(request);
            pull.answer(gateway).await
        }
        Route::Acknowledge(target) => acknowledge(gateway, target, request).await,
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

fn pull(
    gateway: &Gateway,
    target: Option<Handle>,
    request: &Request<Body>,
) -> Result<Pull, Failure> {
    check_local(gateway, request)?;
    Pull::read(target.map(String::from), request.uri().query().unwrap_or_default())
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

fn descriptor(gateway: &Gateway, brand: Brand, headers: &HeaderMap) -> Result<Response, Failure> {
    let [hive, pilox] = &gateway.descriptors;
    let served = match brand {
        Brand::Hive => hive,
        Brand::Pilox => pilox,
    };
    let document = served.as_ref().ok_or(Failure::NotFound)?;
    reply::document(document, headers, MAX_AGE_S)
}

fn check_local(gateway: &Gateway, request: &Request<Body>) -> Result<(), Failure> {
    if !secrets::shows(request.headers(), &gateway.live.load().subscribers) {
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
    let text = gateway.metrics.text(&figures);
    reply::body(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", text)
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

//! All figures of a gateway, as they stand now.
//!
//! Decides what operators are shown of its parts. Must never ask the registry for anything: these are read when it is away.

use std::sync::Arc;

use axum::response::Response;
use deploy_service::metrics::{self, Figure};
use deploy_service::reload::Reloads;
use http::HeaderMap;

use crate::deliver::Deliveries;
use crate::gateway::Gateway;

/// The answer with all of them, in the format that is asked for.
pub(crate) fn answer(gateway: &Gateway, asked: &HeaderMap) -> Response {
    metrics::answer("gateway", all(gateway), Some(&gateway.counts.metrics.durations), asked)
}

/// The same for a collector, if one is named, for as long as there is this gateway.
pub(crate) fn export(gateway: &Arc<Gateway>) {
    let gateway = Arc::downgrade(gateway);
    metrics::export("gateway", move || gateway.upgrade().map(|gateway| all(&gateway)));
}

/// All but those by which requests are timed.
fn all(gateway: &Gateway) -> Vec<Figure> {
    let mut figures = gateway.counts.metrics.figures();
    figures.extend(of_tokens(gateway));
    figures.extend(of_cache(gateway));
    figures.extend(reloads(&gateway.counts.reloads));
    figures.extend(gateway.limits.figures());
    figures.extend(gateway.fleet.figures());
    figures.extend(deliveries(&gateway.counts.deliveries));
    figures.extend(pushes(&gateway.counts.pushes));
    figures
}

fn of_tokens(gateway: &Gateway) -> [Figure; 3] {
    let spent = gateway.spender.counts();
    let shared = "Tokens that peers have signed with a shared secret, and that held.";
    [
        Figure::count("spend_calls_total", "Calls that do nothing but spend tokens.", &spent.calls),
        Figure::count(
            "spend_tokens_total",
            "Tokens that these calls were to spend.",
            &spent.tokens,
        ),
        Figure::count("hs256_tokens_total", shared, &gateway.fixed.shared.admitted),
    ]
}

fn of_cache(gateway: &Gateway) -> [Figure; 4] {
    let gauge = |name, help, value: usize| Figure::gauge(name, help, value as f64);
    let peers = gateway.cache.peers.load().len();
    let agents = gateway.cache.agents.load().open_count();
    let clock = "How far this clock is from the registry's time.";
    let clock_off = gateway.registry.clock_off_ms() as f64 / 1_000.0;
    [
        gauge("peers", "Peers that this gateway knows.", peers),
        gauge("agents", "Agents that anybody may call.", agents),
        gauge("waiting_tasks", "Calls that wait for their task.", gateway.waiting.len()),
        Figure::gauge("clock_off_seconds", clock, clock_off),
    ]
}

/// How deliveries to webhooks ended.
fn deliveries(deliveries: &Deliveries) -> [Figure; 2] {
    let taken = "Envelopes that the receiver of a webhook has taken.";
    let failed = "Deliveries to webhooks that failed.";
    [
        Figure::count("webhook_deliveries_total", taken, &deliveries.taken),
        Figure::count("webhook_failures_total", failed, &deliveries.failed),
    ]
}

/// How push notifications ended.
fn pushes(pushes: &Deliveries) -> [Figure; 2] {
    let taken = "Push notifications that their receiver has taken.";
    let failed = "Deliveries of push notifications that failed.";
    [
        Figure::count("push_deliveries_total", taken, &pushes.taken),
        Figure::count("push_failures_total", failed, &pushes.failed),
    ]
}

/// How reading the configuration anew went.
fn reloads(reloads: &Reloads) -> [Figure; 3] {
    let taken = "Configurations that were read anew and taken over.";
    let refused = "Configurations that were read anew and refused.";
    let last = "1 unless the last configuration that was read anew was refused.";
    let is_last_good = f64::from(u8::from(reloads.is_last_good()));
    [
        Figure::counter("config_reloads_total", taken, reloads.taken()),
        Figure::counter("config_reloads_refused_total", refused, reloads.refused()),
        Figure::gauge("config_last_reload_successful", last, is_last_good),
    ]
}

//! Health and metrics.
//!
//! It decides what strangers may know of this member: that it lives, and a few counts.

use std::fmt::Write as _;

use axum::extract::State;
use axum::response::Response;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use registry_core::query;
use serde_json::json;

use crate::member::Member;

use super::parameter::READ;
use super::route::{Content, Route};
use super::{Answered, Shared, at, json, schemas};

pub(super) fn routes() -> Vec<Route> {
    let text = Content { media: "text/plain", schema: &schemas::TEXT };
    let unready = Content { media: "application/json", schema: &schemas::READINESS };
    vec![
        Route::get("/v1/health", health)
            .is(
                "getHealth",
                "member",
                "What this member says of itself, in the form that a Pilox client reads.",
            )
            .gives(200, "It answers.", &schemas::HEALTH, READ),
        Route::get("/v1/metrics", metrics)
            .is("getMetrics", "member", "Counts and gauges in the text format of Prometheus.")
            .answers(200, "The figures.", &[text], &[]),
        Route::elsewhere("/livez")
            .is("getLiveness", "member", "Whether the process answers.")
            .gives(200, "It does.", &schemas::LIVENESS, &[]),
        Route::elsewhere("/readyz")
            .is("getReadiness", "member", "Whether the process should be sent work.")
            .gives(200, "It should.", &schemas::READINESS, &[])
            .answers(503, "It should not; the names say why.", &[unready], &[]),
    ]
}

/// In the form that a Pilox client reads; `ok` means that this member answers, not that it leads.
pub(super) async fn health(State(member): Shared) -> Response {
    let reading = member.stale();
    let body = json!({
        "ok": true,
        "recordSchema": "pilox-registry-record-v1",
        "persistence": "raft",
        "verifyEd25519Proof": true,
        "writeEnabled": true,
        "rejectStaleUpdates": true,
        "catalogSigningEnabled": true,
        "member": member.registry.id(),
        "leader": member.registry.leader().map(|(id, _)| id),
        "revision": reading.revision.0,
    });
    at(&reading, json(StatusCode::OK, &body))
}

/// The text format of Prometheus.
pub(super) async fn metrics(State(member): Shared) -> Answered {
    let mut text = String::new();
    for (name, kind, help, value) in figures(&member)? {
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "# HELP ecumene_registry_{name} {help}\n# TYPE ecumene_registry_{name} {kind}\n\
             ecumene_registry_{name} {value}\n"
        );
    }
    let mut response = Response::new(text.into());
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    Ok(response)
}

/// Expired manifests that are counted: one alone is an alarm.
const EXPIRED_MAX: usize = 1_000;

type Figure = (&'static str, &'static str, &'static str, u64);

fn figures(member: &Member) -> Result<Vec<Figure>, super::Problem> {
    let status = member.registry.status();
    let reading = member.stale();
    let open_tasks = query::open_tasks(&reading.view)?;
    let now = member.clock.now();
    let expired = query::expired_manifests(&reading.view, now, EXPIRED_MAX)?.len() as u64;
    let waiting = query::peer_requests_waiting(&reading.view)?;
    let leads = u64::from(member.registry.is_leader());
    let diverged = u64::from(member.registry.diverged().is_some());
    let poisoned = u64::from(status.poisoned.is_some());
    let (applied, last_log) = (status.applied.unwrap_or(0), status.last_log.unwrap_or(0));
    let sessions = u64::try_from(member.fleet.sessions()).unwrap_or(u64::MAX);
    Ok(vec![
        ("revision", "counter", "The revision of this member's state.", reading.revision.0),
        ("state_age_ms", "gauge", "How old the state may be.", reading.age_ms.unwrap_or(0)),
        ("term", "counter", "The newest term this member knows.", status.term),
        ("leads", "gauge", "1 if this member leads.", leads),
        ("applied_index", "counter", "The last log entry in the state.", applied),
        ("last_log_index", "counter", "The last log entry on disk.", last_log),
        ("poisoned", "gauge", "1 if this member acknowledges nothing.", poisoned),
        ("state_diverged", "gauge", "1 if the state is not the leader's.", diverged),
        ("node_sessions", "gauge", "Node sessions at this member.", sessions),
        ("manifests_expired", "gauge", "Manifests past their expiry, 1,000 at most.", expired),
        ("peer_requests", "gauge", "Peers that wait to be let in.", waiting),
        ("open_tasks", "gauge", "Tasks that have not ended.", open_tasks),
    ])
}

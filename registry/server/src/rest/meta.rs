//! Health and metrics. Strangers read that this member runs, and a few counts. What tells of its machine, or of how much
//! is kept, is for the operator and the registry's own machines, because it would tell of hidden entries.

mod memory;

use axum::extract::State;
use axum::response::Response;
use deploy_service::metrics;
use http::{HeaderMap, StatusCode};
use proto_types::Class;
use registry_core::entry::{PARTNERS_MAX, PartnerEntry, PartnerState};
use registry_core::query;
use serde_json::{Value, json};

use crate::admission::AdmissionPolicy;
use crate::call::Caller;
use crate::holder;
use crate::member::Member;
use crate::pdp::DecisionPoint;

use super::parameter::READ;
use super::route::{Access, Content, Route};
use super::{Answered, Shared, at, json, schemas};

pub(super) fn routes() -> Vec<Route> {
    let text = Content { media: "text/plain", schema: &schemas::TEXT };
    let open = Content { media: "application/openmetrics-text", schema: &schemas::TEXT };
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
            .is("getMetrics", "member", "Counts and gauges in the text format of Prometheus, or in OpenMetrics for who asks for it. Those of the member's memory, clock and kept messages are for the operator, gateways and nodes.")
            .access(Access::Optional)
            .answers(200, "The figures.", &[text, open], &[]),
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
    let mut body = json!({
        "ok": true,
        "recordSchema": "pilox-registry-record-v1",
        // Of the words that it has, the one for what outlives the process.
        "persistence": "postgres",
        "storage": "raft",
        "member": member.registry.id(),
        "leader": member.registry.leader().map(|(id, _)| id),
        "revision": reading.revision.0,
    });
    let settings = [always(), admission(&member.admission_policy)];
    for (name, value) in settings.into_iter().flat_map(object) {
        body[name] = value;
    }
    at(&reading, json(StatusCode::OK, &body))
}

fn object(value: Value) -> serde_json::Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => serde_json::Map::new(),
    }
}

/// What is a setting of a Pilox registry, and of this one a fact.
fn always() -> Value {
    json!({
        "verifyEd25519Proof": true,
        "syncVerifyEd25519Proof": true,
        "rejectStaleUpdates": true,
        "enforceIfMatch": false,
        "enforceValidUntil": true,
        "rejectExpiredWrites": false,
        "validUntilSkewSec": 0,
        "catalogSigningEnabled": true,
        "syncVerifyCatalog": true,
        "syncCatalogPubkeyPin": true,
        "catalogAuthEnabled": false,
        "metricsAuthRequired": false,
        "multiTenant": false,
        "instanceAuth": true,
        "adminSecretConfigured": true,
        "publishFetchAgentCard": false,
        "publishFetchHostAllowlistCount": 0,
        "dhtBootstrapHints": [],
    })
}

/// What the operator has set.
fn admission(policy: &AdmissionPolicy) -> Value {
    let (rules, point) = (&policy.rules, policy.decision_point.as_ref());
    json!({
        "writeEnabled": rules.write_enabled,
        "postPolicyHandlePrefixes": rules.handle_prefixes.len(),
        "postPolicyAgentCardHosts": rules.card_hosts.len(),
        "externalPdpConfigured": point.is_some(),
        "externalPdpFailOpen": point.is_some_and(DecisionPoint::fails_open),
        "vcJwtRequired": rules.credential.is_some(),
        "vcJwksConfigured": rules.credential.is_some(),
        "publishReadiness": rules.readiness.as_str(),
        "publishRequireAttestation": rules.attestation.required,
        "publishAttestationHmacConfigured": rules.attestation.secret.is_some(),
    })
}

/// The figures as Prometheus reads them.
pub(super) async fn metrics(State(member): Shared, caller: Caller, headers: HeaderMap) -> Answered {
    let mut figures = of_anybody(&member)?;
    if holder::class(&caller.reader()?.principal) == Class::System {
        figures.extend(of_clocks(&member));
        figures.extend(of_storage(&member)?);
        figures.extend(memory::figures(&member));
    }
    let gauge = |(name, help, value): Figure| metrics::Figure::gauge(name, help, value);
    Ok(metrics::answer("registry", figures.into_iter().map(gauge).collect(), None, &headers))
}

/// Expired manifests that are counted: one alone is an alarm.
const EXPIRED_MAX: usize = 1_000;

/// A name, its words and its value. All are gauges: positions and sizes of the state, which may be
/// those of a state from before after a restore, and no counts of events.
type Figure = (&'static str, &'static str, f64);

/// What is wrong with the registries that are pulled from.
fn of_partners(partners: &[PartnerEntry]) -> [Figure; 4] {
    let count = |is: fn(&&PartnerEntry) -> bool| float(partners.iter().filter(is).count() as u64);
    let passed_over = partners.iter().map(|it| it.passed_over.count).sum();
    let held = partners.iter().filter_map(|it| it.held).map(|held| held.entries).sum();
    let quarantined = count(|it| it.state != PartnerState::Active);
    let failing = count(|it| it.failing.is_some());
    [
        ("partners_quarantined", "Partners that were caught in a lie.", quarantined),
        ("partners_failing", "Partners whose newest pull failed.", failing),
        ("partner_entries_held", "Withdrawals of partners that are held back.", float(held)),
        (
            "partner_entries_passed_over",
            "Entries of other registries that were not taken, as of the last look.",
            float(passed_over),
        ),
    ]
}

fn of_anybody(member: &Member) -> Result<Vec<Figure>, super::Problem> {
    let mut figures = of_member(member);
    figures.extend(of_state(member)?);
    Ok(figures)
}

fn of_clocks(member: &Member) -> [Figure; 2] {
    let status = member.registry.status();
    let seconds = |ms: u64| float(ms) / 1_000.0;
    let off_ms = status.clock_offset_ms.unwrap_or(0).unsigned_abs();
    [
        ("clock_off_seconds", "How far this clock is from a majority's.", seconds(off_ms)),
        (
            "state_ahead_seconds",
            "How far the state's time is ahead.",
            seconds(status.state_ahead_ms),
        ),
    ]
}

/// Whoever reads it twice learns how long a message between others was.
fn of_storage(member: &Member) -> Result<[Figure; 2], super::Problem> {
    let view = member.stale().view;
    let (kept, dead) = (query::kept_bytes(&view)?, query::dead_letter_count(&view, None)?);
    Ok([
        ("kept_bytes", "Bytes kept for tasks and envelopes.", float(kept)),
        ("dead_letters", "Envelopes that nobody tries to deliver any more.", float(dead)),
    ])
}

fn of_member(member: &Member) -> Vec<Figure> {
    let status = member.registry.status();
    let (applied, last_log) = (status.applied.unwrap_or(0), status.last_log.unwrap_or(0));
    let yes = |holds: bool| f64::from(u8::from(holds));
    vec![
        ("term", "The newest term this member knows.", float(status.term)),
        ("leads", "1 if this member leads.", yes(member.registry.is_leader())),
        ("applied_index", "The last log entry in the state.", float(applied)),
        ("last_log_index", "The last log entry on disk.", float(last_log)),
        ("poisoned", "1 if this member acknowledges nothing.", yes(status.poisoned.is_some())),
        (
            "state_diverged",
            "1 if the state is not the leader's.",
            yes(member.registry.diverged().is_some()),
        ),
        ("node_sessions", "Node sessions at this member.", float(member.fleet.sessions() as u64)),
    ]
}

fn of_state(member: &Member) -> Result<Vec<Figure>, super::Problem> {
    let reading = member.stale();
    let now = member.clock.now();
    let expired = query::expired_manifests(&reading.view, now, EXPIRED_MAX)?.len() as u64;
    let partners = query::partners(&reading.view, None, PARTNERS_MAX)?;
    // Where nobody knows the age there is none: 0 would be a young one.
    let age_s = reading.age_ms.map_or(f64::NAN, |age_ms| float(age_ms) / 1_000.0);
    let (waiting, open_tasks) =
        (query::peer_requests_waiting(&reading.view)?, query::open_tasks(&reading.view)?);
    let mut figures = vec![
        ("revision", "The revision of this member's state.", float(reading.revision.0)),
        ("state_age_seconds", "How old the state may be; NaN if that is not known.", age_s),
        ("manifests_expired", "Manifests past their expiry, 1,000 at most.", float(expired)),
        ("peer_requests", "Peers that wait to be let in.", float(waiting)),
        ("open_tasks", "Tasks that have not ended.", float(open_tasks)),
    ];
    figures.extend(of_partners(&partners));
    Ok(figures)
}

/// Exact up to 2^53, which no figure here reaches.
fn float(count: u64) -> f64 {
    count as f64
}

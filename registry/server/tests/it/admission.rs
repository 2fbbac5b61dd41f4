//! What an operator demands of records: each step of the admission, with a policy engine that is a
//! real server.

use axum::Router;
use axum::routing::post;
use http::Method;
use registry_server::config::Admission;
use registry_server::config::admission::{Pdp, ReadinessMode};
use serde_json::{Value, json};

use crate::world::{World, json as body_of};

fn record(handle: &str) -> Vec<u8> {
    let record = json!({
        "schema": "pilox-registry-record-v1",
        "handle": handle,
        "updatedAt": "2026-03-20T12:00:00Z",
        "agentCardUrl": "https://a.example/card.json",
    });
    record.to_string().into_bytes()
}

async fn publish(world: &World, handle: &str) -> (u16, Value) {
    let response = world.call(Method::POST, "/v1/records", &record(handle)).await;
    (response.status().as_u16(), body_of(&response)["error"].clone())
}

#[tokio::test]
async fn each_step_answers_with_the_token_that_a_pilox_client_reads() {
    let shut = Admission { write_enabled: false, ..Admission::default() };
    let prefix = Admission { handle_prefixes: vec!["urn:ok:".into()], ..Admission::default() };
    let host = Admission { card_hosts: vec!["b.example".into()], ..Admission::default() };
    let attested = Admission {
        readiness: ReadinessMode::Enforce,
        require_attestation: true,
        ..Admission::default()
    };
    let table = [
        (shut, 403, "write_disabled"),
        (prefix, 403, "policy_denied"),
        (host, 403, "policy_denied"),
        (attested, 422, "publish_readiness_failed"),
    ];
    for (admission, status, token) in table {
        let world = World::with(|config| config.admission = admission).await;
        assert_eq!(publish(&world, "urn:no:agent:01").await, (status, token.into()));
        let document = record("urn:no:agent:01");
        let dry = world.call(Method::POST, "/v1/records/validate", &document).await;
        assert_eq!(body_of(&dry)["wouldAcceptWrite"], false, "{token}");
        world.stop().await;
    }
}

/// A policy engine that allows one handle.
async fn engine() -> String {
    let decide = |axum::Json(asked): axum::Json<Value>| async move {
        let allow = asked["input"]["handle"] == "urn:good:agent:01";
        axum::Json(json!({ "result": { "allow": allow, "reason": "only the good" } }))
    };
    let router = Router::new().route("/allow", post(decide));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/allow", listener.local_addr().unwrap());
    tokio::spawn(axum::serve(listener, router).into_future());
    url
}

fn asking(url: String, fail_open: bool) -> Admission {
    let timeout = deploy_service::units::Duration::from_millis(500);
    Admission { decision_point: Some(Pdp { url, timeout, fail_open }), ..Admission::default() }
}

#[tokio::test]
async fn a_policy_engine_decides_and_its_silence_refuses() {
    let url = engine().await;
    let world = World::with(|config| config.admission = asking(url, false)).await;
    assert_eq!(publish(&world, "urn:good:agent:01").await.0, 201);
    assert_eq!(publish(&world, "urn:bad:agent:01").await, (403, "pdp_denied".into()));
    world.stop().await;
    // A port on which nobody listens any more.
    let gone = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    for (fail_open, status) in [(false, 403), (true, 201)] {
        let url = format!("http://{gone}/allow");
        let world = World::with(|config| config.admission = asking(url, fail_open)).await;
        assert_eq!(publish(&world, "urn:good:agent:01").await.0, status);
        world.stop().await;
    }
}

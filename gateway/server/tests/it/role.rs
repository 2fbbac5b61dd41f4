//! The role from start to stop.

use std::os::unix::fs::PermissionsExt as _;

use axum::body::Body;
use deploy_service::{Shutdown, telemetry, units};
use gateway_server::Error;
use http::{Request, StatusCode};
use tokio::time::timeout;

use crate::world::{
    Gateway, PATIENCE, Peer, SUBSCRIBER, World, credential, eventually, gateway_config, json_of,
    secret,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_without_a_registry_lives_but_is_not_ready() {
    let folder = tempfile::tempdir().unwrap();
    let mut config =
        gateway_config(folder.path(), "127.0.0.1:1".parse().unwrap(), "join-token-unused");
    crate::world::secret(folder.path(), "operator", "operator-token-unused");
    crate::world::secret(folder.path(), "signing", &"04".repeat(32));
    config.limits.drain = units::Duration::from_secs(1);
    let gateway = Gateway::start(config).await;
    assert_eq!(gateway.get("/healthz").await.status(), StatusCode::OK);
    let ready = gateway.get("/readyz").await;
    assert_eq!(ready.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(json_of(&ready)["waiting_for"], serde_json::json!(["registered", "synced"]));
    let call = gateway.post(&Peer::new("a", 1), "/agents/echo", "{}").await;
    assert_eq!(call.status(), StatusCode::SERVICE_UNAVAILABLE);
    for path in ["/.well-known/agent-card.json", "/agents/echo/.well-known/agent-card.json"] {
        let card = gateway.get(path).await;
        assert_eq!(card.status(), StatusCode::SERVICE_UNAVAILABLE, "nobody confirms it: {path}");
    }
    gateway.shutdown.trigger();
    timeout(PATIENCE, gateway.running).await.unwrap().unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_that_the_registry_refuses_stops_with_the_reason() {
    let world = World::start().await;
    let folder = tempfile::tempdir().unwrap();
    let registry = "127.0.0.1:1".parse().unwrap();
    let mut config = gateway_config(folder.path(), registry, "join-token-of-nobody");
    config.registry = registry_of(&world);
    config.id = "g2".to_owned();
    config.operator_token_file = None;
    config.federation_key_file = None;
    let refused = timeout(PATIENCE, gateway_server::run(config, Shutdown::new())).await.unwrap();
    assert!(
        matches!(&refused, Err(Error::NotRegistered { code }) if code == "join-token-invalid"),
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_join_token_that_is_missing_is_told_by_its_file_and_not_as_one_that_is_invalid() {
    let world = World::start().await;
    // The second one has a credential of before there were files for those that are not admitted.
    for kept in [None, Some(credential("g2"))] {
        let folder = tempfile::tempdir().unwrap();
        let registry = "127.0.0.1:1".parse().unwrap();
        let mut config = gateway_config(folder.path(), registry, "join-token-unused");
        config.registry = registry_of(&world);
        config.id = "g2".to_owned();
        config.operator_token_file = None;
        config.federation_key_file = None;
        std::fs::remove_file(folder.path().join("join")).unwrap();
        if let Some(text) = kept {
            std::fs::create_dir(&config.state_dir).unwrap();
            secret(&config.state_dir, "credential", &text);
        }
        let ended = timeout(PATIENCE, gateway_server::run(config, Shutdown::new())).await.unwrap();
        let said = telemetry::chain(&ended.unwrap_err());
        assert!(
            said.contains("join_token_file: ") && said.contains("/join cannot be read"),
            "{said}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_that_comes_back_needs_no_join_token() {
    let mut world = World::with(|config| config.limits.drain = units::Duration::from_secs(1)).await;
    let mode =
        std::fs::metadata(world.state_dir().join("credential")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    world.gateway.shutdown.trigger();
    // Until it has ended, the state folder is its own.
    timeout(PATIENCE, &mut world.gateway.running).await.unwrap().unwrap().unwrap();
    let folder = world.state_dir().parent().unwrap().to_owned();
    std::fs::remove_file(folder.join("gateway-addr")).unwrap();
    let mut config = gateway_config(&folder, "127.0.0.1:1".parse().unwrap(), "join-token-unused");
    config.registry = registry_of(&world);
    std::fs::remove_file(folder.join("join")).unwrap();
    world.gateway = Gateway::start(config).await;
    eventually("readiness", || async {
        let ready = world.gateway.get("/readyz").await.status() == StatusCode::OK;
        ready.then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drain_flips_readiness_first_and_lets_pollers_go() {
    let world = World::with(|config| {
        config.limits.lame_duck = units::Duration::from_secs(2);
        config.limits.drain = units::Duration::from_secs(5);
    })
    .await;
    let poll = Request::get("/v1/envelopes/urn:agent:b?wait=60s")
        .header("authorization", format!("Bearer {SUBSCRIBER}"))
        .body(Body::empty())
        .unwrap();
    let drained = async {
        world.gateway.shutdown.trigger();
        let ready = world.gateway.get("/readyz").await;
        assert_eq!(ready.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(json_of(&ready)["waiting_for"][0], "stopping");
    };
    let (polled, ()) = tokio::join!(world.gateway.send(poll), drained);
    assert_eq!(polled.status(), StatusCode::OK);
}

/// The registry that a world runs with.
fn registry_of(world: &World) -> Vec<String> {
    vec![world.registry_url.clone()]
}

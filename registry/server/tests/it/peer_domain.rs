//! Domain proof: a host that counts who asks it, and what its word is worth.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use deploy_service::units::Duration;
use proto_types::Digest;
use serde_json::{Value, json as object};

use crate::peer_operations::{enrolment, enrolment_request, key, operation, path, stranger};
use crate::world::{World, eventually, json};

/// A host that vouches for `k1`, the key of seed 1.
struct Host {
    origin: String,
    asked: Arc<AtomicUsize>,
}

#[derive(Clone)]
struct Shown {
    asked: Arc<AtomicUsize>,
    file: String,
}

impl Host {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let sha256 = Digest::of(key(1).public().as_bytes()).hex();
        let file = object!({ "origin": origin, "keys": [{ "kid": "k1", "sha256": sha256 }] });
        let asked = Arc::new(AtomicUsize::new(0));
        let shown = Shown { asked: Arc::clone(&asked), file: file.to_string() };
        let answer = async |State(shown): State<Shown>| {
            shown.asked.fetch_add(1, Ordering::SeqCst);
            shown.file
        };
        let served = Router::new()
            .route("/.well-known/ecumene-enrolment.json", get(answer))
            .with_state(shown);
        tokio::spawn(async move { axum::serve(listener, served).await });
        Self { origin, asked }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

async fn world() -> World {
    World::start_with(|config| {
        config.fetch.allow_loopback = true;
        config.domain_proofs.enabled = true;
        config.domain_proofs.look_every = Duration::from_millis(50);
    })
    .await
}

async fn status(world: &World, host: &Host) -> Option<Value> {
    let answer = world.get(&path(&host.origin, "")).await;
    (answer.status() == 200).then(|| json(&answer))
}

#[tokio::test]
async fn a_host_lets_in_whom_it_vouches_for() {
    let (world, host) = (world().await, Host::start().await);
    let (document, _) = enrolment(&host.origin, 1);
    assert_eq!(stranger(&world, "/v1/peers", &enrolment_request(&document, true)).await.0, 202);
    let peer = eventually("the enrolment", || status(&world, &host)).await;
    assert_eq!((&peer["status"], &peer["domainProven"]), (&"active".into(), &true.into()));
    let log = json(&world.get(&path(&host.origin, "/operations")).await);
    let kinds: Vec<_> = log["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| &line["entry"]["act"]["kind"])
        .collect();
    assert_eq!(kinds, ["enrolled", "domain-proven"]);
    assert_eq!(log["entries"][0]["entry"]["act"]["approval"], "domain-well-known");
    world.stop().await;
}

/// Requests that are not proven, or do not ask for it, leave the host in peace; the one that is and
/// does comes after them, and the host has then been asked for that one alone.
#[tokio::test]
async fn case_24_an_unverified_request_causes_no_look_up() {
    let (world, host) = (world().await, Host::start().await);
    let (document, _) = enrolment(&host.origin, 1);
    let mut forged: Value = serde_json::from_slice(&document).unwrap();
    forged["expires_at"] = "2027-01-01T00:00:00Z".into();
    let (foreign, _) = operation(
        &host.origin,
        (0, 1, None),
        proto_types::peer::Action::Enrol {
            keys: vec![crate::peer_operations::signing(1)],
            recovery_keys: vec![],
        },
        &[2],
    );
    for bad in
        [enrolment_request(forged.to_string().as_bytes(), true), enrolment_request(&foreign, true)]
    {
        let (status, refused) = stranger(&world, "/v1/peers", &bad).await;
        assert_eq!((status, &refused["code"]), (400, &Value::from("bad-signature")), "{refused}");
    }
    assert_eq!(stranger(&world, "/v1/peers", &enrolment_request(&document, false)).await.0, 202);
    assert_eq!(host.asked(), 0);
    // Another host is asked after all of these: passes have gone by, and this one was left alone.
    let other = Host::start().await;
    let (proven, _) = enrolment(&other.origin, 1);
    assert_eq!(stranger(&world, "/v1/peers", &enrolment_request(&proven, true)).await.0, 202);
    eventually("the other's enrolment", || status(&world, &other)).await;
    assert_eq!((host.asked(), other.asked()), (0, 1));
    world.stop().await;
}

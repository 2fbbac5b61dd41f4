//! The limits of a fleet: one quota for a peer at all gateways, one limit for all newcomers, and quarantine.

use std::path::Path;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use gateway_server::Config;
use http::{Response, StatusCode};
use serde_json::json;
use tokio::time::sleep;

use crate::world::{Gateway, Peer, World, eventually, gateway_config, invite, rpc};

const RPC: &str = "/agents/echo";
const QUOTA: u32 = 40;

fn ask() -> String {
    rpc("GetTask", json!({"id": "no-such-task"})).to_string()
}

async fn metric(gateway: &Gateway, line: &str) -> bool {
    let metrics = gateway.get("/metrics").await.into_body();
    std::str::from_utf8(&metrics).unwrap().contains(&format!("ecumene_gateway_{line}\n"))
}

/// A second gateway of the same registry, of which both know.
async fn second(world: &World, folder: &Path, change: impl FnOnce(&mut Config)) -> Gateway {
    let registry = world.registry_url.strip_prefix("http://").unwrap().parse().unwrap();
    let mut config = gateway_config(folder, registry, &invite(&world.channel, "gateway").await);
    config.id = "g2".to_owned();
    (config.operator_token_file, config.federation_key_file) = (None, None);
    change(&mut config);
    let gateway = Gateway::start(config).await;
    eventually("readiness, and two gateways that know of each other", || async {
        let ready = gateway.get("/readyz").await.status() == StatusCode::OK;
        let both = metric(&gateway, "fleet_gateways 2").await
            && metric(&world.gateway, "fleet_gateways 2").await;
        (ready && both).then_some(())
    })
    .await;
    gateway
}

fn small(config: &mut Config) {
    config.bounds.peer_requests = QUOTA;
}

/// What a gateway says that the peer may do at once there.
fn told<T>(answer: &Response<T>) -> u32 {
    let policy = answer.headers()["ratelimit-policy"].to_str().unwrap();
    let rest = policy.strip_prefix("\"peer\";q=").unwrap();
    rest.split(';').next().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_hammers_two_gateways_has_one_quota_and_it_follows_the_peer() {
    let (world, folder) = (World::with(small).await, tempfile::tempdir().unwrap());
    let other = second(&world, folder.path(), small).await;
    let (peer, began) = (Peer::new("a", 1), Instant::now());
    let mut admitted = 0;
    while began.elapsed() < Duration::from_secs(3) {
        for gateway in [&world.gateway, &other] {
            let answer = gateway.post(&peer, RPC, &ask()).await;
            admitted += u32::from(answer.status() == StatusCode::OK);
        }
        sleep(Duration::from_millis(20)).await;
    }
    assert!(admitted >= QUOTA - 2, "it has its quota, at both together: {admitted}");
    // It turns to one of them, which has most of the quota soon.
    let turned = Instant::now();
    loop {
        assert!(turned.elapsed() < Duration::from_secs(60), "the share does not grow");
        let answer = world.gateway.post(&peer, RPC, &ask()).await;
        if answer.status() == StatusCode::OK {
            admitted += 1;
            if told(&answer) >= QUOTA * 3 / 4 {
                break;
            }
        }
        sleep(Duration::from_millis(50)).await;
    }
    let window = f64::from(QUOTA) / 60.0;
    // What one lease too many may give, and a request at each that was rounded up.
    let slack = window * 3.0 + 2.0;
    let most = f64::from(QUOTA) + window * began.elapsed().as_secs_f64() + slack;
    assert!(f64::from(admitted) <= most, "{admitted} in {:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_registry_is_away_each_gateway_keeps_its_part_of_the_fleet_it_knew() {
    let (world, folder) = (World::with(small).await, tempfile::tempdir().unwrap());
    let other = second(&world, folder.path(), small).await;
    world.stop_registry();
    // Longer than a lease.
    sleep(Duration::from_secs(5)).await;
    let peer = Peer::new("a", 1);
    for gateway in [&world.gateway, &other] {
        let body = ask();
        let answers = join_all((0..30).map(|_| gateway.post(&peer, RPC, &body))).await;
        let refused = |answer: &&Response<_>| answer.status() == StatusCode::TOO_MANY_REQUESTS;
        let within = 30 - answers.iter().filter(refused).count();
        // The others are told that no token can be spent just now.
        assert!((20..=22).contains(&within), "{within}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn newcomers_share_one_limit_besides_their_own() {
    let world = World::with(|config| config.bounds.newcomer_requests = 5).await;
    let peers = [Peer::new("a", 1), Peer::new("c", 3)];
    let status = async |peer: &Peer| world.gateway.post(peer, RPC, &ask()).await.status();
    let mut rounds = 0;
    // The gateway learns within a second or two that nothing is known of them.
    while status(&peers[0]).await == StatusCode::OK && status(&peers[1]).await == StatusCode::OK {
        rounds += 1;
        assert!(rounds < 300, "nobody is limited");
        sleep(Duration::from_millis(50)).await;
    }
    for peer in &peers {
        assert_eq!(status(peer).await, StatusCode::TOO_MANY_REQUESTS, "{}", peer.origin);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_sends_much_that_is_malformed_is_let_in_no_more_for_a_while() {
    let world = World::with(|config| {
        config.bounds.peer_requests = 600;
        config.bounds.quarantine_after = 5;
    })
    .await;
    let (bad, good) = (Peer::new("a", 1), Peer::new("c", 3));
    for _ in 0..12 {
        world.gateway.post(&bad, RPC, "{").await;
    }
    // Whether their tokens were fresh is asked beside the requests.
    let wait = eventually("its quarantine", || async {
        let answer = world.gateway.post(&bad, RPC, &ask()).await;
        let is_refused = answer.status() == StatusCode::TOO_MANY_REQUESTS;
        is_refused.then(|| answer.headers()["retry-after"].to_str().unwrap().parse::<u64>())
    });
    assert!((30..=60).contains(&wait.await.unwrap()));
    assert_eq!(world.gateway.post(&good, RPC, &ask()).await.status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_at_rest_sheds_nothing_and_says_what_it_would_take() {
    let world = World::start().await;
    let answer = world.gateway.post(&Peer::new("a", 1), RPC, &ask()).await;
    assert_eq!((answer.status(), told(&answer)), (StatusCode::OK, 60_000));
    for line in ["fleet_gateways 1", "admitting_calls 0", "admitting_calls_limit 8192"] {
        assert!(metric(&world.gateway, line).await, "{line}");
    }
    assert!(metric(&world.gateway, "shed_calls_total 0").await);
}

//! The crawler against real local servers (attack cases 22, 24, 26 and 27).

use std::sync::Arc;

use http::Method;
use proto_types::SecretKey;
use proto_types::card::jws;
use proto_wire::registry::v1 as wire;
use registry_server::Config;
use registry_server::config::Contradiction;
use tokio::io::AsyncWriteExt as _;

use crate::site::{Answer, Site, card, record, segment};
use crate::world::{World, eventually, json, refused};

const CARD: &str = "/.well-known/agent-card.json";
const RPC_ANSWER: &str = r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32001,"message":"x"}}"#;

fn key() -> SecretKey {
    SecretKey::from_seed(&[7; 32])
}

/// An agent whose call is answered so.
async fn agent(rpc: Answer) -> Site {
    let listener = std::sync::Arc::new(std::sync::OnceLock::<String>::new());
    let own = Arc::clone(&listener);
    let site = Site::start(move |method, path| match (method, path) {
        ("GET", CARD) => {
            let url = format!("{}/rpc", own.get().map_or("", String::as_str));
            (200, card(&url).to_string().into_bytes())
        }
        ("POST", "/rpc") => rpc.clone(),
        _ => (404, Vec::new()),
    })
    .await;
    listener.set(site.origin()).unwrap();
    site
}

async fn reachability(world: &World, origin: &str) -> Option<wire::Liveness> {
    let request = wire::GetPeerRequest { origin: origin.to_owned(), consistency: 0 };
    world.directory().get_peer(request).await.unwrap().into_inner().liveness
}

async fn becomes(world: &World, origin: &str, class: &str) -> wire::Liveness {
    eventually(&format!("{origin} as {class}"), || async {
        reachability(world, origin).await.filter(|seen| seen.class == class)
    })
    .await
}

#[tokio::test]
async fn each_class_of_reachability_is_told_from_what_a_peer_answers() {
    let world = World::outbound(|_| {}).await;
    let open = agent((200, RPC_ANSWER.into())).await;
    let gated = agent((401, Vec::new())).await;
    let page = Site::start(|_, _| (200, b"<html></html>".to_vec())).await;
    let failing = agent((503, Vec::new())).await;
    let clear = Site::start(|_, _| (200, Vec::new())).await;
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let cases = [
        (open.origin(), "open"),
        (gated.origin(), "gated"),
        (page.origin(), "not-speaking"),
        (failing.origin(), "unknown"),
        (format!("https://{}", clear.addr), "wrong-transport"),
        (format!("http://{gone}"), "unreachable"),
    ];
    for (seed, (origin, _)) in (1..).zip(&cases) {
        world.enrol(origin, "k1", &SecretKey::from_seed(&[seed; 32])).await;
    }
    for (origin, class) in &cases {
        let seen = becomes(&world, origin, class).await;
        assert_eq!(seen.prober, 1);
        assert!(seen.since_ms > 0 && seen.since_ms <= seen.seen_at_ms && !seen.why.is_empty());
    }
    world.stop().await;
}

#[tokio::test]
async fn a_record_shows_how_its_agent_is_and_its_signed_card_is_kept_fresh() {
    let world = World::outbound(|_| {}).await;
    let own = Arc::new(std::sync::OnceLock::<String>::new());
    let base = Arc::clone(&own);
    let site = Site::start(move |method, path| {
        let url = format!("{}/rpc", base.get().map_or("", String::as_str));
        match (method, path) {
            ("GET", "/card") => {
                let signed = jws::sign(&card(&url), &"k1".parse().unwrap(), &key()).unwrap();
                (200, signed.into_bytes())
            }
            ("POST", "/rpc") => (200, RPC_ANSWER.into()),
            _ => (404, Vec::new()),
        }
    })
    .await;
    own.set(site.origin()).unwrap();
    world.enrol(&site.origin(), "k1", &key()).await;
    let handle = "urn:agent:0001";
    let card_url = format!("{}/card", site.origin());
    let document = record(handle, &card_url, &site.origin(), &key());
    let published = world.call(Method::POST, "/v1/records", &document).await;
    assert_eq!(published.status(), 201, "{:?}", published.body());

    let path = format!("/v1/records/{}", segment(handle));
    let line = eventually("reachability of the record", || async {
        let read = world.get(&path).await;
        Some(read.headers().get("ecumene-liveness")?.to_str().unwrap().to_owned())
    })
    .await;
    assert!(line.starts_with("open; since="), "{line}");
    found_as(&world, handle).await;
    let kept = eventually("the card", || async {
        let request = wire::GetCardRequest { handle: handle.to_owned(), consistency: 0 };
        Some(world.directory().get_card(request).await.ok()?.into_inner())
    })
    .await;
    assert_eq!((&*kept.assurance, &*kept.owner), ("enrolled", &*site.origin()));
    world.stop().await;
}

/// A search finds the record as open, and as nothing else.
async fn found_as(world: &World, handle: &str) {
    let ask = |class: &str| wire::SearchAgentsRequest {
        kinds: vec!["record".to_owned()],
        liveness: vec![class.to_owned()],
        ..Default::default()
    };
    for (class, found) in [("open", 1), ("gated", 0), ("unknown", 0)] {
        let page = world.search().search_agents(ask(class)).await.unwrap().into_inner();
        let hits: Vec<_> = page.hits.iter().map(|hit| (&*hit.handle, &*hit.liveness)).collect();
        assert_eq!(hits, [(handle, "open")][..found], "{class}");
        let page = json(&world.get(&format!("/v1/agents?kind=record&liveness={class}")).await);
        assert_eq!(page["hits"].as_array().unwrap().len(), found, "{class}");
    }
    let bad = world.search().search_agents(ask("alive")).await;
    refused("a class that is none", bad, "invalid-argument");
}

#[tokio::test]
async fn case_24_no_request_makes_the_registry_ask_a_host() {
    let canary = Site::start(|_, _| (200, Vec::new())).await;
    let witness = agent((200, RPC_ANSWER.into())).await;
    let world = World::outbound(|_| {}).await;
    let url = format!("{}/card", canary.origin());
    // A record that nobody enrolled has signed, put by the operator; and the same from anybody.
    let document = record("urn:agent:0001", &url, &canary.origin(), &key());
    assert_eq!(world.call(Method::POST, "/v1/records", &document).await.status(), 201);
    let anonymous = http::Request::post("/v1/records")
        .header("content-type", "application/json")
        .body(record("urn:agent:0002", &url, &canary.origin(), &key()).into());
    assert_eq!(world.send(anonymous.unwrap()).await.status(), 401);
    world.get(&format!("/v1/resolve?agentCardUrl={url}")).await;
    let validated = world.call(Method::POST, "/v1/records/validate", &document).await;
    assert_eq!(validated.status(), 200);
    let enrol = wire::EnrolPeerRequest { origin: canary.origin(), ..Default::default() };
    world.directory().enrol_peer(enrol).await.unwrap_err();
    // A peer that was revoked is asked no more than one that never was.
    world.enrol(&witness.origin(), "k1", &key()).await;
    for _ in 0..3 {
        let before = witness.connections();
        eventually("another visit of the witness", || async {
            (witness.connections() > before).then_some(())
        })
        .await;
    }
    assert_eq!(canary.connections(), 0, "the witness was visited three times, the canary never");
    world.stop().await;
}

#[tokio::test]
async fn case_22_without_the_allowance_this_machine_is_never_asked() {
    let site = agent((200, RPC_ANSWER.into())).await;
    let world = World::outbound(|config| config.fetch.allow_loopback = false).await;
    world.enrol(&site.origin(), "k1", &key()).await;
    let seen = becomes(&world, &site.origin(), "unknown").await;
    assert_eq!(seen.why, "not a public address");
    assert_eq!(site.connections(), 0);
    world.stop().await;
}

#[test]
fn case_22_the_allowance_is_refused_where_others_could_reach_the_member() {
    let mut config = Config { plain_loopback: true, ..Config::default() };
    config.fetch.allow_loopback = true;
    config.validate().unwrap();
    let mut open = config.clone();
    open.listen = "0.0.0.0:7400".parse().unwrap();
    assert!(matches!(open.validate(), Err(Contradiction::LoopbackFetch(_))));
    let mut told = config.clone();
    told.advertise = Some("https://registry.example.org".to_owned());
    assert!(matches!(told.validate(), Err(Contradiction::LoopbackFetch(_))));
    config.members.insert("1".to_owned(), "http://10.0.0.1:7400".to_owned());
    assert!(matches!(config.validate(), Err(Contradiction::LoopbackFetch(_))));
}

/// Sends a byte now and then, for ever.
async fn dripping() -> Site {
    Site::with(|mut stream, _| async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n").await;
        while stream.write_all(b"x").await.is_ok() {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    })
    .await
}

#[tokio::test]
async fn case_26_slow_peers_do_not_keep_others_waiting() {
    let world = World::outbound(|config| config.crawler.probes_max = 8).await;
    let mut slow = Vec::new();
    for seed in 1..=4 {
        let site = dripping().await;
        world.enrol(&site.origin(), "k1", &SecretKey::from_seed(&[seed; 32])).await;
        slow.push(site);
    }
    eventually("a visit of each slow one", || async {
        slow.iter().all(|site| site.connections() > 0).then_some(())
    })
    .await;
    let good = agent((200, RPC_ANSWER.into())).await;
    world.enrol(&good.origin(), "k1", &key()).await;
    becomes(&world, &good.origin(), "open").await;
    let seen = reachability(&world, &slow[0].origin()).await;
    assert_eq!(seen, None, "the slow ones' deadline has not passed");
    world.stop().await;
}

#[tokio::test]
async fn case_27_a_peer_that_redirects_in_a_circle_costs_a_few_requests() {
    let circle =
        Site::start(|_, path| (302, if path == CARD { b"/there".to_vec() } else { CARD.into() }))
            .await;
    let world = World::outbound(|_| {}).await;
    world.enrol(&circle.origin(), "k1", &key()).await;
    let seen = becomes(&world, &circle.origin(), "not-speaking").await;
    assert!(!seen.why.is_empty());
    world.stop().await;
}

//! Peers' conduct over REST and gRPC: gateways report it, operators read it, searches ask for it, and nobody else learns
//! of it.

use axum::body::Body;
use http::{Method, Request, Response};
use proto_types::SecretKey;
use proto_types::card::jws;
use proto_wire::registry::v1::{self as wire, Verdict};
use serde_json::{Value, json};

use crate::tokens::now_ms;
use crate::visibility::token;
use crate::world::{OPERATOR, World, by, json as body_of, refused};

const GOOD: &str = "https://good.example";
const BAD: &str = "https://bad.example";

/// The key of this peer alone.
fn key(owner: &str) -> SecretKey {
    SecretKey::from_seed(&proto_types::Digest::of(owner.as_bytes()).0)
}

/// The newest window that has ended.
fn ended() -> u64 {
    now_ms() / 60_000 - 1
}

async fn publish(world: &World, handle: &str, owner: &str) {
    let card = json!({
        "name": handle, "description": "an agent", "version": "1",
        "supportedInterfaces": [{
            "url": "https://a.example/rpc", "protocolBinding": "JSONRPC", "protocolVersion": "1.0",
        }],
        "capabilities": { "streaming": true },
        "defaultInputModes": ["text/plain"], "defaultOutputModes": ["text/plain"],
        "skills": [{ "id": "s", "name": "s", "description": "s", "tags": ["t"] }],
    });
    world.enrol(owner, "k1", &key(owner)).await;
    let document = jws::sign(&card, &"k1".parse().unwrap(), &key(owner)).unwrap().into_bytes();
    let request = wire::PutCardRequest {
        handle: handle.to_owned(),
        document: document.into(),
        owner: owner.to_owned(),
        ..Default::default()
    };
    world.directory().put_card(request).await.unwrap();
}

async fn populated() -> World {
    let world = World::start().await;
    publish(&world, "good", GOOD).await;
    publish(&world, "bad", BAD).await;
    world
}

async fn post(world: &World, bearer: &str, body: &Value) -> Response<axum::body::Bytes> {
    let request = Request::post("/v1/reputation/reports")
        .header("authorization", format!("Bearer {bearer}"))
        .header("content-type", "application/json")
        .body(Body::from(body.to_string()));
    world.send(request.unwrap()).await
}

fn report(window: u64) -> Value {
    json!({ "window": window, "tallies": [
        { "peer": GOOD, "good": 40, "bad": 0 },
        { "peer": BAD, "good": 5, "bad": 5 },
        { "peer": "https://absent.example", "good": 1, "bad": 0 },
    ] })
}

async fn found(world: &World, query: &str) -> Value {
    let page = world.get(&format!("/v1/agents?{query}")).await;
    assert_eq!(page.status(), 200, "{query}: {:?}", page.body());
    body_of(&page)
}

fn handles(page: &Value) -> Vec<&str> {
    page["hits"].as_array().unwrap().iter().map(|hit| hit["handle"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_report_is_counted_once_and_searches_ask_for_it() {
    let world = populated().await;
    let gateway = world.gateway("g1").await;
    assert_eq!(handles(&found(&world, "min_reputation=0.1").await), [""; 0]);
    let window = ended();
    let answer = body_of(&post(&world, &gateway, &report(window)).await);
    let of = |member: &str| answer[member].as_u64().unwrap();
    assert_eq!((of("counted"), of("passedOver"), &answer["repeated"]), (2, 1, &json!(false)));
    let again = body_of(&post(&world, &gateway, &report(window)).await);
    assert_eq!((&again["counted"], &again["repeated"]), (&json!(0), &json!(true)));
    assert_eq!(again["revision"], answer["revision"]);

    for (least, expected) in [
        ("0", &["bad", "good"][..]),
        ("0.2", &["bad", "good"]),
        ("0.3", &["good"]),
        ("0.7", &["good"]),
        ("0.8", &[]),
        ("1", &[]),
        ("0.70", &["good"]),
    ] {
        let page = found(&world, &format!("min_reputation={least}")).await;
        assert_eq!(handles(&page), expected, "{least}");
    }
    let page = found(&world, "q=good&min_reputation=0.7&explain=true").await;
    assert_eq!(page["basis"]["min_reputation"], json!(0.7));
    assert!(!page.to_string().contains("7224"), "the score itself is not told: {page}");
    world.call(Method::POST, "/v1/peers/https%3A%2F%2Fgood.example/suspend", b"{}").await;
    assert_eq!(handles(&found(&world, "min_reputation=0.1").await), ["bad"]);
    world.stop().await;
}

#[tokio::test]
async fn a_window_out_of_its_time_is_refused() {
    let world = populated().await;
    let gateway = world.gateway("g1").await;
    for (window, code) in [(ended() + 3, "too-far-ahead"), (ended() - 62, "window-too-old")] {
        let refused = post(&world, &gateway, &report(window)).await;
        assert_eq!((refused.status().as_u16(), &body_of(&refused)["code"]), (400, &json!(code)));
    }
    for (body, member) in [
        (json!({ "window": ended(), "tallies": [] }), "tallies"),
        (
            json!({ "window": ended(), "tallies": [{ "peer": "x", "good": 1, "bad": 0 }] }),
            "tallies.peer",
        ),
        (
            json!({ "window": ended(), "tallies": [{ "peer": GOOD, "good": 0, "bad": 0 }] }),
            "tallies",
        ),
    ] {
        let refused = post(&world, &gateway, &body).await;
        assert_eq!(
            (refused.status().as_u16(), &body_of(&refused)["member"]),
            (400, &json!(member))
        );
    }
    let negative =
        json!({ "window": ended(), "tallies": [{ "peer": GOOD, "good": -1, "bad": 0 }] });
    let refused = post(&world, &gateway, &negative).await;
    assert_eq!(body_of(&refused)["code"], "invalid-document");
    world.stop().await;
}

#[tokio::test]
async fn gateways_report_and_only_the_operator_reads_a_score() {
    let world = populated().await;
    let (gateway, node) = (world.gateway("g1").await, world.node("n1").await);
    let peer = |jti: &str| token(GOOD, &key(GOOD), jti);
    for (who, bearer) in
        [("operator", OPERATOR.to_owned()), ("node", node.clone()), ("peer", peer("a"))]
    {
        let refused = post(&world, &bearer, &report(ended())).await;
        assert_eq!(refused.status(), 403, "{who}");
    }
    assert_eq!(post(&world, &gateway, &report(ended())).await.status(), 200);
    let path = "/v1/peers/https%3A%2F%2Fgood.example/reputation";
    let read = body_of(&world.call(Method::GET, path, b"").await);
    assert_eq!((&read["scoreMillionths"], &read["formula"]), (&json!(722_459), &json!(1)));
    assert_eq!(read["lines"][0]["reporter"], "g1");
    assert_eq!(read["lines"][0]["goodMillionths"], 10_000_000);
    assert!(read["arithmetic"][3].as_str().unwrap().ends_with("= 0.722459"), "{read}");

    let ask =
        |origin: &str| wire::GetPeerReputationRequest { origin: origin.into(), consistency: 0 };
    let mut directory = world.directory();
    let told = directory.get_peer_reputation(by(OPERATOR, ask(BAD))).await.unwrap().into_inner();
    assert_eq!((told.good_millionths, told.bad_millionths), (5_000_000, 5_000_000));
    assert_eq!(world.get(path).await.status(), 401);
    for (who, bearer) in [("a gateway", gateway.clone()), ("a node", node), ("the peer", peer("b"))]
    {
        let answer = directory.get_peer_reputation(by(&bearer, ask(GOOD))).await;
        refused(who, answer, "permission-denied");
    }
    let absent = ask("https://absent.example");
    refused("nobody", directory.get_peer_reputation(by(OPERATOR, absent)).await, "not-found");

    let kinds = vec!["reputation".to_owned()];
    let watch = wire::WatchRequest { kinds, ..Default::default() };
    refused(
        "a gateway watches",
        directory.watch(by(&gateway, watch.clone())).await,
        "permission-denied",
    );
    refused("nobody watches", directory.watch(watch.clone()).await, "unauthenticated");
    let mut changes = directory.watch(by(OPERATOR, watch)).await.unwrap().into_inner();
    let change = changes.message().await.unwrap().unwrap();
    assert_eq!((change.kind.as_str(), change.id.as_str()), ("reputation", "g1"));
    drop((changes, directory));
    world.stop().await;
}

#[tokio::test]
async fn a_token_is_charged_once_and_spent_all_the_same() {
    let world = World::start().await;
    let gateways = [world.gateway("g1").await, world.gateway("g2").await];
    let token = |name: &str| wire::SpendTokensRequest {
        tokens: vec![wire::TokenUse {
            key: proto_types::Digest::of(name.as_bytes()).as_bytes().to_vec().into(),
            remember_until_ms: now_ms() + 300_000,
            ..Default::default()
        }],
    };
    let mut fleet = world.fleet();
    let [fresh, replayed] = [Verdict::Fresh as i32, Verdict::Replayed as i32];
    for (gateway, verdict) in [(&gateways[0], fresh), (&gateways[1], replayed)] {
        let told = fleet.charge_tokens(by(gateway, token("a"))).await.unwrap().into_inner();
        assert_eq!(told.verdicts, [verdict]);
    }
    let spent = fleet.spend_tokens(by(&gateways[1], token("a"))).await.unwrap().into_inner();
    assert_eq!(spent.verdicts, [fresh]);
    fleet.spend_tokens(by(&gateways[0], token("b"))).await.unwrap();
    let told = fleet.charge_tokens(by(&gateways[1], token("b"))).await.unwrap().into_inner();
    assert_eq!(told.verdicts, [replayed], "whoever saw it may have sent it");
    refused(
        "the operator",
        fleet.charge_tokens(by(OPERATOR, token("c"))).await,
        "permission-denied",
    );
    drop(fleet);
    world.stop().await;
}

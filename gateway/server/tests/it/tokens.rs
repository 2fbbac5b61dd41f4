//! Who is let in over the wire, and that each token is good for one request.

use axum::body::{Body, Bytes};
use http::{Request, Response, StatusCode};
use proto_types::token::{Claims, mint};
use proto_types::{Digest, Origin, SecretKey};
use proto_wire::registry::v1 as wire;
use proto_wire::registry::v1::directory_client::DirectoryClient;
use serde_json::json;

use crate::calls::at_once;
use crate::world::{
    OPERATOR, Peer, SUBSCRIBER, World, by, enrol, eventually, json_of, revoke, rpc,
};

const RPC: &str = "/agents/echo";

fn ask() -> String {
    rpc("GetTask", json!({"id": "no-such-task"})).to_string()
}

async fn status(world: &World, token: &str) -> StatusCode {
    let request = http::Request::post(RPC)
        .header("content-type", "application/json")
        .header("a2a-version", "1.0")
        .header("x-pilox-federation-jwt", token)
        .body(ask().into())
        .unwrap();
    world.gateway.send(request).await.status()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_is_good_for_one_request_however_many_arrive_at_once() {
    let world = World::start().await;
    let peer = Peer::new("a", 1);
    let token = world.gateway.token(&peer);
    let all = (0..50).map(|_| status(&world, &token));
    let statuses = futures_util::future::join_all(all).await;
    let count = |wanted| statuses.iter().filter(|status| **status == wanted).count();
    assert_eq!((count(StatusCode::OK), count(StatusCode::UNAUTHORIZED)), (1, 49));
    assert_eq!(status(&world, &token).await, StatusCode::UNAUTHORIZED);
    assert_eq!(status(&world, &world.gateway.token(&peer)).await, StatusCode::OK);
    let metrics = world.gateway.get("/metrics").await;
    let text = String::from_utf8(metrics.into_body().to_vec()).unwrap();
    assert!(text.contains("outcome=\"token_replayed\"} 50\n"), "{text}");
}

/// A message that begins a task.
fn begin() -> String {
    rpc("SendMessage", at_once("hello")).to_string()
}

fn envelope(correlation: &str) -> String {
    let envelope = json!({"v": 1, "correlationId": correlation, "payload": {},
        "sourceOrigin": "https://a.example", "targetHandle": "urn:agent:b"});
    envelope.to_string()
}

const PUBLISH: &str = "/v1/publish";

async fn send(world: &World, (path, body): (&str, &str), token: &str) -> Response<Bytes> {
    let request = Request::post(path)
        .header("content-type", "application/json")
        .header("a2a-version", "1.0")
        .header("authorization", format!("Bearer {token}"))
        .body(Body::from(body.to_owned()))
        .unwrap();
    world.gateway.send(request).await
}

async fn open_tasks(world: &World) -> String {
    let metrics = world.registry_metrics().await;
    let line = metrics.lines().find_map(|line| line.strip_prefix("ecumene_registry_open_tasks "));
    line.unwrap().to_owned()
}

async fn queued(world: &World) -> usize {
    let request = Request::get("/v1/envelopes/urn:agent:b?max=10")
        .header("authorization", format!("Bearer {SUBSCRIBER}"))
        .body(Body::empty())
        .unwrap();
    let answer = json_of(&world.gateway.send(request).await);
    answer["envelopes"].as_array().unwrap().len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_begins_one_task_or_brings_one_envelope_however_it_is_used_again() {
    let world = World::start().await;
    let token = || world.gateway.token(&Peer::new("a", 1));
    let stream = rpc("SendStreamingMessage", at_once("hello")).to_string();
    let (begin, ask, first, second) =
        (begin(), ask(), envelope("corr-0001"), envelope("corr-0002"));
    let [called, published, asked] = [token(), token(), token()];
    let call = (RPC, &*begin);
    let all = futures_util::future::join_all((0..20).map(|_| send(&world, call, &called))).await;
    let count = |wanted| all.iter().filter(|answer| answer.status() == wanted).count();
    assert_eq!((count(StatusCode::OK), count(StatusCode::UNAUTHORIZED)), (1, 19));
    let taken = send(&world, (PUBLISH, &first), &published).await;
    assert_eq!(taken.status(), StatusCode::ACCEPTED);
    assert_eq!(send(&world, (RPC, &ask), &asked).await.status(), StatusCode::OK);
    for spent in [called, published, asked] {
        for (path, body) in
            [(RPC, &begin), (RPC, &stream), (RPC, &ask), (PUBLISH, &first), (PUBLISH, &second)]
        {
            let refused = send(&world, (path, body), &spent).await;
            assert_eq!(refused.status(), StatusCode::UNAUTHORIZED, "{body}: {refused:?}");
        }
    }
    assert_eq!((open_tasks(&world).await.as_str(), queued(&world).await), ("1", 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_the_registry_refuses_leaves_its_token_to_be_used() {
    let world = World::start().await;
    let mut params = at_once("hello");
    params["message"]["contextId"] = json!("a-conversation");
    let owner = world.gateway.call(&Peer::new("c", 3), RPC, "SendMessage", params.clone()).await;
    assert_eq!(owner["result"]["task"]["contextId"], "a-conversation", "{owner}");
    let token = world.gateway.token(&Peer::new("a", 1));
    let foreign = rpc("SendMessage", params).to_string();
    for _ in 0..2 {
        let refused = send(&world, (RPC, &foreign), &token).await;
        assert_eq!(json_of(&refused)["error"]["code"], -32602, "{refused:?}");
        assert!(!refused.headers().contains_key("ratelimit"), "no token was spent: {refused:?}");
    }
    let answer = send(&world, (RPC, &begin()), &token).await;
    assert!(json_of(&answer)["result"]["task"].is_object(), "{answer:?}");
    assert!(answer.headers().contains_key("ratelimit"), "{answer:?}");
    let again = send(&world, (RPC, &foreign), &token).await;
    assert_eq!(again.status(), StatusCode::UNAUTHORIZED, "it is spent: {again:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_takes_its_token_along_costs_no_call_that_spends_it() {
    let world = World::start().await;
    let calls = || async {
        let metrics = world.gateway.get("/metrics").await.into_body();
        let metrics = String::from_utf8(metrics.to_vec()).unwrap();
        let name = "ecumene_gateway_spend_calls_total ";
        metrics.lines().find_map(|line| line.strip_prefix(name)).unwrap().to_owned()
    };
    let token = || world.gateway.token(&Peer::new("a", 1));
    let (begin, envelope) = (begin(), envelope("corr-0001"));
    for (path, body) in [(RPC, &begin), (PUBLISH, &envelope)] {
        assert!(send(&world, (path, body), &token()).await.status().is_success());
    }
    assert_eq!(calls().await, "0");
    assert_eq!(send(&world, (RPC, &ask()), &token()).await.status(), StatusCode::OK);
    assert_eq!(calls().await, "1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_does_not_hold_is_one_opaque_401() {
    let world = World::start().await;
    let peer = Peer::new("a", 1);
    let claims = || world.gateway.claims(&peer);
    let us = world.gateway.origin();
    let elsewhere = Origin::parse("https://elsewhere.example").unwrap();
    let stranger = Origin::parse("https://stranger.example").unwrap();
    let signed = |claims: &Claims| mint(claims, None, &peer.key);
    let now = claims().iat;
    for token in [
        "junk".to_owned(),
        mint(&claims(), None, &SecretKey::from_seed(&[9; 32])),
        signed(&Claims { aud: elsewhere, ..claims() }),
        signed(&Claims { iss: stranger, ..claims() }),
        signed(&Claims { iat: now - 400, exp: now - 100, ..claims() }),
        signed(&Claims { exp: now + 301, ..claims() }),
        signed(&Claims { htm: Some("GET".to_owned()), ..claims() }),
        signed(&Claims { htu: Some(format!("{us}/v1/publish")), ..claims() }),
        signed(&Claims { bd: Some(Digest::of(b"another body")), ..claims() }),
    ] {
        assert_eq!(status(&world, &token).await, StatusCode::UNAUTHORIZED, "{token}");
    }
    let bound = Claims {
        htm: Some("POST".to_owned()),
        htu: Some(format!("{us}{RPC}")),
        bd: Some(Digest::of(ask().as_bytes())),
        ..claims()
    };
    assert_eq!(status(&world, &signed(&bound)).await, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_was_spent_is_refused_like_a_forged_one() {
    let world = World::start().await;
    let peer = Peer::new("a", 1);
    for (path, body, status) in [
        (RPC, ask(), StatusCode::OK),
        (RPC, begin(), StatusCode::OK),
        (PUBLISH, envelope("corr-0001"), StatusCode::ACCEPTED),
    ] {
        let refusal = |token: String| {
            let (world, request) = (&world, (path, &*body));
            async move {
                let response = send(world, request, &token).await;
                let mut headers = response.headers().clone();
                headers.remove("date");
                (response.status(), headers, response.into_body())
            }
        };
        let spent = world.gateway.token(&peer);
        assert_eq!(refusal(spent.clone()).await.0, status);
        let anothers = Claims { htm: Some("GET".to_owned()), ..world.gateway.claims(&peer) };
        let forged = mint(&world.gateway.claims(&peer), None, &SecretKey::from_seed(&[9; 32]));
        let forged = refusal(forged).await;
        assert_eq!(refusal(spent).await, forged, "{body}");
        assert_eq!(refusal(mint(&anothers, None, &peer.key)).await, forged, "{body}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_is_let_in_once_enrolled_and_kept_out_once_revoked() {
    let world = World::start().await;
    let peer = Peer::new("late", 7);
    assert_eq!(status(&world, &world.gateway.token(&peer)).await, StatusCode::UNAUTHORIZED);
    enrol(&world.channel, &peer).await;
    eventually("admission", || async {
        let status = status(&world, &world.gateway.token(&peer)).await;
        (status == StatusCode::OK).then_some(())
    })
    .await;
    revoke(&world.channel, &peer).await;
    eventually("refusal", || async {
        let status = status(&world, &world.gateway.token(&peer)).await;
        (status == StatusCode::UNAUTHORIZED).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_over_its_limit_is_told_when_to_come_back() {
    let world = World::with(|config| config.bounds.peer_requests = 2).await;
    let peer = Peer::new("a", 1);
    let first = world.gateway.post(&peer, RPC, &ask()).await;
    assert_eq!(first.headers()["ratelimit-policy"], "\"peer\";q=2;w=60");
    assert_eq!(first.headers()["ratelimit"], "\"peer\";r=1;t=30");
    world.gateway.post(&peer, RPC, &ask()).await;
    let third = world.gateway.post(&peer, RPC, &ask()).await;
    assert_eq!(third.status(), StatusCode::TOO_MANY_REQUESTS);
    let wait: u64 = third.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=30).contains(&wait));
    let error = &json_of(&third)["error"];
    assert_eq!(
        (&error["code"], &error["data"][0]["reason"]),
        (&json!(-32047), &json!("RATE_LIMITED"))
    );
    assert_eq!(error["data"][1]["retryDelay"], format!("{wait}s"));
    // Pilox clients know another code for it, and look for the seconds elsewhere.
    let of_pilox = world.gateway.post(&peer, "/api/a2a/jsonrpc", &ask()).await;
    assert_eq!(of_pilox.status(), StatusCode::TOO_MANY_REQUESTS);
    let error = &json_of(&of_pilox)["error"];
    assert_eq!(error["code"], -32005);
    assert!(error["data"]["retryAfterSeconds"].is_u64(), "{error}");
    let other = world.gateway.post(&Peer::new("c", 3), RPC, &ask()).await;
    assert_eq!(other.status(), StatusCode::OK, "another peer has its own limit");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_left_of_a_peers_limit_is_told_to_nobody_who_spends_no_token() {
    let world = World::start().await;
    let peer = Peer::new("a", 1);
    let malformed = world.gateway.post(&peer, RPC, "{").await;
    assert_eq!(json_of(&malformed)["error"]["code"], -32700);
    let answered = world.gateway.post(&peer, RPC, &ask()).await;
    for header in ["ratelimit", "ratelimit-policy"] {
        assert!(!malformed.headers().contains_key(header), "{header}");
        assert!(answered.headers().contains_key(header), "{header}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_an_operator_allows_it_has_tokens_of_an_hour() {
    let world = World::start().await;
    let (peer, other) = (Peer::new("a", 1), Peer::new("c", 3));
    let hour = |peer: &Peer| {
        let claims = world.gateway.claims(peer);
        mint(&Claims { exp: claims.iat + 3_600, ..claims }, None, &peer.key)
    };
    assert_eq!(status(&world, &hour(&peer)).await, StatusCode::UNAUTHORIZED);
    let allowed = wire::SetPeerTokenLifeRequest { origin: peer.origin.clone(), seconds: 3_600 };
    let mut directory = DirectoryClient::new(world.channel.clone());
    directory.set_peer_token_life(by(OPERATOR, allowed)).await.unwrap();
    let token = eventually("the gateway knows", || async {
        let token = hour(&peer);
        (status(&world, &token).await == StatusCode::OK).then_some(token)
    })
    .await;
    assert_eq!(status(&world, &token).await, StatusCode::UNAUTHORIZED, "it is spent");
    assert_eq!(status(&world, &hour(&other)).await, StatusCode::UNAUTHORIZED, "not for others");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_over_its_limit_gets_no_signature_checked() {
    let world = World::with(|config| {
        config.bounds.address_requests_per_second = 1;
        config.bounds.address_burst = 300;
    })
    .await;
    let mut limited = None;
    for _ in 0..400 {
        let response = world.gateway.get("/agents/%2e%2e/x").await;
        if response.status() == StatusCode::TOO_MANY_REQUESTS {
            limited = Some(response);
            break;
        }
    }
    let limited = limited.expect("the limit is reached");
    assert_eq!(json_of(&limited)["code"], "rate-limited");
    let rotated = http::Request::get("/healthz").header("x-forwarded-for", "192.0.2.7");
    let rotated = world.gateway.send(rotated.body(axum::body::Body::empty()).unwrap()).await;
    assert_eq!(rotated.status(), StatusCode::TOO_MANY_REQUESTS, "no header changes the address");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_registry_no_token_is_accepted() {
    let world = World::start().await;
    world.stop_registry();
    let peer = Peer::new("a", 1);
    let response = eventually("the registry's end", || async {
        let response = world.gateway.post(&peer, RPC, &ask()).await;
        (response.status() != StatusCode::OK).then_some(response)
    })
    .await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(json_of(&response)["error"]["data"][0]["metadata"]["code"], "registry-unavailable");
    assert!(response.headers().contains_key("retry-after"));
}

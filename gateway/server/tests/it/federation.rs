//! What an operator asks about peers, and of them as this instance.

use axum::body::{Body, Bytes};
use http::{Request, Response, StatusCode};
use proto_types::SecretKey;
use proto_types::token::{Claims, Unverified};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::rest::Events;
use crate::upstream::{self, RPC, Received, Server, answer, ok, result, task};
use crate::world::{
    OPERATOR, PATIENCE, Peer, SUBSCRIBER, World, enrol, eventually, json_of, message, rpc, suspend,
};

const PROXY: &str = "/api/mesh/federation/proxy/jsonrpc";
const STATUS: &str = "/api/mesh/federation/status";
const DIRECTORY: &str = "/api/mesh/federation/directory";

/// The key that the gateways of these tests sign with.
fn own_key() -> SecretKey {
    SecretKey::from_seed(&[4; 32])
}

fn get(token: &str, path: &str) -> Request<Body> {
    let request = Request::get(path).header("authorization", format!("Bearer {token}"));
    request.body(Body::empty()).unwrap()
}

fn proxied(token: &str, body: &Value) -> Request<Body> {
    Request::post(PROXY)
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "application/json")
        .header("a2a-version", "1.0")
        .header("x-correlation-id", "corr-1")
        .header("cookie", "secret")
        .body(Body::from(body.to_string()))
        .unwrap()
}

async fn call(world: &World, peer: &str, call: Value) -> Response<Bytes> {
    world.gateway.send(proxied(OPERATOR, &json!({"peer": peer, "rpc": call}))).await
}

/// The directory once this peer is in it, and its number there.
async fn listed(world: &World, origin: &str) -> (Value, Value) {
    eventually("the peer", || async {
        let said = json_of(&world.gateway.send(get(SUBSCRIBER, DIRECTORY)).await);
        let peers = said["peers"].as_array()?;
        let row = peers.iter().find(|row| row["origin"] == origin)?;
        let index = row["peerIndex"].clone();
        Some((said, index))
    })
    .await
}

/// Enrols who is at this address as a peer of this gateway.
async fn befriend(world: &World, origin: String) -> (Peer, Value) {
    let peer = Peer { origin, key: SecretKey::from_seed(&[9; 32]) };
    enrol(&world.channel, &peer).await;
    let (_, index) = listed(world, &peer.origin).await;
    (peer, index)
}

/// A gateway with a peer that answers so, and the peer's number.
async fn with_peer(
    answers: impl Fn(&Received) -> Response<Body> + Send + Sync + 'static,
) -> (World, Server, Peer, Value) {
    let (world, server) = (upstream::world().await, Server::start(answers).await);
    let (peer, index) = befriend(&world, format!("http://{}", server.addr)).await;
    (world, server, peer, index)
}

/// The claims of the token that the peer was shown, whose signature holds.
fn shown(asked: &Received) -> Claims {
    let token = asked.headers["x-pilox-federation-jwt"].to_str().unwrap();
    Unverified::parse(token).unwrap().verify(&own_key().public()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_reaches_the_peer_with_a_token_of_its_own_and_nothing_that_the_operator_has_shown() {
    let said = result(&json!({"task": task(RPC, "working")}));
    let told = said.clone();
    let (world, server, peer, index) = with_peer(move |_: &Received| ok(&told)).await;
    let sent = rpc("SendMessage", message("hello"));
    let by_index = json!({"peerIndex": index, "rpc": sent});
    for body in [by_index, json!({"peer": peer.origin, "rpc": sent.to_string()})] {
        let answer = world.gateway.send(proxied(OPERATOR, &body)).await;
        assert_eq!(answer.status(), StatusCode::OK, "{answer:?}");
        assert_eq!(json_of(&answer), said);
    }
    let asked = server.asked();
    let [first, second] = &asked[..] else { panic!("{asked:?}") };
    for asked in [first, second] {
        assert_eq!((asked.path.as_str(), &asked.body), ("/api/a2a/jsonrpc", &sent));
        assert_eq!(asked.headers["a2a-version"], "1.0");
        assert_eq!(asked.headers["x-correlation-id"], "corr-1");
        assert_eq!(asked.headers["ecumene-hops"], world.gateway.origin());
        assert!(!asked.headers.contains_key("authorization"), "{asked:?}");
        assert!(!asked.headers.contains_key("cookie"), "{asked:?}");
        let claims = shown(asked);
        let parties = (claims.iss.as_str().to_owned(), claims.aud.as_str().to_owned());
        assert_eq!(parties, (world.gateway.origin(), peer.origin.clone()));
        assert!(claims.exp - claims.iat <= 300);
    }
    assert_ne!(shown(first).jti, shown(second).jti);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_gateway_of_ours_takes_the_token_and_does_what_the_operator_asks() {
    let (near, far) = (upstream::world().await, World::start().await);
    let own = Peer { origin: near.gateway.origin(), key: own_key() };
    enrol(&far.channel, &own).await;
    let (peer, _) = befriend(&near, far.gateway.origin()).await;
    let mut params = message("hello");
    params["tenant"] = json!("echo");
    params["configuration"] = json!({"returnImmediately": true});
    let sent = eventually("the far gateway knows this one", || async {
        let answer = call(&near, &peer.origin, rpc("SendMessage", params.clone())).await;
        (answer.status() == StatusCode::OK).then(|| json_of(&answer))
    })
    .await;
    let id = sent["result"]["task"]["id"].clone();
    assert!(id.is_string(), "{sent}");
    // It is this instance's there, and no other peer's.
    let found = json_of(&call(&near, &peer.origin, rpc("GetTask", json!({"id": id}))).await);
    assert_eq!(found["result"]["id"], id, "{found}");
    let other = Peer::new("a", 1);
    let refused = far.gateway.call(&other, "/v1/a2a/jsonrpc", "GetTask", json!({"id": id})).await;
    assert_eq!(refused["error"]["code"], -32001);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_of_a_peer_is_told_event_by_event_until_the_peer_may_not_act() {
    let (world, (server, events)) = (upstream::world().await, Server::streaming().await);
    let (peer, _) = befriend(&world, format!("http://{}", server.addr)).await;
    let sent = rpc("SendStreamingMessage", message("hello"));
    let first = result(&json!({"task": task(RPC, "working")}));
    events.send(Ok(first.to_string())).await.unwrap();
    let request = proxied(OPERATOR, &json!({"peer": peer.origin, "rpc": sent}));
    let mut told = Events::open(&world.gateway, request).await;
    assert_eq!(told.event().await.unwrap(), first);
    let second = result(&json!({"task": task(RPC, "completed")}));
    events.send(Ok(second.to_string())).await.unwrap();
    assert_eq!(told.event().await.unwrap(), second);
    assert_eq!(server.asked()[0].headers["accept"], "text/event-stream");
    suspend(&world.channel, &peer).await;
    let end = told.event().await.unwrap();
    assert_eq!((&end["id"], &end["error"]["code"]), (&json!("call-1"), &json!(-32042)), "{end}");
    assert_eq!(told.event().await, None);
    timeout(PATIENCE, events.closed()).await.expect("the peer's stream is closed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_an_operator_calls_peers_and_only_who_runs_the_gateway_reads_of_them() {
    let (world, server, peer, index) = with_peer(|_: &Received| ok(&result(&json!({})))).await;
    let body = json!({"peerIndex": index, "rpc": rpc("GetTask", json!({"id": "x"}))});
    let stranger = world.gateway.token(&Peer::new("a", 1));
    for token in [SUBSCRIBER, "nobody", stranger.as_str()] {
        let refused = world.gateway.send(proxied(token, &body)).await;
        assert_eq!(refused.status(), StatusCode::UNAUTHORIZED, "{token}");
        let refused = world.gateway.send(get(token, &format!("{STATUS}?probe=1"))).await;
        assert_eq!(refused.status(), StatusCode::UNAUTHORIZED, "{token}");
    }
    for path in [STATUS, DIRECTORY] {
        for (token, status) in [(OPERATOR, 200), (SUBSCRIBER, 200), ("nobody", 401)] {
            let answer = world.gateway.send(get(token, path)).await;
            assert_eq!(answer.status().as_u16(), status, "{path} {token}");
        }
        assert_eq!(world.gateway.get(path).await.status(), StatusCode::UNAUTHORIZED);
    }
    assert!(server.asked().is_empty(), "{:?}", server.asked());
    suspend(&world.channel, &peer).await;
    let named = json!({"peer": peer.origin, "rpc": body["rpc"]});
    let refused = eventually("the suspension", || async {
        let answer = world.gateway.send(proxied(OPERATOR, &named)).await;
        (answer.status() == StatusCode::BAD_REQUEST).then(|| json_of(&answer))
    })
    .await;
    assert_eq!(refused["errors"][0]["instancePath"], "/peer", "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_key_a_call_is_refused_for_that_and_the_status_says_so() {
    let world = World::with(|config| config.federation_key_file = None).await;
    let refused = call(&world, "https://a.example", rpc("GetTask", json!({"id": "x"}))).await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(json_of(&refused)["code"], "federation-key-missing");
    let status = json_of(&world.gateway.send(get(SUBSCRIBER, STATUS)).await);
    assert_eq!(status["federation"]["phase"], "2.0-config", "{status}");
    assert!(status["federation"]["jsonRpcProxy"].is_null());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_peer_refuses_is_told_as_it_says_it_and_what_is_no_answer_is_a_bad_gateway() {
    let moved = || {
        let elsewhere = Response::builder().status(307).header("location", "http://127.0.0.1:1/");
        elsewhere.body(Body::empty()).unwrap()
    };
    let (world, _server, peer, _) =
        with_peer(move |asked: &Received| match asked.body["method"].as_str() {
            Some("refused") => answer(403, "application/problem+json", "{\"error\":\"no\"}"),
            Some("silent") => answer(204, "application/json", Body::empty()),
            Some("moved") => moved(),
            _ => answer(200, "text/html", "<html>"),
        })
        .await;
    let told = |method: &str| call(&world, &peer.origin, rpc(method, json!({})));
    let refused = told("refused").await;
    assert_eq!((refused.status().as_u16(), json_of(&refused)), (403, json!({"error": "no"})));
    let silent = told("silent").await;
    assert_eq!((silent.status().as_u16(), silent.body().len()), (204, 0));
    for method in ["moved", "page"] {
        let bad = told(method).await;
        assert_eq!(bad.status(), StatusCode::BAD_GATEWAY, "{method}");
        assert_eq!(json_of(&bad)["code"], "upstream-unreachable");
    }
    for (body, path) in [
        (json!({"peerIndex": 99, "rpc": rpc("GetTask", json!({}))}), "/peerIndex"),
        (json!({"peer": "https://nobody.example", "rpc": rpc("GetTask", json!({}))}), "/peer"),
        (json!({"peer": peer.origin, "rpc": {"method": "GetTask"}}), "/rpc/jsonrpc"),
    ] {
        let refused = world.gateway.send(proxied(OPERATOR, &body)).await;
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST, "{body}");
        assert_eq!(json_of(&refused)["errors"][0]["instancePath"], path, "{body}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_in_a_network_that_is_not_named_is_not_called() {
    let (world, server) = (World::start().await, Server::start(|_| ok(&json!({}))).await);
    let (peer, _) = befriend(&world, format!("http://{}", server.addr)).await;
    let refused = call(&world, &peer.origin, rpc("GetTask", json!({"id": "x"}))).await;
    assert_eq!(refused.status(), StatusCode::BAD_GATEWAY);
    assert!(server.asked().is_empty(), "{:?}", server.asked());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_status_and_the_directory_say_who_is_there_and_a_look_says_who_answers() {
    let (world, _server, peer, index) = with_peer(|_: &Received| ok(&json!({}))).await;
    let (directory, _) = listed(&world, &peer.origin).await;
    // Beside those of every world.
    assert_eq!((&directory["peerCount"], &directory["meshV2"]), (&json!(3), &json!("2.10.0")));
    let row = &directory["peers"][index.as_u64().and_then(|at| usize::try_from(at).ok()).unwrap()];
    assert_eq!(row["hostname"], "127.0.0.1");
    assert_eq!(row["agentCardUrl"], format!("{}/.well-known/agent-card.json", peer.origin));
    let plain = json_of(&world.gateway.send(get(SUBSCRIBER, STATUS)).await);
    assert!(plain.get("probe").is_none(), "{plain}");
    let proxy = &plain["federation"]["jsonRpcProxy"];
    assert_eq!((&proxy["path"], &proxy["jwtAlg"]), (&json!(PROXY), &json!("Ed25519")));
    assert_eq!(proxy["localEd25519PublicKeyHex"], own_key().public().to_hex());
    let probed = world.gateway.send(get(OPERATOR, &format!("{STATUS}?probe=1"))).await;
    let probed = json_of(&probed);
    let rows = probed["probe"].as_array().unwrap();
    assert_eq!(rows.len(), 3, "{probed}");
    let row = rows.iter().find(|row| row["origin"] == peer.origin).unwrap();
    assert_eq!((&row["ok"], &row["statusCode"]), (&json!(true), &json!(200)), "{row}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_and_counters_are_where_pilox_has_them_too() {
    let world = World::start().await;
    let health = world.gateway.get("/v1/health").await;
    assert_eq!((health.status(), &json_of(&health)["ok"]), (StatusCode::OK, &json!(true)));
    let counters = world.gateway.get("/v1/metrics").await;
    let text = std::str::from_utf8(counters.body()).unwrap();
    assert!(text.contains("ecumene_gateway_requests_total"), "{text}");
}

//! What instances of Pilox, their dashboards, gateways and subscribers ask of a gateway.

use std::path::{Path, PathBuf};

use axum::body::{Body, Bytes};
use gateway_server::{Config, Hs256Peer, RelayConfig, UpstreamCredential};
use http::{Request, Response, StatusCode};
use proto_types::base64url;
use ring::hmac;
use serde_json::{Value, json};

use crate::upstream::{self, FAR, RPC, Received, Server, ok, result, task};
use crate::world::{
    OPERATOR, Peer, SUBSCRIBER, World, deploy_for, enrol, eventually, json_of, message, now_secs,
    rpc, secret, suspend,
};

const INSTANCE: &str = "/api/a2a/jsonrpc";
const INGRESS: &str = "/api/mesh/wan/ingress";
const RELAY: &str = "token-of-the-relay-0123456789";
const FRONT: &str = "secret-of-the-front-0123456789";
const SHARED: &str = "0123456789abcdef0123456789abcdef";

fn folder(config: &Config) -> &Path {
    config.state_dir.parent().unwrap()
}

fn file(config: &Config, name: &str, text: &str) -> PathBuf {
    secret(folder(config), name, text)
}

/// A request for a task that there is not: whoever is let in is told so.
fn call(world: &World, peer: &Peer) -> Request<Body> {
    world.gateway.request(peer, INSTANCE, &rpc("GetTask", json!({"id": "x"})).to_string())
}

async fn status(world: &World, request: Request<Body>) -> u16 {
    world.gateway.send(request).await.status().as_u16()
}

async fn get(world: &World, path: &str, shown: Option<&str>) -> Response<Bytes> {
    let request = Request::get(path);
    let request = shown
        .into_iter()
        .fold(request, |it, token| it.header("authorization", format!("Bearer {token}")));
    world.gateway.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dashboard_reads_the_state_the_agents_and_the_peers_and_nobody_else_does() {
    let world = World::start().await;
    for (path, subscriber) in
        [("/api/a2a/status", 200), ("/api/mesh/agents", 200), ("/api/mesh/peers", 401)]
    {
        let asked =
            [(Some(OPERATOR), 200), (Some(SUBSCRIBER), subscriber), (Some("x"), 401), (None, 401)];
        for (shown, expected) in asked {
            let answer = get(&world, path, shown).await;
            assert_eq!(answer.status().as_u16(), expected, "{path} {shown:?}");
        }
    }
    let state = json_of(&get(&world, "/api/a2a/status", Some(SUBSCRIBER)).await);
    assert_eq!(state["endpoints"]["jsonRpcPath"], INSTANCE);
    assert_eq!(
        (&state["enabled"], &state["publicJsonRpc"]["enabled"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(state["federation"]["configuredPeerCount"], 2);
    let peers = json_of(&get(&world, "/api/mesh/peers", Some(OPERATOR)).await);
    assert_eq!((&peers["total"], &peers["healthy"]), (&json!(2), &json!(0)));
    let probed = json_of(&get(&world, "/api/mesh/peers?probe=1", Some(OPERATOR)).await);
    let rows = probed["peers"].as_array().unwrap();
    assert!(rows.iter().all(|row| row["healthy"] == false && row["errorCount"] == 1), "{probed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_list_of_agents_shows_each_reader_what_it_may_see() {
    let world = World::start().await;
    for (handle, visibility) in
        [("known", "federated"), ("hidden", "private"), ("part", "redacted")]
    {
        let words = json!({"name": handle, "description": "d", "skills": []});
        deploy_for(&world.channel, (handle, visibility), &words).await;
    }
    let listed = async |shown: Option<&str>, query: &str| {
        let answer = get(&world, &format!("/api/mesh/agents{query}"), shown).await;
        let said = json_of(&answer);
        let rows = said["agents"].as_array().unwrap_or_else(|| panic!("{said}")).clone();
        rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    // The last that came: what was before it has arrived too.
    eventually("the agents", || async {
        let part = listed(Some(OPERATOR), "?q=part").await;
        (part == ["part"]).then_some(())
    })
    .await;
    assert_eq!(listed(Some(SUBSCRIBER), "").await, ["echo", "part"]);
    let peer = world.gateway.token(&Peer::new("a", 1));
    assert_eq!(listed(Some(&peer), "").await, ["echo", "known", "part"]);
    // Who runs this instance sees what it does as a peer, once it is one.
    let own = Peer { origin: world.gateway.origin(), ..Peer::new("own", 4) };
    enrol(&world.channel, &own).await;
    let seen = eventually("this instance as a peer", || async {
        let seen = listed(Some(SUBSCRIBER), "").await;
        (seen.len() == 3).then_some(seen)
    })
    .await;
    assert_eq!(seen, ["echo", "known", "part"]);
    let spent = get(&world, "/api/mesh/agents", Some(&peer)).await;
    assert_eq!(spent.status(), StatusCode::UNAUTHORIZED, "a token is good for one look");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_of_peers_are_taken_from_the_named_networks_alone() {
    let world = World::with(|config| {
        config.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
        config.federation_networks = vec!["192.0.2.0/24".parse().unwrap()];
    })
    .await;
    let peer = Peer::new("a", 1);
    let from = async |address: &str| {
        let mut request = call(&world, &peer);
        request.headers_mut().insert("x-forwarded-for", address.parse().unwrap());
        let answer = world.gateway.send(request).await;
        (answer.status().as_u16(), json_of(&answer))
    };
    let (inside, said) = from("192.0.2.7").await;
    assert_eq!((inside, &said["error"]["code"]), (200, &json!(-32001)));
    let (outside, told) = from("198.51.100.7").await;
    assert_eq!(outside, 401);
    // It is told what a forged token is told.
    let mut forged = call(&world, &Peer::new("a", 9));
    forged.headers_mut().insert("x-forwarded-for", "192.0.2.7".parse().unwrap());
    let forged = world.gateway.send(forged).await;
    assert_eq!((forged.status().as_u16(), json_of(&forged)), (401, told));
    let counted = world.gateway.get("/metrics").await;
    let counted = std::str::from_utf8(counted.body()).unwrap();
    assert!(counted.contains("outcome=\"network_not_allowed\"} 1\n"), "{counted}");
    // Cards are for everybody.
    let card = world.gateway.get("/.well-known/agent-card.json").await;
    assert_eq!(card.status(), StatusCode::OK);
    let state = json_of(&get(&world, "/api/mesh/federation/status", Some(SUBSCRIBER)).await);
    assert_eq!(state["federation"]["federationInboundAllowlistActive"], true);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_behind_another_takes_nothing_that_did_not_come_through_it() {
    let world = World::with(|config| {
        config.gateway_auth_file = Some(file(config, "front", FRONT));
    })
    .await;
    let peer = Peer::new("a", 1);
    let right = format!("Bearer {FRONT}");
    for (header, value, expected) in [
        ("x-pilox-gateway-auth", right.as_str(), 200),
        ("x-hive-gateway-auth", right.as_str(), 200),
        ("x-pilox-gateway-auth", "Bearer another-0123456789", 403),
        ("x-other", right.as_str(), 403),
    ] {
        let mut request = call(&world, &peer);
        request.headers_mut().insert(header, value.parse().unwrap());
        let answer = world.gateway.send(request).await;
        assert_eq!(answer.status().as_u16(), expected, "{header}: {value}");
        if expected == 403 {
            let told = answer.body();
            let told = std::str::from_utf8(told).unwrap();
            assert!(told.contains("gateway-auth-required"), "{told}");
        }
    }
    // Before the token: the same token is good where the secret is shown.
    let token = world.gateway.token(&peer);
    let with = |shown: bool| {
        let request = Request::post(INSTANCE)
            .header("content-type", "application/json")
            .header("a2a-version", "1.0")
            .header("authorization", format!("Bearer {token}"));
        let request = if shown { request.header("x-pilox-gateway-auth", FRONT) } else { request };
        request.body(Body::from(rpc("GetTask", json!({"id": "x"})).to_string())).unwrap()
    };
    assert_eq!(status(&world, with(false)).await, 403);
    assert_eq!(status(&world, with(true)).await, 200);
    assert_eq!(world.gateway.get("/.well-known/agent-card.json").await.status(), StatusCode::OK);
}

/// The value is the operator's, whatever a caller shows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attached_instance_of_pilox_is_shown_the_secret_that_it_shares_with_this_gateway() {
    let said = result(&json!({"task": task(RPC, "completed")}));
    let server = Server::start(move |_: &Received| ok(&said)).await;
    let world = upstream::world_with(|config| {
        let value_file = file(config, "value", &format!("Bearer {FRONT}"));
        config.upstreams.credentials.push(UpstreamCredential {
            agent: "far".to_owned(),
            header: "X-Pilox-Gateway-Auth".to_owned(),
            value_file,
        });
    })
    .await;
    upstream::attach(&world, RPC, &[server.url()]).await;
    let body = rpc("SendMessage", message("hello")).to_string();
    let mut request = world.gateway.request(&Peer::new("a", 1), FAR, &body);
    for header in ["x-pilox-gateway-auth", "x-hive-gateway-auth"] {
        request.headers_mut().insert(header, "Bearer of-the-caller".parse().unwrap());
    }
    assert_eq!(status(&world, request).await, 200);
    let asked = server.asked();
    let [asked] = &asked[..] else { panic!("{asked:?}") };
    assert_eq!(asked.headers["x-pilox-gateway-auth"], format!("Bearer {FRONT}").as_str());
    assert!(!asked.headers.contains_key("x-hive-gateway-auth"), "{asked:?}");
}

fn envelope(source: &str, correlation: &str) -> Value {
    json!({
        "v": 1, "correlationId": correlation, "sourceOrigin": source,
        "targetHandle": "urn:agent:b", "payload": {"text": "hello"},
    })
}

fn relayed(path: &str, token: &str, envelope: &Value) -> Request<Body> {
    Request::post(path)
        .header("content-type", "application/json")
        .header("authorization", format!("Bearer {token}"))
        .body(Body::from(envelope.to_string()))
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_brings_the_envelopes_of_the_sources_that_it_was_granted() {
    let new = "https://new.example";
    let world = World::with(|config| {
        config.relays = vec![RelayConfig {
            name: "subscriber-1".to_owned(),
            token_file: file(config, "relay", RELAY),
            sources: ["https://a.example", new].map(str::to_owned).into(),
        }];
    })
    .await;
    let bring = async |path: &str, token: &str, source: &str, correlation: &str| {
        let answer = world.gateway.send(relayed(path, token, &envelope(source, correlation))).await;
        (answer.status().as_u16(), json_of(&answer))
    };
    // With one token, as often as it likes; also of who is no peer.
    for (at, (path, source)) in
        [(INGRESS, "https://a.example"), ("/v1/publish", "https://a.example"), (INGRESS, new)]
            .into_iter()
            .enumerate()
    {
        let correlation = format!("corr-000{at}");
        let (status, said) = bring(path, RELAY, source, &correlation).await;
        assert_eq!((status, &said["correlationId"]), (202, &json!(correlation)), "{said}");
    }
    let (foreign, said) = bring(INGRESS, RELAY, "https://c.example", "corr-0009").await;
    assert_eq!((foreign, &said["code"]), (403, &json!("source-mismatch")));
    let (stranger, _) =
        bring(INGRESS, "token-of-nobody-0123456789", "https://a.example", "corr-0009").await;
    assert_eq!(stranger, 401);
    let pulled = get(&world, "/v1/envelopes/urn:agent:b", Some(SUBSCRIBER)).await;
    let pulled = json_of(&pulled);
    let sources: Vec<_> =
        pulled["envelopes"].as_array().unwrap().iter().map(|one| &one["source"]).collect();
    assert_eq!(sources, [&json!("https://a.example"), &json!("https://a.example"), &json!(new)]);
    // It calls no agents.
    let calling = relayed(INSTANCE, RELAY, &rpc("GetTask", json!({"id": "x"})));
    assert_eq!(status(&world, calling).await, 401);
    // Nobody is heard through it that may not act.
    suspend(&world.channel, &Peer::new("a", 1)).await;
    eventually("the suspension", || async {
        let correlation = "corr-0010";
        let (status, _) = bring(INGRESS, RELAY, "https://a.example", correlation).await;
        (status == 403).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_has_a_quota_of_its_own() {
    let world = World::with(|config| {
        config.bounds.peer_requests = 2;
        config.relays = vec![RelayConfig {
            name: "subscriber-1".to_owned(),
            token_file: file(config, "relay", RELAY),
            sources: vec!["https://a.example".to_owned()],
        }];
    })
    .await;
    let mut told = Vec::new();
    for at in 0..3 {
        let sent = envelope("https://a.example", &format!("corr-000{at}"));
        told.push(status(&world, relayed(INGRESS, RELAY, &sent)).await);
    }
    assert_eq!(told, [202, 202, 429]);
    // The source has its own.
    let own = envelope("https://a.example", "corr-0009").to_string();
    let answer = world.gateway.post(&Peer::new("a", 1), "/v1/publish", &own).await;
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
}

/// As an instance of Pilox mints it.
fn shared_token(world: &World, secret: &str, jti: &str, alg: &str) -> String {
    let now = now_secs();
    let claims = json!({
        "iss": "pilox-mesh-federation", "sub": "federation-peer", "jti": jti, "iat": now,
        "exp": now + 120, "aud": world.gateway.origin(),
    });
    let header = json!({"alg": alg, "typ": "JWT"});
    let [header, claims] =
        [header, claims].map(|part| base64url::encode(part.to_string().as_bytes()));
    let signed = format!("{header}.{claims}");
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let mac = hmac::sign(&key, signed.as_bytes());
    format!("{signed}.{}", base64url::encode(mac.as_ref()))
}

fn with_token(token: &str) -> Request<Body> {
    Request::post(INSTANCE)
        .header("content-type", "application/json")
        .header("a2a-version", "1.0")
        .header("x-pilox-federation-jwt", token)
        .body(Body::from(rpc("GetTask", json!({"id": "x"})).to_string()))
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_the_operator_names_may_sign_with_a_shared_secret_and_nobody_else() {
    let world = World::with(|config| {
        config.hs256_peers = vec![Hs256Peer {
            origin: "https://a.example".to_owned(),
            secret_file: file(config, "shared", SHARED),
        }];
    })
    .await;
    let token = shared_token(&world, SHARED, "j-1", "HS256");
    assert_eq!(status(&world, with_token(&token)).await, 200);
    assert_eq!(status(&world, with_token(&token)).await, 401, "it is spent");
    let other = shared_token(&world, &SHARED.replace('0', "1"), "j-2", "HS256");
    assert_eq!(status(&world, with_token(&other)).await, 401);
    for alg in ["none", "EdDSA", "HS512"] {
        let confused = shared_token(&world, SHARED, "j-3", alg);
        assert_eq!(status(&world, with_token(&confused)).await, 401, "{alg}");
    }
    // Its keys count as ever, and it is the same peer: what one token has begun another one finds.
    assert_eq!(status(&world, call(&world, &Peer::new("a", 1))).await, 200);
    let counted = world.gateway.get("/metrics").await;
    let counted = std::str::from_utf8(counted.body()).unwrap();
    assert!(counted.contains("ecumene_gateway_hs256_tokens_total 2\n"), "{counted}");
    suspend(&world.channel, &Peer::new("a", 1)).await;
    eventually("the suspension", || async {
        static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(10);
        let at = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let token = shared_token(&world, SHARED, &format!("j-{at}"), "HS256");
        (status(&world, with_token(&token)).await == 401).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_of_shared_secrets_are_refused_where_no_peer_is_named() {
    let world = World::start().await;
    let token = shared_token(&world, SHARED, "j-1", "HS256");
    assert_eq!(status(&world, with_token(&token)).await, 401);
    let counted = world.gateway.get("/metrics").await;
    let counted = std::str::from_utf8(counted.body()).unwrap();
    assert!(counted.contains("outcome=\"token_alg\"} 1\n"), "{counted}");
}

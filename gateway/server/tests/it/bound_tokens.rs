//! Tokens that are bound to a gateway: spent there without a word to the registry, and handed there by every other.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use deploy_service::units;
use futures_util::future::join_all;
use gateway_server::Config;
use http::{HeaderMap, Request, Response, StatusCode, Version};
use http_body_util::BodyExt as _;
use proto_types::token::{Claims, Kind, mint};
use proto_types::{Digest, Jti, Nonce, Origin};
use serde_json::json;
use tokio::time::timeout;

use crate::calls::at_once;
use crate::upstream::{FAR, RPC as FORM, Server, agent, attach, world_with};
use crate::world::{
    Gateway, PATIENCE, Peer, World, eventually, gateway_config, invite, json_of, message, now_secs,
    rpc, secret,
};

const RPC: &str = "/agents/echo";
/// Of all gateways of a test.
const ORIGIN: &str = "https://us.example";

fn ask() -> String {
    rpc("GetTask", json!({"id": "no-such-task"})).to_string()
}

/// A gateway of the fleet, which ends soon when it is told to.
fn fleet(config: &mut Config) {
    let folder = config.state_dir.parent().unwrap();
    config.fleet_key_file = Some(secret(folder, "fleet", &"ab".repeat(32)));
    config.origin = Some(ORIGIN.to_owned());
    config.limits.drain = units::Duration::from_secs(1);
}

/// A token for one request, bound to a nonce if there is one.
fn token(nonce: Option<&str>, path: &str, body: &[u8]) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let (peer, us) = (Peer::new("a", 1), Origin::parse(ORIGIN).unwrap());
    let jti = format!("bound-{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let (iss, jti) = (Origin::parse(&peer.origin).unwrap(), Jti::parse(&jti).unwrap());
    let plain = Claims::plain(iss, us, jti, now_secs(), 60);
    let claims = match nonce {
        None => plain,
        Some(nonce) => Claims {
            kind: Kind::Bound,
            nonce: Some(Nonce::parse(nonce).unwrap()),
            htm: Some("POST".to_owned()),
            htu: Some(format!("{ORIGIN}{path}")),
            bd: Some(Digest::of(body)),
            ..plain
        },
    };
    mint(&claims, None, &peer.key)
}

fn request(token: &str, path: &str, body: &str) -> Request<Body> {
    Request::post(path)
        .header("content-type", "application/json")
        .header("a2a-version", "1.0")
        .header("authorization", format!("Bearer {token}"))
        .body(Body::from(body.to_owned()))
        .unwrap()
}

async fn send(gateway: &Gateway, token: &str, body: &str) -> Response<Bytes> {
    gateway.send(request(token, RPC, body)).await
}

/// Whether the call was let in.
fn is_in(answer: &Response<Bytes>) -> bool {
    answer.status() == StatusCode::OK && json_of(answer)["error"]["code"] == -32001
}

fn nonce(headers: &HeaderMap) -> String {
    headers["federation-nonce"].to_str().unwrap().to_owned()
}

/// What a gateway tells who has no nonce yet.
async fn nonce_of(gateway: &Gateway) -> String {
    nonce(send(gateway, &token(None, RPC, b""), &ask()).await.headers())
}

async fn figure(gateway: &Gateway, name: &str) -> u64 {
    let metrics = gateway.get("/metrics").await.into_body();
    let line = format!("ecumene_gateway_{name} ");
    let text = std::str::from_utf8(&metrics).unwrap();
    text.lines().find_map(|it| it.strip_prefix(&line)).unwrap().parse().unwrap()
}

/// A second gateway of the fleet; both know where the other is.
async fn second(world: &World, folder: &Path) -> Gateway {
    let registry = world.registry_url.strip_prefix("http://").unwrap().parse().unwrap();
    let mut config = gateway_config(folder, registry, &invite(&world.channel, "gateway").await);
    config.id = "g2".to_owned();
    (config.operator_token_file, config.federation_key_file) = (None, None);
    fleet(&mut config);
    let gateway = Gateway::start(config).await;
    eventually("readiness, and two gateways that know of each other", || async {
        let ready = gateway.get("/readyz").await.status() == StatusCode::OK;
        let both = ready
            && figure(&gateway, "fleet_gateways").await == 2
            && figure(&world.gateway, "fleet_gateways").await == 2;
        both.then_some(())
    })
    .await;
    gateway
}

/// The first gateway of the world, once it was stopped: another boot, at another address.
async fn start_again(world: &mut World) {
    let folder = world.state_dir().parent().unwrap().to_owned();
    std::fs::remove_file(folder.join("gateway-addr")).unwrap();
    let registry = world.registry_url.strip_prefix("http://").unwrap().parse().unwrap();
    let mut config = gateway_config(&folder, registry, "join-token-unused");
    (config.operator_token_file, config.federation_key_file) = (None, None);
    fleet(&mut config);
    world.gateway = Gateway::start(config).await;
    eventually("readiness", || async {
        (world.gateway.get("/readyz").await.status() == StatusCode::OK).then_some(())
    })
    .await;
}

async fn stop(world: &mut World) {
    world.gateway.shutdown.trigger();
    timeout(PATIENCE, &mut world.gateway.running).await.unwrap().unwrap().unwrap();
}

fn wants_nonce(answer: &Response<Bytes>) -> bool {
    let challenge = answer.headers().get("www-authenticate");
    answer.status() == StatusCode::UNAUTHORIZED
        && challenge.is_some_and(|value| value == "Bearer error=\"use_nonce\"")
        && json_of(answer)["error"]["data"][0]["metadata"]["code"] == "use-nonce"
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bound_token_is_good_for_one_request_and_costs_the_registry_nothing() {
    let world = World::with(fleet).await;
    let (gateway, body) = (&world.gateway, ask());
    let plain = send(gateway, &token(None, RPC, b""), &body).await;
    assert!(is_in(&plain), "{plain:?}");
    let nonce = nonce(plain.headers());
    assert_eq!(figure(gateway, "spend_calls_total").await, 1);
    let bound = token(Some(&nonce), RPC, body.as_bytes());
    let other = send(gateway, &bound, &body.replace("no-such", "another")).await;
    assert_eq!(other.status(), StatusCode::UNAUTHORIZED, "it is for another body");
    let all = join_all((0..50).map(|_| send(gateway, &bound, &body))).await;
    assert_eq!(all.iter().filter(|answer| is_in(answer)).count(), 1);
    let refused = all.iter().filter(|answer| answer.status() == StatusCode::UNAUTHORIZED);
    assert_eq!(refused.count(), 49);
    let again = send(gateway, &bound, &body).await;
    assert_eq!(again.headers()["www-authenticate"], "Bearer", "it is spent, and says no more");
    assert!(again.headers().contains_key("federation-nonce"));
    assert_eq!(figure(gateway, "spend_calls_total").await, 1, "none of them was asked about");
    assert_eq!(figure(gateway, "bound_tokens_total").await, 1);
    assert_eq!(figure(gateway, "bound_tokens_remembered").await, 1);
    let forged = send(gateway, &token(Some("AAAA"), RPC, body.as_bytes()), &body).await;
    assert!(wants_nonce(&forged), "{forged:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_and_an_envelope_are_taken_with_a_bound_token() {
    let world = World::with(fleet).await;
    let nonce = nonce_of(&world.gateway).await;
    let begin = rpc("SendMessage", at_once("hello")).to_string();
    let bound = token(Some(&nonce), RPC, begin.as_bytes());
    let begun = send(&world.gateway, &bound, &begin).await;
    assert!(json_of(&begun)["result"]["task"].is_object(), "{begun:?}");
    assert!(begun.headers().contains_key("ratelimit"), "its token is spent");
    let again = send(&world.gateway, &bound, &begin).await;
    assert_eq!(again.status(), StatusCode::UNAUTHORIZED, "{again:?}");
    let envelope = json!({"v": 1, "correlationId": "corr-0001", "payload": {},
        "sourceOrigin": "https://a.example", "targetHandle": "urn:agent:b"})
    .to_string();
    let bound = token(Some(&nonce), "/v1/publish", envelope.as_bytes());
    let publish = || world.gateway.send(request(&bound, "/v1/publish", &envelope));
    let taken = publish().await;
    assert_eq!(taken.status(), StatusCode::ACCEPTED, "{taken:?}");
    assert_eq!(publish().await.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_key_of_the_fleet_no_nonce_is_given_and_bound_tokens_are_refused() {
    let keyed = World::with(fleet).await;
    let nonce = nonce_of(&keyed.gateway).await;
    let world = World::with(|config| config.origin = Some(ORIGIN.to_owned())).await;
    let plain = send(&world.gateway, &token(None, RPC, b""), &ask()).await;
    assert!(is_in(&plain) && !plain.headers().contains_key("federation-nonce"), "{plain:?}");
    let body = ask();
    let bound = token(Some(&nonce), RPC, body.as_bytes());
    let refused = send(&world.gateway, &bound, &body).await;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(refused.headers()["www-authenticate"], "Bearer", "a nonce would not help");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_gateway_hands_a_bound_token_on_and_it_is_good_for_one_request_at_all_together() {
    let (world, folder) = (World::with(fleet).await, tempfile::tempdir().unwrap());
    let (one, two) = (&world.gateway, second(&world, folder.path()).await);
    let (nonce_of_one, body) = (nonce_of(one).await, ask());
    let bound = token(Some(&nonce_of_one), RPC, body.as_bytes());
    let both = [one, &two];
    let all = join_all((0..50).map(|at| send(both[at % 2], &bound, &body))).await;
    assert_eq!(all.iter().filter(|answer| is_in(answer)).count(), 1);
    for gateway in both {
        let again = send(gateway, &bound, &body).await;
        assert_eq!(again.status(), StatusCode::UNAUTHORIZED, "{again:?}");
    }
    let next = token(Some(&nonce_of_one), RPC, body.as_bytes());
    let handed_on = send(&two, &next, &body).await;
    assert!(is_in(&handed_on), "{handed_on:?}");
    assert!(handed_on.headers().contains_key("ratelimit"), "it is the answer of the other one");
    assert_ne!(nonce(handed_on.headers()), nonce_of_one, "the connection leads to this one");
    assert_eq!(figure(one, "bound_tokens_total").await, 2);
    assert_eq!(figure(&two, "bound_tokens_total").await, 0);
    assert_eq!(figure(&two, "handed_on_requests_total").await, 27);
    assert_eq!(figure(&two, "handed_on_failures_total").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_and_a_call_over_grpc_are_handed_on_as_they_come() {
    let (world, folder) = (World::with(fleet).await, tempfile::tempdir().unwrap());
    let two = second(&world, folder.path()).await;
    let nonce = nonce_of(&world.gateway).await;
    let stream = rpc("SendStreamingMessage", message("hello")).to_string();
    let bound = token(Some(&nonce), RPC, stream.as_bytes());
    let began = Instant::now();
    let mut open = two.open(request(&bound, RPC, &stream)).await;
    assert_eq!(open.headers()["content-type"], "text/event-stream");
    let told = async {
        loop {
            let frame = open.body_mut().frame().await.unwrap().unwrap().into_data().unwrap();
            // A comment says that the stream is alive.
            if !frame.starts_with(b":") {
                break frame;
            }
        }
    };
    let told = timeout(PATIENCE, told).await.unwrap();
    assert!(told.starts_with(b"data: "), "{told:?}");
    // Nobody runs the task: the stream ends with its deadline, much later.
    assert!(began.elapsed() < Duration::from_secs(10), "it waits for the end");
    let fields = [("id", crate::grpc::text("no-such-task"))];
    let asked = crate::grpc::framed(&crate::grpc::new("GetTaskRequest", fields));
    let path = "/lf.a2a.v1.A2AService/GetTask";
    let call = Request::post(path)
        .version(Version::HTTP_2)
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("grpc-timeout", "20S")
        .header("a2a-version", "1.0")
        .header("authorization", format!("Bearer {}", token(Some(&nonce), path, &asked)))
        .body(Body::from(asked))
        .unwrap();
    let answer = two.send(call).await;
    assert_eq!(answer.headers()["grpc-status"], "5", "it is let in: {answer:?}");
    assert_eq!(figure(&two, "handed_on_requests_total").await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_boot_that_is_gone_takes_its_tokens_with_it_and_a_fresh_nonce_goes_on() {
    let (mut world, folder) = (World::with(fleet).await, tempfile::tempdir().unwrap());
    let two = second(&world, folder.path()).await;
    let (old, body) = (nonce_of(&world.gateway).await, ask());
    let [kept, spent, doubtful] = [(); 3].map(|()| token(Some(&old), RPC, body.as_bytes()));
    assert!(is_in(&send(&world.gateway, &spent, &body).await));
    stop(&mut world).await;
    // Whether it was spent nobody says while its gateway is away.
    let away = send(&two, &doubtful, &body).await;
    assert_eq!(away.status(), StatusCode::SERVICE_UNAVAILABLE, "{away:?}");
    let code = &json_of(&away)["error"]["data"][0]["metadata"]["code"];
    assert_eq!(code, "gateway-unavailable");
    assert!(away.headers().contains_key("retry-after"));
    let next = token(Some(&nonce(away.headers())), RPC, body.as_bytes());
    assert!(is_in(&send(&two, &next, &body).await), "the nonce of this one does");

    start_again(&mut world).await;
    for token in [&kept, &spent, &doubtful] {
        let refused = send(&world.gateway, token, &body).await;
        assert!(wants_nonce(&refused), "{refused:?}");
    }
    // The second one learns within a second or so where the first one is now.
    eventually("the same at the other gateway", || async {
        wants_nonce(&send(&two, &kept, &body).await).then_some(())
    })
    .await;
    let refused = send(&world.gateway, &kept, &body).await;
    let fresh = token(Some(&nonce(refused.headers())), RPC, body.as_bytes());
    assert!(is_in(&send(&world.gateway, &fresh, &body).await));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attached_agent_is_called_with_bound_tokens_while_the_registry_is_away() {
    let world = world_with(fleet).await;
    let server = Server::start(agent(FORM)).await;
    attach(&world, FORM, &[server.url()]).await;
    let nonce = nonce_of(&world.gateway).await;
    world.stop_registry();
    let body = rpc("SendMessage", message("hello")).to_string();
    let call = |token: String| world.gateway.send(request(&token, FAR, &body));
    eventually("a registry that is away", || async {
        let plain = call(token(None, FAR, body.as_bytes())).await;
        (plain.status() == StatusCode::SERVICE_UNAVAILABLE).then_some(())
    })
    .await;
    let bound = token(Some(&nonce), FAR, body.as_bytes());
    let answer = call(bound.clone()).await;
    assert!(json_of(&answer)["result"]["task"].is_object(), "{answer:?}");
    assert_eq!(call(bound).await.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_memory_that_is_full_refuses_what_it_could_not_remember() {
    let world = World::with(|config| {
        fleet(config);
        config.bounds.bound_tokens_max = 1;
    })
    .await;
    let (nonce, body) = (nonce_of(&world.gateway).await, ask());
    let [one, two] = [(); 2].map(|()| token(Some(&nonce), RPC, body.as_bytes()));
    assert!(is_in(&send(&world.gateway, &one, &body).await));
    let full = send(&world.gateway, &two, &body).await;
    assert_eq!(full.status(), StatusCode::SERVICE_UNAVAILABLE, "{full:?}");
    assert_eq!(json_of(&full)["error"]["data"][0]["metadata"]["code"], "overloaded");
    let again = send(&world.gateway, &one, &body).await;
    assert_eq!(again.status(), StatusCode::UNAUTHORIZED, "nothing was forgotten: {again:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_writes_the_mark_of_a_gateway_without_its_key_is_not_believed() {
    let world = World::with(|config| {
        fleet(config);
        config.federation_networks = vec!["192.0.2.0/24".parse().unwrap()];
    })
    .await;
    let body = ask();
    let key = |byte| gateway_core::FleetKey::new(&[byte; 32]);
    let status = |key: Option<gateway_core::FleetKey>| {
        let (token, body, gateway) = (token(None, RPC, b""), body.clone(), &world.gateway);
        async move {
            let mut sent = request(&token, RPC, &body);
            if let Some(key) = key {
                let named = [("authorization", format!("Bearer {token}"))];
                let pairs = named.iter().map(|(name, value)| (*name, value.as_bytes()));
                let credential = gateway_core::Credential::find(pairs).unwrap();
                let (client, now) = ("192.0.2.7".parse().unwrap(), now_secs());
                let now = proto_types::WallMs::from_secs(now);
                let mark = gateway_core::handed_on::mark(&key, client, credential, now);
                sent.headers_mut().insert("ecumene-handed-on", mark.parse().unwrap());
            }
            gateway.send(sent).await.status()
        }
    };
    assert_eq!(status(None).await, StatusCode::UNAUTHORIZED, "it is of another network");
    assert_eq!(status(Some(key(1))).await, StatusCode::UNAUTHORIZED);
    assert_eq!(status(Some(key(0xab))).await, StatusCode::OK, "a gateway says where it is from");
}

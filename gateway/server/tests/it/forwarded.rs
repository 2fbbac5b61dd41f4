//! Envelopes for peers, which a gateway hands on, and those of peers that another one brings.

use gateway_server::Config;
use http::StatusCode;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::nats::Nats;
use crate::upstream::{Server, answer, world_with};
use crate::world::{OPERATOR, PATIENCE, Peer, World, enrol, eventually, json_of, suspend};

const OWN: &str = "https://here.example";

fn envelope(correlation: &str, target: &str) -> Value {
    json!({
        "v": 1, "correlationId": correlation, "sourceOrigin": "https://a.example",
        "targetOrigin": target, "targetHandle": "urn:agent:b", "payload": {"text": "hello"},
    })
}

/// The server as a peer.
fn peer_at(server: &Server) -> Peer {
    Peer { origin: format!("http://{}", server.addr), ..Peer::new("far", 7) }
}

async fn publish(world: &World, envelope: &Value, hops: &str) -> StatusCode {
    let peer = Peer::new("a", 1);
    let mut request = world.gateway.request(&peer, "/v1/publish", &envelope.to_string());
    if !hops.is_empty() {
        request.headers_mut().insert("ecumene-hops", hops.parse().unwrap());
    }
    request.headers_mut().insert("ecumene-ordering-key", "k1".parse().unwrap());
    world.gateway.send(request).await.status()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_envelope_for_a_peer_is_handed_on_with_a_token_for_it_and_the_way_it_took() {
    let server = Server::start(|_| answer(202, "application/json", "{}")).await;
    let far = peer_at(&server);
    let world = world_with(|config| config.envelopes.forward = vec![far.origin.clone()]).await;
    enrol(&world.channel, &far).await;
    let sent = envelope("corr-0001", &far.origin);
    assert_eq!(publish(&world, &sent, "https://b.example").await, StatusCode::ACCEPTED);
    let asked = eventually("the envelope", || async { server.asked().pop() }).await;
    assert_eq!((asked.path.as_str(), &asked.body), ("/v1/publish", &sent));
    let header = |name: &str| asked.headers[name].to_str().unwrap();
    let way = format!("https://b.example, {}", world.gateway.origin());
    assert_eq!((header("ecumene-hops"), header("ecumene-ordering-key")), (way.as_str(), "k1"));
    let claims = header("x-pilox-federation-jwt").split('.').nth(1).unwrap();
    let claims: Value =
        serde_json::from_slice(&proto_types::base64url::decode(claims).unwrap()).unwrap();
    assert_eq!(
        (&claims["iss"], &claims["aud"]),
        (&json!(world.gateway.origin()), &json!(far.origin))
    );
    assert!(!asked.headers.contains_key("authorization"));
    eventually("the counter", || async {
        let metrics = world.gateway.get("/metrics").await;
        let text = String::from_utf8(metrics.body().to_vec()).unwrap();
        text.contains("ecumene_gateway_webhook_deliveries_total 1").then_some(())
    })
    .await;
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_envelope_that_was_here_before_or_has_come_too_far_goes_no_further() {
    let server = Server::start(|_| answer(202, "application/json", "{}")).await;
    let far = peer_at(&server);
    let world = world_with(|config| {
        config.envelopes.forward = vec![far.origin.clone()];
        config.upstreams.hops_max = 2;
    })
    .await;
    enrol(&world.channel, &far).await;
    let looped = StatusCode::LOOP_DETECTED;
    let (onward, here) = (envelope("corr-0001", &far.origin), envelope("corr-0002", OWN));
    assert_eq!(publish(&world, &onward, &world.gateway.origin()).await, looped);
    assert_eq!(publish(&world, &onward, "https://b.example, https://c.example").await, looped);
    assert_eq!(publish(&world, &onward, "b.example").await, StatusCode::BAD_REQUEST);
    // It stays here: where it has been does not matter.
    assert_eq!(publish(&world, &here, &world.gateway.origin()).await, StatusCode::ACCEPTED);
    assert!(server.asked().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_handed_on_to_a_peer_that_is_suspended() {
    let server = Server::start(|_| answer(202, "application/json", "{}")).await;
    let far = peer_at(&server);
    let world = world_with(|config| config.envelopes.forward = vec![far.origin.clone()]).await;
    enrol(&world.channel, &far).await;
    suspend(&world.channel, &far).await;
    // Longer than a change takes to arrive.
    sleep(PATIENCE / 20).await;
    let sent = envelope("corr-0001", &far.origin);
    assert_eq!(publish(&world, &sent, "").await, StatusCode::ACCEPTED);
    sleep(PATIENCE / 20).await;
    assert!(server.asked().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_envelopes_of_others_are_taken_from_the_peers_that_are_named_alone() {
    let of = |source: &str| {
        json!({
            "v": 1, "correlationId": "corr-0001", "sourceOrigin": source, "targetHandle": "urn:agent:b",
        })
    };
    let brought = async |world: &World, source: &str| {
        let body = of(source).to_string();
        world.gateway.post(&Peer::new("a", 1), "/v1/publish", &body).await.status()
    };
    let world = World::start().await;
    assert_eq!(brought(&world, "https://c.example").await, StatusCode::FORBIDDEN);
    let world =
        World::with(|config| config.envelopes.accept_from = vec!["https://a.example".to_owned()])
            .await;
    assert_eq!(brought(&world, "https://c.example").await, StatusCode::ACCEPTED);
    assert_eq!(brought(&world, "https://nobody.example").await, StatusCode::FORBIDDEN);
}

/// The whole way with the envelopes in JetStream.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_keeps_its_envelopes_in_jetstream_hands_them_on_and_tells_its_dead_letters() {
    let nats = Nats::start("").await;
    let server = Server::start(|asked| {
        let status = if asked.body["correlationId"] == "corr-0002" { 410 } else { 202 };
        answer(status, "application/json", "{}")
    })
    .await;
    let far = peer_at(&server);
    let in_jetstream = |config: &mut Config| {
        config.envelopes.backend = "jetstream".to_owned();
        config.envelopes.urls = vec![format!("nats://{}", nats.addr)];
        config.envelopes.forward = vec![far.origin.clone()];
    };
    let world = world_with(in_jetstream).await;
    enrol(&world.channel, &far).await;
    let sent = envelope("corr-0001", &far.origin);
    assert_eq!(publish(&world, &sent, "").await, StatusCode::BAD_REQUEST, "it has an ordering key");
    for correlation in ["corr-0001", "corr-0002"] {
        let body = envelope(correlation, &far.origin).to_string();
        let request = world.gateway.request(&Peer::new("a", 1), "/v1/publish", &body);
        let token = request.headers()["authorization"].clone();
        assert_eq!(world.gateway.send(request).await.status(), StatusCode::ACCEPTED);
        let mut again = world.gateway.request(&Peer::new("a", 1), "/v1/publish", &body);
        again.headers_mut().insert("authorization", token);
        let replayed = world.gateway.send(again).await.status();
        assert_eq!(replayed, StatusCode::UNAUTHORIZED, "its token is spent");
    }
    let letter = eventually("a dead letter", || async {
        let listed = operator(&world, "GET", "/v1/dead-letters", "").await;
        json_of(&listed)["letters"].as_array()?.first().cloned()
    })
    .await;
    assert_eq!(
        (&letter["correlationId"], &letter["cause"]),
        (&json!("corr-0002"), &json!("attempts"))
    );
    assert_eq!(letter["attempts"][0]["reason"], "the receiver answered 410");
    eventually("both envelopes", || async { (server.asked().len() == 2).then_some(()) }).await;
    let order = json!({"action": "drop", "source": letter["source"], "id": letter["id"]});
    let done = operator(&world, "POST", "/v1/dead-letters", &order.to_string()).await;
    assert_eq!(done.status(), StatusCode::OK);
    let done = operator(&world, "POST", "/v1/dead-letters", &order.to_string()).await;
    assert_eq!(done.status(), StatusCode::NOT_FOUND);
}

async fn operator(
    world: &World,
    method: &str,
    path: &str,
    body: &str,
) -> http::Response<axum::body::Bytes> {
    let request = http::Request::builder()
        .method(method)
        .uri(path)
        .header("authorization", format!("Bearer {OPERATOR}"))
        .header("content-type", "application/json")
        .body(axum::body::Body::from(body.to_owned()))
        .unwrap();
    world.gateway.send(request).await
}

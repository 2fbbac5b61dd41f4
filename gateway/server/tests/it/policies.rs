//! Policies of calls: put at the registry, in force at the gateway, and without a trace once they are gone.

use axum::body::{Body, Bytes};
use http::{Request, Response, StatusCode};
use proto_wire::registry::v1 as wire;
use proto_wire::registry::v1::directory_client::DirectoryClient;
use serde_json::{Value, json};
use tonic::{Code, Status};

use crate::calls::at_once;
use crate::world::{OPERATOR, Peer, World, by, eventually, json_of, message, rpc};

const RPC: &str = "/agents/echo";
const ONLY_A: &str = "permit(principal == Peer::\"https://a.example\", action, resource);";

fn a() -> Peer {
    Peer::new("a", 1)
}

fn c() -> Peer {
    Peer::new("c", 3)
}

async fn put(world: &World, name: &str, text: &str) -> Result<wire::Policy, Status> {
    let (name, text) = (name.to_owned(), text.to_owned());
    let request = wire::PutPolicyRequest { name, text, if_match: String::new() };
    let mut directory = DirectoryClient::new(world.channel.clone());
    directory.put_policy(by(OPERATOR, request)).await.map(tonic::Response::into_inner)
}

async fn remove(world: &World, name: &str) {
    let request = wire::DeletePolicyRequest { name: name.to_owned(), if_match: String::new() };
    let mut directory = DirectoryClient::new(world.channel.clone());
    directory.delete_policy(by(OPERATOR, request)).await.unwrap();
}

fn ask() -> Value {
    rpc("GetTask", json!({"id": "no-such-task"}))
}

async fn send(world: &World, token: &str, (path, body): (&str, &Value)) -> Response<Bytes> {
    let request = Request::post(path)
        .header("content-type", "application/json")
        .header("a2a-version", "1.0")
        .header("authorization", format!("Bearer {token}"))
        .body(Body::from(body.to_string()))
        .unwrap();
    world.gateway.send(request).await
}

async fn status(world: &World, peer: &Peer, body: &Value) -> StatusCode {
    world.gateway.post(peer, RPC, &body.to_string()).await.status()
}

/// Until this peer's calls end so.
async fn comes_to(world: &World, peer: &Peer, body: &Value, wanted: StatusCode) {
    eventually("the change", || async {
        (status(world, peer, body).await == wanted).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_keeps_out_whom_it_does_not_permit_and_the_last_ones_end_opens_again() {
    let world = World::start().await;
    assert_eq!(status(&world, &c(), &ask()).await, StatusCode::OK);
    put(&world, "only-a", ONLY_A).await.unwrap();
    comes_to(&world, &c(), &ask(), StatusCode::FORBIDDEN).await;
    assert_eq!(status(&world, &a(), &ask()).await, StatusCode::OK);
    put(&world, "guests", "permit(principal, action == Action::\"GetTask\", resource);")
        .await
        .unwrap();
    comes_to(&world, &c(), &ask(), StatusCode::OK).await;
    let sent = rpc("SendMessage", message("hello"));
    assert_eq!(status(&world, &c(), &sent).await, StatusCode::FORBIDDEN);
    let forbid = "forbid(principal, action, resource == Agent::\"echo\");";
    put(&world, "closed", forbid).await.unwrap();
    comes_to(&world, &a(), &ask(), StatusCode::FORBIDDEN).await;
    for name in ["only-a", "guests", "closed"] {
        remove(&world, name).await;
    }
    comes_to(&world, &c(), &ask(), StatusCode::OK).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_denied_call_is_told_without_the_policy_and_its_token_is_not_spent() {
    let world = World::start().await;
    put(&world, "only-a", ONLY_A).await.unwrap();
    comes_to(&world, &c(), &ask(), StatusCode::FORBIDDEN).await;
    let token = world.gateway.token(&c());
    for _ in 0..2 {
        let denied = send(&world, &token, (RPC, &ask())).await;
        assert_eq!(denied.status(), StatusCode::FORBIDDEN);
        let error = &json_of(&denied)["error"];
        let reason = &error["data"][0]["reason"];
        assert_eq!((&error["code"], reason), (&json!(-32041), &json!("POLICY_DENIED")));
        assert!(!error.to_string().contains("only-a"), "{error}");
        assert!(!denied.headers().contains_key("ratelimit"), "no token was spent: {denied:?}");
    }
    let plain = send(&world, &token, ("/agents/echo/message:send", &message("hello"))).await;
    assert_eq!(plain.status(), StatusCode::FORBIDDEN);
    assert_eq!(json_of(&plain)["error"]["status"], "PERMISSION_DENIED");
    remove(&world, "only-a").await;
    comes_to(&world, &c(), &ask(), StatusCode::OK).await;
    assert_eq!(send(&world, &token, (RPC, &ask())).await.status(), StatusCode::OK);
    assert_eq!(send(&world, &token, (RPC, &ask())).await.status(), StatusCode::UNAUTHORIZED);
    let metrics = world.gateway.get("/metrics").await.into_body();
    let metrics = String::from_utf8(metrics.to_vec()).unwrap();
    assert!(metrics.contains("{route=\"call\",outcome=\"policy-denied\"}"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_that_is_not_valid_is_refused_with_its_place_and_changes_nothing() {
    let world = World::start().await;
    put(&world, "only-a", ONLY_A).await.unwrap();
    comes_to(&world, &c(), &ask(), StatusCode::FORBIDDEN).await;
    let wrong = "permit(principal, action, resource)\nwhen { resource.tag == \"x\" };";
    let refused = put(&world, "only-a", wrong).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(refused.message().contains("line 2"), "{refused}");
    assert_eq!(status(&world, &a(), &ask()).await, StatusCode::OK);
    assert_eq!(status(&world, &c(), &ask()).await, StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_looks_at_the_size_of_a_call_and_hides_no_card() {
    let world = World::start().await;
    let small = "permit(principal, action, resource) when { context.bytes < 4000 };";
    put(&world, "small", small).await.unwrap();
    let long = rpc("SendMessage", at_once(&"x".repeat(5_000)));
    comes_to(&world, &a(), &long, StatusCode::FORBIDDEN).await;
    let short = rpc("SendMessage", at_once("hello"));
    assert_eq!(status(&world, &a(), &short).await, StatusCode::OK);
    put(&world, "small", ONLY_A).await.unwrap();
    comes_to(&world, &c(), &ask(), StatusCode::FORBIDDEN).await;
    let card = world.gateway.get("/agents/echo/.well-known/agent-card.json").await;
    assert_eq!(card.status(), StatusCode::OK);
}

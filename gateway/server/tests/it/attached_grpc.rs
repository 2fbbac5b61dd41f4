//! Attached agents whose server speaks gRPC: frames, trailers and metadata by hand, messages by their descriptors.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use futures_util::stream;
use http::{HeaderMap, Request, Response, StatusCode, Version};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use prost_reflect::{DynamicMessage, Value as Field};
use serde_json::json;
use tokio::net::TcpListener;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::grpc::{POOL, framed, new, text};
use crate::rest::Events;
use crate::upstream::{self, FAR, Form, attach};
use crate::world::{Peer, World, eventually, json_of, message, rpc};

const GRPC: Form = ("GRPC", "1.0");
const SERVICE: &str = "/lf.a2a.v1.A2AService/";

/// A call as the server has received it.
#[derive(Clone, Debug)]
struct Received {
    path: String,
    version: Version,
    headers: HeaderMap,
    body: Bytes,
}

impl Received {
    /// Its message, which is of this type.
    fn message(&self, name: &str) -> DynamicMessage {
        let desc = POOL.get_message_by_name(&format!("lf.a2a.v1.{name}")).unwrap();
        DynamicMessage::decode(desc, &self.body[5..]).unwrap()
    }
}

struct Server {
    addr: SocketAddr,
    asked: Arc<Mutex<Vec<Received>>>,
}

impl Server {
    async fn start(answers: impl Fn(&Received) -> Response<Body> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let asked: Arc<Mutex<Vec<Received>>> = Arc::default();
        let (seen, answers) = (Arc::clone(&asked), Arc::new(answers));
        let routes = Router::new().fallback(move |request: Request<Body>| {
            let (seen, answers) = (Arc::clone(&seen), Arc::clone(&answers));
            async move {
                let (parts, body) = request.into_parts();
                let body = body.collect().await.unwrap().to_bytes();
                let (path, version, headers) =
                    (parts.uri.path().to_owned(), parts.version, parts.headers);
                let asked = Received { path, version, headers, body };
                let answer = answers(&asked);
                seen.lock().unwrap().push(asked);
                answer
            }
        });
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { addr, asked }
    }

    /// The calls of A2A so far.
    fn asked(&self) -> Vec<Received> {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|asked| asked.path.starts_with(SERVICE)).cloned().collect()
    }
}

/// Messages, and the status behind them.
fn answer(messages: &[DynamicMessage], status: &Status) -> Response<Body> {
    let mut trailers = HeaderMap::new();
    status.add_header(&mut trailers).unwrap();
    ended(messages, Some(trailers))
}

fn ended(messages: &[DynamicMessage], trailers: Option<HeaderMap>) -> Response<Body> {
    let messages = messages.iter().map(|message| Frame::data(Bytes::from(framed(message))));
    let frames: Vec<_> = messages.chain(trailers.map(Frame::trailers)).collect();
    let body = StreamBody::new(stream::iter(frames.into_iter().map(Ok::<_, Infallible>)));
    let head = Response::builder().header("content-type", "application/grpc");
    head.body(Body::new(body)).unwrap()
}

fn ok() -> Status {
    Status::ok("")
}

/// A status of working.
fn status(state: i32) -> Field {
    Field::Message(new("TaskStatus", [("state", Field::EnumNumber(state))]))
}

const WORKING: i32 = 2;
const COMPLETED: i32 = 3;
const CANCELED: i32 = 5;

fn task(state: i32) -> DynamicMessage {
    new("Task", [("id", text("t-1")), ("context_id", text("c-1")), ("status", status(state))])
}

fn holding(name: &str, field: &str, held: DynamicMessage) -> DynamicMessage {
    new(name, [(field, Field::Message(held))])
}

fn update(state: i32) -> DynamicMessage {
    let ids = [("task_id", text("t-1")), ("context_id", text("c-1")), ("status", status(state))];
    holding("StreamResponse", "status_update", new("TaskStatusUpdateEvent", ids))
}

/// A message makes a task that is working, until it is canceled.
fn agent(asked: &Received) -> Response<Body> {
    match asked.path.strip_prefix(SERVICE) {
        Some("SendMessage") => {
            answer(&[holding("SendMessageResponse", "task", task(WORKING))], &ok())
        }
        Some("GetTask") => answer(&[task(WORKING)], &ok()),
        Some("CancelTask") => answer(&[task(CANCELED)], &ok()),
        _ => Status::unimplemented("no such method").into_http(),
    }
}

fn a() -> Peer {
    Peer::new("a", 1)
}

async fn attached(
    answers: impl Fn(&Received) -> Response<Body> + Send + Sync + 'static,
) -> (World, Server) {
    let (world, server) = (upstream::world().await, Server::start(answers).await);
    attach(&world, GRPC, &[format!("http://{}", server.addr)]).await;
    (world, server)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_of_an_agent_over_grpc_is_its_callers_alone() {
    let (world, server) = attached(agent).await;
    let call = |peer: Peer, method: &'static str, params| {
        let gateway = &world.gateway;
        async move { gateway.call(&peer, FAR, method, params).await }
    };
    let sent = call(a(), "SendMessage", message("hello")).await;
    let sent = &sent["result"]["task"];
    assert_eq!(sent["status"]["state"], "TASK_STATE_WORKING", "{sent}");
    assert!(sent["id"] != "t-1" && sent["contextId"] != "c-1", "{sent}");
    let id = json!({"id": sent["id"]});
    let found = call(a(), "GetTask", id.clone()).await;
    assert_eq!(found["result"]["id"], sent["id"], "{found}");
    let ended = call(a(), "CancelTask", id.clone()).await;
    assert_eq!(ended["result"]["status"]["state"], "TASK_STATE_CANCELED", "{ended}");
    let other = call(Peer::new("c", 3), "GetTask", id).await;
    assert_eq!(other["error"]["code"], -32001, "{other}");
    let asked = server.asked();
    assert_eq!(asked.len(), 3, "{asked:?}");
    let named = asked[1].message("GetTaskRequest");
    assert_eq!(named.get_field_by_name("id").unwrap().as_str(), Some("t-1"));
    let said = asked[0].message("SendMessageRequest");
    assert!(said.has_field_by_name("message") && !said.has_field_by_name("tenant"), "{said:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_of_grpc_is_told_what_others_are_in_metadata() {
    let (world, server) = attached(agent).await;
    let body = rpc("SendMessage", message("hello")).to_string();
    let mut request = world.gateway.request(&a(), FAR, &body);
    for (name, value) in [
        ("a2a-extensions", "urn:x"),
        ("ecumene-hops", "https://z.example"),
        ("ecumene-actor", "user:me"),
        ("x-auth-token", "secret"),
    ] {
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    assert!(json_of(&world.gateway.send(request).await)["result"].is_object());
    let asked = server.asked();
    let (headers, version) = (&asked[0].headers, asked[0].version);
    assert_eq!(version, Version::HTTP_2);
    for (name, value) in [
        ("content-type", "application/grpc"),
        ("te", "trailers"),
        ("grpc-accept-encoding", "identity"),
        ("a2a-version", "1.0"),
        ("a2a-extensions", "urn:x"),
        ("x-forwarded-for", "127.0.0.1"),
        ("ecumene-hops", &*format!("https://z.example, {}", world.gateway.origin())),
        ("ecumene-actor", "user:me, https://a.example"),
    ] {
        assert_eq!(headers[name], value, "{name}");
    }
    let left = headers["grpc-timeout"].to_str().unwrap().strip_suffix('m').unwrap();
    assert!((1..=60_000).contains(&left.parse::<u32>().unwrap()), "{left} ms");
    let shown = ["authorization", "x-api-key"].iter().find(|name| headers.contains_key(**name));
    assert_eq!(shown, None, "{headers:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_status_is_told_as_the_error_that_it_names_or_not_at_all() {
    let info =
        |reason: &str| ErrorDetails::with_error_info(reason, "a2a-protocol.org", HashMap::new());
    let images = Status::with_error_details(
        Code::InvalidArgument,
        "no images",
        info("CONTENT_TYPE_NOT_SUPPORTED"),
    );
    for (status, code, says) in [
        (images, -32005, Some("no images")),
        (Status::not_found("gone"), -32001, Some("gone")),
        (Status::unauthenticated("secret"), -32006, None),
        (Status::internal("secret"), -32006, None),
        (Status::unimplemented("secret"), -32006, None),
        (Status::unavailable("secret"), -32045, None),
        (Status::deadline_exceeded("secret"), -32046, None),
    ] {
        for is_alone in [true, false] {
            let said = status.clone();
            let (world, _server) = attached(move |_: &Received| match is_alone {
                true => said.clone().into_http(),
                false => answer(&[], &said),
            })
            .await;
            let told = world.gateway.call(&a(), FAR, "SendMessage", message("hello")).await;
            assert_eq!(told["error"]["code"], code, "{status:?} {is_alone}: {told}");
            match says {
                Some(says) => assert_eq!(told["error"]["message"], says),
                None => assert!(!told.to_string().contains("secret"), "{told}"),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_no_status_is_no_answer() {
    let sent = || holding("SendMessageResponse", "task", task(WORKING));
    let (world, _server) = attached(move |_: &Received| ended(&[sent()], None)).await;
    let told = world.gateway.call(&a(), FAR, "SendMessage", message("hello")).await;
    assert_eq!(told["error"]["code"], -32006, "{told}");
}

/// What a stream of these messages and this status is told as: the states, and the code of an error behind them.
async fn heard(status: Status) -> (Vec<String>, Option<i64>) {
    let messages = [holding("StreamResponse", "task", task(WORKING)), update(COMPLETED)];
    let (world, server) = attached(move |_: &Received| answer(&messages, &status)).await;
    let body = rpc("SendStreamingMessage", message("hello")).to_string();
    let request = world.gateway.request(&a(), FAR, &body);
    let mut told = Events::open(&world.gateway, request).await;
    let (mut states, mut code) = (Vec::new(), None);
    while let Some(event) = told.event().await {
        let result = &event["result"];
        let status = [&result["task"]["status"], &result["statusUpdate"]["status"]];
        let state = status.iter().find_map(|status| status["state"].as_str());
        states.extend(state.map(str::to_owned));
        code = event["error"]["code"].as_i64();
    }
    let asked = server.asked();
    assert!(!asked[0].headers.contains_key("grpc-timeout"), "a stream lasts");
    (states, code)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_is_told_message_by_message_and_its_status_last() {
    let states = ["TASK_STATE_WORKING", "TASK_STATE_COMPLETED"].map(str::to_owned);
    assert_eq!(heard(ok()).await, (states.to_vec(), None));
    assert_eq!(heard(Status::internal("secret")).await, (states.to_vec(), Some(-32006)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_was_here_before_or_at_too_many_gateways_goes_no_further() {
    let (world, server) = attached(agent).await;
    let body = rpc("SendMessage", message("hello")).to_string();
    let many: Vec<String> = (0..8).map(|at| format!("https://g{at}.example")).collect();
    for (hops, status, code) in [
        (format!("https://z.example, {}", world.gateway.origin()), 508, "loop-detected"),
        (many.join(","), 508, "loop-detected"),
        ("nowhere".to_owned(), 400, "invalid-argument"),
    ] {
        let mut request = world.gateway.request(&a(), FAR, &body);
        request.headers_mut().insert("ecumene-hops", hops.parse().unwrap());
        let told = world.gateway.send(request).await;
        assert_eq!(told.status(), StatusCode::from_u16(status).unwrap(), "{hops}");
        let said = String::from_utf8_lossy(told.body()).to_uppercase().replace('_', "-");
        assert!(said.contains(&code.to_uppercase()), "{hops}: {said}");
    }
    assert_eq!(server.asked().len(), 0, "the server was asked");
    let mut request = world.gateway.request(&a(), FAR, &body);
    request.headers_mut().insert("ecumene-hops", many[..7].join(",").parse().unwrap());
    assert!(json_of(&world.gateway.send(request).await)["result"].is_object());
}

/// The agent's only server is gone, and comes back at its port.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_of_grpc_that_is_not_there_is_unreachable_until_it_is() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    drop(listener);
    let world = upstream::world().await;
    attach(&world, GRPC, &[format!("http://{addr}")]).await;
    let call = || async { world.gateway.call(&a(), FAR, "SendMessage", message("hello")).await };
    let told = call().await;
    assert_eq!(told["error"]["code"], -32045, "{told}");
    let listener = TcpListener::bind(addr).await.unwrap();
    let routes = Router::new().fallback(|request: Request<Body>| async move {
        let (parts, _) = request.into_parts();
        let path = parts.uri.path().to_owned();
        let (version, headers, body) = (parts.version, parts.headers, Bytes::new());
        agent(&Received { path, version, headers, body })
    });
    tokio::spawn(async move { axum::serve(listener, routes).await });
    eventually("the server", || async { call().await.get("result").cloned() }).await;
}

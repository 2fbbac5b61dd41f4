//! The server of an attached agent, with each of its answers in the hand of the test.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use futures_util::StreamExt as _;
use gateway_server::Config;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use proto_wire::registry::v1 as wire;
use proto_wire::registry::v1::directory_client::DirectoryClient;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use crate::world::{OPERATOR, World, by, eventually};

/// The agent that the tests attach.
pub(crate) const FAR: &str = "/agents/far";
pub(crate) const CARD: &str = "/agents/far/.well-known/agent-card.json";

/// In which form a server speaks A2A: binding and version.
pub(crate) type Form = (&'static str, &'static str);

pub(crate) const RPC: Form = ("JSONRPC", "1.0");
pub(crate) const FORMS: [Form; 4] =
    [RPC, ("JSONRPC", "0.3"), ("HTTP+JSON", "1.0"), ("HTTP+JSON", "0.3")];

/// A request as the server has received it.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) method: Method,
    /// With its query.
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    /// Null if there is none.
    pub(crate) body: Value,
}

/// What is read of a stream: the data of an event, or an error that breaks it off.
pub(crate) type Events = mpsc::Sender<Result<String, std::io::Error>>;

pub(crate) struct Server {
    pub(crate) addr: SocketAddr,
    asked: Arc<Mutex<Vec<Received>>>,
}

impl Server {
    /// A server that answers so. It lives as long as the test's runtime.
    pub(crate) async fn start(
        answers: impl Fn(&Received) -> Response<Body> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let asked: Arc<Mutex<Vec<Received>>> = Arc::default();
        let (seen, answers) = (Arc::clone(&asked), Arc::new(answers));
        let routes = Router::new().fallback(move |request: Request<Body>| {
            let (seen, answers) = (Arc::clone(&seen), Arc::clone(&answers));
            async move {
                let (parts, body) = request.into_parts();
                let body = body.collect().await.unwrap().to_bytes();
                let asked = Received {
                    method: parts.method,
                    path: parts.uri.to_string(),
                    headers: parts.headers,
                    body: serde_json::from_slice(&body).unwrap_or(Value::Null),
                };
                let answer = answers(&asked);
                seen.lock().unwrap().push(asked);
                answer
            }
        });
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { addr, asked }
    }

    /// A server that answers its first call with this one stream, and the other end of it.
    pub(crate) async fn streaming() -> (Self, Events) {
        let (events, received) = mpsc::channel(8);
        let received = Mutex::new(Some(received));
        let answers = move |_: &Received| {
            let Some(received) = received.lock().unwrap().take() else {
                return ok(&error(-32004, "there is no other stream"));
            };
            let framed = ReceiverStream::new(received)
                .map(|data: Result<String, _>| data.map(|data| format!("data: {data}\n\n")));
            answer(200, "text/event-stream", Body::from_stream(framed))
        };
        (Self::start(answers).await, events)
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/far", self.addr)
    }

    /// What was asked so far, but for what only looks whether the server is alive.
    pub(crate) fn asked(&self) -> Vec<Received> {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|asked| !asked.path.contains("/.well-known/")).cloned().collect()
    }
}

pub(crate) fn answer(status: u16, kind: &str, body: impl Into<Body>) -> Response<Body> {
    Response::builder().status(status).header("content-type", kind).body(body.into()).unwrap()
}

pub(crate) fn ok(body: &Value) -> Response<Body> {
    answer(200, "application/json", body.to_string())
}

/// The answer to a JSON-RPC call of ours, all of which have one id.
pub(crate) fn result(result: &Value) -> Value {
    json!({"jsonrpc": "2.0", "id": 1, "result": result})
}

pub(crate) fn error(code: i32, message: &str) -> Value {
    json!({"jsonrpc": "2.0", "id": 1, "error": {"code": code, "message": message}})
}

/// A task of the server, which calls it `t-1`, in the words of a form.
pub(crate) fn task((binding, version): Form, state: &str) -> Value {
    match (binding, version) {
        ("JSONRPC", "0.3") => json!({
            "kind": "task", "id": "t-1", "contextId": "c-1", "status": {"state": state},
        }),
        _ => {
            let state = format!("TASK_STATE_{}", state.to_ascii_uppercase());
            json!({"id": "t-1", "contextId": "c-1", "status": {"state": state}})
        }
    }
}

/// An agent of this form: a message makes a task that is working, until it is canceled.
pub(crate) fn agent(form: Form) -> impl Fn(&Received) -> Response<Body> + Send + Sync + 'static {
    move |asked: &Received| {
        let called = asked.body["method"].as_str().unwrap_or(&asked.path).to_ascii_lowercase();
        let state = if called.contains("cancel") { "canceled" } else { "working" };
        let task = task(form, state);
        // JSON-RPC of 0.3 has the task itself in the place of what holds it.
        let is_held = called.contains("message") && form != ("JSONRPC", "0.3");
        let said = if is_held { json!({"task": task}) } else { task };
        ok(&if form.0 == "JSONRPC" { result(&said) } else { said })
    }
}

/// A world whose gateway may call servers on this machine.
pub(crate) async fn world() -> World {
    world_with(|_| ()).await
}

/// The same with another change of its gateway's configuration.
pub(crate) async fn world_with(change: impl FnOnce(&mut Config)) -> World {
    World::with(|config| {
        config.upstreams.private_networks = vec!["127.0.0.0/8".parse().unwrap()];
        change(config);
    })
    .await
}

pub(crate) fn card((binding, version): Form, url: &str) -> Value {
    json!({
        "name": "Far", "description": "It runs elsewhere.", "version": "1.0.0",
        "supportedInterfaces": [{
            "url": url, "protocolBinding": binding, "protocolVersion": version,
        }],
        "capabilities": {"streaming": true},
        "defaultInputModes": ["text/plain"], "defaultOutputModes": ["text/plain"],
        "skills": [{"id": "s", "name": "S", "description": "d", "tags": ["t"]}],
    })
}

/// Attaches the agent to servers at these URLs, and waits until the gateway knows it.
pub(crate) async fn attach(world: &World, form: Form, urls: &[String]) {
    attach_with(world, form, urls, card(form, &urls[0]).to_string().into()).await;
}

pub(crate) async fn attach_with(world: &World, form: Form, urls: &[String], card: Bytes) {
    attach_for(world, form, urls, (card, "")).await;
    eventually("the attached agent", || async {
        (world.gateway.get(CARD).await.status() == StatusCode::OK).then_some(())
    })
    .await;
}

/// Attaches the agent for whom its visibility says, and does not wait.
pub(crate) async fn attach_for(
    world: &World,
    (binding, version): Form,
    urls: &[String],
    (card, visibility): (Bytes, &str),
) {
    let upstream = wire::Upstream {
        urls: urls.to_vec(),
        binding: binding.to_owned(),
        version: version.to_owned(),
        tenant: String::new(),
    };
    let request = wire::AttachAgentRequest {
        handle: "far".to_owned(),
        upstream: Some(upstream),
        card,
        visibility: visibility.to_owned(),
    };
    let mut directory = DirectoryClient::new(world.channel.clone());
    directory.attach_agent(by(OPERATOR, request)).await.unwrap();
}

/// A world with an agent that answers so, at one server.
pub(crate) async fn attached(
    form: Form,
    answers: impl Fn(&Received) -> Response<Body> + Send + Sync + 'static,
) -> (World, Server) {
    let (world, server) = (world().await, Server::start(answers).await);
    attach(&world, form, &[server.url()]).await;
    (world, server)
}

//! A run whose events go to several gateways, over real connections.

use node_core::Part;
use node_wasm::ArtifactChunk;
use proto_wire::gateway::v1::push_request::Kind;
use proto_wire::gateway::v1::task_events_server::{TaskEvents, TaskEventsServer};
use proto_wire::gateway::v1::{PushReply, PushRequest};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status, Streaming};

use super::*;

/// Far more than a test waits; a hang fails instead of blocking the run.
const LONG: Duration = Duration::from_secs(30);

/// Events as gateways get them, each with the secret that its push began with.
type Pushed = (String, Value);

/// All gateways: they tell the test what is pushed to them.
struct Gateways(mpsc::Sender<Pushed>);

#[tonic::async_trait]
impl TaskEvents for Gateways {
    async fn push(
        &self,
        request: Request<Streaming<PushRequest>>,
    ) -> Result<Response<PushReply>, Status> {
        let (mut pushed, mut secret) = (request.into_inner(), String::new());
        while let Some(PushRequest { kind: Some(kind), .. }) = pushed.message().await? {
            match kind {
                Kind::Open(open) => secret = open.secret,
                Kind::Event(event) => {
                    let event = serde_json::from_slice(&event).unwrap();
                    self.0.send((secret.clone(), event)).await.unwrap();
                }
            }
        }
        Ok(Response::new(PushReply::default()))
    }
}

/// A run of which the first gateway has been told.
struct Run {
    endpoint: String,
    events: mpsc::Sender<Event>,
    follow: mpsc::Sender<Follower>,
    pushed: mpsc::Receiver<Pushed>,
    drained: JoinHandle<Artifacts>,
}

impl Run {
    async fn begin() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let (pushes, pushed) = mpsc::channel(64);
        let service = TaskEventsServer::new(Gateways(pushes));
        let server = Server::builder().add_service(service);
        tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
        let assigned = wire::Assigned {
            task: "t".to_owned(),
            context: "c".to_owned(),
            epoch: 7,
            reply_to: Some(reply_to(&endpoint, "first")),
            ..Default::default()
        };
        let (events, received) = mpsc::channel(16);
        let (follow, follows) = mpsc::channel(TARGETS_MAX);
        let source = Source { events: received, follows };
        let (connector, clock) = (Connector::plain(), Clock::new());
        let drained = tokio::spawn(async move { drain(&assigned, source, connector, clock).await });
        Self { endpoint, events, follow, pushed, drained }
    }

    async fn follows(&self, secret: &str) {
        let to = reply_to(&self.endpoint, secret);
        self.follow.send(Follower { to, after: None }).await.unwrap();
    }

    async fn emit(&self, artifact: &str, text: &str, (append, last_chunk): (bool, bool)) {
        let chunk = ArtifactChunk {
            artifact_id: artifact.to_owned(),
            name: None,
            description: None,
            parts: vec![Part::text(text)],
            append,
            last_chunk,
        };
        self.events.send(Event::Artifact(chunk)).await.unwrap();
    }

    async fn next(&mut self) -> Pushed {
        timeout(LONG, self.pushed.recv()).await.unwrap().unwrap()
    }

    /// So many events, by who gets them.
    async fn gets(&mut self, count: usize, secret: &str) -> (Vec<Value>, Vec<Pushed>) {
        let mut others = Vec::new();
        let mut own = Vec::new();
        for _ in 0..count {
            match self.next().await {
                (to, event) if to == secret => own.push(event),
                other => others.push(other),
            }
        }
        (own, others)
    }
}

fn reply_to(endpoint: &str, secret: &str) -> wire::ReplyTo {
    let (endpoint, secret) = (endpoint.to_owned(), secret.to_owned());
    wire::ReplyTo { gateway: "g".to_owned(), endpoint, secret }
}

fn update(artifact: &str, texts: &[&str], (append, last_chunk): (bool, bool)) -> Value {
    let parts: Vec<_> = texts.iter().map(|text| json!({ "text": text })).collect();
    json!({ "artifactUpdate": {
        "taskId": "t",
        "contextId": "c",
        "artifact": { "artifactId": artifact, "parts": parts },
        "append": append,
        "lastChunk": last_chunk,
    } })
}

/// Caught: a gateway that comes later begins in the middle of an artifact.
#[tokio::test]
async fn a_gateway_that_comes_later_gets_each_artifact_whole_and_then_what_follows() {
    let mut run = Run::begin().await;
    run.emit("a", "1", (false, false)).await;
    run.emit("a", "2", (true, false)).await;
    run.emit("b", "x", (false, true)).await;
    let (before, others) = run.gets(3, "first").await;
    assert_eq!((before.len(), others), (3, vec![]));
    run.follows("second").await;
    run.emit("a", "3", (true, true)).await;
    let (second, first) = run.gets(4, "second").await;
    let last = update("a", &["3"], (true, true));
    assert_eq!(first, [("first".to_owned(), last.clone())]);
    let so_far = update("a", &["1", "2"], (false, false));
    assert_eq!(second, [so_far, update("b", &["x"], (false, true)), last]);
    drop(run.events);
    let artifacts = timeout(LONG, run.drained).await.unwrap().unwrap();
    assert_eq!(artifacts.so_far().len(), 2);
}

#[tokio::test]
async fn a_gateway_that_is_pushed_to_and_asks_again_gets_nothing_twice() {
    let mut run = Run::begin().await;
    run.emit("a", "1", (false, false)).await;
    assert_eq!(run.next().await.1, update("a", &["1"], (false, false)));
    for _ in 0..2 {
        run.follows("first").await;
    }
    run.events.send(Event::Status { text: None }).await.unwrap();
    run.emit("a", "2", (true, true)).await;
    assert!(run.next().await.1["statusUpdate"].is_object());
    assert_eq!(run.next().await.1, update("a", &["2"], (true, true)));
}

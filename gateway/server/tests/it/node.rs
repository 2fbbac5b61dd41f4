//! The node's side of the contract: a session with the registry and pushes to the gateway, with
//! each step in the hand of the test.

use std::time::Duration;

use proto_wire::gateway::v1 as events;
use proto_wire::gateway::v1::push_request::Kind;
use proto_wire::gateway::v1::task_events_client::TaskEventsClient;
use proto_wire::registry::v1 as wire;
use proto_wire::registry::v1::node_message::Kind as Says;
use proto_wire::registry::v1::node_order::Kind as Order;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use crate::world::{PATIENCE, World, by, credential, eventually, invite};

pub(crate) struct Node {
    slots: u32,
    token: String,
    says: mpsc::Sender<wire::NodeMessage>,
    orders: Streaming<wire::NodeOrder>,
}

/// A node without a session.
pub(crate) struct Away {
    slots: u32,
    token: String,
}

impl Away {
    /// Dials anew, and still has this task.
    pub(crate) async fn dial(self, world: &World, has: &wire::Assigned) -> Node {
        let held = wire::Held { task: has.task.clone(), epoch: has.epoch };
        Node::dial(world, self.token, self.slots, vec![held]).await
    }
}

fn capacity(slots: u32) -> wire::Capacity {
    wire::Capacity {
        slots,
        memory_bytes: 1 << 30,
        runs_per_second: 100,
        isolation: vec!["wasm-proc".to_owned()],
    }
}

impl Node {
    pub(crate) async fn join(world: &World) -> Self {
        Self::join_with(world, 4).await
    }

    /// A node that runs so many tasks at once.
    pub(crate) async fn join_with(world: &World, slots: u32) -> Self {
        let secret = credential("n1");
        let request = wire::RegisterNodeRequest {
            id: "n1".to_owned(),
            capacity: Some(capacity(slots)),
            join_token: invite(&world.channel, "node").await,
            credential: secret.clone(),
        };
        world.fleet().register_node(request).await.unwrap();
        Self::dial(world, format!("node:n1:{secret}"), slots, vec![]).await
    }

    async fn dial(world: &World, token: String, slots: u32, held: Vec<wire::Held>) -> Self {
        let (says, heard) = mpsc::channel(16);
        let hello = wire::Hello { id: "n1".to_owned(), capacity: Some(capacity(slots)), held };
        says.send(wire::NodeMessage { kind: Some(Says::Hello(hello)) }).await.unwrap();
        let session = world.fleet().session(by(&token, ReceiverStream::new(heard))).await;
        Self { slots, token, says, orders: session.unwrap().into_inner() }
    }

    /// Ends its session, as a connection that breaks does.
    pub(crate) async fn hang_up(self, world: &World) -> Away {
        let Self { slots, token, says, orders } = self;
        drop((says, orders));
        eventually("the end of the session", || async {
            let metrics = world.registry_metrics().await;
            metrics.contains("ecumene_registry_node_sessions 0\n").then_some(())
        })
        .await;
        Away { slots, token }
    }

    /// Keeps its lease.
    pub(crate) async fn beat(&self) {
        let beat = wire::Beat { free_slots: self.slots, draining: false, cached: vec![] };
        self.says.send(wire::NodeMessage { kind: Some(Says::Beat(beat)) }).await.unwrap();
    }

    /// The next order that is not a lease; the node beats until it comes.
    pub(crate) async fn order(&mut self) -> Order {
        let waited = timeout(PATIENCE, async {
            loop {
                self.beat().await;
                match timeout(Duration::from_millis(300), self.orders.message()).await {
                    Err(_) => {}
                    Ok(order) => match order.unwrap().expect("the session goes on").kind.unwrap() {
                        Order::Granted(_) => {}
                        other => return other,
                    },
                }
            }
        });
        waited.await.expect("an order")
    }

    /// Takes the next task on.
    pub(crate) async fn take(&mut self) -> wire::Assigned {
        let Order::Assigned(assigned) = self.order().await else { panic!("expected a task") };
        let accepted = wire::Accepted { task: assigned.task.clone(), epoch: assigned.epoch };
        self.says.send(wire::NodeMessage { kind: Some(Says::Accepted(accepted)) }).await.unwrap();
        assigned
    }

    /// Commits an end with one text artifact of the given parts and a message.
    pub(crate) async fn complete(
        &self,
        world: &World,
        task: &wire::Assigned,
        end: &str,
        texts: &[&str],
    ) {
        let outcome = json!({
            "artifacts": [artifact("out", texts)],
            "message": {"messageId": "m-end", "role": "ROLE_AGENT", "parts": [{"text": "done"}]},
        });
        self.complete_with(world, task, end, &outcome.to_string()).await;
    }

    /// Commits an end with this outcome document.
    pub(crate) async fn complete_with(
        &self,
        world: &World,
        task: &wire::Assigned,
        end: &str,
        outcome: &str,
    ) {
        let request = wire::CompleteTaskRequest {
            id: task.task.clone(),
            epoch: task.epoch,
            end: end.to_owned(),
            outcome: outcome.to_owned().into(),
            reason: String::new(),
            omit_documents: false,
        };
        world.fleet().complete_task(by(&self.token, request)).await.unwrap();
    }
}

pub(crate) fn artifact(id: &str, texts: &[&str]) -> Value {
    let parts: Vec<_> = texts.iter().map(|text| json!({"text": text})).collect();
    json!({"artifactId": id, "parts": parts})
}

pub(crate) fn chunk(id: &str, texts: &[&str], append: bool) -> Value {
    json!({"artifactUpdate": {
        "taskId": "forged", "contextId": "forged", "artifact": artifact(id, texts), "append": append,
    }})
}

pub(crate) fn working(text: &str) -> Value {
    let message = json!({"messageId": "m-w", "role": "ROLE_AGENT", "parts": [{"text": text}]});
    json!({"statusUpdate": {"taskId": "forged", "contextId": "forged", "status": {"state": "TASK_STATE_WORKING", "message": message}}})
}

/// An open push of a task's events.
pub(crate) struct Push {
    sender: mpsc::Sender<events::PushRequest>,
    pub(crate) ended: JoinHandle<Result<u64, Status>>,
}

impl Push {
    pub(crate) async fn open(task: &wire::Assigned) -> Self {
        let to = task.reply_to.clone().expect("a stream asks for events");
        Self::open_with(&to.endpoint, &task.task, task.epoch, &to.secret).await
    }

    pub(crate) async fn open_with(endpoint: &str, task: &str, epoch: u64, secret: &str) -> Self {
        let (task, secret) = (task.to_owned(), secret.to_owned());
        Self::begin(endpoint, events::Open { task, epoch, secret, after: None }).await
    }

    /// One that begins with these words.
    pub(crate) async fn begin(endpoint: &str, open: events::Open) -> Self {
        let (sender, receiver) = mpsc::channel(16);
        let open = events::PushRequest { kind: Some(Kind::Open(open)), ..Default::default() };
        sender.send(open).await.unwrap();
        let mut client = TaskEventsClient::connect(endpoint.to_owned()).await.unwrap();
        let ended = tokio::spawn(async move {
            let reply = client.push(ReceiverStream::new(receiver)).await?;
            Ok(reply.into_inner().taken)
        });
        Self { sender, ended }
    }

    pub(crate) async fn event(&self, event: &Value) {
        assert!(self.try_event(event).await, "the push goes on");
    }

    /// Whether the event was taken: nobody may wait for it any more.
    pub(crate) async fn try_event(&self, event: &Value) -> bool {
        self.try_marked(event, (0, false)).await
    }

    /// An event with its number in its run; its caller may have what it says already.
    pub(crate) async fn marked(&self, event: &Value, mark: (u64, bool)) {
        assert!(self.try_marked(event, mark).await, "the push goes on");
    }

    async fn try_marked(&self, event: &Value, (sequence, known): (u64, bool)) -> bool {
        let kind = Some(Kind::Event(event.to_string().into()));
        self.sender.send(events::PushRequest { kind, sequence, known }).await.is_ok()
    }

    /// Ends the push; how many events were taken.
    pub(crate) async fn end(self) -> Result<u64, Status> {
        drop(self.sender);
        timeout(PATIENCE, self.ended).await.unwrap().unwrap()
    }
}

//! A run's events on their way to the gateway whose caller waits. Best effort: the outcome is committed elsewhere.
//! It must never hold a run back for longer than [`PATIENCE`], nor send an event twice.

use std::time::Duration;

use deploy_service::tls::{Connector, Role};
use node_wasm::Event;
use proto_types::outcome::OUTCOME_BYTES_MAX;
use proto_wire::gateway::v1::push_request::Kind;
use proto_wire::gateway::v1::task_events_client::TaskEventsClient;
use proto_wire::gateway::v1::{Open, PushRequest};
use proto_wire::registry::v1 as wire;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;
use tonic::transport::Endpoint;

use crate::clock::Clock;
use crate::outcome::{Artifacts, stream_response};

/// A gateway that takes no event for so long gets no more: its caller reads the outcome from the registry.
const PATIENCE: Duration = Duration::from_secs(2);
/// Events under way to a gateway.
const QUEUE: usize = 64;

/// Takes a run's events until it ends: collects artifacts, and passes everything on while somebody takes it.
pub(crate) async fn drain(
    assigned: &wire::Assigned,
    mut events: mpsc::Receiver<Event>,
    connector: Connector,
    clock: Clock,
) -> Artifacts {
    let mut artifacts = Artifacts::default();
    let mut gateway =
        assigned.reply_to.as_ref().map(|to| open(assigned, to, connector.to(Role::Gateway)));
    while let Some(event) = events.recv().await {
        if let Event::Artifact(chunk) = &event {
            artifacts.take(chunk);
        }
        let Some(sender) = gateway.as_ref().filter(|_| is_pushed(&event)) else { continue };
        let (task, context) = (&assigned.task, &assigned.context);
        let json = stream_response(task, context, &event, clock.registry_time()).to_string();
        if json.len() > OUTCOME_BYTES_MAX {
            continue;
        }
        let push = PushRequest { kind: Some(Kind::Event(json.into())) };
        if sender.send_timeout(push, PATIENCE).await.is_err() {
            tracing::info!(task = %assigned.task, "the gateway takes no more events");
            gateway = None;
        }
    }
    artifacts
}

/// A2A has no artifact without parts: what a chunk without any says, the outcome says too.
fn is_pushed(event: &Event) -> bool {
    !matches!(event, Event::Artifact(chunk) if chunk.parts.is_empty())
}

/// Opens a push in the background; dropping the sender ends it.
fn open(
    assigned: &wire::Assigned,
    to: &wire::ReplyTo,
    connector: Connector,
) -> mpsc::Sender<PushRequest> {
    let (sender, receiver) = mpsc::channel(QUEUE);
    let open =
        Open { task: assigned.task.clone(), epoch: assigned.epoch, secret: to.secret.clone() };
    let first = PushRequest { kind: Some(Kind::Open(open)) };
    // The queue is new and holds more than one.
    let _ = sender.try_send(first);
    let (task, endpoint) = (assigned.task.clone(), to.endpoint.clone());
    tokio::spawn(async move {
        match push(endpoint, connector, receiver).await {
            Ok(Ok(())) => {}
            Ok(Err(status)) => tracing::debug!(%task, %status, "the gateway ended the push"),
            Err(error) => {
                tracing::debug!(%task, error = deploy_service::telemetry::chain(&error), "the gateway is not there")
            }
        }
    });
    sender
}

/// Pushes until the sender is gone; what the gateway says of it, if it could be reached.
async fn push(
    endpoint: String,
    connector: Connector,
    requests: mpsc::Receiver<PushRequest>,
) -> Result<Result<(), Status>, tonic::transport::Error> {
    let endpoint = Endpoint::from_shared(endpoint)?.connect_timeout(PATIENCE);
    let channel = endpoint.connect_with_connector(connector).await?;
    let pushed = TaskEventsClient::new(channel).push(ReceiverStream::new(requests)).await;
    Ok(pushed.map(drop))
}

//! The gateways that a run's events go to. It decides who gets an event and who has lost its place. Each gateway has a queue
//! of its own, so that what one does not take keeps no other from its events. The run waits for the gateway that submitted its
//! task, as long as it pushes there, and for no other: a peer may follow a task many times, and read nothing.

use deploy_service::tls::Connector;
use deploy_service::trace::{self, Span};
use node_wasm::{ArtifactChunk, Event};
use proto_types::WallMs;
use proto_types::outcome::OUTCOME_BYTES_MAX;
use proto_wire::gateway::v1::push_request::Kind;
use proto_wire::gateway::v1::task_events_client::TaskEventsClient;
use proto_wire::gateway::v1::{Open, PushRequest};
use proto_wire::registry::v1 as wire;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::{Stream, StreamExt as _};
use tonic::transport::Endpoint;
use tonic::{Request, Status};

use crate::outcome::{Artifacts, artifact_update, stream_response};

use super::{PATIENCE, TARGETS_MAX};

/// Events under way to a gateway.
const QUEUE: usize = 64;

/// The gateways of one run, the one that has been there for longest first.
pub(super) struct Targets<'a> {
    assigned: &'a wire::Assigned,
    connector: Connector,
    open: Vec<Target>,
}

/// A gateway as long as it takes events; dropping it ends the push once all that is in its queue is sent.
struct Target {
    to: wire::ReplyTo,
    queue: mpsc::Sender<PushRequest>,
}

impl<'a> Targets<'a> {
    pub(super) fn new(assigned: &'a wire::Assigned, connector: Connector) -> Self {
        Self { assigned, connector, open: Vec::new() }
    }

    /// Begins to push to a gateway: first what there is of each artifact. One that is pushed to gets nothing twice.
    pub(super) fn add(&mut self, to: &wire::ReplyTo, artifacts: &Artifacts) {
        self.open.retain(|target| !target.queue.is_closed());
        if self.open.iter().any(|target| target.to == *to) {
            return;
        }
        if self.open.len() == TARGETS_MAX {
            self.open.remove(0);
        }
        let (queue, events) = mpsc::channel(QUEUE);
        let requests = requests(self.assigned, to, artifacts.so_far(), events);
        let (task, endpoint) = (self.assigned.task.clone(), to.endpoint.clone());
        let pushing = run(task, endpoint, self.connector.clone(), requests);
        tokio::spawn(Span::client("gateway.push").scope(pushing));
        self.open.push(Target { to: to.clone(), queue });
    }

    /// Passes an event on to all that have room for it. The first gateway is given time.
    pub(super) async fn push(&mut self, event: &Event, at: WallMs) {
        if self.open.is_empty() || !is_pushed(event) {
            return;
        }
        let (task, context) = (&self.assigned.task, &self.assigned.context);
        let Some(push) = pushed(&stream_response(task, context, event, at)) else { return };
        // Nobody who has room waits for one who has none.
        let late = |target: &Target| target.queue.try_send(push.clone()).is_err();
        let late: Vec<bool> = self.open.iter().map(late).collect();
        let mut left = Vec::with_capacity(self.open.len());
        for (target, is_late) in std::mem::take(&mut self.open).into_iter().zip(late) {
            let is_first = self.assigned.reply_to.as_ref() == Some(&target.to);
            let takes = !is_late || (is_first && target.takes(push.clone()).await);
            if takes {
                left.push(target);
            } else {
                let gateway = &target.to.gateway;
                tracing::info!(%task, %gateway, "the gateway takes no more events");
            }
        }
        self.open = left;
    }
}

impl Target {
    async fn takes(&self, push: PushRequest) -> bool {
        self.queue.send_timeout(push, PATIENCE).await.is_ok()
    }
}

/// A2A has no artifact without parts: what a chunk without any says, the outcome says too.
fn is_pushed(event: &Event) -> bool {
    !matches!(event, Event::Artifact(chunk) if chunk.parts.is_empty())
}

/// An event as it is pushed; none that is longer than a gateway takes.
fn pushed(event: &Value) -> Option<PushRequest> {
    let json = event.to_string();
    (json.len() <= OUTCOME_BYTES_MAX).then(|| PushRequest { kind: Some(Kind::Event(json.into())) })
}

/// What tells an artifact from its beginning: one update, or as many as it takes for a gateway to take each. A part that no
/// gateway takes was told to nobody.
fn updates(task: &str, context: &str, whole: ArtifactChunk) -> Vec<PushRequest> {
    let (mut told, mut rest) = (Vec::new(), vec![whole]);
    while let Some(mut chunk) = rest.pop() {
        chunk.append = !told.is_empty();
        match pushed(&artifact_update(task, context, &chunk)) {
            Some(push) => told.push(push),
            None if chunk.parts.len() < 2 => {}
            None => {
                let parts = chunk.parts.split_off(chunk.parts.len() / 2);
                let begin = ArtifactChunk { last_chunk: false, ..chunk.clone() };
                rest.extend([ArtifactChunk { parts, ..chunk }, begin]);
            }
        }
    }
    told
}

/// What a gateway is sent: who pushes, the artifacts so far, and then each event. An artifact becomes JSON only when it is
/// its turn.
fn requests(
    assigned: &wire::Assigned,
    to: &wire::ReplyTo,
    artifacts: Vec<ArtifactChunk>,
    events: mpsc::Receiver<PushRequest>,
) -> impl Stream<Item = PushRequest> + Send + 'static + use<> {
    let (task, context) = (assigned.task.clone(), assigned.context.clone());
    let open = Open { task: task.clone(), epoch: assigned.epoch, secret: to.secret.clone() };
    let so_far = artifacts.into_iter().flat_map(move |chunk| updates(&task, &context, chunk));
    let first = std::iter::once(PushRequest { kind: Some(Kind::Open(open)) });
    tokio_stream::iter(first.chain(so_far)).chain(ReceiverStream::new(events))
}

/// Pushes until the queue is closed or the gateway has enough.
async fn run(
    task: String,
    endpoint: String,
    connector: Connector,
    requests: impl Stream<Item = PushRequest> + Send + 'static,
) {
    match push(endpoint, connector, requests).await {
        Ok(Ok(())) => {}
        Ok(Err(status)) => tracing::debug!(%task, %status, "the gateway ended the push"),
        Err(error) => {
            tracing::debug!(%task, error = deploy_service::telemetry::chain(&error), "the gateway is not there");
        }
    }
}

/// What the gateway says of a push, if it could be reached.
async fn push(
    endpoint: String,
    connector: Connector,
    requests: impl Stream<Item = PushRequest> + Send + 'static,
) -> Result<Result<(), Status>, tonic::transport::Error> {
    let endpoint = Endpoint::from_shared(endpoint)?.connect_timeout(PATIENCE);
    let channel = endpoint.connect_with_connector(connector).await?;
    let mut requests = Request::new(requests);
    trace::inject(requests.metadata_mut().as_mut());
    let pushed = TaskEventsClient::new(channel).push(requests).await;
    Ok(pushed.map(drop))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;

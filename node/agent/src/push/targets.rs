//! The gateways that a run's events go to. It decides who gets an event and who has lost its place. Each gateway has a queue
//! of its own, so that what one does not take keeps no other from its events. The run waits for the gateway that submitted its
//! task, as long as it pushes there, and for no other: a peer may follow a task many times, and read nothing.
//!
//! Events are numbered, and the newest kept for as long as the run goes on: a gateway whose caller has the events up to one gets
//! those that came after it. It must never be told that nothing is missing where something is.

use deploy_service::tls::Connector;
use deploy_service::trace::{self, Span};
use node_core::EventRing;
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

use super::{Follower, PATIENCE, TARGETS_MAX};

/// Events under way to a gateway.
const QUEUE: usize = 64;
/// Events of a run that are kept for who has lost them, and bytes of them: a stream that breaks is back within seconds.
/// Arbitrary; each slot of a node may take so much.
const KEPT_EVENTS_MAX: usize = 512;
const KEPT_BYTES_MAX: usize = 512 << 10;

/// The gateways of one run, the one that has been there for longest first.
pub(super) struct Targets<'a> {
    assigned: &'a wire::Assigned,
    connector: Connector,
    open: Vec<Target>,
    kept: EventRing<PushRequest>,
    /// Whether anybody was ever told of the events: until then none is kept.
    is_followed: bool,
    /// Whether an event was too long to be pushed to those who followed: what they have is not all that was made.
    has_omitted: bool,
}

/// A gateway as long as it takes events; dropping it ends the push once all that is in its queue is sent.
struct Target {
    to: wire::ReplyTo,
    queue: mpsc::Sender<PushRequest>,
}

impl<'a> Targets<'a> {
    pub(super) fn new(assigned: &'a wire::Assigned, connector: Connector) -> Self {
        let kept = EventRing::new(KEPT_EVENTS_MAX, KEPT_BYTES_MAX);
        let (open, is_followed, has_omitted) = (Vec::new(), false, false);
        Self { assigned, connector, open, kept, is_followed, has_omitted }
    }

    /// Begins to push to a gateway: first the events that it lacks, if all of them are kept, or else what there is of each
    /// artifact. One that is pushed to gets nothing twice.
    pub(super) fn add(&mut self, Follower { to, after }: &Follower, artifacts: &Artifacts) {
        self.is_followed = true;
        self.open.retain(|target| !target.queue.is_closed());
        if self.open.iter().any(|target| target.to == *to) {
            return;
        }
        if self.open.len() == TARGETS_MAX {
            self.open.remove(0);
        }
        let (queue, events) = mpsc::channel(QUEUE);
        let start = self.start(*after, artifacts);
        let requests = requests(self.assigned, to, start, events);
        let (task, endpoint) = (self.assigned.task.clone(), to.endpoint.clone());
        let pushing = run(task, endpoint, self.connector.clone(), requests);
        tokio::spawn(Span::client("gateway.push").scope(pushing));
        self.open.push(Target { to: to.clone(), queue });
    }

    /// Passes an event on to all that have room for it. The first gateway is given time.
    pub(super) async fn push(&mut self, event: &Event, at: WallMs) {
        if !is_pushed(event) {
            return;
        }
        let Some(push) = self.numbered(event, at) else {
            self.has_omitted |= self.is_followed;
            return self.kept.skip();
        };
        let task = &self.assigned.task;
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

    /// The next event as it is pushed, which is kept; `None` if nobody is to be told of it, or it is too long.
    fn numbered(&mut self, event: &Event, at: WallMs) -> Option<PushRequest> {
        let (task, context) = (&self.assigned.task, &self.assigned.context);
        let response = self.is_followed.then(|| stream_response(task, context, event, at))?;
        let push = PushRequest { sequence: self.kept.next_number(), ..pushed(&response)? };
        let bytes = match &push.kind {
            Some(Kind::Event(json)) => json.len(),
            _ => 0,
        };
        self.kept.push(push.clone(), bytes);
        Some(push)
    }

    /// With what a push begins for who has the events up to one.
    fn start(&self, after: Option<u64>, artifacts: &Artifacts) -> Start {
        let lacking = after.and_then(|after| self.kept.after(after));
        let after = after.filter(|_| lacking.is_some());
        // Who gets all events needs no more to know what they have made.
        let is_needless = after == Some(0) || (after.is_some() && self.has_omitted);
        let artifacts = if is_needless { Vec::new() } else { artifacts.so_far() };
        Start { after, lacking: lacking.unwrap_or_default(), artifacts }
    }
}

/// With what a push begins.
#[derive(Default)]
struct Start {
    /// After which event it goes on, if nothing between is missing.
    after: Option<u64>,
    /// The events that came after it.
    lacking: Vec<PushRequest>,
    /// What there is of each artifact: to be told, or, where the push goes on, only to be known.
    artifacts: Vec<ArtifactChunk>,
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
    let is_short = json.len() <= OUTCOME_BYTES_MAX;
    let kind = Some(Kind::Event(json.into()));
    is_short.then(|| PushRequest { kind, ..PushRequest::default() })
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

/// What a gateway is sent: who pushes, the events that it lacks, the artifacts so far, and then each event. An artifact becomes
/// JSON only when it is its turn.
fn requests(
    assigned: &wire::Assigned,
    to: &wire::ReplyTo,
    Start { after, lacking, artifacts }: Start,
    events: mpsc::Receiver<PushRequest>,
) -> impl Stream<Item = PushRequest> + Send + 'static + use<> {
    let (task, context) = (assigned.task.clone(), assigned.context.clone());
    let open = Open { task: task.clone(), epoch: assigned.epoch, secret: to.secret.clone(), after };
    let so_far = artifacts.into_iter().flat_map(move |chunk| updates(&task, &context, chunk));
    let so_far = so_far.map(move |push| PushRequest { known: after.is_some(), ..push });
    let open = PushRequest { kind: Some(Kind::Open(open)), ..PushRequest::default() };
    let first = std::iter::once(open).chain(lacking).chain(so_far);
    tokio_stream::iter(first).chain(ReceiverStream::new(events))
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

//! The service that nodes push task events to.
//!
//! Decides who may push and what is an event at all; what of it is shown is the core's to say. Must
//! never wait for a caller that reads nothing: the outcome is committed in the registry; nor go on for one that has left. Must
//! never take more than a few words of who has not shown the secret of a task.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::Request as HttpRequest;
use deploy_service::Claim;
use http_body::Frame;
use proto_types::a2a::StreamResponse;
use proto_types::outcome::OUTCOME_BYTES_MAX;
use proto_wire::gateway::v1 as wire;
use proto_wire::gateway::v1::push_request::Kind;
use proto_wire::gateway::v1::task_events_server::{TaskEvents, TaskEventsServer};
use tonic::{Request, Response, Status, Streaming};

use crate::waiting::{self, Mark, Waiting};

/// A node pushes no event that is larger than an outcome may be; some room for the frame.
const MESSAGE_BYTES_MAX: usize = OUTCOME_BYTES_MAX + (64 << 10);
/// `open`: an id, a number and a secret.
const OPEN_BYTES_MAX: u64 = 4 << 10;
/// A caller that reads nothing for so long gets the rest from the outcome.
const PATIENCE: Duration = Duration::from_secs(5);

/// The gRPC service.
pub(crate) fn service(waiting: &Arc<Waiting>) -> TaskEventsServer<impl TaskEvents + use<>> {
    let service = TaskEventsServer::new(Events { waiting: Arc::clone(waiting) });
    service.max_decoding_message_size(MESSAGE_BYTES_MAX)
}

/// Bounds the first message, before which nothing is known of who pushes.
pub(crate) fn opening(request: HttpRequest) -> HttpRequest {
    request.map(|body| Body::new(Opening { body, prefix: [0; 5], have: 0 }))
}

/// A body whose first message is short, by what its prefix says (gRPC over HTTP/2, "Length-Prefixed-Message").
struct Opening {
    body: Body,
    prefix: [u8; 5],
    have: usize,
}

impl Opening {
    fn see(&mut self, bytes: &[u8]) -> Result<(), axum::Error> {
        let missing = bytes.len().min(self.prefix.len() - self.have);
        self.prefix[self.have..self.have + missing].copy_from_slice(&bytes[..missing]);
        self.have += missing;
        let [_, length @ ..] = self.prefix;
        let is_long = u64::from(u32::from_be_bytes(length)) > OPEN_BYTES_MAX;
        if self.have == self.prefix.len() && is_long {
            return Err(axum::Error::new(Status::resource_exhausted("`open` is short")));
        }
        Ok(())
    }
}

impl http_body::Body for Opening {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.get_mut();
        let frame = ready!(Pin::new(&mut this.body).poll_frame(cx)).transpose()?;
        if let Some(data) = frame.as_ref().and_then(Frame::data_ref) {
            this.see(data)?;
        }
        Poll::Ready(frame.map(Ok))
    }
}

struct Events {
    waiting: Arc<Waiting>,
}

#[tonic::async_trait]
impl TaskEvents for Events {
    async fn push(
        &self,
        request: Request<Streaming<wire::PushRequest>>,
    ) -> Result<Response<wire::PushReply>, Status> {
        let claim = request.extensions().get::<Claim>().cloned();
        let mut pushed = request.into_inner();
        let open = open(&mut pushed).await?;
        // One answer for an unknown task, a wrong secret and an old epoch: nobody waits.
        let nobody = || Status::not_found("nobody waits for this task");
        let heard = || self.waiting.push(&open.task, open.epoch, &open.secret);
        let caller = heard().ok_or_else(nobody)?;
        if let Some(claim) = claim {
            claim.prove_system();
        }
        let run = Mark { epoch: open.epoch, goes_on: open.after.is_some(), ..Mark::default() };
        let mut taken = 0;
        while let Some(message) = next(&mut pushed, &caller).await? {
            let mark = Mark { sequence: message.sequence, known: message.known, ..run };
            let event = (read(message)?, mark);
            // A newer epoch may have pushed since, or the caller may have left.
            let Some(events) = heard() else { break };
            if !events.send(event, PATIENCE).await {
                break;
            }
            taken += 1;
        }
        Ok(Response::new(wire::PushReply { taken }))
    }
}

/// The first message, which says whose events follow.
async fn open(pushed: &mut Streaming<wire::PushRequest>) -> Result<wire::Open, Status> {
    match pushed.message().await?.and_then(|message| message.kind) {
        Some(Kind::Open(open)) => Ok(open),
        _ => Err(Status::invalid_argument("the first message is `open`")),
    }
}

/// The next message; `None` at the end of the push, and once its caller has left: who pushes has a place for another gateway
/// then, long before the next event.
async fn next(
    pushed: &mut Streaming<wire::PushRequest>,
    caller: &waiting::Events,
) -> Result<Option<wire::PushRequest>, Status> {
    tokio::select! {
        message = pushed.message() => message,
        () = caller.left() => Ok(None),
    }
}

/// An event as it came, once it is known to be one.
fn read(message: wire::PushRequest) -> Result<Vec<u8>, Status> {
    let Some(Kind::Event(event)) = message.kind else {
        return Err(Status::invalid_argument("`open` comes once"));
    };
    StreamResponse::parse(&event).map_err(|_| Status::invalid_argument("not a StreamResponse"))?;
    // A copy: a slice would hold all of the buffer that it came in.
    Ok(event.to_vec())
}

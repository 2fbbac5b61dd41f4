//! The service that nodes push task events to.
//!
//! Decides who may push and what is an event at all; what of it is shown is the core's to say. Must
//! never wait for a caller that reads nothing: the outcome is committed in the registry.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use proto_types::a2a::StreamResponse;
use proto_types::outcome::OUTCOME_BYTES_MAX;
use proto_wire::gateway::v1 as wire;
use proto_wire::gateway::v1::push_request::Kind;
use proto_wire::gateway::v1::task_events_server::{TaskEvents, TaskEventsServer};
use tonic::service::Routes;
use tonic::{Request, Response, Status, Streaming};

use crate::waiting::Waiting;

/// A node pushes no event that is larger than an outcome may be; some room for the frame.
const MESSAGE_BYTES_MAX: usize = OUTCOME_BYTES_MAX + (64 << 10);
/// A caller that reads nothing for so long gets the rest from the outcome.
const PATIENCE: Duration = Duration::from_secs(5);

/// The gRPC service, as routes.
pub(crate) fn routes(waiting: &Arc<Waiting>) -> Router {
    let service = TaskEventsServer::new(Events { waiting: Arc::clone(waiting) });
    Routes::new(service.max_decoding_message_size(MESSAGE_BYTES_MAX)).into_axum_router()
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
        let mut pushed = request.into_inner();
        let first = pushed.message().await?.and_then(|message| message.kind);
        let Some(Kind::Open(open)) = first else {
            return Err(Status::invalid_argument("the first message is `open`"));
        };
        // One answer for an unknown task, a wrong secret and an old epoch: nobody waits.
        let nobody = || Status::not_found("nobody waits for this task");
        let events = self.waiting.push(&open.task, open.epoch, &open.secret).ok_or_else(nobody)?;
        let mut taken = 0;
        while let Some(message) = pushed.message().await? {
            let Some(Kind::Event(event)) = message.kind else {
                return Err(Status::invalid_argument("`open` comes once"));
            };
            if !self.waiting.is_current(&open.task, open.epoch) {
                break;
            }
            let event = StreamResponse::parse(&event)
                .map_err(|_| Status::invalid_argument("not a StreamResponse"))?;
            if events.send_timeout(event, PATIENCE).await.is_err() {
                break;
            }
            taken += 1;
        }
        Ok(Response::new(wire::PushReply { taken }))
    }
}

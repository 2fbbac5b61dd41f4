//! The service that nodes push task events to.
//!
//! Decides which events pass: status and artifact updates of the task that was opened. Must never
//! let a node tell how a task ended: that is committed in the registry and told from there.

use std::sync::Arc;
use std::time::Duration;

use proto_types::json;
use proto_wire::gateway::v1 as wire;
use proto_wire::gateway::v1::push_request::Kind;
use proto_wire::gateway::v1::task_events_server::{TaskEvents, TaskEventsServer};
use serde_json::Value;
use tonic::{Request, Response, Status, Streaming};

use crate::waiting::Waiting;

/// An outcome is at most 1 MiB, so no event of it is longer; some room for the frame.
const MESSAGE_BYTES_MAX: usize = (1 << 20) + (64 << 10);
/// A caller that reads nothing for so long gets the rest from the outcome.
const PATIENCE: Duration = Duration::from_secs(5);

/// The gRPC service.
pub(crate) fn service(waiting: Arc<Waiting>) -> TaskEventsServer<Events> {
    TaskEventsServer::new(Events { waiting }).max_decoding_message_size(MESSAGE_BYTES_MAX)
}

pub(crate) struct Events {
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
            let event = interim(&event).ok_or_else(|| Status::invalid_argument("no such event"))?;
            let Some(event) = event else { continue };
            if events.send_timeout(event, PATIENCE).await.is_err() {
                break;
            }
            taken += 1;
        }
        Ok(Response::new(wire::PushReply { taken }))
    }
}

/// An update that may be shown before the outcome; `Some(None)` is one that is not shown, `None`
/// is no update at all.
fn interim(event: &[u8]) -> Option<Option<Value>> {
    let event = json::parse(event).ok()?;
    if event.get("artifactUpdate").is_some_and(|update| update["artifact"].is_object()) {
        return Some(Some(event));
    }
    let state = event.get("statusUpdate")?.get("status")?.get("state")?.as_str()?;
    let shown = matches!(state, "TASK_STATE_WORKING" | "TASK_STATE_SUBMITTED");
    Some(shown.then_some(event))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn updates_pass_but_not_the_end() {
        let status = |state: &str| {
            let event = json!({"statusUpdate": {"taskId": "t", "status": {"state": state}}});
            interim(event.to_string().as_bytes()).map(|shown| shown.is_some())
        };
        assert_eq!(status("TASK_STATE_WORKING"), Some(true));
        assert_eq!(status("TASK_STATE_COMPLETED"), Some(false));
        assert_eq!(status("TASK_STATE_INPUT_REQUIRED"), Some(false));
        let artifact = json!({"artifactUpdate": {"artifact": {"artifactId": "a", "parts": []}}});
        assert!(interim(artifact.to_string().as_bytes()).flatten().is_some());
        for bad in ["", "[]", "{}", r#"{"task":{}}"#, r#"{"artifactUpdate":{}}"#] {
            assert_eq!(interim(bad.as_bytes()), None, "{bad}");
        }
    }
}

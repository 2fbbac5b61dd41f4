//! How a call came, and so how it is answered: JSON-RPC, HTTP+JSON or gRPC, in one version of A2A.
//!
//! Decides how answers, the frames of streams and failures are encoded; what stands behind it knows none of that. Must never
//! decide what an answer says.

use std::convert::Infallible;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use deploy_service::sse;
use futures_util::{Stream, StreamExt as _};
use gateway_core::Failure;
use gateway_core::errors::{ErrorReply, Reader};
use gateway_core::form::{Answer, Form};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName};
use http::{HeaderMap, HeaderValue, StatusCode};
use proto_types::a2a::rpc::{Id, Response as RpcResponse};
use proto_types::a2a::{ProtocolVersion, StreamResponse};
use tokio::time::Instant;

use crate::{grpc, reply};

/// How a call came.
#[derive(Clone, Debug)]
pub(crate) struct Binding {
    pub(crate) protocol: Protocol,
    pub(crate) version: ProtocolVersion,
}

/// What carries a call.
#[derive(Clone, Debug)]
pub(crate) enum Protocol {
    /// With the call's id; null until it is read.
    JsonRpc(Id),
    /// With the media type of what answers it.
    HttpJson(&'static str),
    /// As `lf.a2a.v1.A2AService`; with until when its caller waits, if it says so.
    Grpc(Option<Instant>),
}

const JSON: &str = "application/json";
const A2A_JSON: &str = "application/a2a+json";
/// A comment: readers of the stream pass over it, proxies see that it lives.
const HEARTBEAT: &[u8] = b": \n\n";

impl Binding {
    /// JSON-RPC, before anything is read of the call. A failure is told alike in both versions.
    pub(crate) const fn json_rpc(id: Id) -> Self {
        Self { protocol: Protocol::JsonRpc(id), version: ProtocolVersion::V10 }
    }

    /// HTTP+JSON in the version of the path. It is answered in the type in which it asks; a version before 1.0 has no type of
    /// its own.
    pub(crate) fn http_json(version: ProtocolVersion, headers: &HeaderMap) -> Self {
        let stated = headers.get(CONTENT_TYPE).map(|stated| stated.as_bytes().to_ascii_lowercase());
        let is_plain = stated.is_some_and(|stated| stated.starts_with(JSON.as_bytes()));
        let kind = if is_plain || version == ProtocolVersion::V03 { JSON } else { A2A_JSON };
        Self { protocol: Protocol::HttpJson(kind), version }
    }

    /// gRPC, which is the same in no other version; with until when its caller waits.
    pub(crate) const fn grpc(deadline: Option<Instant>) -> Self {
        Self { protocol: Protocol::Grpc(deadline), version: ProtocolVersion::V10 }
    }

    /// The same without the id that was read of the call.
    pub(crate) fn without_id(self) -> Self {
        match self.protocol {
            Protocol::JsonRpc(_) => Self::json_rpc(Id::Null),
            _ => self,
        }
    }

    /// The JSON of what it carries.
    pub(crate) const fn form(&self) -> Form {
        match (self.version, &self.protocol) {
            (ProtocolVersion::V10, _) => Form::V10,
            (ProtocolVersion::V03, Protocol::JsonRpc(_)) => Form::V03JsonRpc,
            (ProtocolVersion::V03, _) => Form::V03HttpJson,
        }
    }

    /// The whole answer to a call.
    pub(super) fn answer(&self, answer: &Answer) -> Result<Response, Failure> {
        let value = self.form().answer(answer);
        match &self.protocol {
            Protocol::JsonRpc(id) => {
                let answer = printed(&RpcResponse::ok(id.clone(), value));
                Ok(reply::body(StatusCode::OK, JSON, answer))
            }
            &Protocol::HttpJson(kind) => Ok(unstored(StatusCode::OK, kind, value.to_string())),
            Protocol::Grpc(_) => grpc::message(answer_method(answer), &value).map(grpc::answer),
        }
    }

    /// What is answered instead.
    pub(crate) fn failure(&self, reply: &ErrorReply, reader: Reader) -> Response {
        let status =
            |status| StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        match &self.protocol {
            Protocol::JsonRpc(id) => {
                reply::body(status(reply.status), JSON, printed(&reply.rpc(id, reader)))
            }
            &Protocol::HttpJson(kind) => {
                let body = reply.http_json(self.version).to_string();
                unstored(status(reply.http_status()), kind, body)
            }
            Protocol::Grpc(_) => grpc::failure(reply),
        }
    }

    /// The answer that is a stream: frames, and a failure last if there is one.
    pub(crate) fn stream(
        self,
        frames: impl Stream<Item = Result<Bytes, Failure>> + Send + 'static,
    ) -> Response {
        if let Protocol::Grpc(deadline) = self.protocol {
            return grpc::answers(frames, deadline);
        }
        let frames = frames.map(move |frame| {
            Ok::<_, Infallible>(frame.unwrap_or_else(|failure| self.last_frame(&failure)))
        });
        let body = Body::from_stream(frames);
        let mut response = reply::body(StatusCode::OK, "text/event-stream", body);
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, NO_STORE);
        // nginx and its kin buffer unless told otherwise.
        headers
            .insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
        response
    }

    /// The frame that tells an event.
    pub(super) fn frame(&self, event: &StreamResponse) -> Result<Bytes, Failure> {
        self.frame_with("", event)
    }

    /// The same with further fields, each with its line end, where frames have fields.
    pub(super) fn frame_with(
        &self,
        fields: &str,
        event: &StreamResponse,
    ) -> Result<Bytes, Failure> {
        let value = self.form().event(event);
        match &self.protocol {
            Protocol::JsonRpc(id) => {
                Ok(sse::event(fields, &printed(&RpcResponse::ok(id.clone(), value))))
            }
            Protocol::HttpJson(_) => Ok(sse::event(fields, &value.to_string())),
            Protocol::Grpc(_) => grpc::message(EVENT_METHOD, &value),
        }
    }

    /// The frame that tells why nothing follows it. The clients of HTTP+JSON know it by its name.
    fn last_frame(&self, failure: &Failure) -> Bytes {
        let reply = failure.reply();
        match &self.protocol {
            Protocol::JsonRpc(id) => sse::event("", &printed(&reply.rpc(id, Reader::A2a))),
            Protocol::HttpJson(_) | Protocol::Grpc(_) => {
                sse::event("event: error\n", &reply.http_json(self.version).to_string())
            }
        }
    }

    /// What a silent stream is kept open with; the connection of a gRPC call has means of its own.
    pub(crate) fn heartbeat(&self) -> Option<Bytes> {
        let is_grpc = matches!(self.protocol, Protocol::Grpc(_));
        (!is_grpc).then(|| Bytes::from_static(HEARTBEAT))
    }
}

const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// What answers a call that caches may take for a document: some are made with GET.
fn unstored(status: StatusCode, kind: &'static str, body: String) -> Response {
    let mut response = reply::body(status, kind, body);
    response.headers_mut().insert(CACHE_CONTROL, NO_STORE);
    response
}

/// Every stream has messages of one type.
const EVENT_METHOD: &str = "SendStreamingMessage";

/// A method that is answered with such a message.
const fn answer_method(answer: &Answer) -> &'static str {
    match answer {
        Answer::Message(_) => "SendMessage",
        Answer::Task(_) => "GetTask",
        Answer::Tasks(_) => "ListTasks",
        Answer::Card(_) => "GetExtendedAgentCard",
        Answer::PushConfig(_) => "CreateTaskPushNotificationConfig",
        Answer::PushConfigs(_) => "ListTaskPushNotificationConfigs",
        Answer::Done => "DeleteTaskPushNotificationConfig",
    }
}

fn printed(answer: &RpcResponse) -> String {
    serde_json::to_string(answer).expect("an answer has string keys only")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use gateway_core::CallError;
    use proto_types::WallMs;
    use proto_types::a2a::{Task, TaskState, TaskStatus};
    use serde_json::{Value, json};

    use super::*;

    fn http_json(version: ProtocolVersion, kind: &'static str) -> Binding {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        Binding::http_json(version, &headers)
    }

    fn task() -> Task {
        Task {
            id: "t1".to_owned(),
            context_id: None,
            status: TaskStatus::new(TaskState::Completed, WallMs(0)),
            artifacts: Vec::new(),
            history: Vec::new(),
            metadata: None,
        }
    }

    fn text_of(frame: Bytes) -> String {
        String::from_utf8(frame.to_vec()).unwrap()
    }

    #[test]
    fn an_answer_over_http_json_has_the_type_that_its_caller_wrote() {
        for (version, sent, answered) in [
            (ProtocolVersion::V10, "application/json", "application/json"),
            (ProtocolVersion::V10, "Application/JSON; charset=utf-8", "application/json"),
            (ProtocolVersion::V10, "application/a2a+json", "application/a2a+json"),
            (ProtocolVersion::V03, "application/a2a+json", "application/json"),
        ] {
            let response = http_json(version, sent).answer(&Answer::Task(task())).unwrap();
            assert_eq!(response.headers()[CONTENT_TYPE], answered, "{version} {sent}");
            assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
        }
        let bodiless = Binding::http_json(ProtocolVersion::V10, &HeaderMap::new());
        let response = bodiless.answer(&Answer::Task(task())).unwrap();
        assert_eq!(response.headers()[CONTENT_TYPE], "application/a2a+json");
    }

    #[test]
    fn a_failure_has_the_status_and_the_type_that_its_binding_tells() {
        let reply = Failure::Call(CallError::TaskNotFound).reply();
        for (binding, status, kind) in [
            (Binding::json_rpc(Id::from("c")), 200, JSON),
            (http_json(ProtocolVersion::V10, JSON), 404, JSON),
            (http_json(ProtocolVersion::V10, A2A_JSON), 404, A2A_JSON),
            (http_json(ProtocolVersion::V03, JSON), 404, JSON),
        ] {
            let answer = binding.failure(&reply, Reader::A2a);
            assert_eq!(answer.status().as_u16(), status, "{binding:?}");
            assert_eq!(answer.headers()[CONTENT_TYPE], kind, "{binding:?}");
            let is_kept_out_of_caches = answer.headers().contains_key(CACHE_CONTROL);
            assert_eq!(is_kept_out_of_caches, status == 404, "{binding:?}");
        }
    }

    #[test]
    fn a_stream_that_fails_says_so_in_the_frames_of_its_binding() {
        let failure = Failure::Deadline;
        let rpc = text_of(Binding::json_rpc(Id::from("c")).last_frame(&failure));
        let answer: Value = serde_json::from_str(rpc.strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!((&answer["id"], &answer["error"]["code"]), (&json!("c"), &json!(-32046)));
        let plain = text_of(http_json(ProtocolVersion::V10, JSON).last_frame(&failure));
        let error = plain.strip_prefix("event: error\ndata: ").unwrap();
        let error: Value = serde_json::from_str(error).unwrap();
        assert_eq!(error["error"]["code"], 504);
    }

    #[test]
    fn an_event_is_enclosed_in_json_rpc_alone() {
        let event = StreamResponse::Task(task());
        let rpc = text_of(Binding::json_rpc(Id::from("c")).frame(&event).unwrap());
        assert!(rpc.starts_with(r#"data: {"jsonrpc":"2.0","id":"c","result":{"task":"#), "{rpc}");
        let plain = text_of(http_json(ProtocolVersion::V10, JSON).frame(&event).unwrap());
        assert!(plain.starts_with(r#"data: {"task":{"id":"t1""#), "{plain}");
        let older = Binding { version: ProtocolVersion::V03, ..Binding::json_rpc(Id::from("c")) };
        let older = text_of(older.frame(&event).unwrap());
        assert!(older.contains(r#""kind":"task""#) && older.contains("completed"), "{older}");
    }
}

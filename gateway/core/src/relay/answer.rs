//! What an upstream has answered, read into the types of A2A 1.0.
//!
//! Decides what is an answer to which call, and what is none. An answer over gRPC comes in JSON, and its status as an error of
//! HTTP+JSON (`status.rs`). Must never pass on what it cannot read, nor trust that an upstream keeps to its binding: every
//! byte of it is foreign.

use proto_types::a2a::rpc::{ErrorObject, Id, Response};
use proto_types::a2a::{
    ListTasksRequest, ListTasksResponse, SchemaError, SendMessageResponse, StreamResponse, Task,
    v03,
};
use proto_types::json;
use proto_types::schema::Invalid;
use proto_types::upstream::UpstreamBinding;
use serde_json::Value;

use super::request::RPC_ID;
use super::{Answered, Outgoing, UpstreamFault, UpstreamForm, fault, status};
use crate::form::Form;

impl UpstreamForm {
    /// Reads an answer without a stream. A call that asks for a stream gets none so: where its answer is no fault, that is
    /// one.
    ///
    /// # Errors
    /// See [`UpstreamFault`].
    pub fn read_answer(
        self,
        outgoing: &Outgoing,
        status: u16,
        body: &[u8],
    ) -> Result<Answered, UpstreamFault> {
        match status {
            200..=299 => self.answered(outgoing, &self.result(body)?),
            _ => Err(self.fault(status, body)),
        }
    }

    /// Reads the data of one event of a stream.
    ///
    /// # Errors
    /// See [`UpstreamFault`]; the stream is over then.
    pub fn read_event(self, data: &[u8]) -> Result<StreamResponse, UpstreamFault> {
        let event = self.result(data)?;
        let read = match self.form() {
            Form::V10 => StreamResponse::from_value(&event),
            Form::V03JsonRpc => v03::read_stream_response(&event),
            Form::V03HttpJson => v03::rest::read_stream_response(&event),
        };
        read.map_err(|faults| self.no_event((data, &event), faults))
    }

    fn answered(self, outgoing: &Outgoing, answer: &Value) -> Result<Answered, UpstreamFault> {
        let read = match outgoing {
            Outgoing::Send(_) => self.send_response(answer).map(Answered::Message),
            Outgoing::Get(_) | Outgoing::Cancel(_) => self.task(answer).map(Answered::Task),
            Outgoing::List(request) => page(request, answer).map(Answered::Tasks),
            Outgoing::Stream(_) | Outgoing::Subscribe(_) => {
                return Err(UpstreamFault::NotA2a("no stream of events".to_owned()));
            }
        };
        read.map_err(not_a2a)
    }

    fn send_response(self, answer: &Value) -> Result<SendMessageResponse, Vec<SchemaError>> {
        match self.form() {
            Form::V10 => SendMessageResponse::from_value(answer),
            Form::V03JsonRpc => v03::read_send_message_response(answer),
            Form::V03HttpJson => v03::rest::read_send_message_response(answer),
        }
    }

    fn task(self, answer: &Value) -> Result<Task, Vec<SchemaError>> {
        match self.form() {
            Form::V10 => Task::from_value(answer),
            Form::V03JsonRpc => v03::read_task(answer),
            Form::V03HttpJson => v03::rest::read_task(answer),
        }
    }

    /// What a good answer, or an event, holds.
    fn result(self, bytes: &[u8]) -> Result<Value, UpstreamFault> {
        match self.binding {
            UpstreamBinding::HttpJson | UpstreamBinding::Grpc => {
                json::parse_lossless(bytes).map_err(|error| no_answer(&error))
            }
            UpstreamBinding::JsonRpc => rpc_outcome(bytes)?.map_err(|error| fault::of_rpc(&error)),
        }
    }

    /// What an answer with an HTTP status of failure says.
    fn fault(self, status: u16, body: &[u8]) -> UpstreamFault {
        if matches!(status, 401 | 403 | 407) {
            return UpstreamFault::Denied;
        }
        let told = match self.binding {
            UpstreamBinding::HttpJson | UpstreamBinding::Grpc => {
                let error = json::parse_lossless(body).ok();
                error.map(|error| fault::of_error(status, &error))
            }
            UpstreamBinding::JsonRpc => {
                let error = rpc_outcome(body).ok().and_then(Result::err);
                error.map(|error| fault::of_rpc(&error))
            }
        };
        match (told, status) {
            (Some(refused @ UpstreamFault::Refused(..)), _) => refused,
            (_, 429 | 502 | 503 | 504) => UpstreamFault::Unavailable(status),
            (Some(fault), _) => fault,
            (None, _) => UpstreamFault::NotA2a(format!("HTTP status {status}")),
        }
    }

    /// Over HTTP+JSON a stream ends with an error where an event would be; what gRPC says behind the last one is put there.
    fn no_event(self, (data, event): (&[u8], &Value), faults: Vec<SchemaError>) -> UpstreamFault {
        let told = match self.binding {
            UpstreamBinding::HttpJson => fault::of_http_json(event),
            UpstreamBinding::Grpc => status::stated(event).map(|status| self.fault(status, data)),
            UpstreamBinding::JsonRpc => None,
        };
        told.unwrap_or_else(|| not_a2a(faults))
    }
}

/// What is answered to our request. An error may be without its id: the server may not have read so far (JSON-RPC 2.0,
/// section 5).
fn rpc_outcome(bytes: &[u8]) -> Result<Result<Value, ErrorObject>, UpstreamFault> {
    let Response { id, outcome } = Response::parse(bytes).map_err(|refused| no_answer(&refused))?;
    match id == Id::from(RPC_ID) || (id == Id::Null && outcome.is_err()) {
        true => Ok(outcome),
        false => Err(UpstreamFault::NotA2a("the id is not that of the request".to_owned())),
    }
}

/// Whatever an upstream lists: tasks of another conversation are another caller's, and so is how many there are.
fn page(request: &ListTasksRequest, answer: &Value) -> Result<ListTasksResponse, Vec<SchemaError>> {
    let mut page = ListTasksResponse::from_value(answer)?;
    let listed = page.tasks.len();
    page.tasks.retain(|task| task.context_id == request.context_id);
    if page.tasks.len() < listed {
        page.total_size = u32::try_from(page.tasks.len()).unwrap_or(u32::MAX);
    }
    if !request.include_artifacts {
        page.tasks.iter_mut().for_each(|task| task.artifacts.clear());
    }
    Ok(page)
}

fn not_a2a(faults: Vec<SchemaError>) -> UpstreamFault {
    UpstreamFault::NotA2a(Invalid::Schema(faults).to_string())
}

fn no_answer(error: &impl std::error::Error) -> UpstreamFault {
    UpstreamFault::NotA2a(error.to_string())
}

//! A call that is relayed to the upstream of an attached agent, in terms of A2A 1.0.
//!
//! Decides how it is said in the binding and version of the upstream (`request.rs`), what its answer means (`answer.rs`,
//! `fault.rs`, `status.rs`), and that ids are replaced on both ways (`ids.rs`). Must never hold a credential, a URL or a
//! connection.

mod answer;
mod fault;
mod ids;
mod request;
mod status;

use proto_types::a2a::{
    CancelTaskRequest, GetTaskRequest, ListTasksRequest, ListTasksResponse, Method,
    ProtocolVersion, SendMessageRequest, SendMessageResponse, SubscribeToTaskRequest, Task,
};
use proto_types::upstream::{Upstream, UpstreamBinding};

pub use self::fault::UpstreamFault;
pub use self::ids::{UnknownTask, event_sealed_out, sealed_in, sealed_out};
pub use self::status::as_http_error;
use crate::form::{Answer, Form};

/// A call, as the upstream is to understand it. The tenant that it names is the caller's, and is not said.
#[derive(Clone, Debug, PartialEq)]
pub enum Outgoing {
    /// SendMessage.
    Send(SendMessageRequest),
    /// SendStreamingMessage.
    Stream(SendMessageRequest),
    /// GetTask.
    Get(GetTaskRequest),
    /// CancelTask.
    Cancel(CancelTaskRequest),
    /// SubscribeToTask.
    Subscribe(SubscribeToTaskRequest),
    /// ListTasks, as [`Outgoing::list`] allows it.
    List(ListTasksRequest),
}

/// The same as a request of HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutgoingHttp {
    /// The method.
    pub method: HttpMethod,
    /// What is appended to the URL of a replica: a path and a query, or nothing.
    pub path: String,
    /// JSON. That of gRPC is yet to be encoded, by the method that the path names.
    pub body: Option<Vec<u8>>,
    /// Whether a stream of events is asked for.
    pub is_stream: bool,
}

/// The methods that are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpMethod {
    /// Without a body.
    Get,
    /// With one.
    Post,
}

/// What is spoken at an upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UpstreamForm {
    /// The binding.
    pub binding: UpstreamBinding,
    /// The version.
    pub version: ProtocolVersion,
}

/// An answer without a stream.
#[derive(Clone, Debug, PartialEq)]
pub enum Answered {
    /// To a message.
    Message(SendMessageResponse),
    /// A task as it is.
    Task(Task),
    /// A page of tasks.
    Tasks(ListTasksResponse),
}

impl Outgoing {
    /// ListTasks, if this upstream can be asked for it. It knows the gateway alone, so that the list has to be of one
    /// conversation, which is one caller's. 0.3 has no name for it, and no replica lists the tasks of the others.
    #[must_use]
    pub fn list(request: ListTasksRequest, upstream: &Upstream) -> Option<Self> {
        let can = request.context_id.is_some()
            && upstream.version == ProtocolVersion::V10
            && upstream.urls.len() == 1;
        can.then_some(Self::List(request))
    }

    /// Whether it is answered with a stream.
    #[must_use]
    pub const fn is_stream(&self) -> bool {
        matches!(self, Self::Stream(_) | Self::Subscribe(_))
    }

    /// Whether it changes nothing, so that it may be said again where nobody knows whether it was heard.
    #[must_use]
    pub const fn is_safe_to_repeat(&self) -> bool {
        matches!(self, Self::Get(_) | Self::Subscribe(_) | Self::List(_))
    }

    /// How many messages of the history the answer is to hold; all if it does not say.
    #[must_use]
    pub fn history_length(&self) -> Option<u32> {
        match self {
            Self::Send(request) | Self::Stream(request) => {
                request.configuration.as_ref()?.history_length
            }
            Self::Get(request) => request.history_length,
            Self::List(request) => request.history_length,
            Self::Cancel(_) | Self::Subscribe(_) => None,
        }
    }

    /// The operation.
    #[must_use]
    pub const fn method(&self) -> Method {
        match self {
            Self::Send(_) => Method::SendMessage,
            Self::Stream(_) => Method::SendStreamingMessage,
            Self::Get(_) => Method::GetTask,
            Self::Cancel(_) => Method::CancelTask,
            Self::Subscribe(_) => Method::SubscribeToTask,
            Self::List(_) => Method::ListTasks,
        }
    }
}

impl UpstreamForm {
    /// The JSON that is spoken there.
    const fn form(self) -> Form {
        match (self.version, self.binding) {
            (ProtocolVersion::V10, _) => Form::V10,
            (ProtocolVersion::V03, UpstreamBinding::JsonRpc) => Form::V03JsonRpc,
            // gRPC is of 1.0 alone.
            (ProtocolVersion::V03, UpstreamBinding::HttpJson | UpstreamBinding::Grpc) => {
                Form::V03HttpJson
            }
        }
    }
}

impl From<&Upstream> for UpstreamForm {
    fn from(upstream: &Upstream) -> Self {
        Self { binding: upstream.binding, version: upstream.version }
    }
}

impl From<Answered> for Answer {
    fn from(answered: Answered) -> Self {
        match answered {
            Answered::Message(response) => Self::Message(response),
            Answered::Task(task) => Self::Task(task),
            Answered::Tasks(page) => Self::Tasks(page),
        }
    }
}

#[cfg(test)]
mod tests;

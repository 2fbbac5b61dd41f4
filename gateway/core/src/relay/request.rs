//! A call as a request of HTTP, in each binding and version.
//!
//! Decides method, path and body: over HTTP+JSON after A2A 1.0, section 11.3, and for 0.3 after the paths of its
//! `a2a.proto`; of gRPC the message in JSON. Must never say the tenant that the caller named: that one is ours, and the
//! upstream has its own.

use proto_types::a2a::{
    CancelTaskRequest, ListTasksRequest, ProtocolVersion, SendMessageRequest, v03,
};
use proto_types::path::encode;
use proto_types::upstream::UpstreamBinding;
use serde_json::{Value, json, to_value};

use super::{HttpMethod, Outgoing, OutgoingHttp, UpstreamForm};
use crate::path::A2A_SERVICE;

/// The id of every request over JSON-RPC: each has an answer of its own over HTTP.
pub(super) const RPC_ID: u64 = 1;

/// Why printing never fails.
const STRING_KEYS: &str = "the types of A2A have string keys only";

impl UpstreamForm {
    /// The request that says a call. `tenant` is the upstream's; 0.3 has none.
    #[must_use]
    pub fn request(self, outgoing: &Outgoing, tenant: Option<&str>) -> OutgoingHttp {
        match self.binding {
            UpstreamBinding::JsonRpc => json_rpc(self.version, outgoing, tenant),
            UpstreamBinding::HttpJson => http_json(self.version, outgoing, tenant),
            UpstreamBinding::Grpc => grpc(outgoing, tenant),
        }
    }
}

fn json_rpc(version: ProtocolVersion, outgoing: &Outgoing, tenant: Option<&str>) -> OutgoingHttp {
    let method = outgoing.method().name(version);
    let method = method.expect("each call has a name where it is relayed to: see Outgoing::list");
    let params = params(version, outgoing, tenant);
    let request = json!({ "jsonrpc": "2.0", "id": RPC_ID, "method": method, "params": params });
    OutgoingHttp {
        method: HttpMethod::Post,
        path: String::new(),
        body: Some(bytes(&request)),
        is_stream: outgoing.is_stream(),
    }
}

fn grpc(outgoing: &Outgoing, tenant: Option<&str>) -> OutgoingHttp {
    let method = outgoing.method().name(ProtocolVersion::V10);
    let method = method.expect("1.0 has a name for each call");
    OutgoingHttp {
        method: HttpMethod::Post,
        path: format!("/{A2A_SERVICE}/{method}"),
        body: Some(bytes(&params(ProtocolVersion::V10, outgoing, tenant))),
        is_stream: outgoing.is_stream(),
    }
}

fn params(version: ProtocolVersion, outgoing: &Outgoing, tenant: Option<&str>) -> Value {
    match (version, outgoing) {
        (ProtocolVersion::V10, Outgoing::Send(request) | Outgoing::Stream(request)) => {
            printed(to_value(request), tenant)
        }
        (ProtocolVersion::V10, Outgoing::Get(request)) => printed(to_value(request), tenant),
        (ProtocolVersion::V10, Outgoing::Cancel(request)) => printed(to_value(request), tenant),
        (ProtocolVersion::V10, Outgoing::Subscribe(request)) => printed(to_value(request), tenant),
        (_, Outgoing::List(request)) => printed(to_value(request), tenant),
        (ProtocolVersion::V03, Outgoing::Send(request) | Outgoing::Stream(request)) => {
            v03::print_send_message(request)
        }
        (ProtocolVersion::V03, Outgoing::Get(request)) => v03::print_get_task(request),
        (ProtocolVersion::V03, Outgoing::Cancel(request)) => v03::print_cancel_task(request),
        (ProtocolVersion::V03, Outgoing::Subscribe(request)) => {
            v03::print_subscribe_to_task(request)
        }
    }
}

fn http_json(version: ProtocolVersion, outgoing: &Outgoing, tenant: Option<&str>) -> OutgoingHttp {
    let base = match (version, tenant) {
        (ProtocolVersion::V03, _) => "/v1".to_owned(),
        (ProtocolVersion::V10, None) => String::new(),
        (ProtocolVersion::V10, Some(tenant)) => format!("/{}", encode(tenant)),
    };
    let (path, body) = resource(version, outgoing);
    OutgoingHttp {
        method: if body.is_some() { HttpMethod::Post } else { HttpMethod::Get },
        path: format!("{base}{path}"),
        body: body.as_ref().map(bytes),
        is_stream: outgoing.is_stream(),
    }
}

fn resource(version: ProtocolVersion, outgoing: &Outgoing) -> (String, Option<Value>) {
    match outgoing {
        Outgoing::Send(request) => ("/message:send".to_owned(), Some(message(version, request))),
        Outgoing::Stream(request) => {
            ("/message:stream".to_owned(), Some(message(version, request)))
        }
        Outgoing::Get(request) => {
            (task(&request.id, &history_query(version, request.history_length)), None)
        }
        Outgoing::Cancel(request) => (task(&request.id, ":cancel"), Some(cancel(version, request))),
        // `a2a.proto` has GET in both versions, and so has the Python SDK; section 11.3 has POST.
        Outgoing::Subscribe(request) => (task(&request.id, ":subscribe"), None),
        Outgoing::List(request) => (format!("/tasks?{}", list_query(request)), None),
    }
}

/// What a list is filtered by (A2A 1.0, section 11.5). The path has the tenant.
fn list_query(request: &ListTasksRequest) -> String {
    let printed = printed(to_value(request), None);
    let members = printed.as_object().into_iter().flatten();
    let query = members.map(|(name, value)| match value.as_str() {
        Some(text) => format!("{name}={}", encode(text)),
        None => format!("{name}={value}"),
    });
    query.collect::<Vec<_>>().join("&")
}

/// An id may hold any character, also the colon that begins a verb.
fn task(id: &str, rest: &str) -> String {
    format!("/tasks/{}{rest}", encode(id))
}

/// 0 is all in 0.3, and none in 1.0: 1 is the least that 0.3 can say.
fn history_query(version: ProtocolVersion, length: Option<u32>) -> String {
    match (version, length) {
        (_, None) => String::new(),
        (ProtocolVersion::V10, Some(length)) => format!("?historyLength={length}"),
        (ProtocolVersion::V03, Some(length)) => format!("?historyLength={}", length.max(1)),
    }
}

/// The body of a message. The path has the tenant.
fn message(version: ProtocolVersion, request: &SendMessageRequest) -> Value {
    match version {
        ProtocolVersion::V10 => printed(to_value(request), None),
        ProtocolVersion::V03 => v03::rest::print_send_message(request),
    }
}

/// The path has the id; package `a2a.v1` has no field for anything else.
fn cancel(version: ProtocolVersion, request: &CancelTaskRequest) -> Value {
    match (version, &request.metadata) {
        (ProtocolVersion::V10, Some(metadata)) => json!({ "metadata": metadata }),
        _ => json!({}),
    }
}

fn printed(request: serde_json::Result<Value>, tenant: Option<&str>) -> Value {
    let mut printed = request.expect(STRING_KEYS);
    if let Some(members) = printed.as_object_mut() {
        members.remove("tenant");
        members.extend(tenant.map(|tenant| ("tenant".to_owned(), json!(tenant))));
    }
    printed
}

fn bytes(value: &Value) -> Vec<u8> {
    serde_json::to_vec(value).expect(STRING_KEYS)
}

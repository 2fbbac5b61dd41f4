//! A call as its binding writes it, read into what is called with which parameters.
//!
//! Decides in which version a call is made, and that what its path, its query and its body say is one thing. Must never look
//! into the parameters beyond that.

use gateway_core::dispatch::{self, Operation};
use gateway_core::http_json::Endpoint;
use gateway_core::params::fault;
use gateway_core::{CallError, Failure};
use http::Method;
use http::request::Parts;
use proto_types::a2a::rpc::{self, Refused};
use proto_types::a2a::{ProtocolVersion, query as parameters};
use proto_types::json;
use serde_json::{Map, Value};

use crate::a2a::{Binding, Protocol, Request, last_event, requested};
use crate::{grpc, query};

use super::route_method;
use super::seen::Seen;
use super::work::Admitted;

/// One JSON-RPC call. A notification is one that nobody hears the end of.
pub(super) fn json_rpc(admitted: &Admitted, seen: &mut Seen) -> Result<Request, Failure> {
    let rpc::Request { id, method, params } = read_json_rpc(&admitted.body, seen)?;
    let version = stated_version(&admitted.parts)?;
    let operation = Operation::named(&method, version).map_err(refused)?;
    let is_notification = id.is_none();
    let protocol = Protocol::JsonRpc(id.unwrap_or(rpc::Id::Null));
    let binding = Binding { protocol, version };
    let params = params.unwrap_or_else(|| Value::Object(Map::new()));
    Ok(request(binding, operation, (params, is_notification), &admitted.parts))
}

/// One call over HTTP+JSON.
pub(super) fn http_json(endpoint: &Endpoint, admitted: &Admitted) -> Result<Request, Failure> {
    let Admitted { parts, body, .. } = admitted;
    // Each path belongs to one version; a call that states none is of 0.3, and so is not made at a path of 1.0.
    if stated_version(parts)? != endpoint.version {
        return Err(refused(dispatch::Error::Version));
    }
    let method = route_method(&parts.method);
    let operation = endpoint.operation(method).map_err(refused)?;
    let params = match (&parts.method, endpoint.needs_body() || !body.is_empty()) {
        (&Method::POST, true) => {
            json::parse_lossless(body).map_err(|_| Failure::Call(CallError::Parse))?
        }
        (&Method::POST, false) => Value::Object(Map::new()),
        _ => Value::Object(parameters::members(query::pairs(query_of(parts)))),
    };
    let params = with_named(params, &endpoint.named(method)).map_err(Failure::Call)?;
    let binding = Binding::http_json(endpoint.version, &parts.headers);
    Ok(request(binding, operation, (params, false), parts))
}

/// One call over gRPC: a service of 1.0 alone, so that a call which states no version is none of it.
pub(super) fn grpc(method: &str, admitted: &Admitted) -> Result<Request, Failure> {
    let version = stated_version(&admitted.parts)?;
    let operation = Operation::named(method, version).map_err(refused)?;
    let params = grpc::read_request(method, &admitted.body)?;
    let binding = Binding::grpc(admitted.until);
    Ok(request(binding, operation, (params, false), &admitted.parts))
}

/// A call with what its head asks for.
fn request(
    binding: Binding,
    operation: Operation,
    (params, is_notification): (Value, bool),
    parts: &Parts,
) -> Request {
    let (extensions, last_event) = (requested(&parts.headers), last_event(&parts.headers));
    Request { binding, operation, params, is_notification, extensions, last_event }
}

/// The parameters with what the path names. Clients repeat it in the body, in either casing; then it is the same.
fn with_named(mut params: Value, named: &[(&'static str, &str)]) -> Result<Value, CallError> {
    // What is no object is refused where it is read.
    let Value::Object(members) = &mut params else { return Ok(params) };
    for (name, value) in named {
        let other = if *name == "taskId" { "task_id" } else { *name };
        let repeated = [members.remove(other), members.insert((*name).to_owned(), (*value).into())];
        if repeated.into_iter().flatten().any(|said| said != *value && said != "") {
            let must_be = "what the path names";
            return Err(CallError::Params(vec![fault(&format!("/{name}"), must_be)]));
        }
    }
    Ok(params)
}

fn read_json_rpc(body: &[u8], seen: &mut Seen) -> Result<rpc::Request, Failure> {
    let refused = |error| match error {
        Refused::NotJson(_) => CallError::Parse,
        Refused::Batch => {
            CallError::Request(vec![fault("", "one call: batches are not supported")])
        }
        Refused::Invalid { faults, .. } => CallError::Request(faults),
    };
    let read = rpc::Request::parse(body);
    let id = match &read {
        Ok(rpc::Request { id: Some(id), .. }) | Err(Refused::Invalid { id, .. }) => id.clone(),
        _ => rpc::Id::Null,
    };
    seen.binding = Some(Binding::json_rpc(id));
    seen.is_notification = read.as_ref().is_ok_and(|call| call.id.is_none());
    read.map_err(|error| Failure::Call(refused(error)))
}

/// `A2A-Version`, as headers and the query state it (A2A 1.0, section 3.6.1).
pub(super) fn stated_version(parts: &Parts) -> Result<ProtocolVersion, Failure> {
    let headers = parts.headers.get_all("a2a-version").iter();
    let headers = headers.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let query = query::pairs(query_of(parts));
    let query = query.filter(|(name, _)| name == "A2A-Version").map(|(_, value)| value);
    let stated: Vec<String> = headers.chain(query).collect();
    dispatch::stated_version(stated.iter().map(String::as_str)).map_err(refused)
}

fn query_of(parts: &Parts) -> &str {
    parts.uri.query().unwrap_or_default()
}

fn refused(error: dispatch::Error) -> Failure {
    Failure::Call(CallError::Operation(error))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_body_may_repeat_the_task_of_its_path_and_name_no_other() {
        for (body, fits) in [
            (json!({}), true),
            (json!({"id": "t1", "tenant": "echo"}), true),
            (json!({"id": ""}), true),
            (json!({"id": "t2"}), false),
            (json!({"id": 1}), false),
        ] {
            let params = with_named(body.clone(), &[("id", "t1")]);
            assert_eq!(params.is_ok(), fits, "{body}");
            if let Ok(params) = params {
                assert_eq!(params["id"], "t1", "{body}");
            }
        }
        assert_eq!(with_named(json!({"id": "x"}), &[]).unwrap(), json!({"id": "x"}));
        assert_eq!(with_named(json!([]), &[("id", "t1")]).unwrap(), json!([]));
        let named = [("taskId", "t1"), ("id", "c1")];
        let repeated = json!({"task_id": "t1", "id": "c1", "url": "u"});
        let read = with_named(repeated, &named).unwrap();
        assert_eq!(read, json!({"taskId": "t1", "id": "c1", "url": "u"}));
        assert!(with_named(json!({"task_id": "t2"}), &named).is_err());
    }
}

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

use crate::a2a::{Binding, Protocol, Request};
use crate::{grpc, query};

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
    Ok(Request { binding, operation, params, is_notification })
}

/// One call over HTTP+JSON.
pub(super) fn http_json(endpoint: &Endpoint, admitted: &Admitted) -> Result<Request, Failure> {
    let Admitted { parts, body, .. } = admitted;
    // Each path belongs to one version; a call that states none is of 0.3, and so is not made at a path of 1.0.
    if stated_version(parts)? != endpoint.version {
        return Err(refused(dispatch::Error::Version));
    }
    let operation = endpoint.operation().map_err(refused)?;
    let params = match (&parts.method, endpoint.needs_body() || !body.is_empty()) {
        (&Method::POST, true) => {
            json::parse_lossless(body).map_err(|_| Failure::Call(CallError::Parse))?
        }
        (&Method::POST, false) => Value::Object(Map::new()),
        _ => Value::Object(parameters::members(query::pairs(query_of(parts)))),
    };
    let params = with_task(params, endpoint.task()).map_err(Failure::Call)?;
    let binding = Binding::http_json(endpoint.version, &parts.headers);
    Ok(Request { binding, operation, params, is_notification: false })
}

/// One call over gRPC: a service of 1.0 alone, so that a call which states no version is none of it.
pub(super) fn grpc(method: &str, admitted: &Admitted) -> Result<Request, Failure> {
    let version = stated_version(&admitted.parts)?;
    let operation = Operation::named(method, version).map_err(refused)?;
    let params = grpc::read_request(method, &admitted.body)?;
    let binding = Binding::grpc(admitted.until);
    Ok(Request { binding, operation, params, is_notification: false })
}

/// The parameters with the task that the path names. Clients repeat it in the body; then it is the same.
fn with_task(mut params: Value, task: Option<&str>) -> Result<Value, CallError> {
    // What is no object is refused where it is read.
    let (Some(task), Value::Object(members)) = (task, &mut params) else { return Ok(params) };
    let said = members.insert("id".to_owned(), Value::from(task));
    match said {
        Some(said) if said != *task && said != "" => {
            Err(CallError::Params(vec![fault("/id", "the task that the path names")]))
        }
        _ => Ok(params),
    }
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
fn stated_version(parts: &Parts) -> Result<ProtocolVersion, Failure> {
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
            let params = with_task(body.clone(), Some("t1"));
            assert_eq!(params.is_ok(), fits, "{body}");
            if let Ok(params) = params {
                assert_eq!(params["id"], "t1", "{body}");
            }
        }
        assert_eq!(with_task(json!({"id": "x"}), None).unwrap(), json!({"id": "x"}));
        assert_eq!(with_task(json!([]), Some("t1")).unwrap(), json!([]));
    }
}

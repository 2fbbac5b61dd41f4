//! A JSON-RPC 2.0 request, as far as the gateway must understand it.
//!
//! Decides what is one request. Must never take a batch (A2A has none, and one token pays for one
//! call) or a notification (a call that nobody hears the end of).

use proto_types::json;
use serde_json::{Map, Value};

/// Long enough for any id that a client library makes; an answer repeats it.
const ID_LEN_MAX: usize = 256;

/// One call.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// A text or a number; the answer repeats it.
    pub id: Value,
    /// What is called.
    pub method: String,
    /// With what; an empty object if absent.
    pub params: Value,
}

/// Why a body is not one call.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// Not strict JSON.
    #[error("the body is not strict JSON")]
    Parse(#[source] json::Error),
    /// JSON, but not a request; the id, if one could be read, and what is wrong.
    #[error("the body is not a JSON-RPC 2.0 request: {problem}")]
    Invalid {
        /// The id for the answer, or null.
        id: Value,
        /// What is wrong, without quoting it.
        problem: &'static str,
    },
}

impl Request {
    /// Reads a body.
    ///
    /// # Errors
    /// See [`enum@Error`].
    pub fn parse(body: &[u8]) -> Result<Self, Error> {
        match json::parse(body).map_err(Error::Parse)? {
            Value::Object(members) => Self::read(members),
            Value::Array(_) => Err(invalid(Value::Null, "batches are not supported")),
            _ => Err(invalid(Value::Null, "not an object")),
        }
    }

    fn read(mut members: Map<String, Value>) -> Result<Self, Error> {
        let id = match members.remove("id") {
            Some(Value::String(id)) if id.len() <= ID_LEN_MAX => Value::String(id),
            Some(Value::Number(id)) => Value::Number(id),
            None => return Err(invalid(Value::Null, "an id is required")),
            Some(_) => {
                return Err(invalid(Value::Null, "the id is not a short string or a number"));
            }
        };
        if members.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
            return Err(invalid(id, "jsonrpc is not \"2.0\""));
        }
        let Some(Value::String(method)) = members.remove("method") else {
            return Err(invalid(id, "the method is not a string"));
        };
        match members.remove("params").unwrap_or(Value::Null) {
            Value::Null => Ok(Self { id, method, params: Value::Object(Map::new()) }),
            params @ (Value::Object(_) | Value::Array(_)) => Ok(Self { id, method, params }),
            _ => Err(invalid(id, "params is neither an object nor an array")),
        }
    }
}

fn invalid(id: Value, problem: &'static str) -> Error {
    Error::Invalid { id, problem }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn one_call_is_read() {
        let body = br#"{"jsonrpc":"2.0","id":"1","method":"GetTask","params":{"id":"t"},"x":1}"#;
        let call =
            Request { id: json!("1"), method: "GetTask".to_owned(), params: json!({"id": "t"}) };
        assert_eq!(Request::parse(body), Ok(call));
        let bare = Request::parse(br#"{"jsonrpc":"2.0","id":7,"method":"M"}"#);
        assert_eq!(bare.map(|call| (call.id, call.params)), Ok((json!(7), json!({}))));
    }

    #[test]
    fn what_is_no_call_is_refused_and_the_id_is_kept_where_there_is_one() {
        for (body, id) in [
            (json!([]), json!(null)),
            (json!([{"jsonrpc": "2.0", "id": 1, "method": "M"}]), json!(null)),
            (json!("x"), json!(null)),
            (json!({"jsonrpc": "2.0", "method": "M"}), json!(null)),
            (json!({"jsonrpc": "2.0", "id": null, "method": "M"}), json!(null)),
            (json!({"jsonrpc": "2.0", "id": {}, "method": "M"}), json!(null)),
            (json!({"jsonrpc": "2.0", "id": "i".repeat(257), "method": "M"}), json!(null)),
            (json!({"id": 1, "method": "M"}), json!(1)),
            (json!({"jsonrpc": "1.0", "id": 1, "method": "M"}), json!(1)),
            (json!({"jsonrpc": 2.0, "id": 1, "method": "M"}), json!(1)),
            (json!({"jsonrpc": "2.0", "id": 1}), json!(1)),
            (json!({"jsonrpc": "2.0", "id": 1, "method": 1}), json!(1)),
            (json!({"jsonrpc": "2.0", "id": 1, "method": "M", "params": "x"}), json!(1)),
        ] {
            let refused = Request::parse(body.to_string().as_bytes());
            assert!(
                matches!(&refused, Err(Error::Invalid { id: kept, .. }) if *kept == id),
                "{body}"
            );
        }
    }

    #[test]
    fn what_is_not_strict_json_is_refused() {
        let deep = "[".repeat(100_000);
        for body in ["", "{", "{\"id\":1,\"id\":1}", "{\"id\":9007199254740993}", &deep] {
            assert!(matches!(Request::parse(body.as_bytes()), Err(Error::Parse(_))));
        }
    }
}

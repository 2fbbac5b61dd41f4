//! JSON-RPC 2.0: requests and responses that are read, responses and errors that are printed.
//!
//! Decides what is a request: one object with a method; batches are refused, because one body is
//! one admission. And what is a response: one object with either a result or an error. Must never look into `params` or
//! `result`.

use serde::{Serialize, Serializer};
use serde_json::{Number, Value};

use super::ID_CHARS_MAX;
use crate::json;
use crate::schema::{Dialect, Problem, SchemaError, Spot, read};

/// The value of `jsonrpc`.
const VERSION: &str = "2.0";

/// What ties a response to its request; echoed as it came, with all its digits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Id {
    /// `null`; also where the request could not be read.
    Null,
    /// A number.
    Number(Number),
    /// A text.
    Text(String),
}

/// A call.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// Absent for a notification, to which there is no answer.
    pub id: Option<Id>,
    /// The name of the operation.
    pub method: String,
    /// An object or a list; A2A takes objects only.
    pub params: Option<Value>,
}

/// An answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Response {
    /// That of the request.
    pub id: Id,
    /// `result` or `error`.
    pub outcome: Result<Value, ErrorObject>,
}

/// The `error` of an answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ErrorObject {
    /// See [`A2aError`](super::A2aError).
    pub code: i32,
    /// One sentence.
    pub message: String,
    /// For A2A a list of details, the ErrorInfo first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
}

/// Why bytes are not one request, or not one answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Not strict JSON.
    #[error("not strict JSON")]
    NotJson(#[from] json::Error),
    /// A batch.
    #[error("batches are not supported")]
    Batch,
    /// One value, but not after JSON-RPC 2.0.
    #[error("{} faults", .faults.len())]
    Invalid {
        /// The id, as far as it can be read.
        id: Id,
        /// All of them.
        faults: Vec<SchemaError>,
    },
}

impl Request {
    /// Reads one call. The caller bounds the length. Unknown members are passed over.
    ///
    /// # Errors
    /// See [`Refused`].
    pub fn parse(bytes: &[u8]) -> Result<Self, Refused> {
        let value = one_value(bytes)?;
        let request = read(&value, Dialect::EXACT, |spot| {
            let request = spot.object()?;
            let version = request.required("jsonrpc", read_version);
            let id = request.optional("id", read_id);
            let method = request.required("method", |spot| spot.text_of(1, METHOD_CHARS_MAX));
            let params = request.optional("params", |spot| match spot.value {
                Value::Object(_) | Value::Array(_) => Some(()),
                _ => spot.fault(Problem::Type("an object")),
            });
            version?;
            params?;
            Some((id?, method?.to_owned()))
        });
        match request {
            Ok((id, method)) => Ok(Self { id, method, params: take(value, "params") }),
            Err(faults) => Err(Refused::Invalid { id: id_of(&value), faults }),
        }
    }
}

impl Response {
    /// Reads one answer. The caller bounds the length. Unknown members are passed over, and one that is `null` is absent:
    /// A2A has no result that is `null`.
    ///
    /// # Errors
    /// See [`Refused`].
    pub fn parse(bytes: &[u8]) -> Result<Self, Refused> {
        let value = one_value(bytes)?;
        let response = read(&value, Dialect::PROTO_JSON, |spot| {
            let response = spot.object()?;
            let version = response.required("jsonrpc", read_version);
            let id = response.optional("id", read_id);
            let error = response.optional("error", read_error);
            version?;
            let (id, error) = (id?, error?);
            if response.member("result").is_some() == error.is_some() {
                return response
                    .fault(Problem::Value("an answer with either a result or an error"));
            }
            Some((id.unwrap_or(Id::Null), error))
        });
        match response {
            Ok((id, Some(error))) => Ok(Self::error(id, error)),
            Ok((id, None)) => Ok(Self::ok(id, take(value, "result").unwrap_or_default())),
            Err(faults) => Err(Refused::Invalid { id: id_of(&value), faults }),
        }
    }

    /// A good answer.
    #[must_use]
    pub fn ok(id: Id, result: Value) -> Self {
        Self { id, outcome: Ok(result) }
    }

    /// A bad answer.
    #[must_use]
    pub fn error(id: Id, error: ErrorObject) -> Self {
        Self { id, outcome: Err(error) }
    }
}

impl Serialize for Response {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Wire<'a> {
            jsonrpc: &'a str,
            id: &'a Id,
            #[serde(skip_serializing_if = "Option::is_none")]
            result: Option<&'a Value>,
            #[serde(skip_serializing_if = "Option::is_none")]
            error: Option<&'a ErrorObject>,
        }
        let (result, error) = match &self.outcome {
            Ok(result) => (Some(result), None),
            Err(error) => (None, Some(error)),
        };
        Wire { jsonrpc: VERSION, id: &self.id, result, error }.serialize(to)
    }
}

impl From<&str> for Id {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<u64> for Id {
    fn from(number: u64) -> Self {
        Self::Number(number.into())
    }
}

/// Far longer than any method of A2A. Arbitrary.
const METHOD_CHARS_MAX: usize = 256;

fn one_value(bytes: &[u8]) -> Result<Value, Refused> {
    match json::parse_lossless(bytes)? {
        Value::Array(_) => Err(Refused::Batch),
        value => Ok(value),
    }
}

fn take(value: Value, name: &str) -> Option<Value> {
    match value {
        Value::Object(mut members) => members.remove(name),
        _ => None,
    }
}

fn read_version(spot: Spot<'_, '_>) -> Option<()> {
    spot.parsed("2.0", |text| (text == VERSION).then_some(()))
}

fn read_error(spot: Spot<'_, '_>) -> Option<ErrorObject> {
    let error = spot.object()?;
    let code =
        error.required("code", |spot| spot.integer(i64::from(i32::MIN), i64::from(i32::MAX)));
    let message = error.or_default("message", |spot| spot.text().map(str::to_owned));
    let data = error.member("data").map(|spot| spot.value.clone());
    // The range above is that of the type.
    let code = code.and_then(|code| i32::try_from(code).ok());
    Some(ErrorObject { code: code?, message: message?, data })
}

/// A stream repeats it with each event, so that it is bounded like other ids.
fn read_id(spot: Spot<'_, '_>) -> Option<Id> {
    match spot.value {
        Value::Null => Some(Id::Null),
        Value::Number(number) if number.to_string().len() > ID_CHARS_MAX => {
            spot.fault(Problem::Value("a number of at most 1024 characters"))
        }
        Value::Number(number) => Some(Id::Number(number.clone())),
        Value::String(_) => spot.text_of(0, ID_CHARS_MAX).map(Id::from),
        _ => spot.fault(Problem::Type("a string, a number or null")),
    }
}

/// The id of what is otherwise no request.
fn id_of(value: &Value) -> Id {
    match value.get("id") {
        Some(Value::Number(number)) => Id::Number(number.clone()),
        Some(Value::String(text)) => Id::Text(text.clone()),
        _ => Id::Null,
    }
}

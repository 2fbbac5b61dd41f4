//! The readers of a stranger's bytes, for the fuzz targets alone.
//!
//! It decides nothing: each function hands on to the one that a request or an answer meets. No other crate may use it.

use bytes::Bytes;
use gateway_core::path::A2A_SERVICE;
use serde_json::Value;

use crate::upstream::grpc::MessageParser;
use crate::upstream::sse::SseParser;
use crate::{grpc, query};

/// What was read of a stream of events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Events {
    /// Their data.
    pub data: Vec<Bytes>,
    /// Whether one had more bytes than are taken. Nothing is read behind it.
    pub is_refused: bool,
    /// Whether it ended inside one.
    pub is_inside: bool,
}

/// A stream of an upstream that comes in these chunks, with so many bytes for an event.
pub fn events<'a>(chunks: impl IntoIterator<Item = &'a [u8]>, bytes_max: usize) -> Events {
    let (mut parser, mut events) = (SseParser::new(bytes_max), Events::default());
    for chunk in chunks {
        parser.push(Bytes::copy_from_slice(chunk));
        loop {
            match parser.next() {
                Ok(Some(data)) => events.data.push(data),
                Ok(None) => break,
                Err(_) => return Events { is_refused: true, ..events },
            }
        }
    }
    events.is_inside = parser.is_inside_event();
    events
}

/// The messages of an upstream's answer over gRPC that comes in these chunks, each in JSON; `None` if there is no such method.
pub fn grpc_messages<'a>(
    method: &str,
    chunks: impl IntoIterator<Item = &'a [u8]>,
) -> Option<Events> {
    let method = grpc::Method::at(&format!("/{A2A_SERVICE}/{method}"))?;
    let (mut parser, mut events) = (MessageParser::new(method), Events::default());
    for chunk in chunks {
        parser.push(chunk);
        loop {
            match parser.next() {
                Ok(Some(data)) => events.data.push(data),
                Ok(None) => break,
                Err(_) => return Some(Events { is_refused: true, ..events }),
            }
        }
    }
    events.is_inside = parser.kept() > 0;
    Some(events)
}

/// The pairs of a query.
#[must_use]
pub fn query(query: &str) -> Vec<(String, String)> {
    query::pairs(query).collect()
}

/// The parameters of a call over gRPC, from its body.
#[must_use]
pub fn read_grpc(method: &str, body: &[u8]) -> Option<Value> {
    grpc::read_request(method, body).ok()
}

/// The body of a call over gRPC.
#[must_use]
pub fn grpc_request(method: &str, params: &Value) -> Option<Bytes> {
    grpc::request(method, params)
}

/// One framed message of an answer over gRPC.
#[must_use]
pub fn grpc_answer(method: &str, answer: &Value) -> Option<Bytes> {
    grpc::message(method, answer).ok()
}

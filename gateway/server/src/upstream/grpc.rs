//! What is said to a server over gRPC beside the message (gRPC over HTTP/2), and what it answers.
//!
//! Decides how an answer becomes the one over HTTP+JSON that says the same, so that whoever reads it knows no third form: a
//! message becomes its JSON, and a status that is not OK becomes an error. Must never take a length from a prefix for how much
//! there is, nor an answer for whole that has no status.

use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use gateway_core::relay::as_http_error;
use http::header::{CONTENT_TYPE, TE};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use tokio::time::Instant;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::BYTES_MAX;
use crate::grpc::{KIND, Method, is_grpc};

const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");
const ACCEPTED: HeaderName = HeaderName::from_static("grpc-accept-encoding");

/// What is called to see whether a server lives: each answers, if only that it has no such service. It changes nothing.
pub(super) const HEALTH: &str = "/grpc.health.v1.Health/Check";
/// The message that this takes: an empty one asks for the whole server.
pub(super) const EMPTY: &[u8] = &[0; PREFIX_BYTES];

/// A message whose room is given back at once. Arbitrary: what a server may send ahead.
const LONG: usize = 64 << 10;
/// A byte that says whether a message is compressed, and four with its length.
const PREFIX_BYTES: usize = 5;
/// The most that eight digits say. Longer than any call.
const TIMEOUT_MS_MAX: u128 = 99_999_999;

/// Why bytes are no answer of gRPC. Its text is for the log.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unread {
    /// A message is longer than what is taken.
    TooLarge,
    /// Something else.
    Broken(String),
}

/// Writes the head of a call. `until` is when its whole answer has to be there, if that is no stream.
pub(super) fn write_head(headers: &mut HeaderMap, until: Option<Instant>) {
    headers.insert(CONTENT_TYPE, KIND);
    headers.insert(TE, HeaderValue::from_static("trailers"));
    headers.insert(ACCEPTED, HeaderValue::from_static("identity"));
    if let Some(until) = until {
        headers.insert(TIMEOUT, timeout(until.saturating_duration_since(Instant::now())));
    }
}

/// What is left of a call. None at all cannot be said.
fn timeout(left: Duration) -> HeaderValue {
    let ms = left.as_millis().clamp(1, TIMEOUT_MS_MAX);
    HeaderValue::try_from(format!("{ms}m")).expect("digits and a letter are a value")
}

/// Whether messages follow: an answer that is a status alone is whole.
pub(super) fn is_stream<B>(response: &Response<B>) -> bool {
    let headers = response.headers();
    response.status() == StatusCode::OK && is_grpc(headers) && !headers.contains_key(STATUS)
}

/// Whether the answer is a status alone, and says that the server takes no calls now.
pub(super) fn is_unavailable(headers: &HeaderMap) -> bool {
    headers.get(STATUS).is_some_and(|status| status.as_bytes() == b"14")
}

/// The HTTP status and the body that say what a whole answer does. One that is none of gRPC is that of a proxy, and stays.
pub(super) fn whole(
    method: &Method,
    (status, headers): (StatusCode, &HeaderMap),
    (body, trailers): (Bytes, Option<HeaderMap>),
) -> Result<(u16, Bytes), Unread> {
    if status != StatusCode::OK {
        return Ok((status.as_u16(), body));
    }
    if !is_grpc(headers) {
        return Err(broken("its type is not application/grpc"));
    }
    let told = trailers.as_ref().unwrap_or(headers);
    let told = Status::from_header_map(told).ok_or_else(no_status)?;
    if let Some(error) = error_of(&told) {
        return Ok(error);
    }
    let mut parser = MessageParser::new(method.clone());
    parser.push(&body);
    let message = parser.next()?.ok_or_else(|| broken("it has no whole message"))?;
    if parser.kept() > 0 {
        return Err(broken("it has more than one message"));
    }
    Ok((status.as_u16(), message))
}

/// The messages of a stream, as they come.
#[derive(Debug)]
pub(crate) struct MessageParser {
    method: Method,
    /// What has come and was not read yet.
    read: BytesMut,
    /// What stands behind the last message.
    status: Option<Status>,
}

impl MessageParser {
    /// Reads the answers of this method.
    pub(crate) fn new(method: Method) -> Self {
        Self { method, read: BytesMut::new(), status: None }
    }

    /// Takes what has come.
    pub(crate) fn push(&mut self, chunk: &[u8]) {
        self.read.extend_from_slice(chunk);
    }

    /// Takes what stands behind the last message.
    pub(super) fn close(&mut self, trailers: &HeaderMap) {
        self.status = Status::from_header_map(trailers);
    }

    /// The JSON of the next message, if it has come whole.
    pub(crate) fn next(&mut self) -> Result<Option<Bytes>, Unread> {
        let Some((prefix, rest)) = self.read.split_first_chunk::<PREFIX_BYTES>() else {
            return Ok(None);
        };
        let [flag, length @ ..] = *prefix;
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        if flag != 0 {
            return Err(broken("a message is compressed"));
        }
        if length > BYTES_MAX {
            return Err(Unread::TooLarge);
        }
        if rest.len() < length {
            return Ok(None);
        }
        self.read.advance(PREFIX_BYTES);
        let message = self.read.split_to(length);
        if length > LONG {
            // What is left would keep the room of what was read.
            self.read = BytesMut::from(&self.read[..]);
        }
        self.json(&message).map(Some)
    }

    /// How much of what has come was not read.
    pub(crate) fn kept(&self) -> usize {
        self.read.len()
    }

    /// What is said at the end, once: an error, if the status is not OK.
    pub(super) fn end(&mut self) -> Result<Option<Bytes>, Unread> {
        if self.kept() > 0 {
            return Err(broken("it ended inside a message"));
        }
        let status = self.status.replace(Status::ok("")).ok_or_else(no_status)?;
        Ok(error_of(&status).map(|(_, error)| error))
    }

    fn json(&self, message: &[u8]) -> Result<Bytes, Unread> {
        let read = self.method.read_answer(message);
        let said = read.map_err(|must_be| broken(&format!("a message is to be: {must_be}")))?;
        let json = said.to_string();
        // JSON may take some times what protobuf does.
        if json.len() > BYTES_MAX { Err(Unread::TooLarge) } else { Ok(json.into()) }
    }
}

/// What a status that is not OK says.
fn error_of(status: &Status) -> Option<(u16, Bytes)> {
    if status.code() == Code::Ok {
        return None;
    }
    let reason = status.get_details_error_info().map(|info| info.reason);
    let code = i32::from(status.code());
    let (http, error) = as_http_error(code, status.message(), reason.as_deref());
    Some((http, error.into()))
}

fn no_status() -> Unread {
    broken("it has no status")
}

fn broken(why: &str) -> Unread {
    Unread::Broken(why.to_owned())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::collections::HashMap;

    use serde_json::{Value, json};
    use tonic_types::ErrorDetails;

    use super::*;
    use crate::grpc;

    fn method() -> Method {
        Method::at("/lf.a2a.v1.A2AService/GetTask").unwrap()
    }

    fn framed(id: &str) -> Bytes {
        grpc::message("GetTask", &json!({ "id": id })).unwrap()
    }

    fn trailers(status: &Status) -> HeaderMap {
        let mut trailers = HeaderMap::new();
        status.add_header(&mut trailers).unwrap();
        trailers
    }

    fn ok() -> HeaderMap {
        trailers(&Status::ok(""))
    }

    fn grpc_head() -> HeaderMap {
        HeaderMap::from_iter([(CONTENT_TYPE, KIND)])
    }

    fn answer(body: &[u8], trailers: Option<HeaderMap>) -> Result<(u16, Value), Unread> {
        let head = (StatusCode::OK, &grpc_head());
        let read = whole(&method(), head, (Bytes::copy_from_slice(body), trailers));
        read.map(|(status, body)| (status, serde_json::from_slice(&body).unwrap()))
    }

    #[test]
    fn a_method_is_known_by_its_path() {
        assert!(Method::at("/lf.a2a.v1.A2AService/SendStreamingMessage").is_some());
        for path in ["/lf.a2a.v1.A2AService/Send", "/a2a.v1.A2AService/GetTask", "GetTask", ""] {
            assert!(Method::at(path).is_none(), "{path}");
        }
    }

    #[test]
    fn a_whole_answer_is_one_message_and_a_status() {
        assert_eq!(answer(&framed("t"), Some(ok())), Ok((200, json!({ "id": "t" }))));
        let two = [framed("t"), framed("t")].concat();
        for (body, trailers) in [
            (&two[..], Some(ok())),
            (&two[..7], Some(ok())),
            (b"", Some(ok())),
            (&framed("t"), None),
            (&framed("t"), Some(HeaderMap::new())),
            (b"\x01\0\0\0\0", Some(ok())),
            (b"\0\0\0\0\x01\xff", Some(ok())),
        ] {
            assert!(matches!(answer(body, trailers), Err(Unread::Broken(_))), "{body:?}");
        }
        assert_eq!(answer(b"\0\xff\xff\xff\xff", Some(ok())), Err(Unread::TooLarge));
        let head = HeaderMap::new();
        let html = whole(&method(), (StatusCode::OK, &head), (framed("t"), Some(ok())));
        assert!(matches!(html, Err(Unread::Broken(_))));
        let proxy = (StatusCode::BAD_GATEWAY, &head);
        let said = whole(&method(), proxy, (Bytes::from_static(b"<html>"), None)).unwrap();
        assert_eq!(said, (502, Bytes::from_static(b"<html>")));
    }

    #[test]
    fn a_status_that_is_not_ok_is_an_error_also_where_it_stands_alone() {
        let domain = "a2a-protocol.org";
        let info = ErrorDetails::with_error_info("TASK_NOT_FOUND", domain, HashMap::new());
        let gone = Status::with_error_details(Code::NotFound, "it is gone", info);
        let (status, error) = answer(b"", Some(trailers(&gone))).unwrap();
        assert_eq!((status, &error["error"]["message"]), (404, &json!("it is gone")));
        assert_eq!(error["error"]["details"][0]["reason"], "TASK_NOT_FOUND");
        let mut alone = grpc_head();
        alone.extend(trailers(&Status::unavailable("later")));
        assert!(is_unavailable(&alone) && !is_unavailable(&trailers(&gone)));
        let said = whole(&method(), (StatusCode::OK, &alone), (Bytes::new(), None)).unwrap();
        assert_eq!(said.0, 503);
        let mut head = Response::new(());
        *head.headers_mut() = grpc_head();
        assert!(is_stream(&head));
        *head.headers_mut() = alone;
        assert!(!is_stream(&head));
    }

    #[test]
    fn a_stream_says_the_same_wherever_its_chunks_end_and_then_its_status() {
        let stream = [framed("a"), framed(""), framed("c")].concat();
        for size in 1..=stream.len() {
            let mut parser = MessageParser::new(method());
            let mut ids = Vec::new();
            for chunk in stream.chunks(size) {
                parser.push(chunk);
                while let Some(said) = parser.next().unwrap() {
                    let said: Value = serde_json::from_slice(&said).unwrap();
                    ids.push(said["id"].as_str().unwrap_or_default().to_owned());
                }
            }
            assert_eq!(ids, ["a", "", "c"], "{size}");
            assert_eq!(parser.end(), Err(no_status()), "it may have been cut off");
        }
        let mut parser = MessageParser::new(method());
        parser.close(&trailers(&Status::internal("why")));
        let error: Value = serde_json::from_slice(&parser.end().unwrap().unwrap()).unwrap();
        assert_eq!(error["error"]["code"], 500);
        assert_eq!(parser.end(), Ok(None), "it is said once");
        parser.push(&stream[..3]);
        assert!(matches!(parser.end(), Err(Unread::Broken(_))));
    }

    #[test]
    fn the_head_of_a_call_says_how_long_it_may_take() {
        for (left, said) in [(0, "1m"), (1_500, "1500m"), (360_000_000, "99999999m")] {
            assert_eq!(timeout(Duration::from_millis(left)), said);
        }
        let mut headers = HeaderMap::new();
        write_head(&mut headers, None);
        assert_eq!(headers[TE], "trailers");
        assert!(!headers.contains_key(TIMEOUT), "a stream lasts");
    }
}

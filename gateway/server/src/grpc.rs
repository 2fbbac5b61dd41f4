//! A2A 1.0 over gRPC (A2A 1.0, section 10).
//!
//! Decides how a call and its answers are framed and encoded. Behind it a call is JSON as in the other bindings, and so are
//! its answers. Must never let a peer's bytes become more than they may be: a body is bounded before it is read, and what is
//! made of it is counted.

mod frame;
mod services;
mod status;
mod transcode;

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _, stream};
use gateway_core::params::fault;
use gateway_core::{BodyFault, CallError, Failure, dispatch};
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Version};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

pub(crate) use self::services::{route, routes};
pub(crate) use self::status::response as failure;
pub(crate) use self::transcode::Method;

pub(crate) const KIND: HeaderValue = HeaderValue::from_static("application/grpc");

/// Whether a request is one of gRPC.
pub(crate) fn is_grpc(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"))
}

/// What must hold before a byte of a call is read: HTTP/2, for the status stands behind the answer; protobuf; and messages
/// as they were written.
pub(crate) fn check_head(parts: &Parts) -> Result<(), Failure> {
    let text = |name: &str| parts.headers.get(name).map_or(Some(""), |value| value.to_str().ok());
    if !matches!(text("grpc-encoding"), Some("" | "identity")) {
        return Err(Failure::Body(BodyFault::Compressed));
    }
    let kind = text("content-type").and_then(|kind| kind.split(';').next()).map(str::trim);
    let is_protobuf = matches!(kind, Some("application/grpc" | "application/grpc+proto"));
    if is_protobuf && parts.version == Version::HTTP_2 {
        Ok(())
    } else {
        Err(Failure::Body(BodyFault::MediaType))
    }
}

/// When the caller stops waiting (gRPC over HTTP/2, "Timeout"), if it says so.
pub(crate) fn deadline(headers: &HeaderMap) -> Result<Option<Instant>, Failure> {
    let Some(stated) = headers.get("grpc-timeout") else { return Ok(None) };
    let read = stated.to_str().ok().and_then(read_timeout);
    let read = read.ok_or_else(|| {
        let must_be = "at most 8 digits and one of H, M, S, m, u and n";
        Failure::Argument(vec![fault("/grpc-timeout", must_be)])
    })?;
    Ok(Instant::now().checked_add(read))
}

fn read_timeout(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if !(1..=8).contains(&digits.len()) || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(count * 3_600)),
        "M" => Some(Duration::from_secs(count * 60)),
        "S" => Some(Duration::from_secs(count)),
        "m" => Some(Duration::from_millis(count)),
        "u" => Some(Duration::from_micros(count)),
        "n" => Some(Duration::from_nanos(count)),
        _ => None,
    }
}

/// Reads the body of a call, which is one message: whatever is no such body is read no further.
pub(crate) async fn read_body(mut body: Body, limit: u64) -> Result<Bytes, Failure> {
    let mut read = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Failure::Body(BodyFault::Unreadable))?.into_data() else {
            continue;
        };
        read.extend_from_slice(&data);
        frame::check(&read, limit)?;
    }
    Ok(read.freeze())
}

/// The parameters of a call, from its body.
pub(crate) fn read_request(method: &str, body: &[u8]) -> Result<Value, Failure> {
    let read = find(method)?.read(frame::message(body)?);
    read.map_err(|must_be| Failure::Call(CallError::Params(vec![fault("", must_be)])))
}

/// The body of a call, as a caller makes it.
pub(crate) fn request(method: &str, params: &Value) -> Option<Bytes> {
    request_of(&Method::find(method)?, params)
}

/// The body of a call of this method; `None` if the parameters do not fit it.
pub(crate) fn request_of(method: &Method, params: &Value) -> Option<Bytes> {
    frame::encode(|out| method.write_request(params, out))
}

/// One message of a method's answer, framed.
pub(crate) fn message(method: &str, answer: &Value) -> Result<Bytes, Failure> {
    let method = find(method)?;
    let framed = frame::encode(|out| method.write(answer, out));
    framed.ok_or(Failure::Call(CallError::AgentResponse))
}

fn find(method: &str) -> Result<Method, Failure> {
    let unknown = Failure::Call(CallError::Operation(dispatch::Error::Unknown));
    Method::find(method).ok_or(unknown)
}

/// The answer to a call, of one message.
pub(crate) fn answer(message: Bytes) -> Response {
    answers(stream::iter([Ok(message)]), None)
}

/// The answer to a call whose messages come one by one. It ends with them, with the first failure, or when the caller does
/// not wait any more.
pub(crate) fn answers(
    messages: impl Stream<Item = Result<Bytes, Failure>> + Send + 'static,
    deadline: Option<Instant>,
) -> Response {
    let frames = stream::unfold(Some(Box::pin(messages)), move |messages| async move {
        let mut messages = messages?;
        let next = match deadline {
            Some(at) => {
                timeout_at(at, messages.next()).await.unwrap_or(Some(Err(Failure::Deadline)))
            }
            None => messages.next().await,
        };
        let (frame, rest) = match next {
            Some(Ok(message)) => (Frame::data(message), Some(messages)),
            Some(Err(failure)) => (Frame::trailers(status::trailers(&failure.reply())), None),
            None => (Frame::trailers(status::ok()), None),
        };
        Some((Ok::<_, Infallible>(frame), rest))
    });
    let mut response = Response::new(Body::new(StreamBody::new(frames)));
    response.headers_mut().insert(CONTENT_TYPE, KIND);
    response
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use http::Request;
    use serde_json::json;

    use super::*;

    fn parts(version: Version, headers: &[(&'static str, &'static str)]) -> Parts {
        let mut request = Request::post("/lf.a2a.v1.A2AService/GetTask").version(version);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn a_call_is_protobuf_as_it_was_written_over_http_2() {
        let plain = ("content-type", "application/grpc");
        for (version, headers, expected) in [
            (Version::HTTP_2, &[plain][..], Ok(())),
            (Version::HTTP_2, &[("content-type", "application/grpc+proto")], Ok(())),
            (Version::HTTP_2, &[plain, ("grpc-encoding", "identity")], Ok(())),
            (
                Version::HTTP_2,
                &[plain, ("grpc-encoding", "gzip")],
                Err(Failure::Body(BodyFault::Compressed)),
            ),
            (
                Version::HTTP_2,
                &[("content-type", "application/grpc+json")],
                Err(Failure::Body(BodyFault::MediaType)),
            ),
            (
                Version::HTTP_2,
                &[("content-type", "application/grpc-web")],
                Err(Failure::Body(BodyFault::MediaType)),
            ),
            (Version::HTTP_2, &[], Err(Failure::Body(BodyFault::MediaType))),
            (Version::HTTP_11, &[plain], Err(Failure::Body(BodyFault::MediaType))),
        ] {
            assert_eq!(check_head(&parts(version, headers)), expected, "{version:?} {headers:?}");
        }
    }

    #[test]
    fn a_timeout_is_a_number_with_its_unit() {
        let ms = Duration::from_millis;
        for (text, expected) in [
            ("2H", Some(ms(7_200_000))),
            ("3M", Some(ms(180_000))),
            ("4S", Some(ms(4_000))),
            ("5m", Some(ms(5))),
            ("6000u", Some(ms(6))),
            ("7000000n", Some(ms(7))),
            ("0S", Some(ms(0))),
            ("99999999H", Some(Duration::from_secs(99_999_999 * 3_600))),
            ("100000000m", None),
            ("", None),
            ("S", None),
            ("5", None),
            ("-5S", None),
            ("+5S", None),
            ("5s", None),
            ("5 S", None),
            ("5\u{e9}", None),
        ] {
            assert_eq!(read_timeout(text), expected, "{text}");
        }
        assert_eq!(deadline(&HeaderMap::new()), Ok(None));
        let refused = deadline(&parts(Version::HTTP_2, &[("grpc-timeout", "soon")]).headers);
        assert!(matches!(refused, Err(Failure::Argument(_))), "{refused:?}");
    }

    #[test]
    fn a_method_that_is_none_and_an_answer_that_is_not_its_own_are_refused() {
        let unknown = Err(Failure::Call(CallError::Operation(dispatch::Error::Unknown)));
        assert_eq!(read_request("GetTasks", &[0; 5]), unknown);
        assert_eq!(read_request("", &[0; 5]), unknown);
        assert_eq!(read_request("GetTask", &[0; 5]), Ok(json!({})));
        let broken = read_request("GetTask", &[0, 0, 0, 0, 1, 0xff]);
        assert!(matches!(broken, Err(Failure::Call(CallError::Params(_)))), "{broken:?}");
        let wrong = message("GetTask", &json!({"id": 7}));
        assert_eq!(wrong, Err(Failure::Call(CallError::AgentResponse)));
        assert_eq!(message("GetTask", &json!({"id": "t"})).unwrap(), &b"\0\0\0\0\x03\x0a\x01t"[..]);
    }

    async fn read(response: Response) -> (Vec<u8>, HeaderMap) {
        assert_eq!(response.headers()["content-type"], "application/grpc");
        let read = response.into_body().collect().await.unwrap();
        let trailers = read.trailers().cloned().unwrap();
        (read.to_bytes().to_vec(), trailers)
    }

    #[tokio::test]
    async fn an_answer_ends_with_its_status_whatever_came_before() {
        let one = Bytes::from_static(b"one");
        let (body, trailers) = read(answer(one.clone())).await;
        assert_eq!((&*body, &trailers["grpc-status"]), (&b"one"[..], &HeaderValue::from(0)));
        let failed = stream::iter([Ok(one.clone()), Err(Failure::Deadline), Ok(one.clone())]);
        let (body, trailers) = read(answers(failed, None)).await;
        assert_eq!((&*body, &trailers["grpc-status"]), (&b"one"[..], &HeaderValue::from(4)));
        assert_eq!(trailers["ecumene-code"], "deadline-exceeded");
        let endless = stream::iter([Ok(one)]).chain(stream::pending());
        let soon = Instant::now() + Duration::from_millis(20);
        let (body, trailers) = read(answers(endless, Some(soon))).await;
        assert_eq!((&*body, &trailers["grpc-status"]), (&b"one"[..], &HeaderValue::from(4)));
    }
}

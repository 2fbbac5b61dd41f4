//! The access log: a line for each request, once its answer is sent or its client has left.
//!
//! Decides what is in a line. Must never have a credential, a body, a query or a path in it, nor any other word of a caller but
//! the name under which it was let in.

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes};
use axum::response::Response;
use http::{Method, Request};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt as _;
use proto_types::MonoUs;

use crate::clock;

/// What is known of a request before it is looked at.
#[derive(Debug)]
pub(super) struct Access {
    method: &'static str,
    /// Of the request, as far as it is read.
    bytes_in: Arc<AtomicU64>,
}

/// One line.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) access: Access,
    pub(super) route: &'static str,
    pub(super) operation: &'static str,
    pub(super) caller_kind: &'static str,
    pub(super) caller: String,
    pub(super) outcome: &'static str,
    pub(super) address: IpAddr,
    /// Where it is kept.
    pub(super) trace_id: Option<String>,
    pub(super) start: MonoUs,
}

impl Access {
    /// Counts what of the request is read.
    pub(super) fn begin(request: Request<Body>) -> (Self, Request<Body>) {
        let access = Self { method: word(request.method()), bytes_in: Arc::default() };
        let bytes_in = Arc::clone(&access.bytes_in);
        let count = move |frame: &Frame<Bytes>| {
            let read = frame.data_ref().map_or(0, Bytes::len) as u64;
            bytes_in.fetch_add(read, Ordering::Relaxed);
        };
        (access, request.map(|body| Body::new(body.inspect_frame(count))))
    }
}

/// A method may be any word that a client makes up.
fn word(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::OPTIONS => "OPTIONS",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::PATCH => "PATCH",
        _ => "other",
    }
}

impl Line {
    /// Writes it once the answer is sent, or is sent no further.
    pub(super) fn until_sent(self, response: Response) -> Response {
        let status = response.status().as_u16();
        // The answer to HEAD has no body, whatever there would be in it.
        let is_over = self.access.method == "HEAD";
        response.map(|body| {
            let line = self;
            Body::new(Sent { body, line, status, bytes_out: 0, is_over })
        })
    }

    fn write(&self, status: u16, bytes_out: u64, whole: bool) {
        let Self { access, route, operation, caller_kind, caller, outcome, address, .. } = self;
        let (bytes_in, took_us) =
            (access.bytes_in.load(Ordering::Relaxed), clock::mono().since(self.start));
        tracing::info!(
            target: "access",
            method = access.method, route, operation, caller_kind, caller, outcome, status,
            bytes_in, bytes_out, whole, took_us, %address, trace_id = self.trace_id.as_deref(),
            "request"
        );
    }
}

/// An answer that is counted.
struct Sent {
    body: Body,
    line: Line,
    status: u16,
    bytes_out: u64,
    /// Whether nothing follows.
    is_over: bool,
}

impl http_body::Body for Sent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        match &frame {
            Some(Ok(frame)) => self.bytes_out += frame.data_ref().map_or(0, Bytes::len) as u64,
            Some(Err(_)) => {}
            None => self.is_over = true,
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Sent {
    fn drop(&mut self) {
        let whole = self.is_over || self.body.is_end_stream();
        self.line.write(self.status, self.bytes_out, whole);
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::io::{self, Write};
    use std::sync::Mutex;

    use serde_json::{Value, json};

    use super::*;

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn line(access: Access) -> Line {
        let address = std::net::Ipv4Addr::LOCALHOST.into();
        let (route, operation, outcome) = ("call", "SendMessage", "ok");
        let (caller_kind, caller) = ("peer", "https://a.example".to_owned());
        let (trace_id, start) = (Some("0af7".to_owned()), clock::mono());
        Line { access, route, operation, caller_kind, caller, outcome, address, trace_id, start }
    }

    /// What is written of an answer of which so many frames are read, and how many lines.
    fn written(method: &str, answer: Body, frames: usize) -> (Value, usize) {
        let sink = Sink::default();
        let out = sink.clone();
        let lines = tracing_subscriber::fmt().json().flatten_event(true);
        let lines = lines.with_writer(move || out.clone()).finish();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        tracing::subscriber::with_default(lines, || {
            let request = Request::builder().method(method).body(Body::from("hello")).unwrap();
            let (access, request) = Access::begin(request);
            runtime.block_on(async {
                request.into_body().collect().await.unwrap();
                let mut sent = line(access).until_sent(Response::new(answer)).into_body();
                for _ in 0..frames {
                    sent.frame().await;
                }
            });
        });
        let text = String::from_utf8(sink.0.lock().unwrap().clone()).unwrap();
        (serde_json::from_str(text.lines().next().unwrap()).unwrap(), text.lines().count())
    }

    #[test]
    fn a_line_says_what_was_asked_by_whom_and_what_was_sent() {
        let (line, lines) = written("POST", Body::from("answer"), 1);
        assert_eq!(
            (lines, &line["target"], &line["method"]),
            (1, &json!("access"), &json!("POST"))
        );
        for (field, value) in [
            ("route", json!("call")),
            ("operation", json!("SendMessage")),
            ("caller_kind", json!("peer")),
            ("caller", json!("https://a.example")),
            ("outcome", json!("ok")),
            ("status", json!(200)),
            ("bytes_in", json!(5)),
            ("bytes_out", json!(6)),
            ("whole", json!(true)),
            ("address", json!("127.0.0.1")),
            ("trace_id", json!("0af7")),
        ] {
            assert_eq!(line[field], value, "{field}");
        }
        assert!(line["took_us"].is_u64(), "{line}");
    }

    #[test]
    fn an_answer_that_its_client_has_not_waited_for_is_not_whole() {
        let frames = || futures_util::stream::iter(["a", "b"].map(Ok::<_, io::Error>));
        let (line, _) = written("GET", Body::from_stream(frames()), 1);
        assert_eq!((&line["bytes_out"], &line["whole"]), (&json!(1), &json!(false)));
        let (line, _) = written("GET", Body::from_stream(frames()), 3);
        assert_eq!((&line["bytes_out"], &line["whole"]), (&json!(2), &json!(true)));
        let (line, _) = written("HEAD", Body::from("answer"), 0);
        assert_eq!((&line["bytes_out"], &line["whole"]), (&json!(0), &json!(true)));
    }

    #[test]
    fn a_method_is_a_word_of_ours() {
        assert_eq!(written("X-SECRET", Body::empty(), 0).0["method"], "other");
    }
}

//! The server of an attached agent that does as little as one can: the same message for every call, or an event each second
//! for whoever asks for a stream. It must never look at what it is told.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use chaos_cluster::peer;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::TcpStream;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::IntervalStream;

use super::server::{self, Server};
use crate::web::{self, Shot};

/// How it is called on the command line.
const PART: &str = "upstream";
/// What asks for a stream, and what one is.
const EVENTS: &str = "text/event-stream";
/// The answer to a message. Every request of a gateway has the id 1.
const ANSWER: &str = r#"{"jsonrpc":"2.0","id":1,"result":{"message":{"messageId":"m-1","role":"ROLE_AGENT","parts":[{"text":"Done."}]}}}"#;
/// By this it is known again, also in the words of a gateway.
const MARK: &[u8] = b"\"ROLE_AGENT\"";
/// What is told of a task that never ends.
const EVENT: &str = concat!(
    "data: ",
    r#"{"jsonrpc":"2.0","id":1,"result":{"statusUpdate":{"taskId":"t-1","contextId":"c-1","status":{"state":"TASK_STATE_WORKING"}}}}"#,
    "\n\n"
);
/// Between two events.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// What callers say: short, so that no work with a text is measured.
const TEXT: &str = "A short question.";

type Body = UnsyncBoxBody<Bytes, Infallible>;

/// Its process.
pub(crate) struct Upstream {
    url: String,
    _process: Server,
}

impl Upstream {
    /// Starts it on the cores that this process has now.
    ///
    /// # Errors
    /// It does not start.
    pub(crate) fn start() -> Result<Self> {
        let (process, url) = Server::part(&[PART])?;
        Ok(Self { url, _process: process })
    }

    /// Where it is.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The same as an address.
    ///
    /// # Errors
    /// It has said something else.
    pub(crate) fn address(&self) -> Result<SocketAddr> {
        let address = self.url.trim_start_matches("http://").parse();
        address.with_context(|| format!("{} is no address and port", self.url))
    }
}

/// A call as an agent's caller makes it: SendMessage, to a path below a base URL.
///
/// # Errors
/// The path is none.
pub(crate) fn call(base: &str, path: &str, token: Option<&str>) -> Result<Shot> {
    let body = request("SendMessage");
    web::shot(Method::POST, base, path, token, body.into())
}

/// The request of such a call, by its method.
pub(crate) fn request(method: &str) -> String {
    let params = peer::message(TEXT, None);
    json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string()
}

/// Whether it is the answer to a call, from here or through a gateway: JSON-RPC answers 200 to errors too.
pub(crate) fn is_answer(status: StatusCode, body: &[u8]) -> bool {
    status == StatusCode::OK && body.windows(MARK.len()).any(|part| part == MARK)
}

/// Serves until standard input ends.
///
/// # Errors
/// It cannot listen.
pub(crate) async fn serve() -> Result<()> {
    server::serve(connection).await
}

async fn connection(stream: TcpStream) {
    let served = http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer));
    // An error is the client's leaving.
    let _ = served.await;
}

async fn answer(request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let is_stream = request.headers().get(ACCEPT).is_some_and(|accept| accept == EVENTS);
    // All of it, so that its connection is kept; an error is the client's leaving.
    let _ = request.into_body().collect().await;
    let (kind, body) = match is_stream {
        true => (EVENTS, events()),
        false => ("application/json", Full::<Bytes>::from(ANSWER).boxed_unsync()),
    };
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    Ok(response)
}

/// The first at once.
fn events() -> Body {
    let beats = IntervalStream::new(tokio::time::interval(HEARTBEAT));
    let event = |_| Ok::<_, Infallible>(Frame::data(Bytes::from_static(EVENT.as_bytes())));
    StreamBody::new(beats.map(event)).boxed_unsync()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proto_types::a2a::rpc::Response;
    use proto_types::a2a::{SendMessageResponse, StreamResponse};

    use super::*;

    #[test]
    fn what_it_says_is_a2a_and_only_its_answer_is_known_again() {
        let result = |text: &str| Response::parse(text.as_bytes()).unwrap().outcome.unwrap();
        let answer = SendMessageResponse::from_value(&result(ANSWER)).unwrap();
        assert!(matches!(answer, SendMessageResponse::Message(_)));
        let event = EVENT.strip_prefix("data: ").and_then(|event| event.strip_suffix("\n\n"));
        let event = StreamResponse::from_value(&result(event.unwrap())).unwrap();
        assert!(event.state().is_some_and(|state| !state.is_terminal()));
        assert!(is_answer(StatusCode::OK, ANSWER.as_bytes()));
        assert!(!is_answer(StatusCode::BAD_GATEWAY, ANSWER.as_bytes()));
        assert!(!is_answer(StatusCode::OK, br#"{"jsonrpc":"2.0","id":1,"error":{"code":-32600}}"#));
    }
}

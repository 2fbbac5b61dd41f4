//! One request to an agent, and the head of its answer.
//!
//! Decides when it is sent a second time: to another replica, once, within the agent's budget, and only if nothing was sent
//! the first time or if it only reads. Must never send a header that names the caller's credential.

use bytes::{Bytes, BytesMut};
use deploy_service::Place;
use deploy_service::telemetry::chain;
use deploy_service::trace::{self, Span};
use gateway_core::relay::HttpMethod;
use http::header::{ACCEPT, CONTENT_TYPE, USER_AGENT};
use http::uri::InvalidUri;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy;
use proto_types::{Class, TaskOwner};
use tokio::time::{Instant, timeout_at};

use super::grpc::{self, Unread};
use super::replicas::InFlight;
use super::{Answer, BYTES_MAX, ROOM_MIN, Sent, UpstreamClient, UpstreamError};
use crate::grpc::Method as GrpcMethod;
use crate::secrets::draw;

/// Who we are, so that an operator who wonders can find out.
pub(crate) const AGENT: HeaderValue =
    HeaderValue::from_static(concat!("ecumene/", env!("CARGO_PKG_VERSION")));
pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json");
const EVENTS: &str = "text/event-stream";

/// An answer whose body is still to be read.
pub(super) struct Head {
    pub(super) in_flight: InFlight,
    pub(super) response: Response<Incoming>,
    /// What was called over gRPC.
    pub(super) method: Option<GrpcMethod>,
}

impl UpstreamClient {
    /// Sends a request, and once more if it may be.
    pub(super) async fn head(&self, sent: &Sent<'_>) -> Result<Head, UpstreamError> {
        let agent = self.known.of(sent.agent, sent.upstream);
        let body = Bytes::from(sent.http.body.clone().unwrap_or_default());
        let caller = sent.room.caller();
        let first = agent.choose(caller, sent.prefer)?;
        let failed = first.tag();
        let head = self.attempt(sent, body.clone(), first).await;
        if !may_repeat(sent.safe_to_repeat, &head) || Instant::now() >= sent.until {
            return head;
        }
        match agent.choose_again(caller, sent.prefer, failed) {
            Some(second) => {
                drop(head);
                self.attempt(sent, body, second).await
            }
            None => head,
        }
    }

    /// One try, as a part of the trace in which it is made.
    async fn attempt(
        &self,
        sent: &Sent<'_>,
        body: Bytes,
        in_flight: InFlight,
    ) -> Result<Head, UpstreamError> {
        let span = Span::client("upstream");
        if span.is_recording() {
            span.set("ecumene.agent", sent.agent.as_str().to_owned());
            span.set("url.full", in_flight.url().as_str().to_owned());
        }
        let head = span.scope(self.tried(sent, body, in_flight)).await;
        match &head {
            Ok(head) => {
                let status = head.response.status().as_u16();
                span.set("http.response.status_code", i64::from(status));
            }
            Err(error) => span.fail(error.word()),
        }
        head
    }

    async fn tried(
        &self,
        sent: &Sent<'_>,
        body: Bytes,
        mut in_flight: InFlight,
    ) -> Result<Head, UpstreamError> {
        let request = self.request(sent, body, in_flight.url().as_str());
        let request =
            request.map_err(|error| in_flight.fault(UpstreamError::Broken, &error.to_string()))?;
        let (http, method) = (self.http.load_full(), sent.method());
        let client = match method {
            Some(_) => http.grpc(in_flight.open(), draw()),
            None => &http.client,
        };
        match timeout_at(sent.until, client.request(request)).await {
            Ok(Ok(response)) => {
                in_flight.answered(!is_out_of_service(&response));
                Ok(Head { in_flight, response, method })
            }
            Ok(Err(error)) => Err(unanswered(&mut in_flight, &error)),
            Err(_) => {
                // A caller that has little patience says nothing about the replica.
                if in_flight.elapsed() >= self.timeout / 2 {
                    in_flight.failed();
                }
                Err(in_flight.fault(UpstreamError::Timeout, NO_ANSWER))
            }
        }
    }

    fn request(
        &self,
        sent: &Sent<'_>,
        body: Bytes,
        replica: &str,
    ) -> Result<Request<Full<Bytes>>, InvalidUri> {
        let uri = Uri::try_from(format!("{replica}{}", sent.http.path))?;
        let mut request = Request::new(Full::new(body));
        *request.uri_mut() = uri;
        *request.method_mut() = match sent.http.method {
            HttpMethod::Get => Method::GET,
            HttpMethod::Post => Method::POST,
        };
        let mut headers = sent.headers.clone();
        // Where this call is recorded, it and not its caller's is what the server continues.
        trace::inject(&mut headers);
        headers.insert(USER_AGENT, AGENT);
        write_kind(sent, &mut headers);
        for (name, value) in self.credentials.load().get(sent.agent).into_iter().flatten() {
            headers.insert(name.clone(), value.clone());
        }
        *request.headers_mut() = headers;
        Ok(request)
    }
}

/// Writes of what type the request is, and its answer is to be.
fn write_kind(sent: &Sent<'_>, headers: &mut HeaderMap) {
    if sent.method().is_some() {
        return grpc::write_head(headers, (!sent.http.is_stream).then_some(sent.until));
    }
    let accept = if sent.http.is_stream { HeaderValue::from_static(EVENTS) } else { JSON };
    headers.insert(ACCEPT, accept);
    if sent.http.body.is_some() {
        headers.insert(CONTENT_TYPE, JSON);
    }
}

impl Head {
    /// Whether events follow.
    pub(super) fn is_stream(&self) -> bool {
        match self.method {
            Some(_) => grpc::is_stream(&self.response),
            None => is_events(&self.response),
        }
    }

    /// Reads the body to its end, as far as there is room for it.
    pub(super) async fn whole(
        self,
        mut held: Place<TaskOwner>,
        until: Instant,
    ) -> Result<Answer, UpstreamError> {
        let Self { mut in_flight, response, method } = self;
        let (head, body) = response.into_parts();
        let Ok(read) = timeout_at(until, read(body, &mut in_flight, &mut held)).await else {
            return Err(in_flight.fault(UpstreamError::Timeout, NO_END));
        };
        let (body, trailers) = read?;
        let (status, body) = match method {
            None => (head.status.as_u16(), body),
            Some(method) => {
                let head = (head.status, &head.headers);
                let whole = grpc::whole(&method, head, (body, trailers));
                whole.map_err(|unread| in_flight.unread(unread))?
            }
        };
        held.resize(Class::Ordinary, ROOM_MIN.max(body.len() as u64))?;
        Ok(Answer { replica: in_flight.tag(), status, body, held })
    }
}

impl InFlight {
    /// The replica has answered with what is no gRPC.
    pub(super) fn unread(&mut self, unread: Unread) -> UpstreamError {
        match unread {
            Unread::TooLarge => self.fault(UpstreamError::TooLarge, TOO_LONG),
            Unread::Broken(why) => {
                self.failed();
                self.fault(UpstreamError::Broken, &why)
            }
        }
    }
}

/// The whole body, and its trailers. Each part counts before the next one is asked for.
async fn read(
    mut body: Incoming,
    in_flight: &mut InFlight,
    held: &mut Place<TaskOwner>,
) -> Result<(Bytes, Option<HeaderMap>), UpstreamError> {
    let (mut whole, mut trailers) = (BytesMut::new(), None);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            in_flight.failed();
            in_flight.fault(UpstreamError::Broken, &chain(&error))
        })?;
        let part = match frame.into_data() {
            Ok(part) => part,
            Err(frame) => {
                trailers = frame.into_trailers().ok();
                continue;
            }
        };
        let length = whole.len() + part.len();
        if length > BYTES_MAX {
            return Err(in_flight.fault(UpstreamError::TooLarge, TOO_LONG));
        }
        held.resize(Class::Ordinary, ROOM_MIN.max(length as u64))?;
        whole.extend_from_slice(&part);
    }
    Ok((whole.freeze(), trailers))
}

/// What the log says where there is no error that says it.
const NO_ANSWER: &str = "no answer in time";
const NO_END: &str = "not the whole answer in time";
const TOO_LONG: &str = "more than 8 MiB";

/// Whether the request may go to another replica after this.
fn may_repeat(is_safe: bool, head: &Result<Head, UpstreamError>) -> bool {
    match head {
        Err(UpstreamError::Unreachable) => true,
        Err(UpstreamError::Broken) => is_safe,
        Err(_) => false,
        Ok(head) => is_safe && is_out_of_service(&head.response),
    }
}

/// Whether the answer is that of a proxy that cannot reach the agent, or of a server that takes no calls now.
fn is_out_of_service(response: &Response<Incoming>) -> bool {
    let is_away = matches!(
        response.status(),
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT
    );
    is_away || grpc::is_unavailable(response.headers())
}

/// Whether the answer is a stream of events.
fn is_events(response: &Response<Incoming>) -> bool {
    let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = content_type.and_then(|value| value.split(';').next()).unwrap_or_default();
    response.status().is_success() && media_type.trim().eq_ignore_ascii_case(EVENTS)
}

/// What a connection that fails says of the replica.
fn unanswered(in_flight: &mut InFlight, error: &legacy::Error) -> UpstreamError {
    in_flight.failed();
    let is_sent = !error.is_connect();
    let why = if is_sent { UpstreamError::Broken } else { UpstreamError::Unreachable };
    in_flight.fault(why, &chain(error))
}

//! One request to an agent, and the head of its answer.
//!
//! Decides when it is sent a second time: to another replica, once, within the agent's budget, and only if nothing was sent
//! the first time or if it only reads. Must never send a header that names the caller's credential.

use bytes::Bytes;
use deploy_service::telemetry::chain;
use gateway_core::relay::HttpMethod;
use http::header::{ACCEPT, CONTENT_TYPE, USER_AGENT};
use http::uri::InvalidUri;
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper_util::client::legacy;
use proto_types::upstream::UpstreamUrl;
use tokio::time::{Instant, timeout_at};

use super::replicas::InFlight;
use super::{Answer, BYTES_MAX, Sent, UpstreamClient, UpstreamError};

/// Who we are, so that an operator who wonders can find out.
const AGENT: HeaderValue = HeaderValue::from_static(concat!("ecumene/", env!("CARGO_PKG_VERSION")));
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const EVENTS: &str = "text/event-stream";

/// An answer whose body is still to be read.
pub(super) struct Head {
    pub(super) in_flight: InFlight,
    pub(super) response: Response<Incoming>,
}

impl UpstreamClient {
    /// Sends a request, and once more if it may be.
    pub(super) async fn head(&self, sent: &Sent<'_>) -> Result<Head, UpstreamError> {
        self.warn_of_drawn_key();
        let agent = self.known.of(sent.agent, sent.upstream);
        let body = Bytes::from(sent.http.body.clone().unwrap_or_default());
        let first = agent.choose(sent.prefer)?;
        let failed = first.tag();
        let head = self.attempt(sent, body.clone(), first).await;
        if !may_repeat(sent.safe_to_repeat, &head) || Instant::now() >= sent.until {
            return head;
        }
        match agent.choose_again(sent.prefer, failed) {
            Some(second) => {
                drop(head);
                self.attempt(sent, body, second).await
            }
            None => head,
        }
    }

    async fn attempt(
        &self,
        sent: &Sent<'_>,
        body: Bytes,
        mut in_flight: InFlight,
    ) -> Result<Head, UpstreamError> {
        let (agent, replica) = (sent.agent.as_str(), in_flight.url().clone());
        let request = self.request(sent, body, replica.as_str()).map_err(|error| {
            tracing::error!(agent, url = %replica, %error, "a request makes no URL");
            UpstreamError::Broken
        })?;
        match timeout_at(sent.until, self.http.request(request)).await {
            Ok(Ok(response)) => {
                in_flight.answered(!is_out_of_service(response.status()));
                Ok(Head { in_flight, response })
            }
            Ok(Err(error)) => {
                in_flight.failed();
                Err(failed(agent, &replica, &error))
            }
            Err(_) => {
                // A caller that has little patience says nothing about the replica.
                if in_flight.elapsed() >= self.timeout / 2 {
                    in_flight.failed();
                }
                Err(UpstreamError::Timeout)
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
        headers.insert(USER_AGENT, AGENT);
        let accept = if sent.http.is_stream { HeaderValue::from_static(EVENTS) } else { JSON };
        headers.insert(ACCEPT, accept);
        if sent.http.body.is_some() {
            headers.insert(CONTENT_TYPE, JSON);
        }
        for (name, value) in self.credentials.get(sent.agent).into_iter().flatten() {
            headers.insert(name.clone(), value.clone());
        }
        *request.headers_mut() = headers;
        Ok(request)
    }
}

impl Head {
    /// Reads the body to its end.
    pub(super) async fn whole(self, until: Instant) -> Result<Answer, UpstreamError> {
        let Self { mut in_flight, response } = self;
        let (replica, status) = (in_flight.tag(), response.status().as_u16());
        let reading = Limited::new(response.into_body(), BYTES_MAX).collect();
        match timeout_at(until, reading).await {
            Ok(Ok(body)) => Ok(Answer { replica, status, body: body.to_bytes() }),
            Ok(Err(error)) if error.is::<LengthLimitError>() => Err(UpstreamError::TooLarge),
            Ok(Err(error)) => {
                let (url, error) = (in_flight.url(), chain(error.as_ref()));
                tracing::warn!(%url, error, "the answer of an attached agent broke off");
                in_flight.failed();
                Err(UpstreamError::Broken)
            }
            Err(_) => Err(UpstreamError::Timeout),
        }
    }
}

/// Tells the operator why there is no answer, and the caller as much as it may know.
fn failed(agent: &str, url: &UpstreamUrl, error: &legacy::Error) -> UpstreamError {
    let reason = chain(error);
    tracing::warn!(agent, %url, error = reason, "an attached agent cannot be called");
    if error.is_connect() { UpstreamError::Unreachable } else { UpstreamError::Broken }
}

/// Whether the request may go to another replica after this.
fn may_repeat(is_safe: bool, head: &Result<Head, UpstreamError>) -> bool {
    match head {
        Err(UpstreamError::Unreachable) => true,
        Err(UpstreamError::Broken) => is_safe,
        Err(_) => false,
        Ok(head) => is_safe && is_out_of_service(head.response.status()),
    }
}

/// Whether the answer is that of a proxy that cannot reach the agent, or of a server that takes no calls now.
fn is_out_of_service(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT
    )
}

/// Whether the answer is a stream of events.
pub(super) fn is_events(response: &Response<Incoming>) -> bool {
    let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = content_type.and_then(|value| value.split(';').next()).unwrap_or_default();
    response.status().is_success() && media_type.trim().eq_ignore_ascii_case(EVENTS)
}

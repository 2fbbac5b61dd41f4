//! HTTP calls to a gateway. It decides bounds and deadlines; it must never follow redirects or send a
//! credential anywhere but to the URL it was given.

use std::time::Duration;

use bytes::Bytes;
use deploy_service::telemetry::chain;
use deploy_service::tls::Connector;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

use crate::client::Profile;
use crate::failure::Failure;

/// A body larger than this is no answer of a gateway of ours: envelopes are at most 1 MiB, pulled 100 at once.
const BODY_BYTES_MAX: usize = 128 << 20;
/// Longer than the longest long poll (60 s) and the default task deadline (120 s).
const DEADLINE: Duration = Duration::from_secs(150);

/// One call: where, how, with which credential and body.
pub(crate) struct Call<'a> {
    /// GET or POST.
    pub(crate) method: Method,
    /// The whole URL.
    pub(crate) url: String,
    /// The bearer token.
    pub(crate) bearer: Option<&'a str>,
    /// JSON, or nothing.
    pub(crate) body: Vec<u8>,
}

/// Sends the call and hands out the response while its body still comes in.
pub(crate) async fn open(profile: &Profile, call: Call<'_>) -> Result<Response<Incoming>, Failure> {
    let client: Client<Connector, Full<Bytes>> =
        Client::builder(TokioExecutor::new()).build(profile.connector()?.web());
    let mut request = Request::builder()
        .method(call.method)
        .uri(&call.url)
        .header("content-type", "application/json")
        .header("a2a-version", "1.0");
    if let Some(bearer) = call.bearer {
        request = request.header("authorization", format!("Bearer {bearer}"));
    }
    let request = request
        .body(Full::new(Bytes::from(call.body)))
        .map_err(|error| Failure::usage(format!("{}: {error}", call.url)))?;
    let sent = tokio::time::timeout(DEADLINE, client.request(request)).await;
    sent.map_err(|_| Failure::unreachable(&call.url, "no answer within 150 s"))?
        .map_err(|error| Failure::unreachable(&call.url, chain(&error)))
}

/// Sends the call and reads the whole answer; anything but a success is a failure.
pub(crate) async fn fetch(profile: &Profile, call: Call<'_>) -> Result<Bytes, Failure> {
    let url = call.url.clone();
    let response = open(profile, call).await?;
    let status = response.status();
    let body = tokio::time::timeout(DEADLINE, Limited::new(response, BODY_BYTES_MAX).collect())
        .await
        .map_err(|_| Failure::unreachable(&url, "the answer did not end within 150 s"))?
        .map_err(|error| Failure::internal(format!("{url}: {error}")))?
        .to_bytes();
    if status.is_success() { Ok(body) } else { Err(Failure::http(status, &body)) }
}

/// Reads the body's server-sent events, handing each `data` to `event`.
pub(crate) async fn events(
    response: Response<Incoming>,
    mut event: impl FnMut(&str) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut body = response.into_body();
    let mut pending = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame =
            frame.map_err(|error| Failure::internal(format!("the stream broke: {error}")))?;
        let Ok(data) = frame.into_data() else { continue };
        pending.extend_from_slice(&data);
        if pending.len() > BODY_BYTES_MAX {
            return Err(Failure::internal("an event is larger than 128 MiB"));
        }
        while let Some(end) = pending.iter().position(|&byte| byte == b'\n') {
            let line: Vec<u8> = pending.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            if let Some(data) = line.trim_end().strip_prefix("data:") {
                event(data.trim_start())?;
            }
        }
    }
    Ok(())
}

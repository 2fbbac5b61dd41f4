//! HTTP, as any client would speak it. It must never follow a redirect.

use std::time::Duration;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use deploy_service::tls::Connector;
use http::{HeaderMap, Method, Request};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

/// No answer of ours is larger.
const BODY_BYTES_MAX: usize = 64 << 20;
/// Longer than a task of any test.
const DEADLINE: Duration = Duration::from_secs(120);

/// An answer, whole.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    /// The body as JSON.
    ///
    /// # Errors
    /// It is none; with its beginning.
    pub fn json(&self) -> Result<Value> {
        let text = || String::from_utf8_lossy(&self.body).chars().take(300).collect::<String>();
        serde_json::from_slice(&self.body).with_context(|| format!("{} {}", self.status, text()))
    }
}

/// A GET.
///
/// # Errors
/// Nobody answers in time.
pub async fn get(url: &str, bearer: Option<&str>) -> Result<Answer> {
    call(Method::GET, url, bearer, Vec::new()).await
}

/// A POST of JSON.
///
/// # Errors
/// Nobody answers in time.
pub async fn post(url: &str, bearer: Option<&str>, body: &Value) -> Result<Answer> {
    call(Method::POST, url, bearer, body.to_string().into_bytes()).await
}

/// A POST of JSON as a part of this trace.
///
/// # Errors
/// Nobody answers in time.
pub async fn post_traced(
    url: &str,
    bearer: &str,
    body: &Value,
    traceparent: &str,
) -> Result<Answer> {
    let body = body.to_string().into_bytes();
    let shown = (url, Some(bearer), Some(traceparent));
    send(Connector::plain(), Method::POST, shown, body).await
}

/// A GET by this connector.
///
/// # Errors
/// Nobody answers in time.
pub async fn get_by(connector: Connector, url: &str) -> Result<Answer> {
    send(connector.web(), Method::GET, (url, None, None), Vec::new()).await
}

/// Any call with any bytes.
///
/// # Errors
/// Nobody answers in time.
pub async fn call(
    method: Method,
    url: &str,
    bearer: Option<&str>,
    body: Vec<u8>,
) -> Result<Answer> {
    send(Connector::plain(), method, (url, bearer, None), body).await
}

fn head(
    method: Method,
    url: &str,
    (bearer, traceparent): (Option<&str>, Option<&str>),
) -> http::request::Builder {
    let mut request = Request::builder()
        .method(method)
        .uri(url)
        .header("content-type", "application/json")
        .header("a2a-version", "1.0");
    if let Some(bearer) = bearer {
        request = request.header("authorization", format!("Bearer {bearer}"));
    }
    if let Some(traceparent) = traceparent {
        request = request.header("traceparent", traceparent);
    }
    request
}

async fn send(
    connector: Connector,
    method: Method,
    (url, bearer, traceparent): (&str, Option<&str>, Option<&str>),
    body: Vec<u8>,
) -> Result<Answer> {
    let client: Client<Connector, Full<Bytes>> =
        Client::builder(TokioExecutor::new()).build(connector);
    let request = head(method, url, (bearer, traceparent));
    let request = request.body(Full::new(Bytes::from(body)))?;
    tokio::time::timeout(DEADLINE, async {
        let response =
            client.request(request).await.with_context(|| format!("{url} does not answer"))?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, BODY_BYTES_MAX)
            .collect()
            .await
            .map_err(anyhow::Error::from_boxed)?;
        Ok(Answer { status: head.status.as_u16(), headers: head.headers, body: body.to_bytes() })
    })
    .await
    .with_context(|| format!("{url} does not answer in time"))?
}

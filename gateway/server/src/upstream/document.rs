//! A document of somebody that the operator names, by the rules of connections that hold for attached agents.
//!
//! Decides how much of it is read. Must never follow a redirect, nor show a credential.

use bytes::Bytes;
use deploy_service::telemetry::chain;
use http::header::{ACCEPT, USER_AGENT};
use http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use tokio::time::{Instant, timeout_at};

use super::{AGENT, JSON, UpstreamClient};

/// The longest one. Arbitrary: identity providers have a few keys of some hundred bytes.
const BYTES_MAX: usize = 256 << 10;

impl UpstreamClient {
    /// The JSON document at a URL.
    ///
    /// # Errors
    /// There is none, and why, as the operator reads it.
    pub(crate) async fn document(&self, uri: &Uri, until: Instant) -> Result<Bytes, String> {
        let mut request = Request::new(Full::<Bytes>::default());
        *request.uri_mut() = uri.clone();
        request.headers_mut().insert(USER_AGENT, AGENT);
        request.headers_mut().insert(ACCEPT, JSON);
        let http = self.http.load_full();
        let answer = timeout_at(until, http.client.request(request)).await;
        let answer = answer.map_err(|_| "no answer in time".to_owned())?;
        let answer = answer.map_err(|error| chain(&error))?;
        if answer.status() != StatusCode::OK {
            return Err(format!("the answer has status {}", answer.status().as_u16()));
        }
        let body = Limited::new(answer.into_body(), BYTES_MAX).collect();
        let body = timeout_at(until, body).await;
        let body = body.map_err(|_| "not the whole answer in time".to_owned())?;
        body.map(|body| body.to_bytes()).map_err(|error| error.to_string())
    }
}

//! A delivery to a webhook, by the rules of connections that hold for attached agents.
//!
//! Decides how much of an answer is read. Must never follow a redirect, nor send anything twice: whoever asks does that.

use bytes::Bytes;
use deploy_service::telemetry::chain;
use http::Request;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::client::legacy::Client;
use tokio::time::{Instant, timeout_at};

use super::UpstreamClient;
use super::dial::Dialer;

/// What is read of an answer, so that its connection can be used again. Arbitrary: its status says all.
const ANSWER_BYTES_MAX: usize = 16 << 10;

impl UpstreamClient {
    /// Sends a request and reads the status of its answer.
    ///
    /// # Errors
    /// There is none, and why, as the operator reads it.
    pub(crate) async fn deliver(
        &self,
        request: Request<Full<Bytes>>,
        until: Instant,
    ) -> Result<u16, String> {
        posted(&self.http.load_full().client, request, until).await
    }
}

/// Sends a request over one of these connections and reads the status of its answer.
pub(super) async fn posted(
    client: &Client<Dialer, Full<Bytes>>,
    request: Request<Full<Bytes>>,
    until: Instant,
) -> Result<u16, String> {
    let answer = timeout_at(until, client.request(request)).await;
    let answer = answer.map_err(|_| "no answer in time".to_owned())?;
    let answer = answer.map_err(|error| chain(&error))?;
    let status = answer.status().as_u16();
    let rest = Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect();
    // A longer or broken one ends with its connection.
    let _ = timeout_at(until, rest).await;
    Ok(status)
}

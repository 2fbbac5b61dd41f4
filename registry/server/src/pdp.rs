//! The policy decision point over HTTP.
//!
//! It decides how long is waited and how much is read; `registry-api` decides what is asked and what
//! the answer means. It must never follow a redirect, and never take silence for consent unless the
//! operator has said so.

use std::time::Duration;

use axum::body::Body;
use http::header::CONTENT_TYPE;
use http::{Request, StatusCode, Uri};
use http_body_util::BodyExt as _;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use registry_api::Problem;
use registry_api::admission::decision::{self, ANSWER_BYTES_MAX, Verdict};
use tokio::time::timeout;

/// A policy engine and how it is asked.
#[derive(Clone, Debug)]
pub(crate) struct DecisionPoint {
    client: Client<HttpConnector, Body>,
    url: Uri,
    patience: Duration,
    fail_open: bool,
}

impl DecisionPoint {
    pub(crate) fn new(url: Uri, patience: Duration, fail_open: bool) -> Self {
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { client, url, patience, fail_open }
    }

    /// Asks, and holds if the answer is yes.
    pub(crate) async fn ask(&self, question: Vec<u8>) -> Result<(), Problem> {
        let verdict = match timeout(self.patience, self.answer(question)).await {
            Ok(Some(answer)) => decision::verdict(&answer),
            Ok(None) => Verdict::Unclear,
            Err(_) => {
                tracing::warn!(url = %self.url, "the policy decision point is silent");
                Verdict::Unclear
            }
        };
        decision::outcome(verdict, self.fail_open)
    }

    async fn answer(&self, question: Vec<u8>) -> Option<Vec<u8>> {
        let request = Request::post(self.url.clone()).header(CONTENT_TYPE, "application/json");
        let request = request.body(Body::from(question)).expect("the URL was checked at start");
        let answered = self.client.request(request).await;
        let response = answered.inspect_err(|error| {
            tracing::warn!(url = %self.url, %error, "the policy decision point is unreachable");
        });
        let response = response.ok().filter(|response| response.status() == StatusCode::OK)?;
        let limited = http_body_util::Limited::new(response.into_body(), ANSWER_BYTES_MAX);
        Some(limited.collect().await.ok()?.to_bytes().to_vec())
    }
}

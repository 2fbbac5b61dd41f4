//! The policy decision point over HTTP: when an answer counts as one. `registry-api` makes the question and reads the
//! answer. Silence or a redirect is consent only if the operator has said so.

use std::path::Path;

use axum::body::Bytes;
use deploy_service::{secret, telemetry};
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::Full;
use registry_api::Problem;
use registry_api::admission::decision::{self, ANSWER_BYTES_MAX, Dialect, Verdict};

use crate::config::admission::{Error, Pdp};
use crate::outward::Outward;

/// A policy engine and how it is asked.
#[derive(Debug)]
pub(crate) struct DecisionPoint {
    outward: Outward,
    url: Uri,
    bearer: Option<HeaderValue>,
    fail_open: bool,
    dialect: Dialect,
}

impl DecisionPoint {
    /// Reads its files.
    ///
    /// # Errors
    /// Settings that cannot hold, or a file that cannot be used.
    pub(crate) fn open(settings: &Pdp) -> Result<Self, Error> {
        let (extra_ca, patience) = (settings.extra_ca_file.clone(), settings.timeout.std());
        Ok(Self {
            outward: Outward::open(extra_ca, patience, ANSWER_BYTES_MAX)?,
            url: settings.uri()?,
            bearer: settings.token_file.as_deref().map(bearer).transpose()?,
            fail_open: settings.fail_open,
            dialect: settings.dialect.into(),
        })
    }

    /// In which words it is asked.
    pub(crate) fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Whether its silence counts as consent.
    pub(crate) fn fails_open(&self) -> bool {
        self.fail_open
    }

    /// Asks, and holds if the answer is yes.
    pub(crate) async fn ask(&self, question: Vec<u8>) -> Result<(), Problem> {
        let verdict = match self.outward.ask(self.request(question)).await {
            Ok(answer) if answer.status() == StatusCode::OK => decision::verdict(answer.body()),
            Ok(answer) => self.unclear(&format!("it answers {}", answer.status())),
            Err(silence) => self.unclear(&telemetry::chain(&silence)),
        };
        decision::outcome(verdict, self.fail_open)
    }

    fn request(&self, question: Vec<u8>) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::from(question));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.url.clone();
        let json = HeaderValue::from_static("application/json");
        request.headers_mut().insert(CONTENT_TYPE, json);
        let bearer = self.bearer.iter().map(|bearer| (AUTHORIZATION, bearer.clone()));
        request.headers_mut().extend(bearer);
        request
    }

    fn unclear(&self, why: &str) -> Verdict {
        tracing::warn!(url = %self.url, why, "the policy decision point gives no decision");
        Verdict::Unclear
    }
}

fn bearer(path: &Path) -> Result<HeaderValue, Error> {
    let token = secret::read(path)?;
    let value = HeaderValue::from_str(&format!("Bearer {}", token.expose()));
    let mut value = value.map_err(|_| Error::Token(path.to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
}

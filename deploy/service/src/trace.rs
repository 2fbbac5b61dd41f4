//! Spans: what a process does for one request, and whose request it was a part of.
//!
//! It decides how the W3C context (Trace Context) is read and sent, and that a part is recorded only inside of something
//! that is. Where nothing is exported a span is nothing, and costs one look at a variable. It must never hold a secret, nor
//! take a name for a span out of a request: there would be no end of them.

use std::borrow::Cow;
use std::pin::Pin;
use std::sync::OnceLock;
use std::task::{Context as Waker, Poll};

use axum::body::Body;
use axum::response::Response;
use futures_util::future::Either;
use hyper::Request;
use hyper::body::{self, Body as _, Frame, SizeHint};
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::context::{FutureExt as _, WithContext};
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator as _};
use opentelemetry::trace::{SpanKind, Status, TraceContextExt as _, Tracer as _};
use opentelemetry::{Context, KeyValue, Value};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracer;

const TRACEPARENT: &str = "traceparent";

/// Vendors pass on 512 characters of it at least (Trace Context, 3.3.1.5); of more nothing is passed on.
const TRACESTATE_BYTES_MAX: usize = 512;

/// What asks every few seconds whether a process is well. Nobody reads its traces.
const UNTRACED: [&str; 7] = [
    "/livez",
    "/readyz",
    "/healthz",
    "/metrics",
    "/v1/health",
    "/v1/metrics",
    "/grpc.health.v1.Health/Check",
];

/// Set once, where traces are exported.
static TRACER: OnceLock<SdkTracer> = OnceLock::new();

/// Records from now on. Only the first call counts.
pub(crate) fn begin(tracer: SdkTracer) {
    // Only a test starts twice in one process.
    let _ = TRACER.set(tracer);
}

/// Whether anything is recorded.
#[must_use]
pub fn is_on() -> bool {
    TRACER.get().is_some()
}

/// A span under way, or nothing. It ends with the last of its clones and of what it was lent to.
#[derive(Clone, Debug, Default)]
pub struct Span(Option<Context>);

impl Span {
    /// What is done for a request: a part of its caller's trace, or the beginning of one.
    #[must_use]
    pub fn server<B>(name: &'static str, request: &Request<B>) -> Self {
        let Some(tracer) = TRACER.get() else { return Self(None) };
        if UNTRACED.contains(&request.uri().path()) {
            return Self(None);
        }
        let headers = Headers(request.headers());
        let parent = TraceContextPropagator::new().extract_with_context(&Context::new(), &headers);
        Self::start(tracer, (name, SpanKind::Server), &parent)
    }

    /// What is done later for who has left this context; nothing if that is none.
    #[must_use]
    pub fn consumer(name: &'static str, traceparent: &str) -> Self {
        let Some(tracer) = TRACER.get() else { return Self(None) };
        let left = Left(traceparent);
        let parent = TraceContextPropagator::new().extract_with_context(&Context::new(), &left);
        if !parent.has_active_span() {
            return Self(None);
        }
        Self::start(tracer, (name, SpanKind::Consumer), &parent)
    }

    /// A call to somebody else, as a part of the current span; nothing outside of one.
    #[must_use]
    pub fn client(name: &'static str) -> Self {
        Self::current().below(name, SpanKind::Client)
    }

    /// A part of this span that happens in this process.
    #[must_use]
    pub fn part(&self, name: &'static str) -> Self {
        self.below(name, SpanKind::Internal)
    }

    /// That in which the caller is.
    #[must_use]
    pub fn current() -> Self {
        if !is_on() {
            return Self(None);
        }
        let current = Context::current();
        Self(current.has_active_span().then_some(current))
    }

    fn below(&self, name: &'static str, kind: SpanKind) -> Self {
        match (TRACER.get(), &self.0) {
            (Some(tracer), Some(parent)) => Self::start(tracer, (name, kind), parent),
            _ => Self(None),
        }
    }

    fn start(tracer: &SdkTracer, (name, kind): (&'static str, SpanKind), parent: &Context) -> Self {
        let span = tracer.span_builder(name).with_kind(kind).start_with_context(tracer, parent);
        Self(Some(parent.with_span(span)))
    }

    /// Whether anybody will see what is said of it.
    #[must_use]
    pub fn is_recording(&self) -> bool {
        self.0.as_ref().is_some_and(|context| context.span().is_recording())
    }

    /// The trace that it is a part of, if that is kept: by this one its reader finds it.
    #[must_use]
    pub fn trace_id(&self) -> Option<String> {
        let context = self.0.as_ref()?.span().span_context().clone();
        context.is_sampled().then(|| context.trace_id().to_string())
    }

    /// Says something of it. Texts that come from elsewhere are bounded by who gives them.
    pub fn set(&self, key: &'static str, value: impl Into<Value>) {
        if let Some(context) = &self.0 {
            context.span().set_attribute(KeyValue::new(key, value));
        }
    }

    /// Names it, once it is known what it is.
    pub fn rename(&self, name: &'static str) {
        if let Some(context) = &self.0 {
            context.span().update_name(name);
        }
    }

    /// It has failed: who looks for failures finds it.
    pub fn fail(&self, why: impl Into<Cow<'static, str>>) {
        if let Some(context) = &self.0 {
            context.span().set_status(Status::error(why));
        }
    }

    /// Has a future, and what it calls, happen inside of it.
    pub fn scope<F: Future>(&self, future: F) -> Either<WithContext<F>, F> {
        match &self.0 {
            Some(context) => Either::Left(future.with_context(context.clone())),
            None => Either::Right(future),
        }
    }

    /// Does something inside of it.
    pub fn within<T>(&self, act: impl FnOnce() -> T) -> T {
        let _current = self.0.clone().map(Context::attach);
        act()
    }

    /// Lasts until the answer is sent, which is made inside of it as far as that happens meanwhile.
    #[must_use]
    pub fn until_sent(self, response: Response) -> Response {
        if self.0.is_none() || response.body().is_end_stream() {
            return response;
        }
        response.map(|body| Body::new(Sent { body, span: self }))
    }
}

/// Sends the current span's context along: to be continued there. What was in these headers of another one is
/// replaced; outside of a span it stays.
pub fn inject(headers: &mut HeaderMap) {
    if is_on() {
        let current = Context::current();
        TraceContextPropagator::new().inject_context(&current, &mut HeadersMut(headers));
    }
}

/// The current span's context, to be kept for who continues it later. Nothing of a trace that nobody records.
#[must_use]
pub fn traceparent() -> Option<String> {
    TRACER.get()?;
    let current = Context::current();
    if !current.span().span_context().is_sampled() {
        return None;
    }
    let mut headers = HeaderMap::new();
    TraceContextPropagator::new().inject_context(&current, &mut HeadersMut(&mut headers));
    headers.get(TRACEPARENT)?.to_str().ok().map(str::to_owned)
}

/// A body that is read inside of its span.
struct Sent {
    body: Body,
    span: Span,
}

impl body::Body for Sent {
    type Data = <Body as body::Body>::Data;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        waker: &mut Waker<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, axum::Error>>> {
        let _current = self.span.0.clone().map(Context::attach);
        Pin::new(&mut self.body).poll_frame(waker)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        let value = self.0.get(key)?.to_str().ok()?;
        (key == TRACEPARENT || value.len() <= TRACESTATE_BYTES_MAX).then_some(value)
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}

/// A context that was kept.
struct Left<'a>(&'a str);

impl Extractor for Left<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        (key == TRACEPARENT).then_some(self.0)
    }

    fn keys(&self) -> Vec<&str> {
        vec![TRACEPARENT]
    }
}

struct HeadersMut<'a>(&'a mut HeaderMap);

impl Injector for HeadersMut<'_> {
    fn set(&mut self, key: &str, value: String) {
        let name = HeaderName::from_bytes(key.as_bytes());
        let (Ok(name), Ok(text)) = (name, HeaderValue::try_from(value)) else { return };
        // A state that holds nothing is no header, nor is that of another trace.
        match text.is_empty() {
            true => drop(self.0.remove(name)),
            false => drop(self.0.insert(name, text)),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;

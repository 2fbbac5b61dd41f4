//! Spans as an exporter sees them, where one is there.

use std::sync::{Arc, Mutex};

use opentelemetry::trace::{SpanId, TraceId, TracerProvider as _};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};

use super::*;

const CALLER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const UNSAMPLED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";

/// Keeps what has ended.
#[derive(Clone, Debug, Default)]
struct Kept(Arc<Mutex<Vec<SpanData>>>);

impl SpanExporter for Kept {
    fn export(&self, batch: Vec<SpanData>) -> impl Future<Output = OTelSdkResult> + Send {
        self.0.lock().unwrap().extend(batch);
        std::future::ready(Ok(()))
    }
}

/// The spans of a process are exported to one place: the tests of this file take turns.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

fn exporting() -> Kept {
    static KEPT: OnceLock<Kept> = OnceLock::new();
    let kept = KEPT.get_or_init(|| {
        let kept = Kept::default();
        let provider = SdkTracerProvider::builder().with_simple_exporter(kept.clone()).build();
        begin(provider.tracer("test"));
        kept
    });
    kept.0.lock().unwrap().clear();
    kept.clone()
}

fn request(path: &str, traceparent: &str) -> Request<()> {
    Request::get(path).header(TRACEPARENT, traceparent).body(()).unwrap()
}

fn trace_of(text: &str) -> TraceId {
    TraceId::from_hex(text.split('-').nth(1).unwrap()).unwrap()
}

#[tokio::test]
async fn a_span_continues_its_callers_trace_and_its_parts_are_below_it() {
    let _alone = ALONE.lock().await;
    let kept = exporting();
    let span = Span::server("request", &request("/", CALLER));
    span.rename("SendMessage");
    let sent = span
        .scope(async {
            tokio::task::yield_now().await;
            let call = Span::client("registry.submit_task");
            let sent = call.scope(async {
                let mut headers = HeaderMap::new();
                headers.insert(TRACEPARENT, HeaderValue::from_static(UNSAMPLED));
                headers.insert("tracestate", HeaderValue::from_static("of=another"));
                inject(&mut headers);
                (headers, traceparent())
            });
            sent.await
        })
        .await;
    drop(span);
    let spans = kept.0.lock().unwrap().clone();
    let names: Vec<&str> = spans.iter().map(|span| &*span.name).collect();
    assert_eq!(names, ["registry.submit_task", "SendMessage"]);
    let (call, server) = (&spans[0], &spans[1]);
    assert_eq!(server.span_context.trace_id(), trace_of(CALLER));
    assert_eq!(server.parent_span_id, SpanId::from_hex("00f067aa0ba902b7").unwrap());
    assert!(server.parent_span_is_remote);
    assert_eq!(call.parent_span_id, server.span_context.span_id());
    let own = call.span_context.span_id();
    let expected = format!("00-{}-{own}-01", trace_of(CALLER));
    assert_eq!(sent.0[TRACEPARENT], expected, "what was there is replaced");
    assert!(!sent.0.contains_key("tracestate"));
    assert_eq!(sent.1, Some(expected));
}

#[tokio::test]
async fn what_is_outside_of_a_span_or_asks_for_health_or_is_not_sampled_is_not_recorded() {
    let _alone = ALONE.lock().await;
    let kept = exporting();
    assert!(Span::client("registry.get_task").0.is_none());
    assert!(Span::server("request", &request("/readyz", CALLER)).0.is_none());
    assert!(Span::consumer("task", "").0.is_none());
    assert_eq!(traceparent(), None);
    let unsampled = Span::server("request", &request("/", UNSAMPLED));
    let (kept_for_later, mut headers) = (unsampled.within(traceparent), HeaderMap::new());
    assert_eq!(kept_for_later, None);
    unsampled.within(|| inject(&mut headers));
    assert!(headers[TRACEPARENT].to_str().unwrap().ends_with("-00"), "its callers decided");
    drop(unsampled);
    assert!(kept.0.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_span_lasts_until_its_answer_is_sent() {
    let _alone = ALONE.lock().await;
    let kept = exporting();
    let span = Span::server("request", &request("/", CALLER));
    let answer = span.until_sent(Response::new(Body::from("text")));
    assert!(kept.0.lock().unwrap().is_empty());
    let body = http_body_util::BodyExt::collect(answer.into_body()).await.unwrap();
    assert_eq!(body.to_bytes(), "text");
    assert_eq!(kept.0.lock().unwrap().len(), 1);
}

#[test]
fn a_state_that_is_too_long_is_left_out_and_its_trace_is_not() {
    let mut headers = HeaderMap::new();
    headers.insert(TRACEPARENT, HeaderValue::from_static(CALLER));
    for (length, is_kept) in [(500, true), (600, false)] {
        let state = format!("a={}", "x".repeat(length));
        headers.insert("tracestate", HeaderValue::try_from(state).unwrap());
        let read = Headers(&headers);
        assert!(read.get(TRACEPARENT).is_some());
        assert_eq!(read.get("tracestate").is_some(), is_kept);
    }
}

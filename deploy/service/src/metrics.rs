//! Figures of a process, as Prometheus reads them: OpenMetrics, with exemplars, for who asks for it, and else the text format
//! 0.0.4 (docs/decisions/0065-metrics.md).
//!
//! It decides how figures are written. It must never have a label that a client has made up: labels are words of our own code, so
//! that their number is bounded.

mod export;
mod formats;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use axum::body::Body;
use axum::response::Response;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::exemplar::HistogramWithExemplars;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

pub(crate) use self::export::begin;
pub use self::export::export;
use self::formats::{plain, takes_open};

const OPEN_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const PLAIN_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Upper bounds in seconds: from a refusal to a task that takes minutes.
const BUCKETS: [f64; 16] = [
    0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
    300.0,
];

/// Up to here each whole number is exact.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

/// What a number says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// How often something happened since the process began.
    Counter,
    /// How much there is of something.
    Gauge,
}

/// One number. Those of one name stand together.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// Its name, without the role's; that of a counter ends in `_total`.
    pub name: &'static str,
    /// What it says.
    pub kind: Kind,
    /// A sentence.
    pub help: &'static str,
    /// What tells it from others of its name.
    pub labels: Vec<(&'static str, &'static str)>,
    /// The number; a count is exact up to 2^53.
    pub value: f64,
}

impl Figure {
    /// How much there is of something.
    #[must_use]
    pub const fn gauge(name: &'static str, help: &'static str, value: f64) -> Self {
        Self { name, kind: Kind::Gauge, help, labels: Vec::new(), value }
    }

    /// How often something happened.
    #[must_use]
    pub const fn counter(name: &'static str, help: &'static str, value: u64) -> Self {
        Self { name, kind: Kind::Counter, help, labels: Vec::new(), value: value as f64 }
    }

    /// The same as it stands now.
    #[must_use]
    pub fn count(name: &'static str, help: &'static str, value: &AtomicU64) -> Self {
        Self::counter(name, help, value.load(Ordering::Relaxed))
    }

    /// The same of one among others.
    #[must_use]
    pub fn of(self, labels: &[(&'static str, &'static str)]) -> Self {
        Self { labels: labels.to_vec(), ..self }
    }

    /// The name of its family, as OpenMetrics has it, and its type.
    fn described(&self) -> (&'static str, MetricType) {
        match self.kind {
            Kind::Counter => {
                (self.name.strip_suffix("_total").unwrap_or(self.name), MetricType::Counter)
            }
            Kind::Gauge => (self.name, MetricType::Gauge),
        }
    }

    fn write(&self, metric: &mut MetricEncoder<'_>) -> fmt::Result {
        match (self.kind, whole(self.value)) {
            (Kind::Counter, Some(count)) => {
                metric.encode_counter::<NoLabelSet, u64, u64>(&count.unsigned_abs(), None)
            }
            (Kind::Counter, None) => {
                metric.encode_counter::<NoLabelSet, f64, f64>(&self.value, None)
            }
            (Kind::Gauge, Some(level)) => metric.encode_gauge(&level),
            (Kind::Gauge, None) => metric.encode_gauge(&self.value),
        }
    }
}

/// A number without a fraction, to be written as such.
fn whole(value: f64) -> Option<i64> {
    (value.fract() == 0.0 && value.abs() < EXACT_MAX).then_some(value as i64)
}

/// Figures as they stand at one time.
#[derive(Debug)]
struct Listed(Vec<Figure>);

impl Collector for Listed {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for family in self.0.chunk_by(|one, next| one.name == next.name) {
            let (name, kind) = family[0].described();
            let mut metric = encoder.encode_descriptor(name, family[0].help, None, kind)?;
            for figure in family {
                match figure.labels.is_empty() {
                    true => figure.write(&mut metric)?,
                    false => figure.write(&mut metric.encode_family(&figure.labels)?)?,
                }
            }
        }
        Ok(())
    }
}

type Route = [(&'static str, &'static str); 1];
type Timed = HistogramWithExemplars<[(&'static str, String); 1]>;

/// From each request to the beginning of its answer, by route. Clones are one.
#[derive(Clone, Debug)]
pub struct Durations(Family<Route, Timed>);

impl Default for Durations {
    fn default() -> Self {
        let timed: fn() -> Timed = || HistogramWithExemplars::new(BUCKETS.into_iter());
        Self(Family::new_with_constructor(timed))
    }
}

impl Durations {
    /// One request, and its trace if that is kept.
    pub fn observe(&self, route: &'static str, took: Duration, trace_id: Option<String>) {
        export::observe(route, took.as_secs_f64());
        let at = trace_id.is_some().then(SystemTime::now);
        let exemplar = trace_id.map(|id| [("trace_id", id)]);
        self.0.get_or_create(&[("route", route)]).observe(took.as_secs_f64(), exemplar, at);
    }
}

/// The answer with all of these figures of a role, in the format that is asked for.
#[must_use]
pub fn answer(
    role: &str,
    figures: Vec<Figure>,
    durations: Option<&Durations>,
    asked: &HeaderMap,
) -> Response {
    let text = open(role, figures, durations);
    let (text, kind) = match takes_open(asked) {
        true => (text, OPEN_TYPE),
        false => (plain(&text), PLAIN_TYPE),
    };
    let mut response = Response::new(Body::from(text));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn open(role: &str, figures: Vec<Figure>, durations: Option<&Durations>) -> String {
    let mut registry = Registry::with_prefix(format!("ecumene_{role}"));
    if let Some(Durations(family)) = durations {
        // A full stop is added.
        let help = "From each request to the beginning of its answer, by route";
        registry.register("request_duration_seconds", help, family.clone());
    }
    registry.register_collector(Box::new(Listed(figures)));
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = encode(&mut text, &registry);
    text
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use hyper::header::ACCEPT;

    use super::*;

    fn figures() -> Vec<Figure> {
        let requests = |value| Figure::counter("requests_total", "Requests.", value);
        vec![
            requests(3).of(&[("route", "call"), ("outcome", "ok")]),
            requests(0).of(&[("route", "card"), ("outcome", "ok")]),
            Figure::gauge("peers", "Peers.", 2.0),
            Figure::gauge("clock_off_seconds", "Seconds.", 0.25),
            Figure::gauge("state_age_seconds", "Seconds.", f64::NAN),
        ]
    }

    fn timed() -> Durations {
        let durations = Durations::default();
        durations.observe("call", Duration::from_millis(3), None);
        durations.observe("call", Duration::from_millis(30), Some("0af7651916cd43dd".to_owned()));
        durations
    }

    #[test]
    fn open_metrics_has_the_traces_of_slow_requests() {
        let text = open("gateway", figures(), Some(&timed()));
        for line in [
            "# TYPE ecumene_gateway_request_duration_seconds histogram",
            "ecumene_gateway_request_duration_seconds_count{route=\"call\"} 2",
            "ecumene_gateway_request_duration_seconds_bucket{le=\"0.005\",route=\"call\"} 1",
            "# TYPE ecumene_gateway_requests counter",
            "ecumene_gateway_requests_total{route=\"call\",outcome=\"ok\"} 3",
            "ecumene_gateway_peers 2",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        let exemplar =
            "_bucket{le=\"0.05\",route=\"call\"} 2 # {trace_id=\"0af7651916cd43dd\"} 0.03 ";
        assert!(text.contains(exemplar), "{text}");
        assert!(text.ends_with("# EOF\n"), "{text}");
    }

    #[test]
    fn the_older_format_says_the_same_without_exemplars() {
        let older = plain(&open("gateway", figures(), Some(&timed())));
        assert!(older.contains("_bucket{le=\"+Inf\",route=\"call\"} 2\n"), "{older}");
        assert!(!older.contains("trace_id") && !older.contains("EOF"), "{older}");
        let rest = plain(&open("gateway", figures(), None));
        assert_eq!(
            rest,
            "# HELP ecumene_gateway_requests_total Requests.\n\
             # TYPE ecumene_gateway_requests_total counter\n\
             ecumene_gateway_requests_total{route=\"call\",outcome=\"ok\"} 3\n\
             ecumene_gateway_requests_total{route=\"card\",outcome=\"ok\"} 0\n\
             # HELP ecumene_gateway_peers Peers.\n\
             # TYPE ecumene_gateway_peers gauge\n\
             ecumene_gateway_peers 2\n\
             # HELP ecumene_gateway_clock_off_seconds Seconds.\n\
             # TYPE ecumene_gateway_clock_off_seconds gauge\n\
             ecumene_gateway_clock_off_seconds 0.25\n\
             # HELP ecumene_gateway_state_age_seconds Seconds.\n\
             # TYPE ecumene_gateway_state_age_seconds gauge\n\
             ecumene_gateway_state_age_seconds NaN\n"
        );
    }

    #[test]
    fn who_asks_for_open_metrics_gets_it_and_nobody_else() {
        let prometheus = "application/openmetrics-text;version=1.0.0;q=0.5,\
                          application/openmetrics-text;version=0.0.1;q=0.4,\
                          text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        for (accept, is_open) in [
            (Some(prometheus), true),
            (Some("application/openmetrics-text"), true),
            (Some("text/plain, application/openmetrics-text;q=0.9"), false),
            (Some("application/openmetrics-text;q=0"), false),
            (Some("application/openmetrics-text;q=x"), false),
            (Some("*/*"), false),
            (None, false),
        ] {
            let mut asked = HeaderMap::new();
            if let Some(accept) = accept {
                asked.insert(ACCEPT, accept.parse().unwrap());
            }
            let answer = answer("gateway", figures(), None, &asked);
            let expected = if is_open { OPEN_TYPE } else { PLAIN_TYPE };
            assert_eq!(answer.headers()[CONTENT_TYPE], expected, "{accept:?}");
        }
    }
}

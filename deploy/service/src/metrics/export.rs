//! The same figures on their way to a collector: an observable instrument for each name, and a histogram of requests.
//!
//! It decides how they are named there. It must never keep what it tells of from ending: a process that stops is told of as it
//! was last.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use opentelemetry::KeyValue;
use opentelemetry::metrics::{AsyncInstrument, Histogram, Meter};

use super::{BUCKETS, Figure, Kind};

/// Set once, where metrics are exported.
static METER: OnceLock<Meter> = OnceLock::new();
static DURATIONS: OnceLock<Histogram<f64>> = OnceLock::new();

/// The figures of one collection are of one moment.
const MOMENT: Duration = Duration::from_secs(1);

/// Exports from now on what [`export`] is told. Only the first call counts.
pub(crate) fn begin(meter: Meter) {
    // Only a test starts twice in one process.
    let _ = METER.set(meter);
}

/// Exports the figures of a role for as long as there are any; nothing where no collector is named. What has no figure of its name
/// yet is not exported.
pub fn export(role: &str, figures: impl Fn() -> Option<Vec<Figure>> + Send + Sync + 'static) {
    if let Some(meter) = METER.get() {
        with(meter, role, figures);
    }
}

fn with(
    meter: &Meter,
    role: &str,
    figures: impl Fn() -> Option<Vec<Figure>> + Send + Sync + 'static,
) {
    let first = figures().unwrap_or_default();
    let durations = meter.f64_histogram(format!("ecumene_{role}_request_duration_seconds"));
    let durations = durations.with_unit("s").with_boundaries(BUCKETS.to_vec()).build();
    // Only a test starts twice in one process.
    let _ = DURATIONS.set(durations);
    let last = Mutex::new((Instant::now(), first.clone()));
    let source = Arc::new(Source { figures, last });
    for family in first.chunk_by(|one, next| one.name == next.name) {
        instrument(meter, role, &family[0], &source);
    }
}

fn instrument<F>(meter: &Meter, role: &str, first: &Figure, source: &Arc<Source<F>>)
where
    F: Fn() -> Option<Vec<Figure>> + Send + Sync + 'static,
{
    let (name, source) = (first.name, Arc::clone(source));
    let observe = move |observer: &dyn AsyncInstrument<f64>| source.observe(name, observer);
    // A collector adds `_total` where it is usual.
    let named = format!("ecumene_{role}_{}", first.described().0);
    match first.kind {
        Kind::Counter => {
            let counter = meter.f64_observable_counter(named).with_description(first.help);
            let _ = counter.with_callback(observe).build();
        }
        Kind::Gauge => {
            let gauge = meter.f64_observable_gauge(named).with_description(first.help);
            let _ = gauge.with_callback(observe).build();
        }
    }
}

/// Times one request.
pub(super) fn observe(route: &'static str, seconds: f64) {
    if let Some(durations) = DURATIONS.get() {
        durations.record(seconds, &[KeyValue::new("route", route)]);
    }
}

/// Where figures are from, and those that were there last.
struct Source<F> {
    figures: F,
    last: Mutex<(Instant, Vec<Figure>)>,
}

impl<F: Fn() -> Option<Vec<Figure>>> Source<F> {
    fn observe(&self, name: &'static str, observer: &dyn AsyncInstrument<f64>) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.0.elapsed() >= MOMENT
            && let Some(now) = (self.figures)()
        {
            *last = (Instant::now(), now);
        }
        for figure in last.1.iter().filter(|figure| figure.name == name) {
            let labels = figure.labels.iter().map(|(name, value)| KeyValue::new(*name, *value));
            observer.observe(figure.value, &labels.collect::<Vec<_>>());
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use opentelemetry::metrics::MeterProvider as _;
    use opentelemetry_sdk::error::OTelSdkResult;
    use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData, ResourceMetrics};
    use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
    use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider, Temporality};

    use super::*;

    /// Keeps what it was told: each name, with the numbers of its figures.
    #[derive(Clone, Debug, Default)]
    struct Kept(Arc<Mutex<Vec<Exported>>>);

    type Exported = (String, Vec<f64>);

    impl PushMetricExporter for Kept {
        fn export(&self, metrics: &ResourceMetrics) -> impl Future<Output = OTelSdkResult> + Send {
            let told =
                metrics.scope_metrics().flat_map(|scope| scope.metrics()).filter_map(|metric| {
                    let values = match metric.data() {
                        AggregatedMetrics::F64(MetricData::Sum(sum)) => {
                            sum.data_points().map(|point| point.value()).collect()
                        }
                        AggregatedMetrics::F64(MetricData::Gauge(gauge)) => {
                            gauge.data_points().map(|point| point.value()).collect()
                        }
                        // Other tests of this process may have timed requests.
                        _ => return None,
                    };
                    Some((metric.name().to_owned(), values))
                });
            *self.0.lock().unwrap() = told.collect();
            std::future::ready(Ok(()))
        }

        fn force_flush(&self) -> OTelSdkResult {
            Ok(())
        }

        fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
            Ok(())
        }

        fn temporality(&self) -> Temporality {
            Temporality::Cumulative
        }
    }

    #[test]
    fn a_collector_is_told_what_prometheus_reads() {
        let kept = Kept::default();
        let reader = PeriodicReader::builder(kept.clone()).build();
        let provider = SdkMeterProvider::builder().with_reader(reader).build();
        let figures = || {
            let requests = Figure::counter("requests_total", "Requests.", 3);
            let peers = Figure::gauge("peers", "Peers.", 2.0);
            let of = |route| requests.clone().of(&[("route", route)]);
            Some(vec![of("call"), of("card"), peers])
        };
        with(&provider.meter("test"), "gateway", figures);
        provider.force_flush().unwrap();
        let mut told = kept.0.lock().unwrap().clone();
        told.sort_by(|one, other| one.0.cmp(&other.0));
        let name = |name: &str| format!("ecumene_gateway_{name}");
        assert_eq!(told, [(name("peers"), vec![2.0]), (name("requests"), vec![3.0, 3.0])]);
    }
}

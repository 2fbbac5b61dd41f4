//! Traces, logs and metrics on their way to an OpenTelemetry collector: OTLP over gRPC (docs/decisions/0050-opentelemetry.md).
//!
//! It decides what a process says of itself, how much waits to be sent, and for how long at the end. It must never hold up
//! what it tells of: what finds no room is dropped, and a collector that is away is logged, at most once a minute. Nor may it
//! send what sending has logged.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::MeterProvider as _;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_otlp::{
    ExporterBuildError, LogExporter, MetricExporter, SpanExporter, WithExportConfig as _,
    WithTonicConfig as _,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::{self, BatchLogProcessor, SdkLogger, SdkLoggerProvider};
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::trace::{self, BatchSpanProcessor, Sampler, SdkTracerProvider};
use serde::Deserialize;
use tonic::metadata::{Ascii, MetadataKey, MetadataMap, MetadataValue};
use tonic::transport::{Channel, Endpoint};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use crate::settings::Setting;
use crate::tls::{self, ClientFiles, Connector};
use crate::{config, secret};

/// Spans, and lines of the log, that wait to be sent; more are dropped. Some MiB at most. Arbitrary.
const QUEUE: usize = 4_096;
/// As many in one message: far below the 4 MiB that a collector takes.
const BATCH: usize = 512;
/// What is fewer waits so long: a trace is seen while its reader still looks for it.
const EVERY: Duration = Duration::from_secs(1);
/// From one message with figures to the next.
const FIGURES_EVERY: Duration = Duration::from_secs(10);
/// For one message. Nothing but the sender waits for it.
const SEND_TIMEOUT: Duration = Duration::from_secs(5);
/// For what is left at the end, of each kind: a part of `shutdown::CLOSING_MAX`.
const FLUSH_MAX: Duration = Duration::from_secs(2);

/// What sending logs, in its own words or in those of what it stands on.
const OF_SENDING: [&str; 7] = ["opentelemetry", "tonic", "h2", "hyper", "tower", "rustls", "tokio"];

/// The section `telemetry` of every role.
#[derive(Clone, Debug, PartialEq, Deserialize, Setting)]
#[serde(default, deny_unknown_fields)]
pub struct Otlp {
    /// The OpenTelemetry collector that gets traces, the log besides stderr, and the figures of a gateway, in OTLP over gRPC:
    /// `https://host:port`, or `http://` on loopback. Without one nothing is recorded.
    pub otlp_endpoint: Option<String>,
    /// How the collector is verified, and the certificate that is shown to it: `{ ca = "..", cert = "..", key = ".." }`. The
    /// authorities in `ca` count beside the public ones.
    pub otlp_tls: Option<ClientFiles>,
    /// A header that is shown to the collector: the file holds `name: value`.
    pub otlp_header_secret_file: Option<PathBuf>,
    /// Which share of the traces that begin here is recorded, from 0 to 1. Where a caller sends a `traceparent`, its flag says
    /// whether its trace is.
    pub sample_ratio: f64,
}

impl Default for Otlp {
    fn default() -> Self {
        Self {
            otlp_endpoint: None,
            otlp_tls: None,
            otlp_header_secret_file: None,
            sample_ratio: 1.0,
        }
    }
}

/// Why nothing can be sent.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The URL is none.
    #[error("telemetry.otlp_endpoint")]
    Endpoint(#[from] tonic::transport::Error),
    /// The collector cannot be verified.
    #[error("telemetry.otlp_tls")]
    Tls(#[from] tls::Error),
    /// The header's file cannot be used.
    #[error("telemetry.otlp_header_secret_file")]
    Secret(#[from] secret::Error),
    /// It holds something else.
    #[error("telemetry.otlp_header_secret_file: {} does not hold `name: value`", .0.display())]
    Header(PathBuf),
    /// The exporter does not take its environment.
    #[error("the exporter of telemetry cannot be made")]
    Exporter(#[from] ExporterBuildError),
}

impl Otlp {
    /// The first setting that cannot hold, in words.
    pub(crate) fn contradiction(&self) -> Option<String> {
        if !(0.0..=1.0).contains(&self.sample_ratio) {
            return Some("telemetry.sample_ratio: a number from 0 to 1".to_owned());
        }
        let endpoint = self.otlp_endpoint.as_ref()?;
        let uri = endpoint.parse::<hyper::Uri>().ok();
        let why = match uri.as_ref().map(|uri| (uri.scheme_str(), uri.host())) {
            Some((Some("https"), Some(_))) => return None,
            Some((Some("http"), Some(host))) if !is_elsewhere(host) => return None,
            Some((Some("http"), Some(_))) => "is no loopback address, and needs https",
            _ => "is no http or https URL",
        };
        Some(format!("telemetry.otlp_endpoint: `{endpoint}` {why}"))
    }

    /// What is wrong with its files, in words.
    pub(crate) fn mismatch(&self) -> Option<String> {
        let tls = || config::mismatch("telemetry.otlp_tls", self.connector());
        let read = || self.header().err().map(|error| super::chain(&error));
        self.otlp_endpoint.as_ref().and_then(|_| tls().or_else(read))
    }

    fn connector(&self) -> Result<Connector, tls::Error> {
        match self.otlp_tls.clone() {
            Some(files) => Connector::public_showing(files),
            None => Connector::public(None),
        }
    }

    fn header(&self) -> Result<MetadataMap, Error> {
        let mut shown = MetadataMap::new();
        if let Some(path) = &self.otlp_header_secret_file {
            let secret = secret::read(path)?;
            let (name, value) = header(secret.expose()).ok_or_else(|| not_a_header(path))?;
            shown.insert(name, value);
        }
        Ok(shown)
    }

    /// Connects when something is sent first.
    fn channel(&self, endpoint: &str) -> Result<Channel, Error> {
        let endpoint = Endpoint::from_shared(endpoint.to_owned())?;
        let endpoint = endpoint.connect_timeout(SEND_TIMEOUT).timeout(SEND_TIMEOUT);
        Ok(endpoint.connect_with_connector_lazy(self.connector()?))
    }
}

/// Whether the host is an address of another machine. Where a name leads is known when it is called, and refused then.
fn is_elsewhere(host: &str) -> bool {
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    address.is_ok_and(|address| !address.to_canonical().is_loopback())
}

fn header(text: &str) -> Option<(MetadataKey<Ascii>, MetadataValue<Ascii>)> {
    let (name, value) = text.split_once(':')?;
    let name = MetadataKey::from_bytes(name.trim().to_ascii_lowercase().as_bytes()).ok()?;
    let mut value: MetadataValue<Ascii> = value.trim().parse().ok()?;
    value.set_sensitive(true);
    Some((name, value))
}

fn not_a_header(path: &Path) -> Error {
    Error::Header(path.to_owned())
}

/// What sends, in threads of its own.
#[derive(Debug)]
pub struct Exporters {
    traces: SdkTracerProvider,
    logs: SdkLoggerProvider,
    metrics: SdkMeterProvider,
}

impl Exporters {
    /// Of a process of this role and this name; none where no collector is named. Spans are recorded from now on. To be
    /// called in a runtime, which has to outlive it.
    ///
    /// # Errors
    /// Every [`Error`].
    pub fn open(settings: &Otlp, role: &str, instance: String) -> Result<Option<Self>, Error> {
        let Some(endpoint) = &settings.otlp_endpoint else { return Ok(None) };
        let (channel, header) = (settings.channel(endpoint)?, settings.header()?);
        let resource = Resource::builder()
            .with_service_name(format!("ecumene-{role}"))
            .with_attributes([
                KeyValue::new("service.instance.id", instance),
                KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
            ])
            .build();
        let traces = traces((channel.clone(), header.clone()), settings.sample_ratio, &resource)?;
        let logs = logs((channel.clone(), header.clone()), resource.clone())?;
        let metrics = metrics((channel, header), resource)?;
        crate::trace::begin(traces.tracer("ecumene"));
        crate::metrics::begin(metrics.meter("ecumene"));
        Ok(Some(Self { traces, logs, metrics }))
    }

    /// Sends what still waits. What cannot be sent in time is lost, and said.
    pub async fn close(self) {
        let Self { traces, logs, metrics } = self;
        // Each waits for the threads that send. That of metrics has a time of its own, of 5 s.
        let figures = tokio::task::spawn_blocking(move || metrics.shutdown());
        let closed = tokio::task::spawn_blocking(move || {
            (traces.shutdown_with_timeout(FLUSH_MAX), logs.shutdown_with_timeout(FLUSH_MAX))
        });
        match closed.await {
            Ok((Ok(()), Ok(()))) => {}
            Ok((traces, logs)) => {
                tracing::warn!(?traces, ?logs, "the last of traces and logs is not sent");
            }
            Err(error) => tracing::warn!(%error, "the exporter of traces and logs has failed"),
        }
        match figures.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the last metrics are not sent"),
            Err(error) => tracing::warn!(%error, "the exporter of metrics has failed"),
        }
    }
}

fn traces(
    (channel, header): (Channel, MetadataMap),
    ratio: f64,
    resource: &Resource,
) -> Result<SdkTracerProvider, Error> {
    let exporter = SpanExporter::builder().with_tonic();
    let exporter = exporter.with_channel(channel).with_metadata(header).with_timeout(SEND_TIMEOUT);
    let batches = trace::BatchConfigBuilder::default()
        .with_max_queue_size(QUEUE)
        .with_max_export_batch_size(BATCH)
        .with_scheduled_delay(EVERY)
        .build();
    let sending = BatchSpanProcessor::builder(exporter.build()?).with_batch_config(batches).build();
    Ok(SdkTracerProvider::builder()
        .with_span_processor(sending)
        .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(ratio))))
        .with_resource(resource.clone())
        .build())
}

fn logs(
    (channel, header): (Channel, MetadataMap),
    resource: Resource,
) -> Result<SdkLoggerProvider, Error> {
    let exporter = LogExporter::builder().with_tonic();
    let exporter = exporter.with_channel(channel).with_metadata(header).with_timeout(SEND_TIMEOUT);
    let batches = logs::BatchConfigBuilder::default()
        .with_max_queue_size(QUEUE)
        .with_max_export_batch_size(BATCH)
        .with_scheduled_delay(EVERY)
        .build();
    let sending = BatchLogProcessor::builder(exporter.build()?).with_batch_config(batches).build();
    Ok(SdkLoggerProvider::builder().with_log_processor(sending).with_resource(resource).build())
}

fn metrics(
    (channel, header): (Channel, MetadataMap),
    resource: Resource,
) -> Result<SdkMeterProvider, Error> {
    let exporter = MetricExporter::builder().with_tonic();
    let exporter = exporter.with_channel(channel).with_metadata(header).with_timeout(FLUSH_MAX);
    let reader = PeriodicReader::builder(exporter.build()?).with_interval(FIGURES_EVERY).build();
    Ok(SdkMeterProvider::builder().with_reader(reader).with_resource(resource).build())
}

/// Hands on what is logged, with the span in which that is.
pub(super) struct Logs(OpenTelemetryTracingBridge<SdkLoggerProvider, SdkLogger>);

impl Logs {
    pub(super) fn of(exporters: &Exporters) -> Self {
        Self(OpenTelemetryTracingBridge::new(&exporters.logs))
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Logs {
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let target = event.metadata().target();
        if !OF_SENDING.iter().any(|of_sending| target.starts_with(of_sending)) {
            self.0.on_event(event, context);
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_setting_that_cannot_hold_is_named() {
        let with = |endpoint: &str, sample_ratio| {
            let otlp_endpoint = Some(endpoint.to_owned());
            Otlp { otlp_endpoint, sample_ratio, ..Otlp::default() }.contradiction()
        };
        assert_eq!(with("http://127.0.0.1:4317", 0.0), None);
        assert_eq!(with("https://collector.example:4317", 1.0), None);
        for ratio in [-0.1, 1.1, f64::NAN] {
            assert!(with("http://127.0.0.1:4317", ratio).unwrap().contains("sample_ratio"));
        }
        for endpoint in ["collector:4317", "unix:///run/otlp", "/", ""] {
            assert!(with(endpoint, 1.0).unwrap().contains("otlp_endpoint"), "{endpoint}");
        }
        for endpoint in ["http://localhost:4317", "http://[::1]:4317", "https://10.0.0.1:4317"] {
            assert_eq!(with(endpoint, 1.0), None, "{endpoint}");
        }
        for endpoint in ["http://10.0.0.1:4317", "http://[2001:db8::1]:4317", "http://0.0.0.0:1"] {
            assert!(with(endpoint, 1.0).unwrap().contains("needs https"), "{endpoint}");
        }
        assert_eq!(Otlp::default().contradiction(), None);
    }

    #[test]
    fn a_header_is_read_from_its_file_and_never_printed() {
        let (name, value) = header("Authorization:  Bearer 0123456789abcdef").unwrap();
        assert_eq!(
            (name.as_str(), value.to_str().unwrap()),
            ("authorization", "Bearer 0123456789abcdef")
        );
        assert!(!format!("{value:?}").contains("0123"));
        for text in ["Bearer 0123456789abcdef", "a b: c", ": c", "a: \u{1}"] {
            assert!(header(text).is_none(), "{text:?}");
        }
    }

    /// Nobody listens there: what is recorded is dropped, and the end does not wait for ever.
    #[tokio::test]
    async fn a_collector_that_is_away_holds_nobody_up() {
        let otlp_endpoint = Some("http://127.0.0.1:9".to_owned());
        let settings = Otlp { otlp_endpoint, ..Otlp::default() };
        let exporters = Exporters::open(&settings, "test", "one".to_owned()).unwrap().unwrap();
        let begun = std::time::Instant::now();
        for _ in 0..10 * QUEUE {
            let request = hyper::Request::get("/").body(()).unwrap();
            drop(crate::trace::Span::server("request", &request));
        }
        exporters.close().await;
        assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    }

    #[tokio::test]
    async fn nothing_is_opened_where_no_collector_is_named() {
        assert!(Exporters::open(&Otlp::default(), "test", String::new()).unwrap().is_none());
    }
}

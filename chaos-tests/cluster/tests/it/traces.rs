//! Traces and logs of all roles, as a collector gets them: one federated call is one trace with every hop.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use chaos_cluster::World;
use chaos_cluster::peer::{Peer, message};
use chaos_cluster::world::{AGENT, PATIENCE};
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_server::{
    LogsService, LogsServiceServer,
};
use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{
    MetricsService, MetricsServiceServer,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value as Held;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;
use tokio::net::TcpListener;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

const CALLER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const TRACE: [u8; 16] = 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736_u128.to_be_bytes();
const CALLERS_SPAN: [u8; 8] = 0x00f0_67aa_0ba9_02b7_u64.to_be_bytes();

/// A span, by its service and name.
type Named = (&'static str, &'static str);

/// Who does what of a call, and below what: a span and its parent.
const HOPS: [(Named, Named); 6] = [
    (("ecumene-gateway", "registry.submit_task"), ("ecumene-gateway", "SendMessage")),
    (("ecumene-registry", "Fleet.submit_task"), ("ecumene-gateway", "registry.submit_task")),
    (("ecumene-node", "task"), ("ecumene-gateway", "SendMessage")),
    (("ecumene-node", "run"), ("ecumene-node", "task")),
    (("ecumene-node", "registry.complete_task"), ("ecumene-node", "task")),
    (("ecumene-registry", "Fleet.complete_task"), ("ecumene-node", "registry.complete_task")),
];

/// What a collector was told.
#[derive(Clone, Default)]
struct Collected {
    /// Each span with the service that it is of.
    spans: Arc<Mutex<Vec<(String, Span)>>>,
    /// The services that lines of a log came from.
    logs: Arc<Mutex<Vec<String>>>,
    /// The names of metrics of the gateway.
    metrics: Arc<Mutex<BTreeSet<String>>>,
}

/// A collector on a port of its own.
async fn collector() -> Result<(String, Collected)> {
    let (collected, listener) = (Collected::default(), TcpListener::bind("127.0.0.1:0").await?);
    let url = format!("http://{}", listener.local_addr()?);
    let server = Server::builder()
        .add_service(TraceServiceServer::new(collected.clone()))
        .add_service(LogsServiceServer::new(collected.clone()))
        .add_service(MetricsServiceServer::new(collected.clone()));
    tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
    Ok((url, collected))
}

/// What a process calls itself.
fn service(resource: Option<&Resource>) -> String {
    let attributes = resource.map(|resource| &resource.attributes[..]).unwrap_or_default();
    let named = attributes.iter().find(|attribute| attribute.key == "service.name");
    match named.and_then(|name| name.value.as_ref()?.value.as_ref()) {
        Some(Held::StringValue(name)) => name.clone(),
        _ => String::new(),
    }
}

#[tonic::async_trait]
impl TraceService for Collected {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let mut spans = self.spans.lock().unwrap();
        for of_process in request.into_inner().resource_spans {
            let service = service(of_process.resource.as_ref());
            let found = of_process.scope_spans.into_iter().flat_map(|scope| scope.spans);
            spans.extend(found.map(|span| (service.clone(), span)));
        }
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl LogsService for Collected {
    async fn export(
        &self,
        request: Request<ExportLogsServiceRequest>,
    ) -> Result<Response<ExportLogsServiceResponse>, Status> {
        let of_processes = request.into_inner().resource_logs;
        let services = of_processes.iter().map(|logs| service(logs.resource.as_ref()));
        self.logs.lock().unwrap().extend(services);
        Ok(Response::new(ExportLogsServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl MetricsService for Collected {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        let of_processes = request.into_inner().resource_metrics.into_iter();
        let of_gateway =
            of_processes.filter(|it| service(it.resource.as_ref()) == "ecumene-gateway");
        let scopes = of_gateway.flat_map(|it| it.scope_metrics);
        let names = scopes.flat_map(|scope| scope.metrics).map(|metric| metric.name);
        self.metrics.lock().unwrap().extend(names);
        Ok(Response::new(ExportMetricsServiceResponse::default()))
    }
}

impl Collected {
    /// The spans of the caller's trace, by their ids.
    fn of_trace(&self) -> BTreeMap<Vec<u8>, (String, Span)> {
        let spans = self.spans.lock().unwrap();
        let of_trace = spans.iter().filter(|(_, span)| span.trace_id == TRACE);
        of_trace.map(|it| (it.1.span_id.clone(), it.clone())).collect()
    }

    /// The first hop that is not there, or is not below what it should be.
    fn missing(&self) -> Option<(&'static str, &'static str)> {
        let spans = self.of_trace();
        let is = |(service, span): &(String, Span), (of, name): (&str, &str)| {
            service == of && span.name == name
        };
        let first = spans.values().find(|it| is(it, ("ecumene-gateway", "SendMessage")));
        if first.is_none_or(|(_, span)| span.parent_span_id != CALLERS_SPAN) {
            return Some(("ecumene-gateway", "SendMessage"));
        }
        let below = |of, above| {
            let found = spans.values().filter(|it| is(it, of));
            let mut parents = found.filter_map(|(_, span)| spans.get(&span.parent_span_id));
            parents.any(|parent| is(parent, above))
        };
        HOPS.into_iter().find(|(of, above)| !below(*of, *above)).map(|(of, _)| of)
    }
}

/// Has a part say what it does.
fn observe(config: &Path, collector: &str) -> Result<()> {
    let mut file = OpenOptions::new().append(true).open(config)?;
    Ok(write!(file, "\n[telemetry]\notlp_endpoint = \"{collector}\"\n")?)
}

/// A platform of which every process tells the collector what it does.
async fn observed(collector: &str) -> Result<(World, Peer)> {
    let mut world = World::prepared(1)?;
    observe(&world.members[0].config, collector)?;
    world = world.started().await?;
    let peer = Peer::new("https://a.example")?;
    peer.enrol(&world.operator().await?).await?;
    world.deploy_text_agent(AGENT)?;
    world.add_gateway("g1").await?;
    world.add_node("n1").await?;
    // They were admitted without it: a part is started as soon as its file is written.
    world.gateways[0].process.take().context("a gateway that runs")?.stop(PATIENCE)?;
    observe(&world.gateways[0].config, collector)?;
    world.start_gateway(0).await?;
    world.nodes[0].process.take().context("a node that runs")?.stop(PATIENCE)?;
    observe(&world.nodes[0].config, collector)?;
    world.start_node(0)?;
    Ok((world, peer))
}

/// Caught: no context from the gateway to the registry, none from the registry to the node, and parts that are roots.
#[tokio::test(flavor = "multi_thread")]
async fn one_federated_call_is_one_trace_with_every_hop() -> Result<()> {
    let (url, collected) = collector().await?;
    let (world, peer) = observed(&url).await?;
    let answer =
        peer.traced(&world.gateways[0].url, AGENT, message("Words to count.", None), CALLER);
    let answer = answer.await?.json()?;
    assert_eq!(answer["result"]["task"]["status"]["state"], "TASK_STATE_COMPLETED", "{answer}");
    let until = Instant::now() + PATIENCE;
    while let Some(hop) = collected.missing() {
        if Instant::now() > until {
            bail!("{hop:?} is not where it should be: {:#?}", collected.of_trace());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // What is left is sent as they stop.
    world.stop()?;
    let logs = collected.logs.lock().unwrap().clone();
    for role in ["ecumene-registry", "ecumene-gateway", "ecumene-node"] {
        assert!(logs.iter().any(|service| service == role), "{role}: {logs:?}");
    }
    let metrics = collected.metrics.lock().unwrap().clone();
    for name in ["requests", "peers", "request_duration_seconds"] {
        assert!(metrics.contains(&format!("ecumene_gateway_{name}")), "{name}: {metrics:?}");
    }
    Ok(())
}

//! The gRPC services beside A2A's: events of nodes, health, and what is served here at all.
//!
//! Decides who may ask: a node that shows the secret of a task, and anybody for health and reflection, of whom little is read
//! in one stream, and who watches in a few streams only: nothing ends one. Must never tell anybody more than the contract and whether this gateway takes calls.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use deploy_service::{Place, Pool, Readiness, Source};
use futures_util::stream::{self, BoxStream, StreamExt as _};
use gateway_core::Failure;
use gateway_core::path::A2A_SERVICE;
use http_body_util::Limited;
use proto_types::{Class, Shares};
use tonic::service::Routes;
use tonic::{Response, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
use tonic_reflection::server::Builder;

use crate::events;
use crate::waiting::Waiting;

use super::status;

/// The service that nodes push to.
const EVENTS: &str = "ecumene.gateway.v1.TaskEvents";
const HEALTH: &str = "grpc.health.v1.Health";
/// What anybody may send in one stream: the names of some hundred files or symbols. Arbitrary.
const ASKED_BYTES_MAX: usize = 16 << 10;
/// Watches of health that are open at once, of everybody; half of them are one source's. Arbitrary: a balancer has a few.
const WATCHES_MAX: u64 = 64;
/// How often a watch looks whether the gateway is ready. Arbitrary.
const LOOK: Duration = Duration::from_secs(1);

/// All of them.
pub(crate) fn routes(waiting: &Arc<Waiting>, readiness: &Readiness) -> Router {
    let compiled = "build.rs and tonic's crates have compiled these descriptors";
    let health = HealthServer::new(Probe::new(readiness.clone()));
    let newer = reflection().build_v1().expect(compiled);
    // What grpcio's own reflection client still asks for.
    let older = reflection().build_v1alpha().expect(compiled);
    let routes = Routes::new(events::service(waiting))
        .add_service(health.max_decoding_message_size(ASKED_BYTES_MAX))
        .add_service(newer.max_decoding_message_size(ASKED_BYTES_MAX))
        .add_service(older.max_decoding_message_size(ASKED_BYTES_MAX));
    routes.into_axum_router().layer(axum::middleware::map_request(bounded))
}

fn reflection<'b>() -> Builder<'b> {
    Builder::configure()
        .register_encoded_file_descriptor_set(proto_wire::A2A_DESCRIPTORS)
        .register_encoded_file_descriptor_set(proto_wire::DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .with_service_name(A2A_SERVICE)
        .with_service_name(EVENTS)
        .with_service_name(HEALTH)
}

/// How a request counts, by the service that it asks for.
pub(crate) fn route(path: &str) -> &'static str {
    if is_push(path) { "events" } else { "grpc" }
}

fn is_push(path: &str) -> bool {
    let rest = path.strip_prefix('/').and_then(|path| path.strip_prefix(EVENTS));
    rest.is_some_and(|rest| rest.starts_with('/'))
}

/// Bounds what is read of who has proved nothing.
async fn bounded(request: Request) -> Request {
    match is_push(request.uri().path()) {
        true => events::opening(request),
        false => request.map(|body| Body::new(Limited::new(body, ASKED_BYTES_MAX))),
    }
}

/// Whether this gateway takes calls.
#[derive(Clone)]
struct Probe {
    readiness: Readiness,
    watches: Pool<Source>,
}

impl Probe {
    fn new(readiness: Readiness) -> Self {
        // Nobody proves here who it is.
        Self { readiness, watches: Pool::new(Shares::new(WATCHES_MAX).without_reserve()) }
    }

    /// Of the whole process, or of one of its services: they stand and fall together.
    fn status(&self, service: &str) -> ServingStatus {
        let is_ready = self.readiness.waiting_for().is_empty();
        match (["", A2A_SERVICE, EVENTS].contains(&service), is_ready) {
            (true, true) => ServingStatus::Serving,
            (true, false) => ServingStatus::NotServing,
            (false, _) => ServingStatus::ServiceUnknown,
        }
    }
}

#[tonic::async_trait]
impl Health for Probe {
    async fn check(
        &self,
        request: tonic::Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        match self.status(&request.get_ref().service) {
            ServingStatus::ServiceUnknown => Err(Status::not_found("no such service")),
            status => Ok(Response::new(HealthCheckResponse { status: status.into() })),
        }
    }

    type WatchStream = BoxStream<'static, Result<HealthCheckResponse, Status>>;

    async fn watch(
        &self,
        request: tonic::Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let source = request.extensions().get::<Source>().copied();
        // deploy-service always says; if it did not, all would share one share.
        let source = source.unwrap_or_else(|| Source::of(Ipv4Addr::UNSPECIFIED.into()));
        let place = self.watches.place(Class::Ordinary, source);
        let place = place.map_err(|full| status::of(&Failure::from(full).reply()))?;
        let (probe, service) = (self.clone(), request.into_inner().service);
        let watch = Watch { probe, service, told: None, _place: place };
        let told = stream::unfold(watch, |mut watch| async move {
            let status = watch.next().await?.into();
            Some((Ok(HealthCheckResponse { status }), watch))
        });
        Ok(Response::new(told.boxed()))
    }
}

struct Watch {
    probe: Probe,
    service: String,
    told: Option<ServingStatus>,
    _place: Place<Source>,
}

impl Watch {
    /// The next status that is another than the one told last; none once the process stops, so that nobody holds it up.
    async fn next(&mut self) -> Option<ServingStatus> {
        loop {
            let status = self.probe.status(&self.service);
            if self.told.replace(status) != Some(status) {
                return Some(status);
            }
            if self.probe.readiness.waiting_for().contains(&"stopping") {
                return None;
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

//! The one listener: gRPC to the services, everything else to REST.
//!
//! It decides by the media type alone. It must never serve a service that is not listed here.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use axum::routing::future::RouteFuture;
use deploy_service::Readiness;
use http::Request;
use http::header::CONTENT_TYPE;
use proto_wire::registry::v1::directory_server::DirectoryServer;
use proto_wire::registry::v1::fleet_server::FleetServer;
use proto_wire::registry::v1::partners_server::PartnersServer;
use tonic::service::Routes;
use tonic_health::server::HealthReporter;
use tower::Service;

use crate::grpc::{DirectoryService, FleetService, PartnersService};
use crate::member::Member;
use crate::rest;

/// Documents are at most 1 MiB, and a task carries one; the rest of a message is small.
const MESSAGE_BYTES_MAX: usize = 4 << 20;

/// What the listener serves.
#[derive(Clone)]
pub(crate) struct Front {
    rest: Router,
    grpc: Router,
}

impl Front {
    /// Every service of the role, and the reporter of their health.
    pub(crate) async fn new(
        member: Arc<Member>,
        readiness: &Readiness,
    ) -> Result<(Self, HealthReporter), tonic_reflection::server::Error> {
        let (reporter, health) = tonic_health::server::health_reporter();
        reporter.set_serving::<DirectoryServer<DirectoryService>>().await;
        reporter.set_serving::<FleetServer<FleetService>>().await;
        let reflection = tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(proto_wire::DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            .build_v1()?;
        let directory = DirectoryServer::new(DirectoryService(Arc::clone(&member)));
        reporter.set_serving::<PartnersServer<PartnersService>>().await;
        let partners = PartnersServer::new(PartnersService(Arc::clone(&member)));
        let fleet = FleetServer::new(FleetService(Arc::clone(&member)));
        let grpc = Routes::new(directory.max_decoding_message_size(MESSAGE_BYTES_MAX))
            .add_service(fleet.max_decoding_message_size(MESSAGE_BYTES_MAX))
            .add_service(partners.max_decoding_message_size(MESSAGE_BYTES_MAX))
            .add_service(member.registry.transport_service())
            .add_service(health)
            .add_service(reflection)
            .prepare()
            .into_axum_router();
        Ok((Self { rest: rest::router(member, readiness), grpc }, reporter))
    }
}

impl Service<Request<Body>> for Front {
    type Response = Response;
    type Error = Infallible;
    type Future = RouteFuture<Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // Routers are always ready.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let kind = request.headers().get(CONTENT_TYPE);
        match kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc")) {
            true => self.grpc.call(request),
            false => self.rest.call(request),
        }
    }
}

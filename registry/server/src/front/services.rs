//! The gRPC services of the role, with health and reflection.
//! It decides what is served and how long a message may be. What is not listed here is not served.

use std::sync::Arc;

use axum::Router;
use proto_wire::registry::v1::cluster_server::ClusterServer;
use proto_wire::registry::v1::directory_server::DirectoryServer;
use proto_wire::registry::v1::fleet_server::FleetServer;
use proto_wire::registry::v1::log_server::LogServer;
use proto_wire::registry::v1::partners_server::PartnersServer;
use proto_wire::registry::v1::search_server::SearchServer;
use tonic::service::Routes;
use tonic_health::server::HealthReporter;
use tonic_reflection::server::{Builder, Error};

use crate::grpc::{
    ClusterService, DirectoryService, FleetService, LogService, PartnersService, SearchService,
};
use crate::member::Member;

use super::access::WORDS_BYTES_MAX;

/// What a known caller may send: documents are at most 1 MiB, and a task carries one; the rest of a message is small.
const MESSAGE_BYTES_MAX: usize = 4 << 20;

/// Every service, and the reporter of their health.
pub(super) async fn routes(member: &Arc<Member>) -> Result<(Router, HealthReporter), Error> {
    let (reporter, health) = tonic_health::server::health_reporter();
    all_serving(&reporter).await;
    let directory = DirectoryServer::new(DirectoryService(Arc::clone(member)));
    let partners = PartnersServer::new(PartnersService(Arc::clone(member)));
    let fleet = FleetServer::new(FleetService(Arc::clone(member)));
    let cluster = ClusterServer::new(ClusterService(Arc::clone(member)));
    let routes = Routes::new(directory.max_decoding_message_size(MESSAGE_BYTES_MAX))
        .add_service(fleet.max_decoding_message_size(MESSAGE_BYTES_MAX))
        .add_service(SearchServer::new(SearchService(Arc::clone(member))))
        .add_service(LogServer::new(LogService(Arc::clone(member))))
        .add_service(cluster.max_decoding_message_size(MESSAGE_BYTES_MAX))
        .add_service(partners.max_decoding_message_size(MESSAGE_BYTES_MAX))
        .add_service(member.registry.transport_service())
        .add_service(health.max_decoding_message_size(WORDS_BYTES_MAX))
        .add_service(reflection().build_v1()?.max_decoding_message_size(WORDS_BYTES_MAX))
        // What grpcio's own reflection client still asks for.
        .add_service(reflection().build_v1alpha()?.max_decoding_message_size(WORDS_BYTES_MAX));
    Ok((routes.prepare().into_axum_router(), reporter))
}

async fn all_serving(reporter: &HealthReporter) {
    reporter.set_serving::<DirectoryServer<DirectoryService>>().await;
    reporter.set_serving::<FleetServer<FleetService>>().await;
    reporter.set_serving::<ClusterServer<ClusterService>>().await;
    reporter.set_serving::<SearchServer<SearchService>>().await;
    reporter.set_serving::<LogServer<LogService>>().await;
    reporter.set_serving::<PartnersServer<PartnersService>>().await;
}

fn reflection<'b>() -> Builder<'b> {
    Builder::configure()
        .register_encoded_file_descriptor_set(proto_wire::DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
}

//! What tells of the member itself: health, reflection, status; and the calls between members.

use std::os::unix::fs::PermissionsExt as _;

use proto_wire::registry::v1 as wire;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus};
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

use crate::world::{OPERATOR, World, by};

#[tokio::test]
async fn members_only_means_the_cluster_secret() {
    use proto_wire::raft::v1::{Frame, raft_transport_client::RaftTransportClient};
    let world = World::start().await;
    let mut transport = RaftTransportClient::new(world.channel.clone());
    let refused = transport.forward(by(OPERATOR, Frame::default())).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::Unauthenticated);
    drop(transport);
    world.stop().await;
}

#[tokio::test]
async fn health_and_reflection_answer() {
    let world = World::start().await;
    for service in ["", "ecumene.registry.v1.Directory", "ecumene.registry.v1.Fleet"] {
        let request = HealthCheckRequest { service: service.to_owned() };
        let answer = HealthClient::new(world.channel.clone()).check(request).await.unwrap();
        assert_eq!(answer.get_ref().status, ServingStatus::Serving as i32, "{service}");
    }
    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut reflection = ServerReflectionClient::new(world.channel.clone());
    let requests = futures_util::stream::iter([request]);
    let mut answers = reflection.server_reflection_info(requests).await.unwrap().into_inner();
    let answer = answers.message().await.unwrap().unwrap().message_response.unwrap();
    let MessageResponse::ListServicesResponse(listed) = answer else { panic!("{answer:?}") };
    let names: Vec<String> = listed.service.into_iter().map(|service| service.name).collect();
    for service in
        ["ecumene.registry.v1.Directory", "ecumene.registry.v1.Fleet", "grpc.health.v1.Health"]
    {
        assert!(names.contains(&service.to_owned()), "{service} in {names:?}");
    }
    drop((answers, reflection));

    let strong = wire::StatusRequest { consistency: 1 };
    let status = world.directory().status(by(OPERATOR, strong)).await.unwrap();
    let status = status.into_inner();
    assert_eq!((status.member, status.leader, status.members.len()), (1, 1, 1));
    assert_eq!(status.leader_address, format!("http://{}", world.addr));
    assert_eq!(status.poisoned, "");
    the_machine_is_measured_for_the_operator_alone(&world).await;
    world.stop().await;
}

async fn the_machine_is_measured_for_the_operator_alone(world: &World) {
    let text = |answer: http::Response<bytes::Bytes>| {
        assert_eq!(answer.status(), 200);
        String::from_utf8_lossy(answer.body()).into_owned()
    };
    let told = text(world.get("/v1/metrics").await);
    let known = text(world.call(http::Method::GET, "/v1/metrics", b"").await);
    for metrics in [&told, &known] {
        assert!(metrics.contains("ecumene_registry_leads 1\n"), "{metrics}");
    }
    for name in [
        "memory_own_bytes",
        "log_memory_tables_bytes",
        "log_table_readers_bytes",
        "state_memory_tables_bytes",
        "state_table_readers_bytes",
        "block_cache_bytes",
        "clock_off_seconds",
        "state_ahead_seconds",
        "kept_bytes",
    ] {
        let figure = format!("\necumene_registry_{name} ");
        assert!(known.contains(&figure), "{figure} in {known}");
        assert!(!told.contains(&figure), "{figure} in {told}");
    }
}

/// Caught: a folder that is made before the mask is set; without the mask the files of RocksDB.
#[tokio::test]
async fn the_state_is_for_the_members_user_alone() {
    let mut data = std::path::PathBuf::new();
    let world = World::with(|config, _| {
        data.clone_from(&config.data_dir);
        // As an earlier version left it.
        std::fs::create_dir_all(&data).unwrap();
        std::fs::set_permissions(&data, std::fs::Permissions::from_mode(0o755)).unwrap();
    })
    .await;
    world.gateway("g1").await;
    let snapshot = by(OPERATOR, wire::TakeSnapshotRequest {});
    world.cluster().take_snapshot(snapshot).await.unwrap();
    let (mut folders, mut files) = (vec![data], 0);
    while let Some(folder) = folders.pop() {
        let mode = std::fs::metadata(&folder).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o700, "{}", folder.display());
        for entry in std::fs::read_dir(&folder).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
                continue;
            }
            files += 1;
            // A compaction may take it away in between.
            let Ok(metadata) = entry.metadata() else { continue };
            let mode = metadata.permissions().mode() & 0o777;
            assert_eq!(mode, 0o600, "{}", entry.path().display());
        }
    }
    assert!(files > 5, "{files}");
    world.stop().await;
}

//! The life of a member that serves: readiness, the watch over the disk, and taking leave.

use std::sync::Arc;
use std::time::Duration;

use deploy_service::Readiness;
use proto_wire::registry::v1::cluster_server::ClusterServer;
use proto_wire::registry::v1::directory_server::DirectoryServer;
use proto_wire::registry::v1::fleet_server::FleetServer;
use proto_wire::registry::v1::partners_server::PartnersServer;
use registry_raft::Registry;
use tonic_health::server::HealthReporter;

use crate::config::Config;
use crate::grpc::{ClusterService, DirectoryService, FleetService, PartnersService};
use crate::member::Member;
use crate::recovery;

/// Resolves when the disk has failed and takes writes again.
pub(super) async fn repaired(registry: &Registry, config: &Config, readiness: &Readiness) {
    let disk = readiness.condition("disk");
    disk.set(true);
    let why = registry.failed().await;
    disk.set(false);
    tracing::error!(why, "consensus has ended: this member acknowledges nothing more, reads go on");
    recovery::writable(&config.data_dir).await;
}

/// Readiness follows whether a leader is known and a majority has answered it lately, without which no write and no strong
/// read is served, and whether this member belongs to the cluster. Both count from this call on, before the
/// future is polled: nobody may be told that a member is ready that has not looked yet.
pub(super) fn watch_readiness(
    registry: Registry,
    readiness: &Readiness,
) -> impl Future<Output = ()> + Send + use<> {
    let (known, belongs) = (readiness.condition("leader"), readiness.condition("member"));
    async move {
        let mut leadership = registry.leadership();
        let mut look = tokio::time::interval(READINESS_PAUSE);
        loop {
            let status = registry.status();
            #[expect(clippy::disallowed_methods, reason = "copied in one statement")]
            let leader = leadership.borrow_and_update().leader;
            known.set(leader.is_some() && registry.in_contact());
            belongs.set(!status.removed && status.address(status.id).is_some());
            tokio::select! {
                changed = leadership.changed() => if changed.is_err() { break },
                _ = look.tick() => {}
            }
        }
        // A member whose core has ended still belongs; it is told to stop, or its disk failed.
        known.set(false);
    }
}

/// How often a member looks whether a majority was heard of, and whether it was removed. Arbitrary.
const READINESS_PAUSE: Duration = Duration::from_millis(200);

/// How long a planned stop waits for another leader: a heartbeat or two.
const HAND_OVER_TIMEOUT: Duration = Duration::from_secs(1);

/// What a stop begins with: health goes down, and leadership goes to another voter, which
/// spares the cluster an election.
pub(super) async fn leave(member: Arc<Member>, reporter: HealthReporter) {
    member.shutdown.triggered().await;
    reporter.set_not_serving::<ClusterServer<ClusterService>>().await;
    reporter.set_not_serving::<DirectoryServer<DirectoryService>>().await;
    reporter.set_not_serving::<FleetServer<FleetService>>().await;
    reporter.set_not_serving::<PartnersServer<PartnersService>>().await;
    reporter.set_service_status("", tonic_health::ServingStatus::NotServing).await;
    let registry = &member.registry;
    if registry.status().members.len() < 2 || !registry.is_leader() {
        return;
    }
    let handed = tokio::time::timeout(HAND_OVER_TIMEOUT, registry.transfer(None)).await;
    tracing::info!(?handed, "leadership is handed over");
}

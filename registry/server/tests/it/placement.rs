//! A submission that finds a free slot is assigned by the log entry that submits it, at whichever member it comes in.

use deploy_service::units;
use proto_wire::registry::v1 as wire;

use crate::artifacts::deploy;
use crate::cluster::roles;
use crate::fleet::{Node, submit, task};
use crate::world::World;

/// The last entry of a member's log.
async fn last_log(world: &World) -> u64 {
    let status = world.directory().status(wire::StatusRequest::default()).await.unwrap();
    status.into_inner().last_log_index
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_submission_at_any_member_is_assigned_by_its_own_log_entry_as_long_as_a_slot_is_free() {
    let lease = units::Duration::from_secs(60);
    let worlds = World::three_with(|config| config.lease_ttl = lease).await;
    let (leading, following) = roles(&worlds).await;
    let (leader, follower) = (&worlds[leading], &worlds[following]);
    deploy(follower, "text").await;
    let token = leader.node("n1").await;
    let mut node = Node::dial(leader, "n1", &token, &[]).await.unwrap();
    for (at, id) in [(leader, "t1"), (follower, "t2")] {
        let before = last_log(leader).await;
        let submitted = submit(at, task(id)).await;
        assert_eq!(last_log(leader).await, before + 1, "{id}");
        assert_eq!((submitted.state.as_str(), submitted.node.as_str()), ("assigned", "n1"));
        assert_eq!((submitted.epoch, submitted.attempts), (1, 1));
        let told = node.assigned().await;
        assert_eq!((told.task.as_str(), told.epoch), (id, 1), "and the node is told");
    }
    let waits = submit(follower, task("t3")).await;
    assert_eq!((waits.state.as_str(), waits.attempts), ("pending", 0), "the node has two slots");
    leader.fleet().complete_task(node.outcome("t1", 1, "x")).await.unwrap();
    let told = node.assigned().await;
    assert_eq!((told.task.as_str(), told.epoch), ("t3", 1), "a slot is free");
    for world in worlds {
        world.stop().await;
    }
}

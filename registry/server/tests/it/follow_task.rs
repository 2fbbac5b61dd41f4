//! Further gateways of a task: the node that runs it is told, whichever member they ask, and nobody else is.

use deploy_service::units;
use proto_wire::registry::v1 as wire;
use proto_wire::registry::v1::node_order::Kind as Order;

use crate::artifacts::deploy;
use crate::cluster::roles;
use crate::fleet::{Node, submit, task};
use crate::world::{OPERATOR, World, by, eventually, refused};

/// Where all gateways of these tests are.
const ENDPOINT: &str = "http://127.0.0.1:7443";

fn follow(task: &str, gateway: &str, secret: &str) -> wire::FollowTaskRequest {
    wire::FollowTaskRequest {
        id: task.to_owned(),
        owner: "https://a.example".to_owned(),
        reply_to: Some(wire::ReplyTo {
            gateway: gateway.to_owned(),
            endpoint: ENDPOINT.to_owned(),
            secret: secret.to_owned(),
        }),
        after: None,
    }
}

async fn last_log(world: &World) -> u64 {
    let status = world.directory().status(wire::StatusRequest::default()).await.unwrap();
    status.into_inner().last_log_index
}

/// Caught: a notice that is handed to no leader; one that a proposal carries.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_is_told_of_a_gateway_that_asks_any_member_and_nothing_is_written() {
    let lease = units::Duration::from_secs(60);
    let worlds = World::three_with(|config| config.lease_ttl = lease).await;
    let (leading, following) = roles(&worlds).await;
    let (leader, follower) = (&worlds[leading], &worlds[following]);
    deploy(leader, "text").await;
    let (one, two) = (leader.gateway("g1").await, follower.gateway("g2").await);
    let token = leader.node("n1").await;
    let mut node = Node::dial(leader, "n1", &token, &[]).await.unwrap();
    for (member, gateway, id, secret) in
        [(leader, &one, "g1", "secret-one"), (follower, &two, "g2", "secret-two")]
    {
        let name = format!("t-{id}");
        submit(follower, task(&name)).await;
        assert_eq!(node.assigned().await.task, name);
        let before = last_log(leader).await;
        let request = by(gateway, follow(&name, id, secret));
        member.fleet().follow_task(request).await.unwrap();
        let Order::Follow(order) = node.order().await.unwrap() else { panic!("{id} follows") };
        assert_eq!((order.task, order.epoch), (name.clone(), 1));
        assert_eq!(order.reply_to, follow(&name, id, secret).reply_to);
        assert_eq!(last_log(leader).await, before, "{id}");
    }
    for world in worlds {
        world.stop().await;
    }
}

#[tokio::test]
async fn of_a_task_that_no_node_runs_nobody_is_told() {
    let world = World::start().await;
    deploy(&world, "text").await;
    let gateway = world.gateway("g1").await;
    let follows = async |id: &str| {
        world.fleet().follow_task(by(&gateway, follow(id, "g1", "secret"))).await.unwrap();
    };
    submit(&world, task("t1")).await;
    follows("t1").await;
    let token = world.node("n1").await;
    let mut node = Node::dial(&world, "n1", &token, &[]).await.unwrap();
    let first = node.assigned().await;
    world.fleet().complete_task(node.outcome("t1", first.epoch, "done")).await.unwrap();
    follows("t1").await;
    submit(&world, task("t2")).await;
    assert_eq!(node.assigned().await.task, "t2", "nothing was said before it");
    follows("t2").await;
    assert!(matches!(node.order().await.unwrap(), Order::Follow(order) if order.task == "t2"));
    world.stop().await;
}

/// Caught: a gateway that is answered, and of which the node never hears.
#[tokio::test]
async fn between_two_sessions_of_its_node_a_task_is_not_followed_and_who_asks_again_is_told() {
    let lease = units::Duration::from_secs(60);
    let world = World::start_with(|config| config.lease_ttl = lease).await;
    deploy(&world, "text").await;
    let (gateway, token) = (world.gateway("g1").await, world.node("n1").await);
    let mut node = Node::dial(&world, "n1", &token, &[]).await.unwrap();
    submit(&world, task("t1")).await;
    let epoch = node.assigned().await.epoch;
    drop(node);
    eventually("the end of the session", || async {
        let metrics = world.get("/v1/metrics").await;
        let metrics = std::str::from_utf8(metrics.body()).unwrap();
        metrics.contains("ecumene_registry_node_sessions 0\n").then_some(())
    })
    .await;
    let asks = || by(&gateway, follow("t1", "g1", "secret"));
    refused("no session", world.fleet().follow_task(asks()).await, "node-not-connected");
    let mut node = Node::dial(&world, "n1", &token, &[("t1", epoch)]).await.unwrap();
    world.fleet().follow_task(asks()).await.unwrap();
    assert!(matches!(node.order().await.unwrap(), Order::Follow(order) if order.task == "t1"));
    world.stop().await;
}

/// Caught: numbers of an earlier run were asked of the node that runs the task now.
#[tokio::test]
async fn a_node_is_told_after_which_event_a_gateway_goes_on_and_of_another_run_after_none() {
    let world = World::start().await;
    deploy(&world, "text").await;
    let gateway = world.gateway("g1").await;
    let token = world.node("n1").await;
    let mut node = Node::dial(&world, "n1", &token, &[]).await.unwrap();
    submit(&world, task("t1")).await;
    let epoch = node.assigned().await.epoch;
    for (secret, at, after) in [
        ("secret-1", Some((epoch, 7)), Some(7)),
        ("secret-2", Some((epoch, 0)), Some(0)),
        ("secret-3", Some((epoch + 1, 7)), Some(0)),
        ("secret-4", None, None),
    ] {
        let at = at.map(|(epoch, sequence)| wire::EventPosition { epoch, sequence });
        let request = wire::FollowTaskRequest { after: at, ..follow("t1", "g1", secret) };
        world.fleet().follow_task(by(&gateway, request)).await.unwrap();
        let Order::Follow(order) = node.order().await.unwrap() else { panic!("it is asked") };
        assert_eq!(order.after, after, "{at:?}");
    }
    world.stop().await;
}

#[tokio::test]
async fn a_task_is_followed_by_gateways_in_its_owners_name_and_to_their_own_address() {
    let world = World::start().await;
    deploy(&world, "text").await;
    let (gateway, node) = (world.gateway("g1").await, world.node("n1").await);
    world.gateway("g2").await;
    submit(&world, task("t1")).await;
    let mut fleet = world.fleet();
    let own = || follow("t1", "g1", "secret");
    refused("nobody", fleet.follow_task(own()).await, "unauthenticated");
    for (says, token) in [("a node", node.as_str()), ("the operator", OPERATOR)] {
        refused(says, fleet.follow_task(by(token, own())).await, "permission-denied");
    }
    let strangers = wire::FollowTaskRequest { owner: "https://b.example".to_owned(), ..own() };
    let nobodys = wire::FollowTaskRequest { owner: String::new(), ..own() };
    let nowhere = wire::FollowTaskRequest { reply_to: None, ..own() };
    let mut elsewhere = own();
    elsewhere.reply_to.as_mut().unwrap().endpoint = "http://127.0.0.1:1".to_owned();
    for (says, request, with) in [
        ("another owner's task", strangers, "not-found"),
        ("an absent task", follow("t9", "g1", "secret"), "not-found"),
        ("nobody's task", nobodys, "invalid-argument"),
        ("no address", nowhere, "invalid-argument"),
        ("another gateway", follow("t1", "g2", "secret"), "invalid-argument"),
        ("another address", elsewhere, "invalid-argument"),
        ("no secret", follow("t1", "g1", ""), "invalid-argument"),
    ] {
        refused(says, fleet.follow_task(by(&gateway, request)).await, with);
    }
    fleet.follow_task(by(&gateway, own())).await.unwrap();
    world.stop().await;
}

//! Gateways and nodes.

use proto_types::Slots;
use registry_core::change::{Refusal, Reply};
use registry_core::command::{Command, FleetCommand, HearNode, RegisterGateway, SetNodeState};
use registry_core::entry::{Capacity, JoinRole, NodeState, TaskState};
use registry_core::query;

use crate::world::*;

fn gateway(name: u8, endpoint: &str, credential: u8, join: u8) -> Command {
    Command::RegisterGateway(RegisterGateway {
        id: gateway_id(name),
        endpoint: endpoint.parse().unwrap(),
        credential: digest(credential),
        join: digest(join),
    })
}

#[test]
fn a_gateway_spends_its_token_once_and_moves_with_its_credential() {
    let mut world = World::new();
    world.done(&issue(1, JoinRole::Gateway));
    world.done(&issue(2, JoinRole::Gateway));
    let first = world.revision_of(&gateway(1, "http://a", 50, 1));
    assert_eq!(world.revision_of(&gateway(1, "http://a", 50, 1)), first);
    assert!(world.revision_of(&gateway(1, "http://b", 50, 1)) > first);
    let other = world.refusal(&gateway(1, "http://c", 51, 2));
    assert_eq!(other, conflict("gateway", gateway_id(1)));
    assert_eq!(world.refusal(&gateway(2, "http://d", 52, 1)), Refusal::JoinTokenInvalid);
    let kept = query::gateway(&world.memory, &gateway_id(1)).unwrap().unwrap();
    assert_eq!((kept.endpoint.as_str(), kept.credential), ("http://b", digest(50)));
}

#[test]
fn without_an_invitation_a_known_id_is_refused_like_a_free_one() {
    let mut world = World::populated();
    world.done(&issue(1, JoinRole::Gateway));
    world.done(&gateway(1, "http://a", 50, 1));
    // The known one, a free one, and the known one with the credential of a node.
    for (id, credential) in [(1, 51), (2, 51), (2, 100)] {
        let refused = world.refusal(&gateway(id, "http://a", credential, 9));
        assert_eq!(refused, Refusal::JoinTokenInvalid, "{id}");
    }
    for id in [0, 1] {
        let mut node = register_node(id, 9);
        if let Command::RegisterNode(register) = &mut node {
            register.credential = digest(51);
        }
        assert_eq!(world.refusal(&node), Refusal::JoinTokenInvalid);
    }
}

#[test]
fn one_credential_is_one_machine() {
    let mut world = World::populated();
    world.done(&issue(1, JoinRole::Gateway));
    let taken = world.refusal(&gateway(1, "http://a", 100, 1));
    assert_eq!(taken, conflict("credential", gateway_id(1)));
    let kept = query::node(&world.memory, &node_id(0)).unwrap().unwrap();
    assert_eq!(kept.credential, digest(100));
}

#[test]
fn a_node_comes_lost_and_joins_with_what_it_measured() {
    let mut world = World::new();
    assert_eq!(world.refusal(&register_node(1, 0)), Refusal::JoinTokenInvalid);
    world.done(&issue(0, JoinRole::Gateway));
    assert_eq!(world.refusal(&register_node(1, 0)), Refusal::JoinTokenInvalid);
    world.done(&issue(1, JoinRole::Node));
    world.done(&register_node(1, 1));
    let node = |world: &World| query::node(&world.memory, &node_id(1)).unwrap().unwrap();
    assert_eq!(node(&world).state, NodeState::Lost);
    let measured = Capacity { slots: Slots::new(9).unwrap(), ..capacity() };
    let join = Command::SetNodeState(SetNodeState {
        id: node_id(1),
        state: NodeState::Joined,
        capacity: Some(measured.clone()),
    });
    let first = world.revision_of(&join);
    assert_eq!(world.revision_of(&join), first);
    assert_eq!((node(&world).state, node(&world).capacity), (NodeState::Joined, measured));
    // No edge lets it in any more; a log may have it.
    let slots = rmp_serde::from_slice(&rmp_serde::to_vec(&4_097_u32).unwrap()).unwrap();
    let absurd = Capacity { slots, ..capacity() };
    let absurd = Command::SetNodeState(SetNodeState {
        id: node_id(1),
        state: NodeState::Joined,
        capacity: Some(absurd),
    });
    assert_eq!(world.refusal(&absurd), full("slots", 4_096));
    let unknown = world.refusal(&node_state(8, NodeState::Joined));
    assert_eq!(unknown, not_found("node", node_id(8)));
}

#[test]
fn a_lost_or_restarted_nodes_tasks_wait_again() {
    for lose in [node_state(0, NodeState::Lost), register_node(0, 0)] {
        let mut world = World::populated();
        for task in [1, 2] {
            world.done(&submit(task, 1, START.plus_ms(DAY)));
            world.done(&assign(task, 0));
        }
        assert_eq!(query::tasks_of_node(&world.memory, &node_id(0), 9).unwrap().len(), 2);
        let before = world.revision();
        let reply = world.done(&lose);
        // Each task's change and the node's own are seen by watchers; the answer covers them all.
        assert_eq!(reply, Reply::Done(proto_types::Revision(before.0 + 3)));
        assert_eq!(query::tasks_of_node(&world.memory, &node_id(0), 9).unwrap(), []);
        for task in [1, 2] {
            assert_eq!(world.task(task).state, TaskState::Pending);
        }
        assert_eq!(query::pending_tasks(&world.memory, 9).unwrap().len(), 2);
        assert_eq!(world.effects.len(), 2);
        world.refusal(&complete(1, 0, 1, 1));
    }
}

#[test]
fn a_nodes_silence_lasts_over_any_number_of_leaders_until_it_is_heard() {
    let mut world = World::populated();
    let node = |world: &World| query::node(&world.memory, &node_id(0)).unwrap().unwrap();
    let heard = || FleetCommand::HearNode(HearNode { id: node_id(0), capacity: capacity() }).into();
    assert_eq!(node(&world).silent_since, None);
    let began = world.now;
    world.done(&FleetCommand::CallNodes.into());
    for _ in 0..3 {
        world.later(2_000);
        world.done(&FleetCommand::CallNodes.into());
        assert_eq!(node(&world).silent_since, Some(began), "the next leader counts from there");
    }
    world.done(&heard());
    assert_eq!(node(&world).silent_since, None);
    world.done(&node_state(0, NodeState::Draining));
    world.done(&FleetCommand::CallNodes.into());
    assert_eq!(node(&world).silent_since, Some(world.now), "a draining node is called too");
    world.done(&node_state(0, NodeState::Lost));
    world.done(&FleetCommand::CallNodes.into());
    assert_eq!(node(&world).silent_since, None, "a lost one is not");
    world.done(&heard());
    assert_eq!(node(&world).state, NodeState::Joined);
}

//! What is said of an agent that no node can run, and of a task that waits for a node.

use deploy_service::units;
use proto_types::Digest;
use proto_wire::registry::v1 as wire;

use crate::artifacts::{ARTIFACT, agent, deploy, put};
use crate::fleet::{Node, state, submit, task};
use crate::tokens::now_ms;
use crate::world::{OPERATOR, World, by, eventually};

const JOINED: &str = "no node that could run the agent is joined";
const ISOLATION: &str = "no node offers an isolation class that the agent accepts";
const MEMORY: &str =
    "no node of an isolation class that the agent accepts has the memory that it may use";
const BUSY: &str = "every node that can run the agent is busy";

/// A world whose nodes keep their lease for as long as a test runs.
async fn world() -> World {
    World::start_with(|config| config.lease_ttl = units::Duration::from_secs(60)).await
}

async fn join(world: &World) -> Node {
    let token = world.node("n1").await;
    Node::dial(world, "n1", &token, &[]).await.unwrap()
}

fn needs_hardware() -> wire::PutAgentRequest {
    let isolation = vec!["vm-hw".to_owned()];
    wire::PutAgentRequest { isolation, ..agent("stuck", &Digest::of(ARTIFACT)) }
}

fn needs_memory() -> wire::PutAgentRequest {
    let mut request = agent("large", &Digest::of(ARTIFACT));
    request.limits.as_mut().unwrap().memory_bytes = 2 << 30;
    request
}

/// What the answer to a deployment says about nodes.
async fn said(world: &World, request: wire::PutAgentRequest) -> String {
    let handle = request.handle.clone();
    let agent = world.directory().put_agent(by(OPERATOR, request)).await.unwrap().into_inner();
    assert_eq!(agent.handle, handle, "it is deployed all the same");
    agent.unplaceable
}

fn due_in(ms: u64, id: &str) -> wire::SubmitTaskRequest {
    wire::SubmitTaskRequest { deadline_ms: now_ms() + ms, ..task(id) }
}

/// Waits until the reason of a task says this.
async fn reason(world: &World, id: &str, reason: &str) {
    eventually(reason, || async { (state(world, id).await.reason == reason).then_some(()) }).await;
}

#[tokio::test]
async fn a_deployment_that_no_node_can_run_now_says_which_requirement_is_not_met() {
    let world = world().await;
    put(&world, OPERATOR, &[ARTIFACT]).await.unwrap();
    let text = || agent("text", &Digest::of(ARTIFACT));
    assert_eq!(said(&world, text()).await, JOINED);
    world.node("n2").await;
    assert_eq!(said(&world, text()).await, JOINED, "one that is registered and not in session");
    let _node = join(&world).await;
    assert_eq!(said(&world, text()).await, "");
    assert_eq!(said(&world, needs_hardware()).await, ISOLATION);
    assert_eq!(said(&world, needs_memory()).await, MEMORY);
    world.stop().await;
}

/// A request with this token, or of nobody.
fn from<T>(token: Option<&str>, message: T) -> tonic::Request<T> {
    match token {
        Some(token) => by(token, message),
        None => tonic::Request::new(message),
    }
}

/// What is said of each agent that is deployed, in the list and of each alone.
async fn listed(world: &World, token: Option<&str>) -> Vec<(String, String)> {
    let mut directory = world.directory();
    let all = wire::ListRequest { consistency: 1, ..Default::default() };
    let agents = directory.list_agents(from(token, all)).await.unwrap().into_inner().agents;
    for agent in &agents {
        let one = wire::GetAgentRequest { handle: agent.handle.clone(), consistency: 1 };
        let one = directory.get_agent(from(token, one)).await.unwrap().into_inner();
        assert_eq!(one.unplaceable, agent.unplaceable);
    }
    agents.into_iter().map(|agent| (agent.handle, agent.unplaceable)).collect()
}

#[tokio::test]
async fn the_operator_and_nobody_else_sees_which_agents_no_node_can_run_now() {
    let world = world().await;
    deploy(&world, "text").await;
    said(&world, needs_hardware()).await;
    let told = |text: &str, stuck: &str| {
        [("stuck", stuck), ("text", text)].map(|(handle, why)| (handle.to_owned(), why.to_owned()))
    };
    assert_eq!(listed(&world, Some(OPERATOR)).await, told(JOINED, JOINED));
    let _node = join(&world).await;
    assert_eq!(listed(&world, Some(OPERATOR)).await, told("", ISOLATION));
    assert_eq!(listed(&world, None).await, told("", ""));
    world.stop().await;
}

#[tokio::test]
async fn a_task_that_no_node_can_run_says_so_while_it_waits_and_when_its_deadline_ends_it() {
    let world = world().await;
    put(&world, OPERATOR, &[ARTIFACT]).await.unwrap();
    said(&world, needs_hardware()).await;
    let _node = join(&world).await;
    let request = wire::SubmitTaskRequest { agent: "stuck".to_owned(), ..due_in(2_000, "t1") };
    let submitted = submit(&world, request).await;
    assert_eq!(submitted.state, "pending");
    assert_eq!(submitted.reason, format!("it waits for a node: {ISOLATION}"));
    let ended = format!("its deadline passed while it waited for a node: {ISOLATION}");
    reason(&world, "t1", &ended).await;
    assert_eq!(state(&world, "t1").await.state, "failed");
    world.stop().await;
}

#[tokio::test]
async fn a_task_that_waits_for_a_slot_is_told_apart_from_one_that_no_node_can_run() {
    let world = world().await;
    deploy(&world, "text").await;
    let mut node = join(&world).await;
    for id in ["t1", "t2"] {
        submit(&world, task(id)).await;
        node.assigned().await;
    }
    let submitted = submit(&world, due_in(4_000, "t3")).await;
    assert_eq!((submitted.state.as_str(), submitted.reason.as_str()), ("pending", ""));
    reason(&world, "t3", &format!("it waits for a node: {BUSY}")).await;
    reason(&world, "t3", &format!("its deadline passed while it waited for a node: {BUSY}")).await;
    assert_eq!(state(&world, "t1").await.reason, "", "one that runs waits for nothing");
    world.stop().await;
}

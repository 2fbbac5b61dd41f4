//! Tasks over real node sessions: placed, told, completed once under their epoch, placed again.

use std::time::Duration;

use proto_types::Digest;
use proto_wire::registry::v1::node_message::Kind as Says;
use proto_wire::registry::v1::node_order::Kind as Order;
use proto_wire::registry::v1::{self as wire};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use crate::artifacts::{ARTIFACT, agent, deploy, put};
use crate::tokens::now_ms;
use crate::world::{LEASE_TTL, OPERATOR, PATIENCE, World, by, capacity, code, eventually, refused};

/// A node as a client: it says what it is told to say, and beats on request.
pub(crate) struct Node {
    id: String,
    pub(crate) token: String,
    says: mpsc::Sender<wire::NodeMessage>,
    orders: Streaming<wire::NodeOrder>,
}

impl Node {
    async fn join(world: &World, id: &str) -> Self {
        let token = world.node(id).await;
        Self::dial(world, id, &token, &[]).await.unwrap()
    }

    pub(crate) async fn dial(
        world: &World,
        id: &str,
        token: &str,
        held: &[(&str, u64)],
    ) -> Result<Self, Status> {
        let held =
            held.iter().map(|(task, epoch)| wire::Held { task: (*task).to_owned(), epoch: *epoch });
        let hello =
            wire::Hello { id: id.to_owned(), capacity: Some(capacity()), held: held.collect() };
        Self::open(world, token, hello).await
    }

    async fn open(world: &World, token: &str, hello: wire::Hello) -> Result<Self, Status> {
        let (says, heard) = mpsc::channel(16);
        let id = hello.id.clone();
        says.send(wire::NodeMessage { kind: Some(Says::Hello(hello)) }).await.unwrap();
        let request = by(token, ReceiverStream::new(heard));
        let orders = world.fleet().session(request).await?.into_inner();
        Ok(Self { id, token: token.to_owned(), says, orders })
    }

    async fn say(&self, says: Says) {
        self.says.send(wire::NodeMessage { kind: Some(says) }).await.unwrap();
    }

    async fn beat(&self, draining: bool) {
        self.say(Says::Beat(wire::Beat { free_slots: 2, draining, cached: vec![] })).await;
    }

    /// The next order that is not a lease; the node beats until it comes.
    pub(crate) async fn order(&mut self) -> Result<Order, Status> {
        let patience = tokio::time::Instant::now() + PATIENCE;
        loop {
            assert!(tokio::time::Instant::now() < patience, "{} hears nothing", self.id);
            match timeout(LEASE_TTL / 3, self.orders.message()).await {
                Err(_) => self.beat(false).await,
                Ok(order) => match order?.expect("the session goes on").kind.unwrap() {
                    Order::Granted(granted) => assert!(granted.ttl_ms > 0),
                    other => return Ok(other),
                },
            }
        }
    }

    pub(crate) async fn assigned(&mut self) -> wire::Assigned {
        match self.order().await.unwrap() {
            Order::Assigned(assigned) => assigned,
            other => panic!("{} expected a task, not {other:?}", self.id),
        }
    }

    pub(crate) fn outcome(
        &self,
        task: &str,
        epoch: u64,
        text: &str,
    ) -> tonic::Request<wire::CompleteTaskRequest> {
        let outcome = format!("{{\"artifacts\":[],\"message\":{{\"text\":\"{text}\"}}}}");
        let request = wire::CompleteTaskRequest {
            id: task.to_owned(),
            epoch,
            end: "completed".to_owned(),
            outcome: outcome.into_bytes().into(),
            reason: String::new(),
            omit_documents: false,
        };
        by(&self.token, request)
    }
}

pub(crate) fn task(id: &str) -> wire::SubmitTaskRequest {
    wire::SubmitTaskRequest {
        id: id.to_owned(),
        context: "c1".to_owned(),
        agent: "text".to_owned(),
        owner: "https://a.example".to_owned(),
        input: b"{\"parts\":[]}".to_vec().into(),
        deadline_ms: now_ms() + 600_000,
        ..Default::default()
    }
}

fn reply_to(gateway: &str, endpoint: &str) -> wire::ReplyTo {
    let (gateway, endpoint) = (gateway.to_owned(), endpoint.to_owned());
    wire::ReplyTo { gateway, endpoint, secret: "reply-secret".to_owned() }
}

pub(crate) async fn submit(world: &World, request: wire::SubmitTaskRequest) -> wire::Task {
    world.fleet().submit_task(by(OPERATOR, request)).await.unwrap().into_inner()
}

pub(crate) async fn state(world: &World, id: &str) -> wire::Task {
    let request = wire::GetTaskRequest { id: id.to_owned(), owner: String::new(), consistency: 1 };
    world.fleet().get_task(by(OPERATOR, request)).await.unwrap().into_inner()
}

#[tokio::test]
async fn a_task_is_placed_told_and_completed_once_under_its_epoch() {
    let world = World::start().await;
    deploy(&world, "text").await;
    let mut node = Node::join(&world, "n1").await;
    world.gateway("g1").await;
    let events = Some(reply_to("g1", "http://127.0.0.1:7443"));
    let traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned();
    let trace = traceparent.clone();
    let request = wire::SubmitTaskRequest { reply_to: events, traceparent, ..task("t1") };
    let submitted = submit(&world, request).await;
    assert_eq!((submitted.state.as_str(), submitted.attempts), ("assigned", 1));
    assert_eq!(submit(&world, task("t1")).await.id, "t1", "a repetition is the same task");

    let assigned = node.assigned().await;
    assert_eq!(
        (assigned.task.as_str(), assigned.epoch, assigned.context.as_str()),
        ("t1", 1, "c1")
    );
    assert_eq!(assigned.input[..], *b"{\"parts\":[]}");
    assert_eq!(assigned.reply_to.unwrap().secret, "reply-secret");
    assert_eq!(assigned.traceparent, trace);
    let agent = assigned.agent.unwrap();
    assert_eq!((agent.handle.as_str(), agent.limits.unwrap().fuel), ("text", 1_000_000));
    node.say(Says::Accepted(wire::Accepted { task: "t1".to_owned(), epoch: 1 })).await;

    let stale = world.fleet().complete_task(node.outcome("t1", 7, "x")).await.unwrap_err();
    assert_eq!(code(&stale), "stale-epoch");
    let done = world.fleet().complete_task(node.outcome("t1", 1, "done")).await.unwrap();
    assert_eq!(done.get_ref().state, "completed");
    world.fleet().complete_task(node.outcome("t1", 1, "done")).await.unwrap();
    let other = world.fleet().complete_task(node.outcome("t1", 1, "other")).await.unwrap_err();
    assert_eq!(code(&other), "task-ended");
    let kept = state(&world, "t1").await;
    assert!(String::from_utf8_lossy(&kept.outcome).contains("done"));
    world.stop().await;
}

#[tokio::test]
async fn each_grant_tells_the_time_by_which_the_registry_judges() {
    let world = World::start().await;
    let time = async || {
        let request = by(OPERATOR, wire::ListRequest::default());
        let listed = world.fleet().list_nodes(request).await.unwrap();
        let told = listed.metadata().get("ecumene-time-ms").unwrap().to_str().unwrap();
        told.parse::<u64>().unwrap()
    };
    let before = time().await;
    let mut node = Node::join(&world, "n1").await;
    for grant in ["the first", "that of a beat"] {
        let order = timeout(PATIENCE, node.orders.message()).await.unwrap().unwrap().unwrap();
        let told = match order.kind {
            Some(Order::Granted(granted)) => granted.time_ms,
            other => panic!("{grant} is expected, not {other:?}"),
        };
        let after = time().await;
        assert!((before..=after).contains(&told), "{grant}: {before} <= {told} <= {after}");
        node.beat(false).await;
    }
    world.stop().await;
}

#[tokio::test]
async fn a_task_of_a_silent_node_is_placed_again_and_its_old_epoch_is_refused() {
    let world = World::start().await;
    deploy(&world, "text").await;
    let mut first = Node::join(&world, "n1").await;
    submit(&world, task("t1")).await;
    let assigned = first.assigned().await;
    let late = first.outcome("t1", assigned.epoch, "late");
    let token = first.token.clone();
    drop(first);

    let mut second = Node::join(&world, "n2").await;
    let again = second.assigned().await;
    assert_eq!((again.task.as_str(), again.epoch), ("t1", 2));
    let refused = world.fleet().complete_task(late).await.unwrap_err();
    assert_eq!(code(&refused), "stale-epoch");

    let mut back = Node::dial(&world, "n1", &token, &[("t1", 1), ("t9", 3)]).await.unwrap();
    let mut revoked = Vec::new();
    for _ in 0..2 {
        match back.order().await.unwrap() {
            Order::Revoked(order) => revoked.push((order.task, order.epoch)),
            other => panic!("expected two revocations, not {other:?}"),
        }
    }
    assert_eq!(revoked, [("t1".to_owned(), 1), ("t9".to_owned(), 3)]);
    world.fleet().complete_task(second.outcome("t1", 2, "done")).await.unwrap();
    let kept = state(&world, "t1").await;
    assert_eq!((kept.state.as_str(), kept.attempts), ("completed", 2));
    world.stop().await;
}

#[tokio::test]
async fn a_node_that_dials_again_in_time_keeps_what_it_holds_and_hears_the_rest() {
    let world = World::start().await;
    deploy(&world, "text").await;
    let mut node = Node::join(&world, "n1").await;
    submit(&world, task("t1")).await;
    submit(&world, task("t2")).await;
    let (one, two) = (node.assigned().await, node.assigned().await);
    let token = node.token.clone();
    let mut old = node;

    let mut node = Node::dial(&world, "n1", &token, &[(&one.task, one.epoch)]).await.unwrap();
    let ended = loop {
        match old.orders.message().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("the old session ends with a reason"),
            Err(status) => break status,
        }
    };
    assert_eq!(code(&ended), "session-replaced");
    let told = node.assigned().await;
    assert_eq!((&told.task, told.epoch), (&two.task, two.epoch), "the same epoch: it was not lost");
    world.fleet().complete_task(node.outcome(&one.task, one.epoch, "x")).await.unwrap();
    world.stop().await;
}

#[tokio::test]
async fn what_a_node_hands_back_is_placed_again() {
    let world = World::start().await;
    deploy(&world, "text").await;
    let mut node = Node::join(&world, "n1").await;
    submit(&world, task("t1")).await;
    let first = node.assigned().await;
    let released =
        wire::Released { task: "t1".to_owned(), epoch: first.epoch, reason: "no room".to_owned() };
    node.say(Says::Released(released)).await;
    let second = node.assigned().await;
    assert_eq!((second.task.as_str(), second.epoch), ("t1", first.epoch + 1));
    world.stop().await;
}

#[tokio::test]
async fn a_full_node_gets_no_more_than_its_slots_and_the_rest_when_they_are_free() {
    let world = World::start().await;
    deploy(&world, "text").await;
    let mut node = Node::join(&world, "n1").await;
    for id in ["t1", "t2", "t3"] {
        submit(&world, task(id)).await;
    }
    let (one, _two) = (node.assigned().await, node.assigned().await);
    assert_eq!(state(&world, "t3").await.state, "pending");
    world.fleet().complete_task(node.outcome(&one.task, one.epoch, "x")).await.unwrap();
    assert_eq!(node.assigned().await.task, "t3");
    world.stop().await;
}

#[tokio::test]
async fn a_cancelled_task_is_ended_through_its_node() {
    let world = World::start().await;
    deploy(&world, "text").await;
    let mut node = Node::join(&world, "n1").await;
    submit(&world, task("t1")).await;
    let assigned = node.assigned().await;
    let cancel =
        |owner: &str| wire::CancelTaskRequest { id: "t1".to_owned(), owner: owner.to_owned() };
    let gateway = world.gateway("g1").await;
    let stranger = by(&gateway, cancel("https://b.example"));
    assert_eq!(code(&world.fleet().cancel_task(stranger).await.unwrap_err()), "not-found");
    let own = by(&gateway, cancel("https://a.example"));
    assert!(world.fleet().cancel_task(own).await.unwrap().get_ref().cancel_requested);
    match node.order().await.unwrap() {
        Order::Cancel(order) => {
            assert_eq!((order.task.as_str(), order.epoch), ("t1", assigned.epoch))
        }
        other => panic!("expected a cancellation, not {other:?}"),
    }
    world.stop().await;
}

#[tokio::test]
async fn an_overdue_task_ends_and_is_taken_from_its_node() {
    let world = World::start().await;
    deploy(&world, "text").await;
    let mut node = Node::join(&world, "n1").await;
    let soon = wire::SubmitTaskRequest { deadline_ms: now_ms() + 1_000, ..task("t1") };
    submit(&world, soon).await;
    let assigned = node.assigned().await;
    match node.order().await.unwrap() {
        Order::Revoked(order) => {
            assert_eq!((order.task.as_str(), order.epoch), ("t1", assigned.epoch))
        }
        other => panic!("expected a revocation, not {other:?}"),
    }
    let kept = state(&world, "t1").await;
    assert_eq!((kept.state.as_str(), kept.reason.as_str()), ("failed", "its deadline passed"));
    world.stop().await;
}

#[tokio::test]
async fn a_draining_node_gets_nothing_new() {
    let world = World::start().await;
    deploy(&world, "text").await;
    let node = Node::join(&world, "n1").await;
    node.beat(true).await;
    let states = async || {
        let request = by(OPERATOR, wire::ListRequest { consistency: 1, ..Default::default() });
        let nodes = world.fleet().list_nodes(request).await.unwrap().into_inner().nodes;
        nodes.into_iter().map(|node| node.state).collect::<Vec<_>>()
    };
    eventually("draining", || async { (states().await == ["draining"]).then_some(()) }).await;
    submit(&world, task("t1")).await;
    let mut other = Node::join(&world, "n2").await;
    assert_eq!(other.assigned().await.task, "t1");
    drop(node);
    drop(other);
    eventually("both are lost", || async { (states().await == ["lost", "lost"]).then_some(()) })
        .await;
    world.stop().await;
}

#[tokio::test]
async fn a_session_is_for_the_node_alone() {
    let world = World::start().await;
    let (one, _two) = (world.node("n1").await, world.node("n2").await);
    let gateway = world.gateway("g1").await;
    for (token, id, expected) in [
        (one.as_str(), "n2", "permission-denied"),
        (gateway.as_str(), "g1", "permission-denied"),
        (OPERATOR, "n1", "permission-denied"),
        ("node:n1:wrong", "n1", "unauthenticated"),
    ] {
        let refused = Node::dial(&world, id, token, &[]).await.err().unwrap();
        assert_eq!(code(&refused), expected, "{id}");
    }
    let (says, heard) = mpsc::channel(1);
    says.send(wire::NodeMessage { kind: Some(Says::Beat(wire::Beat::default())) }).await.unwrap();
    let request = by(&one, ReceiverStream::new(heard));
    let refused = world.fleet().session(request).await.unwrap_err();
    assert_eq!(code(&refused), "invalid-argument", "the first message is a hello");
    drop(says);

    let node = Node::dial(&world, "n1", &one, &[]).await.unwrap();
    let bad = wire::Beat { cached: vec!["x".to_owned()], ..Default::default() };
    node.say(Says::Beat(bad)).await;
    let mut node = node;
    let ended = timeout(Duration::from_secs(20), node.order()).await.unwrap().unwrap_err();
    assert_eq!(code(&ended), "invalid-argument");
    world.stop().await;
}

#[tokio::test]
async fn events_go_to_a_registered_gateways_own_address_and_nowhere_else() {
    let world = World::start().await;
    deploy(&world, "text").await;
    let (one, other) = (world.gateway("g1").await, world.gateway("g2").await);
    let own = "http://127.0.0.1:7443";
    for (says, token, gateway, endpoint) in [
        ("a victim's address", one.as_str(), "g1", "https://victim.example"),
        ("another path", one.as_str(), "g1", "http://127.0.0.1:7443/x"),
        ("another gateway", other.as_str(), "g1", own),
        ("no gateway", OPERATOR, "g9", own),
    ] {
        let request =
            wire::SubmitTaskRequest { reply_to: Some(reply_to(gateway, endpoint)), ..task("t1") };
        refused(says, world.fleet().submit_task(by(token, request)).await, "invalid-argument");
    }
    for (token, id) in [(one.as_str(), "t1"), (OPERATOR, "t2")] {
        let request = wire::SubmitTaskRequest { reply_to: Some(reply_to("g1", own)), ..task(id) };
        world.fleet().submit_task(by(token, request)).await.unwrap();
    }
    world.stop().await;
}

#[tokio::test]
async fn an_outcome_is_committed_whatever_its_reason_says() {
    let world = World::start().await;
    deploy(&world, "text").await;
    let mut node = Node::join(&world, "n1").await;
    for (id, reason) in [("t1", "panicked\n\u{1b}[31mat \0".to_owned()), ("t2", "x".repeat(9_000))]
    {
        submit(&world, task(id)).await;
        let assigned = node.assigned().await;
        let mut outcome = node.outcome(id, assigned.epoch, "x");
        outcome.get_mut().end = "failed".to_owned();
        outcome.get_mut().reason = reason;
        world.fleet().complete_task(outcome).await.unwrap();
        let kept = state(&world, id).await;
        assert_eq!(kept.state, "failed");
        assert!(!kept.reason.contains(char::is_control) && kept.reason.len() <= 1_024);
        assert!(!kept.reason.is_empty());
    }
    world.stop().await;
}

#[tokio::test]
async fn tasks_that_no_node_can_run_do_not_stand_before_those_that_one_can() {
    let world = World::start().await;
    deploy(&world, "text").await;
    let mut stuck = agent("stuck", &Digest::of(ARTIFACT));
    stuck.isolation = vec!["vm-hw".to_owned()];
    world.directory().put_agent(by(OPERATOR, stuck)).await.unwrap();
    for n in 0..260 {
        let request = wire::SubmitTaskRequest { agent: "stuck".into(), ..task(&format!("s{n}")) };
        submit(&world, request).await;
    }
    submit(&world, task("good")).await;
    let mut node = Node::join(&world, "n1").await;
    assert_eq!(node.assigned().await.task, "good");
    world.stop().await;
}

#[tokio::test]
async fn an_agent_with_few_tasks_does_not_wait_for_the_many_of_another() {
    let world = World::start().await;
    deploy(&world, "many").await;
    deploy(&world, "few").await;
    let mut node = Node::join(&world, "n1").await;
    for n in 0..20 {
        let request = wire::SubmitTaskRequest { agent: "many".into(), ..task(&format!("m{n}")) };
        submit(&world, request).await;
    }
    submit(&world, wire::SubmitTaskRequest { agent: "few".into(), ..task("f") }).await;
    let (one, _two) = (node.assigned().await, node.assigned().await);
    world.fleet().complete_task(node.outcome(&one.task, one.epoch, "x")).await.unwrap();
    assert_eq!(node.assigned().await.task, "f", "the next free slot is its turn");
    world.stop().await;
}

#[tokio::test]
async fn a_peer_with_one_call_to_an_agent_does_not_wait_for_the_many_of_another() {
    let world = World::start().await;
    deploy(&world, "text").await;
    for n in 0..20 {
        submit(&world, task(&format!("a{n:02}"))).await;
    }
    let (owner, context) = ("https://b.example".to_owned(), "c2".to_owned());
    submit(&world, wire::SubmitTaskRequest { owner, context, ..task("b") }).await;
    let token = world.node("n1").await;
    let one_slot = wire::Capacity { slots: 1, ..capacity() };
    let hello = wire::Hello { id: "n1".to_owned(), capacity: Some(one_slot), held: vec![] };
    let mut node = Node::open(&world, &token, hello).await.unwrap();
    let mut order = Vec::new();
    for _ in 0..3 {
        let assigned = node.assigned().await;
        let outcome = node.outcome(&assigned.task, assigned.epoch, "x");
        world.fleet().complete_task(outcome).await.unwrap();
        order.push(assigned.task);
    }
    assert_eq!(order, ["a00", "b", "a01"], "the first slot that is free again is its turn");
    world.stop().await;
}

#[tokio::test]
async fn a_continued_task_is_assigned_with_all_that_was_said() {
    let world = World::start().await;
    deploy(&world, "text").await;
    let mut node = Node::join(&world, "n1").await;
    submit(&world, task("t1")).await;
    let first = node.assigned().await;
    let mut asks = node.outcome("t1", first.epoch, "which?");
    asks.get_mut().end = "input-required".to_owned();
    world.fleet().complete_task(asks).await.unwrap();
    let go_on = |owner: &str| wire::ContinueTaskRequest {
        id: "t1".to_owned(),
        owner: owner.to_owned(),
        input: b"{\"parts\":[1]}".to_vec().into(),
        deadline_ms: now_ms() + 60_000,
        reply_to: None,
        omit_input: false,
        traceparent: String::new(),
        push: None,
    };
    let stranger = world.fleet().continue_task(by(OPERATOR, go_on("https://b.example"))).await;
    refused("a stranger's task", stranger, "not-found");
    refused(
        "nobody",
        world.fleet().continue_task(go_on("https://a.example")).await,
        "unauthenticated",
    );
    let own = by(OPERATOR, go_on("https://a.example"));
    let pending = world.fleet().continue_task(own).await.unwrap().into_inner();
    assert_eq!((pending.state.as_str(), pending.turns.len()), ("pending", 1));
    let second = node.assigned().await;
    assert_eq!((second.task.as_str(), second.epoch), ("t1", first.epoch + 1));
    assert_eq!(second.history, [&b"{\"parts\":[]}"[..], br#"{"text":"which?"}"#]);
    world.fleet().complete_task(node.outcome("t1", second.epoch, "done")).await.unwrap();
    let late = world.fleet().continue_task(by(OPERATOR, go_on("https://a.example"))).await;
    late.expect("the same message again is the same turn");
    world.stop().await;
}

#[tokio::test]
async fn whoever_asks_for_it_is_answered_without_what_it_has_just_sent() {
    let world = World::start().await;
    deploy(&world, "text").await;
    let mut node = Node::join(&world, "n1").await;
    let (request, omit_input) = (task("t1"), true);
    let sent = request.input.clone();
    let bare = submit(&world, wire::SubmitTaskRequest { omit_input, ..request }).await;
    assert_eq!((bare.id.as_str(), bare.input.len()), ("t1", 0));
    assert_eq!(submit(&world, task("t1")).await.input, sent, "who does not ask has it");
    let epoch = node.assigned().await.epoch;
    let mut asks = node.outcome("t1", epoch, "which?");
    asks.get_mut().end = "input-required".to_owned();
    world.fleet().complete_task(asks).await.unwrap();
    let next = wire::ContinueTaskRequest {
        id: "t1".to_owned(),
        owner: "https://a.example".to_owned(),
        input: b"{\"parts\":[1]}".to_vec().into(),
        deadline_ms: now_ms() + 60_000,
        reply_to: None,
        omit_input,
        traceparent: String::new(),
        push: None,
    };
    let asked = by(OPERATOR, next.clone());
    let bare = world.fleet().continue_task(asked).await.unwrap().into_inner();
    assert_eq!((bare.turns.len(), bare.input.len()), (1, 0));
    assert_eq!(bare.turns[0].input, sent, "only the newest message is left out");
    assert_eq!(state(&world, "t1").await.input, next.input);
    world.stop().await;
}

#[tokio::test]
async fn a_nodes_credential_reads_nothing_private() {
    let world = World::start().await;
    let mut private = agent("hidden", &Digest::of(ARTIFACT));
    put(&world, OPERATOR, &[ARTIFACT]).await.unwrap();
    private.visibility = "private".to_owned();
    world.directory().put_agent(by(OPERATOR, private)).await.unwrap();
    let node = world.node("n1").await;
    let get = wire::GetAgentRequest { handle: "hidden".to_owned(), consistency: 1 };
    refused("a node", world.directory().get_agent(by(&node, get.clone())).await, "not-found");
    let list = by(&node, wire::ListRequest { consistency: 1, ..Default::default() });
    assert_eq!(world.directory().list_agents(list).await.unwrap().into_inner().agents, []);
    let watch = wire::WatchRequest { kinds: vec!["task".to_owned()], ..Default::default() };
    let watched = world.directory().watch(by(&node, watch)).await;
    refused("the doings of the fleet", watched, "permission-denied");
    world.directory().get_agent(by(OPERATOR, get)).await.unwrap();
    world.stop().await;
}

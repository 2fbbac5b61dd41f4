//! A2A calls that are answered once: sent, looked at, cancelled.

use deploy_service::units;
use proto_wire::registry::v1::node_order::Kind as Order;
use serde_json::{Value, json};

use crate::node::Node;
use crate::world::{
    Gateway, Peer, World, eventually, gateway_config, invite, json_of, message, revoke, rpc,
};

const RPC: &str = "/agents/echo";

fn a() -> Peer {
    Peer::new("a", 1)
}

pub(crate) fn at_once(text: &str) -> Value {
    let mut params = message(text);
    params["configuration"] = json!({"returnImmediately": true});
    params
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_waits_for_its_tasks_end_by_default() {
    let world = World::start().await;
    let mut node = Node::join(&world).await;
    let caller = a();
    let called = world.gateway.call(&caller, RPC, "SendMessage", message("hello"));
    let worked = async {
        let task = node.take().await;
        let input: Value = serde_json::from_slice(&task.input).unwrap();
        assert_eq!(input["parts"][0]["text"], "hello");
        assert_eq!(input["taskId"], task.task.as_str());
        assert!(task.reply_to.is_none(), "nobody streams");
        node.complete(&world, &task, "completed", &["x"]).await;
    };
    let (answer, ()) = tokio::join!(called, worked);
    assert_eq!(answer["id"], "call-1");
    let task = &answer["result"]["task"];
    assert_eq!(task["status"]["state"], "TASK_STATE_COMPLETED");
    assert_eq!(task["status"]["message"]["parts"][0]["text"], "done");
    assert_eq!(task["artifacts"][0]["parts"], json!([{"text": "x"}]));
    assert_eq!(task["history"][0]["messageId"], "m1");

    let named = json!({"id": task["id"], "historyLength": 0});
    let seen = world.gateway.call(&a(), RPC, "GetTask", named).await;
    assert_eq!(seen["result"]["status"], task["status"]);
    assert_eq!(seen["result"].get("history"), None);
    let cancelled = world.gateway.call(&a(), RPC, "CancelTask", json!({"id": task["id"]})).await;
    assert_eq!(cancelled["error"]["code"], -32002);
    let mut more = message("more");
    more["message"]["taskId"] = task["id"].clone();
    let refused = world.gateway.call(&a(), RPC, "SendMessage", more).await;
    assert_eq!(refused["error"]["code"], -32004, "{refused}");
}

/// Numbers that no double holds, each with a name to find it by.
const NUMBERS: [(&str, &str); 5] = [
    ("id", "9007199254740993"),
    ("wei", "1000000000000000000000001"),
    ("price", "0.10"),
    ("far", "1e+400"),
    ("ns", "-18446744073709551617"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn numbers_beyond_two_to_the_53_are_carried_as_they_were_written() {
    let world = World::start().await;
    let mut node = Node::join(&world).await;
    let members = NUMBERS.map(|(name, digits)| format!("\"{name}\":{digits}")).join(",");
    let holds = |text: &[u8]| {
        let text = std::str::from_utf8(text).unwrap().replace(' ', "");
        for (name, digits) in NUMBERS {
            let found = text.matches(&format!("\"{name}\":{digits}")).count();
            assert_eq!(found, 2, "{name} in data and metadata: {text}");
        }
    };
    let part = format!("{{\"data\":{{{members}}},\"metadata\":{{\"in\":[{{{members}}}]}}}}");
    let body = format!(
        "{{\"jsonrpc\":\"2.0\",\"id\":9007199254740995,\"method\":\"SendMessage\",\"params\":\
         {{\"message\":{{\"messageId\":\"m1\",\"role\":\"ROLE_USER\",\"parts\":[{part}]}},\
         \"configuration\":{{\"historyLength\":0}}}}}}"
    );
    let caller = a();
    let called = world.gateway.post(&caller, RPC, &body);
    let worked = async {
        let task = node.take().await;
        holds(&task.input);
        let outcome = format!("{{\"artifacts\":[{{\"artifactId\":\"o\",\"parts\":[{part}]}}]}}");
        node.complete_with(&world, &task, "completed", &outcome).await;
    };
    let (answer, ()) = tokio::join!(called, worked);
    let text = std::str::from_utf8(answer.body()).unwrap();
    assert!(text.contains("\"id\":9007199254740995,"), "the id of the call: {text}");
    assert!(text.contains("TASK_STATE_COMPLETED"), "{text}");
    holds(answer.body());
}

/// Until so many calls wait for a task.
pub(crate) async fn waiting(world: &World, calls: usize) {
    let line = format!("ecumene_gateway_waiting_tasks {calls}\n");
    eventually("the calls that wait", || async {
        let metrics = world.gateway.get("/metrics").await.into_body();
        std::str::from_utf8(&metrics).unwrap().contains(&line).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_metadata_of_a_message_reaches_its_agent_and_that_of_the_request_does_not() {
    let world = World::start().await;
    let mut node = Node::join(&world).await;
    let mut params = message("hello");
    params["message"]["metadata"] = json!({"trace": "t-1"});
    params["metadata"] = json!({"request": "r-1"});
    let caller = a();
    let called = world.gateway.call(&caller, RPC, "SendMessage", params);
    let worked = async {
        let task = node.take().await;
        let input: Value = serde_json::from_slice(&task.input).unwrap();
        assert_eq!(input["metadata"], json!({"trace": "t-1"}));
        assert!(!input.to_string().contains("r-1"), "{input}");
        let outcome = r#"{"artifacts":[{"artifactId":"o","parts":[{"text":"x"}]}]}"#;
        node.complete_with(&world, &task, "completed", outcome).await;
    };
    let (answer, ()) = tokio::join!(called, worked);
    assert_eq!(answer["result"]["task"]["status"]["state"], "TASK_STATE_COMPLETED", "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_waits_ends_when_its_peer_is_revoked_and_its_task_with_it() {
    // The task does not end by its deadline while anybody waits here.
    let world = World::with(|config| {
        config.bounds.task_deadline = units::Duration::from_secs(600);
    })
    .await;
    let caller = a();
    let body = rpc("SendMessage", message("hi")).to_string();
    let called = world.gateway.post(&caller, RPC, &body);
    let revoked = async {
        waiting(&world, 1).await;
        revoke(&world.channel, &a()).await;
    };
    let (answer, ()) = tokio::join!(called, revoked);
    assert_eq!(answer.status(), 401);
    assert_eq!(json_of(&answer)["error"]["code"], -32040);
    // Nobody was told of it, so nobody will ask for it.
    eventually("the end of its task", || async {
        let metrics = world.registry_metrics().await;
        metrics.contains("ecumene_registry_open_tasks 0\n").then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_is_its_owners_alone() {
    let world = World::start().await;
    let answer = world.gateway.call(&a(), RPC, "SendMessage", at_once("hello")).await;
    let task = &answer["result"]["task"];
    assert_eq!(task["status"]["state"], "TASK_STATE_SUBMITTED", "{answer}");
    let other = Peer::new("c", 3);
    let named = json!({"id": task["id"]});
    let mut more = message("more");
    more["message"]["taskId"] = task["id"].clone();
    for (method, params) in
        [("GetTask", named.clone()), ("CancelTask", named.clone()), ("SendMessage", more)]
    {
        let refused = world.gateway.call(&other, RPC, method, params).await;
        assert_eq!(refused["error"]["code"], -32001, "{method}: {refused}");
    }
    let seen = world.gateway.call(&a(), RPC, "GetTask", named).await;
    assert_eq!(seen["result"]["id"], task["id"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_that_no_node_can_run_says_so_while_it_waits_and_when_its_deadline_ends_it() {
    let world = World::with(|config| {
        config.bounds.task_deadline = units::Duration::from_secs(3);
    })
    .await;
    let why = "no node that could run the agent is joined";
    let text = |task: &Value| task["status"]["message"]["parts"][0]["text"].clone();
    let answer = world.gateway.call(&a(), RPC, "SendMessage", at_once("hello")).await;
    let task = &answer["result"]["task"];
    assert_eq!(task["status"]["state"], "TASK_STATE_SUBMITTED", "{answer}");
    assert_eq!(text(task), format!("it waits for a node: {why}"));
    let named = json!({"id": task["id"]});
    let ended = eventually("the end", || async {
        let seen = world.gateway.call(&a(), RPC, "GetTask", named.clone()).await;
        let task = seen["result"].clone();
        (task["status"]["state"] == "TASK_STATE_FAILED").then_some(task)
    })
    .await;
    assert_eq!(text(&ended), format!("its deadline passed while it waited for a node: {why}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_may_not_send_under_another_peers_context() {
    let world = World::start().await;
    let gateway = &world.gateway;
    let send = |peer: Peer, context: Value| async move {
        let mut params = at_once("hello");
        params["message"]["contextId"] = context;
        gateway.call(&peer, RPC, "SendMessage", params).await
    };
    let mine = json!("my-conversation");
    let first = send(a(), mine.clone()).await;
    assert_eq!(first["result"]["task"]["contextId"], mine);
    let refused = send(Peer::new("c", 3), mine.clone()).await;
    assert_eq!(refused["error"]["code"], -32602, "{refused}");
    assert_eq!(refused["error"]["data"][1]["fieldViolations"][0]["field"], "message.contextId");
    let again = send(a(), mine.clone()).await;
    assert_eq!(again["result"]["task"]["contextId"], mine);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_is_cancelled_before_and_after_a_node_has_it() {
    let world = World::start().await;
    let gateway = &world.gateway;
    let cancel =
        |id: Value| async move { gateway.call(&a(), RPC, "CancelTask", json!({"id": id})).await };
    let pending = world.gateway.call(&a(), RPC, "SendMessage", at_once("one")).await;
    let answer = cancel(pending["result"]["task"]["id"].clone()).await;
    assert_eq!(answer["result"]["status"]["state"], "TASK_STATE_CANCELED", "{answer}");

    let mut node = Node::join(&world).await;
    let placed = world.gateway.call(&a(), RPC, "SendMessage", at_once("two")).await;
    let task = node.take().await;
    let worked = async {
        let Order::Cancel(order) = node.order().await else { panic!("expected a cancellation") };
        assert_eq!(order.task, task.task);
        // It waits in a place of the pool of calls, like any other call.
        waiting(&world, 1).await;
        node.complete(&world, &task, "canceled", &[]).await;
    };
    let (answer, ()) = tokio::join!(cancel(placed["result"]["task"]["id"].clone()), worked);
    assert_eq!(answer["result"]["status"]["state"], "TASK_STATE_CANCELED", "{answer}");
}

/// A second gateway of the same registry.
pub(crate) async fn second(world: &World, folder: &std::path::Path) -> Gateway {
    let registry = world.registry_url.strip_prefix("http://").unwrap().parse().unwrap();
    let mut config = gateway_config(folder, registry, &invite(&world.channel, "gateway").await);
    config.id = "g2".to_owned();
    (config.operator_token_file, config.federation_key_file) = (None, None);
    let gateway = Gateway::start(config).await;
    eventually("readiness", || async {
        (gateway.get("/readyz").await.status() == 200).then_some(())
    })
    .await;
    gateway
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_of_another_gateway_is_cancelled_and_its_end_is_told() {
    let (world, folder) = (World::start().await, tempfile::tempdir().unwrap());
    let other = second(&world, folder.path()).await;
    let mut node = Node::join(&world).await;
    let sent = world.gateway.call(&a(), RPC, "SendMessage", at_once("hello")).await;
    let task = node.take().await;
    let (caller, named) = (a(), json!({"id": sent["result"]["task"]["id"]}));
    let cancelled = other.call(&caller, RPC, "CancelTask", named);
    let worked = async {
        let Order::Cancel(order) = node.order().await else { panic!("expected a cancellation") };
        assert_eq!(order.task, task.task);
        node.complete(&world, &task, "canceled", &[]).await;
    };
    let (answer, ()) = tokio::join!(cancelled, worked);
    assert_eq!(answer["result"]["status"]["state"], "TASK_STATE_CANCELED", "{answer}");
    other.shutdown.trigger();
}

/// A task whose agent requires more input, as its caller sees it.
pub(crate) async fn input_required(world: &World, node: &mut Node) -> Value {
    let caller = a();
    let called = world.gateway.call(&caller, RPC, "SendMessage", message("book a flight"));
    let question = async {
        let task = node.take().await;
        assert!(task.history.is_empty());
        node.complete(world, &task, "input-required", &["draft"]).await;
    };
    let (answer, ()) = tokio::join!(called, question);
    let task = answer["result"]["task"].clone();
    assert_eq!(task["status"]["state"], "TASK_STATE_INPUT_REQUIRED", "{answer}");
    task
}

pub(crate) fn reply_to(task: &Value, text: &str) -> Value {
    let mut reply = message(text);
    reply["message"]["messageId"] = json!(text);
    reply["message"]["taskId"] = task["id"].clone();
    reply
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_to_a_task_that_asked_for_more_continues_the_same_task() {
    let world = World::start().await;
    let mut node = Node::join(&world).await;
    let first = input_required(&world, &mut node).await;
    let mut elsewhere = reply_to(&first, "to Oslo");
    elsewhere["message"]["contextId"] = json!("another");
    let refused = world.gateway.call(&a(), RPC, "SendMessage", elsewhere).await;
    assert_eq!(refused["error"]["data"][1]["fieldViolations"][0]["field"], "message.contextId");
    let mut nowhere = reply_to(&first, "to Oslo");
    nowhere["message"]["taskId"] = json!("no-such-task");
    let refused = world.gateway.call(&a(), RPC, "SendMessage", nowhere).await;
    assert_eq!(refused["error"]["code"], -32001);

    let caller = a();
    let called = world.gateway.call(&caller, RPC, "SendMessage", reply_to(&first, "to Oslo"));
    let worked = async {
        let task = node.take().await;
        assert_eq!(
            (json!(task.task), json!(task.context)),
            (first["id"].clone(), first["contextId"].clone())
        );
        assert_eq!(task.epoch, 2);
        let said = task.history.iter().map(|message| serde_json::from_slice(message).unwrap());
        let said: Vec<Value> = said.map(|message: Value| message["messageId"].clone()).collect();
        assert_eq!(said, ["m1", "m-end"]);
        node.complete(&world, &task, "completed", &["ticket"]).await;
    };
    let (answer, ()) = tokio::join!(called, worked);
    let task = &answer["result"]["task"];
    assert_eq!(task["id"], first["id"], "{answer}");
    assert_eq!(task["status"]["state"], "TASK_STATE_COMPLETED");
    let seen = world.gateway.call(&a(), RPC, "GetTask", json!({"id": first["id"]})).await;
    for history in [&task["history"], &seen["result"]["history"]] {
        let history = history.as_array().unwrap();
        let ids: Vec<_> = history.iter().map(|message| message["messageId"].clone()).collect();
        assert_eq!(ids, ["m1", "m-end", "to Oslo"]);
    }
    let again = world.gateway.call(&a(), RPC, "SendMessage", reply_to(&first, "to Oslo")).await;
    let (kept, repeated) = (&answer["result"]["task"], &again["result"]["task"]);
    assert_eq!(
        (&repeated["status"]["state"], &repeated["history"]),
        (&kept["status"]["state"], &kept["history"]),
        "{again}"
    );
    let refused = world.gateway.call(&a(), RPC, "SendMessage", reply_to(&first, "more")).await;
    assert_eq!(refused["error"]["code"], -32004, "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_that_asked_for_more_is_cancelled_at_once() {
    let world = World::start().await;
    let mut node = Node::join(&world).await;
    let first = input_required(&world, &mut node).await;
    let cancel = json!({"id": first["id"]});
    let answer = world.gateway.call(&a(), RPC, "CancelTask", cancel.clone()).await;
    assert_eq!(answer["result"]["status"]["state"], "TASK_STATE_CANCELED", "{answer}");
    assert_eq!(answer["result"]["history"].as_array().unwrap().len(), 2, "{answer}");
    let refused = world.gateway.call(&a(), RPC, "SendMessage", reply_to(&first, "more")).await;
    assert_eq!(refused["error"]["code"], -32004, "{refused}");
    let refused = world.gateway.call(&a(), RPC, "CancelTask", cancel).await;
    assert_eq!(refused["error"]["code"], -32002, "{refused}");
}

/// The outcome of an agent that answers with a message.
pub(crate) fn greeting() -> Value {
    json!({
        "artifacts": [],
        "answer": "message",
        "message": {"messageId": "m-hi", "role": "ROLE_AGENT", "parts": [{"text": "hello"}]},
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_that_answers_with_a_message_shows_no_task() {
    let world = World::start().await;
    let mut node = Node::join(&world).await;
    let caller = a();
    let called = world.gateway.call(&caller, RPC, "SendMessage", message("hi"));
    let answered = async {
        let task = node.take().await;
        node.complete_with(&world, &task, "completed", &greeting().to_string()).await;
    };
    let (answer, ()) = tokio::join!(called, answered);
    assert_eq!(answer["result"]["message"]["messageId"], "m-hi", "{answer}");
    assert_eq!(answer["result"].get("task"), None);
    assert_eq!(answer["result"]["message"].get("taskId"), None);
    assert!(answer["result"]["message"]["contextId"].is_string());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_instance_calls_the_agent_of_the_tenant_or_its_default() {
    let world = World::with(|config| config.default_agent = Some("echo".to_owned())).await;
    let gateway = &world.gateway;
    let agent_of = |params: Value| async move {
        let answer = gateway.call(&a(), "/v1/a2a/jsonrpc", "SendMessage", params).await;
        answer["result"]["task"]["status"]["state"].clone()
    };
    assert_eq!(agent_of(at_once("to the default")).await, "TASK_STATE_SUBMITTED");
    let mut params = at_once("by tenant");
    params["tenant"] = json!("echo");
    assert_eq!(agent_of(params.clone()).await, "TASK_STATE_SUBMITTED");
    params["tenant"] = json!("absent");
    let refused = world.gateway.call(&a(), "/api/a2a/jsonrpc", "SendMessage", params).await;
    assert_eq!(refused["error"]["data"][1]["fieldViolations"][0]["field"], "tenant");
}

//! ListTasks: whose tasks are listed, in which order, and page by page.

use serde_json::{Value, json};

use crate::calls::{at_once, input_required};
use crate::node::Node;
use crate::rest::with_token;
use crate::world::{Peer, World, deploy, eventually, json_of};

const RPC: &str = "/agents/echo";
const INSTANCE: &str = "/v1/a2a/jsonrpc";

fn a() -> Peer {
    Peer::new("a", 1)
}

/// A page, at the endpoint of `echo`.
async fn list(world: &World, params: Value) -> Value {
    let answer = world.gateway.call(&a(), RPC, "ListTasks", params).await;
    assert!(answer["result"].is_object(), "{answer}");
    answer["result"].clone()
}

fn ids(page: &Value) -> Vec<&str> {
    let tasks = page["tasks"].as_array().unwrap();
    tasks.iter().map(|task| task["id"].as_str().unwrap()).collect()
}

/// A task that nobody runs, in a conversation; its id.
async fn submitted(world: &World, peer: &Peer, path: &str, context: &str) -> String {
    let mut params = at_once("hello");
    params["message"]["contextId"] = json!(context);
    let answer = world.gateway.call(peer, path, "SendMessage", params).await;
    answer["result"]["task"]["id"].as_str().expect("a task").to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_lists_its_own_tasks_the_one_that_changed_last_first() {
    let world = World::start().await;
    let first = submitted(&world, &a(), RPC, "c1").await;
    let second = submitted(&world, &a(), RPC, "c1").await;
    submitted(&world, &Peer::new("c", 3), RPC, "c2").await;
    let page = list(&world, json!({})).await;
    assert_eq!(ids(&page), [second.as_str(), first.as_str()], "{page}");
    assert_eq!((&page["nextPageToken"], &page["pageSize"]), (&json!(""), &json!(50)));
    assert_eq!(page["totalSize"], 2);
    world.gateway.call(&a(), RPC, "CancelTask", json!({"id": first})).await;
    let page = list(&world, json!({})).await;
    assert_eq!(ids(&page), [first.as_str(), second.as_str()], "{page}");
    let others = world.gateway.call(&Peer::new("c", 3), RPC, "ListTasks", json!({})).await;
    assert_eq!(others["result"]["totalSize"], 1, "{others}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_is_filtered_by_conversation_state_and_time() {
    let world = World::start().await;
    let one = submitted(&world, &a(), RPC, "c1").await;
    let two = submitted(&world, &a(), RPC, "c2").await;
    let ended = world.gateway.call(&a(), RPC, "CancelTask", json!({"id": two})).await;
    let since = ended["result"]["status"]["timestamp"].clone();
    for (params, expected) in [
        (json!({"contextId": "c1"}), vec![one.as_str()]),
        (json!({"context_id": "c2"}), vec![two.as_str()]),
        (json!({"status": "TASK_STATE_SUBMITTED"}), vec![one.as_str()]),
        (json!({"status": "TASK_STATE_CANCELED", "contextId": "c2"}), vec![two.as_str()]),
        (json!({"status": "TASK_STATE_CANCELED", "contextId": "c1"}), vec![]),
        (json!({"status": "TASK_STATE_AUTH_REQUIRED"}), vec![]),
        (json!({"statusTimestampAfter": since}), vec![two.as_str()]),
        (json!({"statusTimestampAfter": "2100-01-01T00:00:00Z"}), vec![]),
        (json!({"contextId": "of nobody"}), vec![]),
        (json!({"contextId": "unknown"}), vec![]),
    ] {
        let page = list(&world, params.clone()).await;
        assert_eq!(ids(&page), expected, "{params}");
        for member in ["tasks", "nextPageToken", "pageSize", "totalSize"] {
            assert!(page.get(member).is_some(), "{member}: {page}");
        }
        assert_eq!(page["totalSize"], expected.len(), "{params}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_follow_each_other_and_hold_each_task_once() {
    let world = World::start().await;
    let mut all = Vec::new();
    for _ in 0..5 {
        all.push(submitted(&world, &a(), RPC, "c1").await);
    }
    let (mut seen, mut token) = (Vec::new(), json!(""));
    for size in [2, 2, 1] {
        let page = list(&world, json!({"pageSize": 2, "pageToken": token})).await;
        assert_eq!(ids(&page).len(), size, "{page}");
        assert_eq!((&page["pageSize"], &page["totalSize"]), (&json!(2), &json!(5)));
        seen.extend(ids(&page).into_iter().map(str::to_owned));
        token = page["nextPageToken"].clone();
    }
    assert_eq!(token, "");
    all.reverse();
    assert_eq!(seen, all);
    let first = list(&world, json!({"pageSize": 2})).await;
    let foreign = json!({"pageToken": first["nextPageToken"]});
    let refused = world.gateway.call(&Peer::new("c", 3), RPC, "ListTasks", foreign).await;
    assert_eq!(refused["error"]["code"], -32602, "a token is its caller's alone: {refused}");
    let field = &refused["error"]["data"][1]["fieldViolations"][0]["field"];
    assert_eq!(field, "pageToken", "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_has_artifacts_and_history_as_it_asks_for_them() {
    let world = World::start().await;
    let mut node = Node::join(&world).await;
    let task = input_required(&world, &mut node).await;
    let shown = |page: &Value| page["tasks"][0].clone();
    let plain = shown(&list(&world, json!({})).await);
    assert_eq!((&plain["id"], plain.get("artifacts")), (&task["id"], None));
    assert_eq!(plain["status"], task["status"], "what the agent asks is told");
    assert_eq!(plain["history"].as_array().unwrap().len(), 1);
    let short = shown(&list(&world, json!({"historyLength": 0})).await);
    assert_eq!(short.get("history"), None);
    let whole = shown(&list(&world, json!({"includeArtifacts": true})).await);
    assert_eq!(whole["artifacts"], task["artifacts"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agents_endpoint_lists_its_own_tasks_and_the_instance_those_of_all() {
    let world = World::start().await;
    deploy(&world.channel, "other", &json!({"name": "Other"})).await;
    eventually("the agent", || async {
        let card = world.gateway.get("/agents/other/.well-known/agent-card.json").await;
        (card.status() == 200).then_some(())
    })
    .await;
    let echo = submitted(&world, &a(), RPC, "c1").await;
    let other = submitted(&world, &a(), "/agents/other", "c1").await;
    let both = [other.as_str(), echo.as_str()];
    for (path, params, expected) in [
        (RPC, json!({}), &both[1..]),
        ("/agents/other", json!({}), &both[..1]),
        (INSTANCE, json!({}), &both[..]),
        (INSTANCE, json!({"tenant": "other"}), &both[..1]),
    ] {
        let answer = world.gateway.call(&a(), path, "ListTasks", params.clone()).await;
        assert_eq!(ids(&answer["result"]), expected, "{path} {params}: {answer}");
    }
    for (path, expected) in [
        ("/agents/echo/tasks?contextId=c1&pageSize=5", &both[1..]),
        ("/a2a/tasks?status=TASK_STATE_SUBMITTED", &both[..]),
        ("/a2a/other/tasks?includeArtifacts=true", &both[..1]),
    ] {
        let request = with_token(&world.gateway.token(&a()), ("GET", path), "1.0", None);
        let page = json_of(&world.gateway.send(request).await);
        assert_eq!(ids(&page), expected, "{path}: {page}");
    }
}

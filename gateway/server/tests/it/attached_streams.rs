//! Attached agents: calls whose answer is a stream.

use std::time::Duration;

use axum::body::Body;
use deploy_service::units;
use http::{Request, StatusCode};
use proto_wire::registry::v1 as wire;
use proto_wire::registry::v1::directory_client::DirectoryClient;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::rest::{Events, with_token};
use crate::upstream::{
    self, CARD, FAR, FORMS, Form, RPC, Server, attach, attach_for, ok, result, task,
};
use crate::world::{
    OPERATOR, PATIENCE, Peer, World, by, eventually, json_of, message, revoke, rpc,
};

fn a() -> Peer {
    Peer::new("a", 1)
}

fn streamed(world: &World, method: &str, params: Value) -> Request<Body> {
    world.gateway.request(&a(), FAR, &rpc(method, params).to_string())
}

/// The data of an event in which a server of this form tells something.
fn event(form: Form, told: &Value) -> Result<String, std::io::Error> {
    Ok(if form.0 == "JSONRPC" { result(told) } else { told.clone() }.to_string())
}

/// The event that tells the task, as a server of this form says it.
fn whole(form: Form, state: &str) -> Value {
    let task = task(form, state);
    if form == ("JSONRPC", "0.3") { task } else { json!({"task": task}) }
}

/// The change of its status.
fn update(form: Form, state: &str) -> Value {
    let task = task(form, state);
    let mut update = json!({"taskId": "t-1", "contextId": "c-1", "status": task["status"]});
    if form == ("JSONRPC", "0.3") {
        update["kind"] = json!("status-update");
        update["final"] = json!(state == "completed");
        return update;
    }
    json!({"statusUpdate": update})
}

/// A world whose agent has this one stream, and the stream from the server's side.
async fn streaming(form: Form) -> (World, Server, upstream::Events) {
    let (world, (server, events)) = (upstream::world().await, Server::streaming().await);
    attach(&world, form, &[server.url()]).await;
    (world, server, events)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_is_told_before_the_next_one_is_sent_in_every_form_of_the_server() {
    for form in FORMS {
        let (world, server, events) = streaming(form).await;
        events.send(event(form, &whole(form, "working"))).await.unwrap();
        let request = streamed(&world, "SendStreamingMessage", message("hello"));
        let mut told = Events::open(&world.gateway, request).await;
        let first = told.event().await.unwrap();
        let first = &first["result"]["task"];
        assert_eq!(first["status"]["state"], "TASK_STATE_WORKING", "{form:?}: {first}");
        assert!(first["id"] != "t-1" && first["contextId"] != "c-1", "{first}");
        events.send(event(form, &update(form, "completed"))).await.unwrap();
        let second = told.event().await.unwrap();
        let second = &second["result"]["statusUpdate"];
        assert_eq!(second["status"]["state"], "TASK_STATE_COMPLETED", "{form:?}: {second}");
        assert_eq!((&second["taskId"], &second["contextId"]), (&first["id"], &first["contextId"]));
        drop(events);
        assert_eq!(told.event().await, None, "{form:?}");
        assert_eq!(server.asked()[0].headers["accept"], "text/event-stream");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_lost_a_stream_subscribes_to_the_task_of_the_server_anew() {
    for form in FORMS {
        let (world, server, events) = streaming(form).await;
        events.send(event(form, &whole(form, "working"))).await.unwrap();
        let request = streamed(&world, "SendStreamingMessage", message("hello"));
        let first = Events::open(&world.gateway, request).await.event().await.unwrap();
        let id = first["result"]["task"]["id"].clone();
        drop(events);
        // The one stream of this server is over: it is asked all the same, and by its own id.
        let body = rpc("SubscribeToTask", json!({"id": id})).to_string();
        let answer = world.gateway.post(&a(), FAR, &body).await;
        assert_ne!(json_of(&answer)["error"]["code"], -32001, "{form:?}: {answer:?}");
        let asked = server.asked();
        let asked = asked.last().unwrap();
        let named = asked.body["params"]["id"].as_str().unwrap_or(&asked.path);
        assert!(named.contains("t-1"), "{form:?}: {asked:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_leaves_closes_the_stream_of_the_server() {
    let (world, _server, events) = streaming(RPC).await;
    events.send(event(RPC, &whole(RPC, "working"))).await.unwrap();
    let request = streamed(&world, "SendStreamingMessage", message("hello"));
    let mut told = Events::open(&world.gateway, request).await;
    told.event().await.unwrap();
    drop(told);
    timeout(PATIENCE, events.closed()).await.expect("the server's stream is closed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_stream_begins_with_comments_and_ends_when_its_caller_is_revoked() {
    let (world, _server, events) = streaming(RPC).await;
    let request = streamed(&world, "SendStreamingMessage", message("hello"));
    let mut told = Events::open(&world.gateway, request).await;
    revoke(&world.channel, &a()).await;
    let end = told.event().await.unwrap();
    assert_eq!(end["error"]["code"], -32040, "{end}");
    assert_eq!(told.event().await, None);
    timeout(PATIENCE, events.closed()).await.expect("the server's stream is closed");
}

async fn remove(world: &World) {
    let request = wire::RemoveAgentRequest { handle: "far".to_owned() };
    let mut directory = DirectoryClient::new(world.channel.clone());
    directory.remove_agent(by(OPERATOR, request)).await.unwrap();
}

/// A stream of which one event was told, at a server that was joined by another one meanwhile.
async fn joined(world: &World, events: &upstream::Events, urls: &[String]) -> Events {
    events.send(event(RPC, &whole(RPC, "working"))).await.unwrap();
    let request = streamed(world, "SendStreamingMessage", message("hello"));
    let mut told = Events::open(&world.gateway, request).await;
    told.event().await.unwrap();
    let mut card = upstream::card(RPC, &urls[0]);
    card["name"] = json!("Far and farther");
    attach_for(world, RPC, urls, (card.to_string().into(), "")).await;
    eventually("the other server", || async {
        let shown = json_of(&world.gateway.get(CARD).await);
        (shown["name"] == card["name"]).then_some(())
    })
    .await;
    events.send(event(RPC, &update(RPC, "working"))).await.unwrap();
    let second = told.event().await.unwrap();
    assert!(second["result"]["statusUpdate"].is_object(), "{second}");
    told
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_ends_when_its_agent_is_removed_hidden_or_attached_elsewhere() {
    for fate in ["removed", "hidden", "elsewhere"] {
        let (world, server, events) = streaming(RPC).await;
        let other = format!("{}ther", server.url());
        let both = [server.url(), other];
        let mut told = joined(&world, &events, &both).await;
        let card = |url: &str| upstream::card(RPC, url).to_string().into();
        match fate {
            "removed" => remove(&world).await,
            "hidden" => attach_for(&world, RPC, &both, (card(&both[0]), "private")).await,
            _ => attach_for(&world, RPC, &both[1..], (card(&both[1]), "")).await,
        }
        let end = told.event().await.unwrap();
        assert_eq!(end["error"]["code"], -32042, "{fate}: {end}");
        assert_eq!(told.event().await, None);
        timeout(PATIENCE, events.closed()).await.expect("the server's stream is closed");
    }
}

/// Caught: it went on until the server's time was over, and the end of the gateway cut it without a word.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_is_not_answered_ends_with_its_agent_its_caller_and_the_gateway() {
    for (fate, code) in [("removed", -32042), ("revoked", -32040), ("stopped", -32045)] {
        let drain = units::Duration::from_secs(4);
        let world = upstream::world_with(|config| config.limits.drain = drain).await;
        // The head of its answer comes, and nothing else.
        let (server, _events) = Server::streaming().await;
        attach(&world, RPC, &[server.url()]).await;
        let caller = a();
        let sent = world.gateway.call(&caller, FAR, "SendMessage", message("hello"));
        let end = async {
            eventually("it is asked", || async { (!server.asked().is_empty()).then_some(()) })
                .await;
            match fate {
                "removed" => remove(&world).await,
                "revoked" => revoke(&world.channel, &caller).await,
                _ => world.gateway.shutdown.trigger(),
            }
        };
        let ended = async { tokio::join!(sent, end).0 };
        let answer = timeout(PATIENCE, ended).await.expect("it ends before its server answers");
        assert_eq!(answer["error"]["code"], code, "{fate}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_breaks_off_says_so_in_the_binding_of_its_caller() {
    let broken = || Err(std::io::Error::other("it breaks"));
    // Caught: one that just ends, as the body of a server that died may, was told as if it were whole.
    for last in [Some(broken()), None] {
        let (world, _server, events) = streaming(RPC).await;
        events.send(event(RPC, &whole(RPC, "working"))).await.unwrap();
        let request = streamed(&world, "SendStreamingMessage", message("hello"));
        let mut told = Events::open(&world.gateway, request).await;
        told.event().await.unwrap();
        if let Some(last) = last {
            events.send(last).await.unwrap();
        }
        drop(events);
        let end = told.event().await.unwrap();
        assert_eq!(end["error"]["code"], -32006, "{end}");
        assert_eq!(told.event().await, None);
    }

    let (world, _server, events) = streaming(RPC).await;
    events.send(event(RPC, &whole(RPC, "working"))).await.unwrap();
    let token = world.gateway.token(&a());
    let called = ("POST", "/agents/far/message:stream");
    let request = with_token(&token, called, "1.0", Some(&message("hello")));
    let mut told = Events::open(&world.gateway, request).await;
    told.event().await.unwrap();
    events.send(Ok("no JSON".to_owned())).await.unwrap();
    let (name, end) = told.named().await.unwrap();
    let reason = &end["error"]["details"][0]["reason"];
    assert_eq!((name.as_str(), reason), ("error", &json!("INVALID_AGENT_RESPONSE")), "{end}");
    assert_eq!(told.event().await, None);
    timeout(PATIENCE, events.closed()).await.expect("the server's stream is closed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_of_a_stream_is_the_answer_whether_the_server_says_it_whole_or_as_an_event() {
    let refusal = upstream::error(-32004, "not now");
    let said = refusal.clone();
    let (whole, _server) = upstream::attached(RPC, move |_: &upstream::Received| ok(&said)).await;
    let (event, _other, events) = streaming(RPC).await;
    events.send(Ok(refusal.to_string())).await.unwrap();
    let (empty, _silent, none) = streaming(RPC).await;
    drop(none);
    for (world, code) in [(whole, -32004), (event, -32004), (empty, -32006)] {
        let answer = world.gateway.send(streamed(&world, "SendStreamingMessage", message("hello")));
        let answer = timeout(Duration::from_secs(10), answer).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.headers()["content-type"], "application/json");
        assert_eq!(json_of(&answer)["error"]["code"], code, "{answer:?}");
    }
}

//! Attached agents: calls that are answered once, and cards.

use axum::body::Bytes;
use http::{Method, Request, StatusCode};
use proto_types::card::jws;
use proto_types::{Kid, SecretKey};
use serde_json::{Value, json};

use crate::rest::with_token;
use crate::upstream::{
    CARD, FAR, FORMS, Form, RPC, Received, Server, agent, answer, attach, attach_with, attached,
    card, error, ok, result, task, world,
};
use crate::world::{Peer, World, eventually, json_of, message, rpc};

fn a() -> Peer {
    Peer::new("a", 1)
}

fn c() -> Peer {
    Peer::new("c", 3)
}

async fn call(world: &World, peer: &Peer, method: &str, params: Value) -> Value {
    world.gateway.call(peer, FAR, method, params).await
}

/// The ids under which the gateway tells a task of the server.
async fn sent(world: &World) -> Value {
    let answer = call(world, &a(), "SendMessage", message("hello")).await;
    answer["result"]["task"].clone()
}

/// What a request names as its task, in whichever form.
fn named(asked: &Received) -> String {
    match asked.body["params"]["id"].as_str() {
        Some(id) => id.to_owned(),
        None => asked.path.split_once("/tasks/").unwrap().1.replace(":cancel", ""),
    }
}

async fn goes_and_is_found(form: Form) {
    let (world, server) = attached(form, agent(form)).await;
    let task = sent(&world).await;
    assert_eq!(task["status"]["state"], "TASK_STATE_WORKING", "{form:?}: {task}");
    assert!(task["id"] != "t-1" && task["contextId"] != "c-1", "{form:?}: {task}");
    let id = json!({"id": task["id"]});
    let found = call(&world, &a(), "GetTask", id.clone()).await;
    assert_eq!(
        (&found["result"]["id"], &found["result"]["contextId"]),
        (&task["id"], &task["contextId"])
    );
    let ended = call(&world, &a(), "CancelTask", id.clone()).await;
    assert_eq!(ended["result"]["status"]["state"], "TASK_STATE_CANCELED", "{form:?}: {ended}");
    let asked = server.asked();
    assert_eq!((asked.len(), named(&asked[1]), named(&asked[2])), (3, "t-1".into(), "t-1".into()));
    let is_rest = form.0 == "HTTP+JSON";
    assert_eq!(asked[1].method, if is_rest { Method::GET } else { Method::POST });
    assert!(asked.iter().all(|asked| asked.headers["a2a-version"] == form.1), "{asked:?}");

    let other = call(&world, &c(), "GetTask", id).await;
    assert_eq!(other["error"]["code"], -32001, "{form:?}: {other}");
    let bare = call(&world, &a(), "CancelTask", json!({"id": "t-1"})).await;
    assert_eq!(bare["error"]["code"], -32001, "{form:?}: {bare}");
    assert_eq!(server.asked().len(), 3, "the server was asked for what is not its caller's");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_of_an_attached_agent_is_its_callers_alone_in_every_form_of_the_server() {
    for form in FORMS {
        goes_and_is_found(form).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_binding_and_version_of_a_caller_reaches_a_server_of_another() {
    let form = FORMS[1];
    let (world, server) = attached(form, agent(form)).await;
    let token = || world.gateway.token(&a());
    let plain =
        with_token(&token(), ("POST", "/agents/far/message:send"), "1.0", Some(&message("hello")));
    let answer = json_of(&world.gateway.send(plain).await);
    assert_eq!(answer["task"]["status"]["state"], "TASK_STATE_WORKING", "{answer}");
    let id = answer["task"]["id"].as_str().unwrap();
    let path = format!("/agents/far/tasks/{id}");
    let found =
        json_of(&world.gateway.send(with_token(&token(), ("GET", &path), "1.0", None)).await);
    assert_eq!(found["id"], id);

    let older = rpc("message/send", crate::legacy::said("hello"));
    let older = with_token(&token(), ("POST", FAR), "0.3", Some(&older));
    let answer = json_of(&world.gateway.send(older).await);
    assert_eq!(answer["result"]["status"]["state"], "working", "{answer}");
    assert_eq!(server.asked()[2].body["params"]["message"]["parts"][0]["text"], "hello");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conversation_that_callers_name_alike_is_not_the_same_to_the_server() {
    let echo = |asked: &Received| {
        let context = &asked.body["params"]["message"]["contextId"];
        let mut task = task(RPC, "working");
        task["contextId"] = context.clone();
        ok(&result(&json!({"task": task})))
    };
    let (world, server) = attached(RPC, echo).await;
    let mut said = message("hello");
    said["message"]["contextId"] = json!("mine");
    for peer in [a(), c()] {
        let answer = call(&world, &peer, "SendMessage", said.clone()).await;
        assert_eq!(answer["result"]["task"]["contextId"], "mine", "{answer}");
    }
    let asked = server.asked();
    let [one, two] = [0, 1].map(|at: usize| &asked[at].body["params"]["message"]["contextId"]);
    assert!(one != two && one != "mine" && two != "mine", "{one} {two}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_sees_one_request_for_each_token_and_no_credential_of_the_caller() {
    let (world, server) = attached(RPC, agent(RPC)).await;
    let body = rpc("SendMessage", message("hello")).to_string();
    let request = || {
        let mut request = world.gateway.request(&a(), FAR, &body);
        for (name, value) in
            [("cookie", "secret"), ("x-auth-token", "secret"), ("a2a-extensions", "urn:x")]
        {
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        request
    };
    let first = request();
    let credential = first.headers()["authorization"].clone();
    assert!(json_of(&world.gateway.send(first).await)["result"].is_object());
    let mut again = request();
    again.headers_mut().insert("authorization", credential.clone());
    assert_eq!(world.gateway.send(again).await.status(), StatusCode::UNAUTHORIZED);
    let forged = Request::post(FAR).header("content-type", "application/json");
    let forged = forged.header("authorization", "Bearer x").body(body.clone().into()).unwrap();
    assert_eq!(world.gateway.send(forged).await.status(), StatusCode::UNAUTHORIZED);
    let asked = server.asked();
    assert_eq!(asked.len(), 1, "{asked:?}");
    let headers = &asked[0].headers;
    let is_secret = |value: &http::HeaderValue| value == "secret" || *value == credential;
    assert!(!headers.values().any(is_secret), "{headers:?}");
    assert_eq!(
        (&headers["a2a-extensions"], &headers["x-forwarded-for"]),
        (&"urn:x".parse().unwrap(), &"127.0.0.1".parse().unwrap())
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_agent_says_against_a_call_is_passed_on_and_what_is_no_a2a_is_not() {
    for (status, body, code, says) in [
        (200, error(-32002, "it is too late").to_string(), -32002, Some("it is too late")),
        (200, error(-32004, "not\u{7} here").to_string(), -32004, Some("not here")),
        (200, "<html>".to_owned(), -32006, None),
        (200, result(&json!({"id": 7})).to_string(), -32006, None),
        (401, json!({"error": "who are you"}).to_string(), -32006, None),
        (500, "stack trace".to_owned(), -32006, None),
    ] {
        let said = body.clone();
        let (world, _server) =
            attached(RPC, move |_: &Received| answer(status, "application/json", said.clone()))
                .await;
        let told = call(&world, &a(), "SendMessage", message("hello")).await;
        assert_eq!(told["error"]["code"], code, "{status} {body}: {told}");
        let text = told["error"]["message"].as_str().unwrap();
        match says {
            Some(says) => assert!(text.contains(says), "{text}"),
            None => assert!(!told.to_string().contains("stack"), "{told}"),
        }
    }
}

/// A URL where nobody listens.
async fn nobody() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_is_down_is_passed_over_and_an_agent_that_is_down_says_so() {
    let (world, server) = (world().await, Server::start(agent(RPC)).await);
    attach(&world, RPC, &[nobody().await, server.url()]).await;
    for _ in 0..8 {
        assert_eq!(sent(&world).await["status"]["state"], "TASK_STATE_WORKING");
    }
    assert_eq!(server.asked().len(), 8);

    let down = crate::upstream::world().await;
    attach(&down, RPC, &[nobody().await]).await;
    let body = rpc("SendMessage", message("hello")).to_string();
    let refused = down.gateway.post(&a(), FAR, &body).await;
    assert_eq!(refused.status(), StatusCode::BAD_GATEWAY, "{refused:?}");
    let code = &json_of(&refused)["error"]["data"][0]["metadata"]["code"];
    assert_eq!(code, "upstream-unreachable");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_does_not_know_the_task_of_another_does_not_say_that_it_is_gone() {
    // One makes tasks and cannot be asked for them, the other one the reverse.
    let away = || answer(503, "text/plain", "");
    let makes = agent(RPC);
    let maker =
        Server::start(move |asked: &Received| match asked.body["method"] == "SendMessage" {
            true => makes(asked),
            false => away(),
        });
    let other =
        Server::start(move |asked: &Received| match asked.body["method"] == "SendMessage" {
            true => away(),
            false => ok(&error(-32001, "which task?")),
        });
    let (world, maker, other) = (world().await, maker.await, other.await);
    attach(&world, RPC, &[maker.url(), other.url()]).await;
    let world = &world;
    let id = eventually("a task", || async move {
        let task = sent(world).await;
        task.is_object().then(|| task["id"].clone())
    })
    .await;
    let body = rpc("GetTask", json!({"id": id})).to_string();
    let told = world.gateway.post(&a(), FAR, &body).await;
    assert_eq!(told.status(), StatusCode::BAD_GATEWAY, "{told:?}");
    assert_eq!(other.asked().last().unwrap().body["method"], "GetTask");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_in_a_network_that_is_not_allowed_is_never_called() {
    let (world, server) = (World::start().await, Server::start(agent(RPC)).await);
    attach(&world, RPC, &[server.url()]).await;
    let body = rpc("SendMessage", message("hello")).to_string();
    let refused = world.gateway.post(&a(), FAR, &body).await;
    assert_eq!(refused.status(), StatusCode::BAD_GATEWAY, "{refused:?}");
    assert_eq!(server.asked().len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_has_no_more_of_the_history_than_its_caller_asked_for() {
    let said = |id: &str| json!({"messageId": id, "role": "ROLE_USER", "parts": [{"text": "x"}]});
    let history = json!([said("m1"), said("m2"), said("m3")]);
    let (world, _server) = attached(RPC, move |asked: &Received| {
        let mut task = task(RPC, "working");
        task["history"] = history.clone();
        let is_send = asked.body["method"] == "SendMessage";
        ok(&result(&if is_send { json!({"task": task}) } else { task }))
    })
    .await;
    let id = sent(&world).await["id"].clone();
    for (asked, shown) in [(json!(0), 0), (json!(2), 2), (json!(9), 3), (Value::Null, 3)] {
        let params = json!({"id": id, "historyLength": asked});
        let found = call(&world, &a(), "GetTask", params).await;
        let history = found["result"]["history"].as_array().map_or(&[][..], Vec::as_slice);
        assert_eq!(history.len(), shown, "{asked}: {found}");
        assert!(history.iter().rev().zip(["m3", "m2"]).all(|(had, id)| had["messageId"] == id));
    }
}

/// Caught by the conformance kit: no list of an attached agent could be asked for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tasks_of_one_conversation_are_listed_for_the_caller_who_has_it() {
    let answers = |asked: &Received| {
        if asked.body["method"] == "SendMessage" {
            return ok(&result(&json!({"task": task(RPC, "working")})));
        }
        let mut foreign = task(RPC, "working");
        foreign["contextId"] = json!("c-2");
        let tasks = match asked.body["params"]["contextId"] == "c-1" {
            true => json!([task(RPC, "working"), foreign]),
            false => json!([foreign]),
        };
        ok(&result(&json!({"tasks": tasks, "nextPageToken": "", "pageSize": 50, "totalSize": 1})))
    };
    let (world, server) = attached(RPC, answers).await;
    let sent = sent(&world).await;
    let list = json!({"contextId": sent["contextId"]});
    let listed = call(&world, &a(), "ListTasks", list.clone()).await;
    let tasks = &listed["result"]["tasks"];
    assert_eq!((&tasks[0]["id"], tasks.as_array().unwrap().len()), (&sent["id"], 1), "{listed}");
    for (peer, list) in [(c(), list), (a(), json!({"contextId": "c-1"}))] {
        let listed = call(&world, &peer, "ListTasks", list).await;
        assert_eq!(listed["result"]["tasks"], json!([]), "{listed}");
    }
    let asked = server.asked();
    let of_others = asked[2..].iter().any(|asked| asked.body["params"]["contextId"] == "c-1");
    assert!(asked.len() == 4 && !of_others, "{asked:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_attached_agent_cannot_be_asked_is_refused_and_never_sent_to_its_server() {
    let (world, server) = attached(RPC, agent(RPC)).await;
    let mut push = message("hello");
    push["configuration"] =
        json!({"taskPushNotificationConfig": {"url": "https://a.example/push"}});
    for (method, params, code) in [
        ("ListTasks", json!({}), -32004),
        ("SendMessage", push, -32003),
        ("CreateTaskPushNotificationConfig", json!({}), -32003),
        ("SendMessage", json!({"message": {}}), -32602),
    ] {
        let refused = call(&world, &a(), method, params).await;
        assert_eq!(refused["error"]["code"], code, "{method}: {refused}");
    }
    assert_eq!(server.asked().len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_nobody_hears_the_answer_of_is_sent_to_return_at_once() {
    let (world, server) = attached(RPC, agent(RPC)).await;
    let body = json!({
        "jsonrpc": "2.0", "method": "SendStreamingMessage", "params": message("hello"),
    });
    let answer = world.gateway.post(&a(), FAR, &body.to_string()).await;
    assert_eq!((answer.status(), answer.body().len()), (StatusCode::NO_CONTENT, 0));
    let asked = server.asked();
    assert_eq!(asked[0].body["method"], "SendMessage");
    assert_eq!(asked[0].body["params"]["configuration"]["returnImmediately"], true);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attached_agent_is_called_at_the_instance_by_its_tenant() {
    let (world, server) = attached(RPC, agent(RPC)).await;
    let instance = |method: &'static str, params: Value| {
        let world = &world;
        async move { world.gateway.call(&a(), "/v1/a2a/jsonrpc", method, params).await }
    };
    let mut said = message("hello");
    said["tenant"] = json!("far");
    let sent = instance("SendMessage", said).await;
    let id = sent["result"]["task"]["id"].clone();
    let found = instance("GetTask", json!({"id": id, "tenant": "far"})).await;
    assert_eq!(found["result"]["id"], id, "{found}");
    // An id names no agent.
    let unnamed = instance("GetTask", json!({"id": id})).await;
    assert_eq!(unnamed["error"]["code"], -32001, "{unnamed}");
    let asked = server.asked();
    assert_eq!((asked.len(), asked[0].body["params"].get("tenant")), (2, None));
}

/// Where calls that name no agent are made.
const INSTANCE: &str = "/v1/a2a/jsonrpc";

/// A world whose default agent is attached, to a server that answers as agents do.
async fn as_default() -> (World, Server) {
    let world = crate::upstream::world_with(|config| config.default_agent = Some("far".to_owned()));
    let (world, server) = (world.await, Server::start(agent(RPC)).await);
    attach(&world, RPC, &[server.url()]).await;
    (world, server)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_of_an_attached_default_agent_is_found_by_its_id_alone_and_by_its_caller_alone() {
    let (world, server) = as_default().await;
    let gateway = &world.gateway;
    let sent = gateway.call(&a(), INSTANCE, "SendMessage", message("hello")).await;
    let id = json!({"id": sent["result"]["task"]["id"]});
    let found = gateway.call(&a(), INSTANCE, "GetTask", id.clone()).await;
    assert_eq!(found["result"]["status"]["state"], "TASK_STATE_WORKING", "{found}");
    let older = rpc("tasks/get", id.clone());
    let older = with_token(&gateway.token(&a()), ("POST", INSTANCE), "0.3", Some(&older));
    let older = json_of(&gateway.send(older).await);
    assert_eq!(older["result"]["status"]["state"], "working", "{older}");
    let path = format!("/a2a/tasks/{}", id["id"].as_str().unwrap());
    let plain = with_token(&gateway.token(&a()), ("GET", &path), "1.0", None);
    assert_eq!(json_of(&gateway.send(plain).await)["id"], id["id"]);
    let canceled = gateway.call(&a(), INSTANCE, "CancelTask", id.clone()).await;
    assert_eq!(canceled["result"]["status"]["state"], "TASK_STATE_CANCELED", "{canceled}");
    gateway.call(&a(), INSTANCE, "SubscribeToTask", id.clone()).await;
    let asked = server.asked();
    let asked: Vec<_> = asked.iter().map(|asked| asked.body["method"].as_str().unwrap()).collect();
    let all = ["SendMessage", "GetTask", "GetTask", "GetTask", "CancelTask", "SubscribeToTask"];
    assert_eq!(asked, all);
    for (peer, id) in [(c(), id), (a(), json!({"id": "t-1"}))] {
        let other = gateway.call(&peer, INSTANCE, "GetTask", id).await;
        assert_eq!(other["error"]["code"], -32001, "{other}");
    }
    assert_eq!(
        server.asked().len(),
        all.len(),
        "the server was asked for what is not its caller's"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn beside_an_attached_default_agent_tasks_of_hosted_ones_are_found_and_they_alone_listed() {
    let ((world, _server), caller) = (as_default().await, a());
    let call = |method, params| world.gateway.call(&caller, INSTANCE, method, params);
    let mut said = crate::calls::at_once("hello");
    said["tenant"] = json!("echo");
    let hosted = call("SendMessage", said).await["result"]["task"]["id"].clone();
    let attached = call("SendMessage", message("hello")).await;
    assert!(attached["result"]["task"]["id"].is_string(), "{attached}");
    let found = call("GetTask", json!({"id": hosted})).await;
    assert_eq!(found["result"]["id"], hosted, "{found}");
    let listed = call("ListTasks", json!({})).await;
    let tasks = listed["result"]["tasks"].as_array().unwrap();
    assert_eq!((tasks.len(), &tasks[0]["id"]), (1, &hosted), "{listed}");
    let card = json_of(&world.gateway.get("/.well-known/agent-card.json").await);
    assert_eq!(card["name"], "Far");
    let first = &card["supportedInterfaces"][0];
    let url = format!("{}{INSTANCE}", world.gateway.origin());
    assert_eq!((&first["url"], &first["tenant"]), (&json!(url), &json!("far")), "{card}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_card_names_the_gateway_unless_it_is_signed_by_its_makers() {
    let (world, server) = attached(RPC, agent(RPC)).await;
    let shown = json_of(&world.gateway.get(CARD).await);
    let url = format!("{}{FAR}", world.gateway.origin());
    assert_eq!(
        (&shown["name"], &shown["supportedInterfaces"][0]["url"]),
        (&json!("Far"), &json!(url))
    );
    assert!(!shown.to_string().contains(&server.url()), "{shown}");

    let (kid, key) = (Kid::parse("k1").unwrap(), SecretKey::from_seed(&[9; 32]));
    let signed = jws::sign(&card(RPC, &server.url()), &kid, &key).unwrap().into_bytes();
    let other = crate::upstream::world().await;
    attach_with(&other, RPC, &[server.url()], Bytes::from(signed.clone())).await;
    let shown = other.gateway.get(CARD).await;
    assert_eq!(shown.body()[..], signed[..]);
    let asked = call(&other, &a(), "GetExtendedAgentCard", json!({})).await;
    assert_eq!(asked["result"], serde_json::from_slice::<Value>(&signed).unwrap());
}

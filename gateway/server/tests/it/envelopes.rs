//! WAN envelopes from a peer to a local subscriber.

use std::time::Duration;

use axum::body::Body;
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use proto_types::json::DEPTH_MAX;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::world::{OPERATOR, PATIENCE, Peer, SUBSCRIBER, World, json_of};

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn envelope(correlation: &str, target: (&str, &str)) -> Value {
    let mut envelope = json!({
        "v": 1, "correlationId": correlation, "sourceOrigin": "https://a.example",
        "payload": {"text": "hello"},
    });
    envelope[target.0] = json!(target.1);
    envelope
}

async fn publish(world: &World, envelope: &Value) -> StatusCode {
    let peer = Peer::new("a", 1);
    let mut request = world.gateway.request(&peer, "/v1/publish", &envelope.to_string());
    request.headers_mut().insert("traceparent", TRACE.parse().unwrap());
    let response = world.gateway.send(request).await;
    if response.status() == StatusCode::ACCEPTED {
        let said = json!({"accepted": true, "correlationId": envelope["correlationId"]});
        assert_eq!(json_of(&response), said);
    }
    response.status()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_numbers_of_a_payload_are_carried_as_they_were_written() {
    let world = World::start().await;
    let numbers = "[9007199254740993,1000000000000000000000001,0.10,1e+400]";
    let envelope = format!(
        "{{\"v\":1,\"correlationId\":\"corr-0001\",\"sourceOrigin\":\"https://a.example\",\
         \"targetHandle\":\"urn:agent:b\",\"payload\":{{\"n\":{numbers}}}}}"
    );
    let accepted = world.gateway.post(&Peer::new("a", 1), "/v1/publish", &envelope).await;
    assert_eq!(accepted.status(), StatusCode::ACCEPTED);
    let pulled = world.gateway.send(local("GET", "/v1/envelopes/urn:agent:b", &Value::Null)).await;
    let text = std::str::from_utf8(pulled.body()).unwrap();
    assert!(text.contains(&format!("\"n\":{numbers}")), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payload_of_the_greatest_depth_arrives_as_it_was_sent_and_a_deeper_one_is_refused() {
    let world = World::start().await;
    let publish = async |arrays: usize| {
        let deep = format!("{}{}", "[".repeat(arrays), "]".repeat(arrays));
        let envelope = format!(
            "{{\"v\":1,\"correlationId\":\"corr-0001\",\"sourceOrigin\":\"https://a.example\",\
             \"targetHandle\":\"urn:agent:b\",\"payload\":{{\"n\":{deep}}}}}"
        );
        let answer = world.gateway.post(&Peer::new("a", 1), "/v1/publish", &envelope).await;
        (answer.status(), deep)
    };
    // The envelope and its payload are two levels.
    let (refused, _) = publish(DEPTH_MAX - 1).await;
    assert_eq!(refused, StatusCode::BAD_REQUEST);
    let (accepted, deep) = publish(DEPTH_MAX - 2).await;
    assert_eq!(accepted, StatusCode::ACCEPTED);
    let pulled = world.gateway.send(local("GET", "/v1/envelopes/urn:agent:b", &Value::Null)).await;
    let text = std::str::from_utf8(pulled.body()).unwrap();
    assert!(text.contains(&format!("\"n\":{deep}}}")), "{text}");
}

fn local(method: &str, path: &str, body: &Value) -> Request<Body> {
    Request::builder()
        .method(method)
        .uri(path)
        .header("authorization", format!("Bearer {SUBSCRIBER}"))
        .header("content-type", "application/json")
        .body(Body::from(body.to_string()))
        .unwrap()
}

async fn pull(world: &World, path: &str) -> Vec<Value> {
    let answer = json_of(&world.gateway.send(local("GET", path, &Value::Null)).await);
    answer["envelopes"].as_array().unwrap_or_else(|| panic!("{answer}")).clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_envelope_is_pulled_with_its_trace_and_gone_once_acknowledged() {
    let world = World::start().await;
    let sent = envelope("corr-0001", ("targetHandle", "urn:agent:b"));
    assert_eq!(publish(&world, &sent).await, StatusCode::ACCEPTED);
    assert_eq!(publish(&world, &sent).await, StatusCode::ACCEPTED, "again is the same");
    let pulled = pull(&world, "/v1/envelopes/urn:agent:b?max=10").await;
    assert_eq!(pulled.len(), 1);
    let got = &pulled[0];
    assert_eq!((&got["envelope"], &got["traceparent"]), (&sent, &json!(TRACE)));
    assert_eq!(
        (&got["correlationId"], &got["source"]),
        (&json!("corr-0001"), &json!("https://a.example"))
    );
    assert!(pull(&world, "/v1/envelopes/urn:agent:b").await.is_empty(), "it is leased");

    let path = "/v1/envelopes/urn:agent:b/ack";
    let mut ack = json!({"source": got["source"], "id": got["id"], "epoch": 99});
    let stale = world.gateway.send(local("POST", path, &ack)).await;
    assert_eq!(stale.status(), StatusCode::CONFLICT);
    ack["epoch"] = got["epoch"].clone();
    for _ in 0..2 {
        let done = world.gateway.send(local("POST", path, &ack)).await;
        assert_eq!(done.status(), StatusCode::OK, "acknowledging again is no error");
    }
    assert_eq!(publish(&world, &sent).await, StatusCode::ACCEPTED);
    assert!(pull(&world, "/v1/envelopes/urn:agent:b").await.is_empty(), "it takes effect once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_that_is_called_like_a_word_of_a_path_has_its_envelopes_there() {
    let world = World::start().await;
    let sent = envelope("corr-0010", ("targetHandle", "ack"));
    assert_eq!(publish(&world, &sent).await, StatusCode::ACCEPTED);
    let pulled = pull(&world, "/v1/envelopes/ack").await;
    assert_eq!(pulled.len(), 1);
    let (source, id, epoch) = (&pulled[0]["source"], &pulled[0]["id"], &pulled[0]["epoch"]);
    let ack = json!({"source": source, "id": id, "epoch": epoch});
    let done = world.gateway.send(local("POST", "/v1/envelopes/ack/ack", &ack)).await;
    assert_eq!(done.status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscriber_that_waits_gets_an_envelope_for_an_origin_as_it_comes() {
    let world = World::start().await;
    let waiting = pull(&world, "/v1/envelopes?target=https%3A%2F%2Fb.example&wait=20s");
    let sent = async {
        sleep(Duration::from_millis(200)).await;
        publish(&world, &envelope("corr-0002", ("targetOrigin", "https://b.example"))).await
    };
    let (pulled, status) = tokio::join!(waiting, sent);
    assert_eq!((pulled.len(), status), (1, StatusCode::ACCEPTED));
    let ack = json!({
        "target": "https://b.example", "source": pulled[0]["source"],
        "id": pulled[0]["id"], "epoch": pulled[0]["epoch"],
    });
    let done = world.gateway.send(local("POST", "/v1/envelopes/ack", &ack)).await;
    assert_eq!(done.status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_envelope_of_one_correlation_is_delivered_too() {
    let world = World::start().await;
    let first = envelope("corr-0009", ("targetHandle", "acme01/translator"));
    let mut second = first.clone();
    second["payload"] = json!({"text": "and another thing"});
    for sent in [&first, &second, &first] {
        assert_eq!(publish(&world, sent).await, StatusCode::ACCEPTED);
    }
    let pulled = pull(&world, "/v1/envelopes/acme01%2Ftranslator?max=10").await;
    let got: Vec<&Value> = pulled.iter().map(|leased| &leased["envelope"]).collect();
    assert_eq!(got, [&first, &second], "each once");
    for leased in &pulled {
        let ack = json!({"source": leased["source"], "id": leased["id"], "epoch": leased["epoch"]});
        let path = "/v1/envelopes/acme01%2Ftranslator/ack";
        let done = world.gateway.send(local("POST", path, &ack)).await;
        assert_eq!(done.status(), StatusCode::OK);
    }
    assert_eq!(pull(&world, "/v1/envelopes/acme01%2Ftranslator").await, Vec::<Value>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_those_with_one_ordering_key_the_next_comes_when_the_one_before_is_done() {
    let world = World::start().await;
    let peer = Peer::new("a", 1);
    let send = async |correlation: &str, key: &str| {
        let sent = envelope(correlation, ("targetHandle", "urn:agent:b")).to_string();
        let mut request = world.gateway.request(&peer, "/v1/publish", &sent);
        request.headers_mut().insert("ecumene-ordering-key", key.parse().unwrap());
        world.gateway.send(request).await.status()
    };
    for (correlation, key) in [("corr-0001", "k1"), ("corr-0002", "k1"), ("corr-0003", "k2")] {
        assert_eq!(send(correlation, key).await, StatusCode::ACCEPTED);
    }
    assert_eq!(send("corr-0004", "not a key").await, StatusCode::BAD_REQUEST);
    let pulled = pull(&world, "/v1/envelopes/urn:agent:b?max=10").await;
    let names = |pulled: &[Value]| -> Vec<Value> {
        pulled.iter().map(|leased| leased["correlationId"].clone()).collect()
    };
    assert_eq!(names(&pulled), ["corr-0001", "corr-0003"]);
    assert_eq!(pulled[0]["orderingKey"], "k1");
    assert!(pull(&world, "/v1/envelopes/urn:agent:b?max=10").await.is_empty());
    let first = &pulled[0];
    let ack = json!({"source": first["source"], "id": first["id"], "epoch": first["epoch"]});
    let done = world.gateway.send(local("POST", "/v1/envelopes/urn:agent:b/ack", &ack)).await;
    assert_eq!(done.status(), StatusCode::OK);
    let pulled = pull(&world, "/v1/envelopes/urn:agent:b?max=10").await;
    assert_eq!(names(&pulled), ["corr-0002"]);
}

/// What a stream says until its text has this.
async fn read_until(body: &mut hyper::body::Incoming, text: &mut String, wanted: &str) {
    while !text.contains(wanted) {
        let frame = timeout(PATIENCE, body.frame()).await.unwrap();
        let frame = frame.unwrap_or_else(|| panic!("the stream ended: {text}")).unwrap();
        text.push_str(std::str::from_utf8(&frame.into_data().unwrap()).unwrap());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscriber_has_envelopes_as_events_and_acknowledges_them_as_ever() {
    let world = World::start().await;
    let mut request = local("GET", "/v1/envelopes/urn:agent:b", &Value::Null);
    request.headers_mut().insert("accept", "text/event-stream".parse().unwrap());
    let answer = world.gateway.open(request).await;
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    let (mut body, mut text) = (answer.into_body(), String::new());
    // A comment at once, and one for each time that nothing came.
    read_until(&mut body, &mut text, ":\n\n:\n\n").await;
    let sent = envelope("corr-0001", ("targetHandle", "urn:agent:b"));
    assert_eq!(publish(&world, &sent).await, StatusCode::ACCEPTED);
    read_until(&mut body, &mut text, "corr-0001").await;
    read_until(&mut body, &mut text, "}\n\n").await;
    let data = text.split("event: envelope\ndata: ").nth(1).unwrap();
    let got: Value = serde_json::from_str(data.split("\n\n").next().unwrap()).unwrap();
    assert_eq!(got["envelope"], sent);
    let ack = json!({"source": got["source"], "id": got["id"], "epoch": got["epoch"]});
    let done = world.gateway.send(local("POST", "/v1/envelopes/urn:agent:b/ack", &ack)).await;
    assert_eq!(done.status(), StatusCode::OK);
    // It ends because the gateway stops, and the client is told so by the end of the body alone.
    world.gateway.shutdown.trigger();
    while let Some(frame) = timeout(PATIENCE, body.frame()).await.unwrap() {
        frame.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_are_for_subscribers_alone() {
    let world = World::start().await;
    let request = Request::get("/v1/envelopes/urn:agent:b").header("accept", "text/event-stream");
    let answer = world.gateway.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_letters_of_the_registry_are_told_by_the_registry() {
    let world = World::start().await;
    let path = "/v1/dead-letters";
    let asked = |token: &str| {
        let request = Request::get(path).header("authorization", format!("Bearer {token}"));
        world.gateway.send(request.body(Body::empty()).unwrap())
    };
    assert_eq!(asked(SUBSCRIBER).await.status(), StatusCode::UNAUTHORIZED);
    let refused = asked(OPERATOR).await;
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    assert!(json_of(&refused).to_string().contains("ecumene envelope dead"));
}

//! A2A over gRPC: by tonic's client with messages by their descriptors, and by hand where no client would send it.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use deploy_service::units;
use http::{HeaderMap, Request, StatusCode, Version};
use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, MethodDescriptor, Value};
use proto_wire::registry::v1::node_order::Kind as Order;
use tokio::time::timeout;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status, Streaming};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tonic_types::StatusExt as _;

use crate::node::{Node, Push, chunk, working};
use crate::world::{PATIENCE, Peer, World, by, eventually};

const SERVICE: &str = "lf.a2a.v1.A2AService";

pub(crate) static POOL: LazyLock<DescriptorPool> =
    LazyLock::new(|| DescriptorPool::decode(proto_wire::A2A_DESCRIPTORS).unwrap());

/// One method, with what it takes and answers.
struct Dynamic(MethodDescriptor);

impl Dynamic {
    fn of(method: &str) -> Self {
        let service = POOL.get_service_by_name(SERVICE).unwrap();
        Self(service.methods().find(|known| known.name() == method).unwrap())
    }
}

impl Codec for Dynamic {
    type Encode = DynamicMessage;
    type Decode = DynamicMessage;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self(self.0.clone())
    }

    fn decoder(&mut self) -> Self {
        Self(self.0.clone())
    }
}

impl Encoder for Dynamic {
    type Item = DynamicMessage;
    type Error = Status;

    fn encode(&mut self, item: DynamicMessage, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        item.encode(to).map_err(|error| Status::internal(error.to_string()))
    }
}

impl Decoder for Dynamic {
    type Item = DynamicMessage;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<DynamicMessage>, Status> {
        let read = DynamicMessage::decode(self.0.output(), from);
        read.map(Some).map_err(|error| Status::internal(error.to_string()))
    }
}

/// A message of A2A with these fields.
pub(crate) fn new<const N: usize>(name: &str, fields: [(&str, Value); N]) -> DynamicMessage {
    let desc = POOL.get_message_by_name(&format!("lf.a2a.v1.{name}")).unwrap();
    let mut message = DynamicMessage::new(desc);
    for (name, value) in fields {
        message.set_field_by_name(name, value);
    }
    message
}

pub(crate) fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

/// A message to the agent.
fn said(words: &str, return_immediately: bool) -> DynamicMessage {
    about(Some("echo"), said_to_none(words, return_immediately))
}

/// A request about the agent of this tenant.
fn about(tenant: Option<&str>, mut request: DynamicMessage) -> DynamicMessage {
    if let Some(tenant) = tenant {
        request.set_field_by_name("tenant", text(tenant));
    }
    request
}

fn said_to_none(words: &str, return_immediately: bool) -> DynamicMessage {
    let part = new("Part", [("text", text(words))]);
    let parts = Value::List(vec![Value::Message(part)]);
    let fields = [("message_id", text("m1")), ("role", Value::EnumNumber(1)), ("parts", parts)];
    let message = Value::Message(new("Message", fields));
    let at_once = [("return_immediately", Value::Bool(return_immediately))];
    let configuration = Value::Message(new("SendMessageConfiguration", at_once));
    new("SendMessageRequest", [("message", message), ("configuration", configuration)])
}

fn named(request: &str, id: &Value) -> DynamicMessage {
    new(request, [("id", id.clone())])
}

/// A push configuration of a task.
fn pushed(task: &str, id: &str) -> DynamicMessage {
    let url = text("https://receiver.example/hook");
    new("TaskPushNotificationConfig", [("task_id", text(task)), ("id", text(id)), ("url", url)])
}

/// Every method, each with a body that fits it: about the agent of this tenant, or about none.
pub(crate) fn every_method(tenant: Option<&str>) -> Vec<(&'static str, Vec<u8>)> {
    let of_task = |request: &str| named(request, &text("no-such-task"));
    let of_push = |request: &str| new(request, [("task_id", text("t")), ("id", text("p"))]);
    let methods = [
        ("SendMessage", said_to_none("hello", true)),
        ("SendStreamingMessage", said_to_none("hello", false)),
        ("GetTask", of_task("GetTaskRequest")),
        ("ListTasks", new("ListTasksRequest", [])),
        ("CancelTask", of_task("CancelTaskRequest")),
        ("SubscribeToTask", of_task("SubscribeToTaskRequest")),
        ("CreateTaskPushNotificationConfig", pushed("t", "p")),
        ("GetTaskPushNotificationConfig", of_push("GetTaskPushNotificationConfigRequest")),
        (
            "ListTaskPushNotificationConfigs",
            new("ListTaskPushNotificationConfigsRequest", [("task_id", text("t"))]),
        ),
        ("DeleteTaskPushNotificationConfig", of_push("DeleteTaskPushNotificationConfigRequest")),
        ("GetExtendedAgentCard", new("GetExtendedAgentCardRequest", [])),
    ];
    let all = POOL.get_service_by_name(SERVICE).unwrap().methods().len();
    assert_eq!(methods.len(), all, "a new method has to be named here");
    Vec::from(methods.map(|(method, request)| (method, framed(&about(tenant, request)))))
}

/// What stands at a path of names.
fn at(message: &DynamicMessage, path: &str) -> Value {
    let (field, rest) = path.split_once('.').unwrap_or((path, ""));
    match message.get_field_by_name(field).unwrap().into_owned() {
        Value::Message(inner) if !rest.is_empty() => at(&inner, rest),
        value => value,
    }
}

fn first(list: &Value) -> DynamicMessage {
    list.as_list().unwrap()[0].as_message().unwrap().clone()
}

const COMPLETED: Value = Value::EnumNumber(3);

fn a() -> Peer {
    Peer::new("a", 1)
}

fn channel(world: &World) -> Channel {
    Endpoint::from_shared(world.gateway.origin()).unwrap().connect_lazy()
}

/// A request with a fresh token of a peer.
fn request(world: &World, message: DynamicMessage) -> tonic::Request<DynamicMessage> {
    let mut request = by(&world.gateway.token(&a()), message);
    request.metadata_mut().insert("a2a-version", "1.0".parse().unwrap());
    request
}

async fn call(
    world: &World,
    method: &str,
    message: DynamicMessage,
) -> Result<DynamicMessage, Status> {
    let mut client = tonic::client::Grpc::new(channel(world));
    client.ready().await.unwrap();
    let path = format!("/{SERVICE}/{method}").parse().unwrap();
    let answer = client.unary(request(world, message), path, Dynamic::of(method));
    timeout(PATIENCE, answer).await.unwrap().map(tonic::Response::into_inner)
}

async fn follow(world: &World, method: &str, message: DynamicMessage) -> Streaming<DynamicMessage> {
    let mut client = tonic::client::Grpc::new(channel(world));
    client.ready().await.unwrap();
    let path = format!("/{SERVICE}/{method}").parse().unwrap();
    let answer = client.server_streaming(request(world, message), path, Dynamic::of(method));
    timeout(PATIENCE, answer).await.unwrap().unwrap().into_inner()
}

async fn next(stream: &mut Streaming<DynamicMessage>) -> Option<DynamicMessage> {
    timeout(PATIENCE, stream.message()).await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_is_sent_followed_and_its_task_read_over_grpc() {
    let world = World::start().await;
    let mut node = Node::join(&world).await;
    let mut stream = follow(&world, "SendStreamingMessage", said("hello", false)).await;
    let opened = next(&mut stream).await.unwrap();
    let task = node.take().await;
    assert_eq!(at(&opened, "task.id"), text(&task.task));
    let push = Push::open(&task).await;
    push.event(&working("reading")).await;
    push.event(&chunk("out", &["x"], true)).await;
    let update = next(&mut stream).await.unwrap();
    assert_eq!(at(&update, "status_update.status.state"), Value::EnumNumber(2));
    let update = next(&mut stream).await.unwrap();
    assert_eq!(at(&update, "artifact_update.append"), Value::Bool(true));
    node.complete(&world, &task, "completed", &["x"]).await;
    let end = next(&mut stream).await.unwrap();
    assert_eq!(at(&end, "status_update.status.state"), COMPLETED);
    assert!(next(&mut stream).await.is_none(), "the status of the stream is OK");

    let id = at(&opened, "task.id");
    let read = call(&world, "GetTask", named("GetTaskRequest", &id)).await.unwrap();
    assert_eq!(at(&read, "status.state"), COMPLETED);
    let artifact = first(&at(&read, "artifacts"));
    assert_eq!(at(&first(&at(&artifact, "parts")), "text"), text("x"));
    let listed = call(&world, "ListTasks", new("ListTasksRequest", [])).await.unwrap();
    assert_eq!(at(&listed, "total_size"), Value::I32(1));
    assert_eq!(at(&first(&at(&listed, "tasks")), "id"), id);
    let ended = call(&world, "CancelTask", named("CancelTaskRequest", &id)).await.unwrap_err();
    assert_eq!(ended.code(), Code::FailedPrecondition, "{ended:?}");
    assert_eq!(ended.get_details_error_info().unwrap().reason, "TASK_NOT_CANCELABLE");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_is_answered_subscribed_to_and_canceled_over_grpc() {
    let world = World::start().await;
    let mut node = Node::join(&world).await;
    let called = call(&world, "SendMessage", said("hello", false));
    let worked = async {
        let task = node.take().await;
        node.complete(&world, &task, "completed", &["x"]).await;
    };
    let (answer, ()) = tokio::join!(called, worked);
    assert_eq!(at(&answer.unwrap(), "task.status.state"), COMPLETED);

    let answer = call(&world, "SendMessage", said("hello", true)).await.unwrap();
    let id = at(&answer, "task.id");
    let task = node.take().await;
    let mut stream = follow(&world, "SubscribeToTask", named("SubscribeToTaskRequest", &id)).await;
    assert_eq!(at(&next(&mut stream).await.unwrap(), "task.id"), id);
    let canceled = call(&world, "CancelTask", named("CancelTaskRequest", &id));
    let worked = async {
        // It may be asked for its events before.
        while !matches!(node.order().await, Order::Cancel(_)) {}
        node.complete(&world, &task, "canceled", &[]).await;
    };
    let (canceled, ()) = tokio::join!(canceled, worked);
    assert_eq!(at(&canceled.unwrap(), "status.state"), Value::EnumNumber(5));
    let mut last = None;
    while let Some(event) = next(&mut stream).await {
        last = Some(event);
    }
    assert_eq!(at(&last.unwrap(), "status_update.status.state"), Value::EnumNumber(5));
    let over = call(&world, "SubscribeToTask", named("SubscribeToTaskRequest", &id)).await;
    assert_eq!(over.unwrap_err().code(), Code::FailedPrecondition);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_to_push_is_set_shown_and_deleted_over_grpc() {
    let world = World::start().await;
    let answer = call(&world, "SendMessage", said("hello", true)).await.unwrap();
    let Value::String(task) = at(&answer, "task.id") else { panic!("no id") };
    let of_push = |request: &str| new(request, [("task_id", text(&task)), ("id", text("p"))]);
    let (method, config) = ("CreateTaskPushNotificationConfig", pushed(&task, "p"));
    let created = call(&world, method, config.clone()).await.unwrap();
    assert_eq!(created, config);
    let one = of_push("GetTaskPushNotificationConfigRequest");
    let shown = call(&world, "GetTaskPushNotificationConfig", one.clone()).await.unwrap();
    assert_eq!(shown, config);
    let all = new("ListTaskPushNotificationConfigsRequest", [("task_id", text(&task))]);
    let listed = call(&world, "ListTaskPushNotificationConfigs", all).await.unwrap();
    assert_eq!(first(&at(&listed, "configs")), config);
    for _ in 0..2 {
        let delete = of_push("DeleteTaskPushNotificationConfigRequest");
        call(&world, "DeleteTaskPushNotificationConfig", delete).await.unwrap();
    }
    let gone = call(&world, "GetTaskPushNotificationConfig", one).await.unwrap_err();
    assert_eq!(gone.code(), Code::NotFound);
}

/// A call by hand.
fn raw(method: &str, headers: &[(&'static str, &str)], body: Vec<u8>) -> Request<Body> {
    let mut request = Request::post(format!("/{SERVICE}/{method}"))
        .version(Version::HTTP_2)
        .header("content-type", "application/grpc")
        .header("te", "trailers");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::from(body)).unwrap()
}

/// All that is told of it in headers and trailers, and the body.
async fn by_hand(
    world: &World,
    method: &str,
    headers: &[(&'static str, &str)],
    body: Vec<u8>,
) -> (HeaderMap, Bytes) {
    let (head, body) = world.gateway.send(raw(method, headers, body)).await.into_parts();
    assert_eq!(head.status, StatusCode::OK);
    (head.headers, body)
}

pub(crate) fn framed(message: &DynamicMessage) -> Vec<u8> {
    let message = message.encode_to_vec();
    [&[0][..], &(message.len() as u32).to_be_bytes()[..], &message[..]].concat()
}

fn ask() -> Vec<u8> {
    framed(&named("GetTaskRequest", &text("no-such-task")))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_refusal_has_its_status_and_details_over_grpc() {
    let world = World::start().await;
    let version = ("a2a-version", "1.0");
    let too_long = framed(&named("GetTaskRequest", &text(&"x".repeat(1 << 20))));
    let elsewhere = framed(&new("GetTaskRequest", [("tenant", text("none")), ("id", text("t"))]));
    let pushes = framed(&new("TaskPushNotificationConfig", []));
    for (method, header, body, code, reason) in [
        ("GetTask", version, ask(), Code::NotFound, "TASK_NOT_FOUND"),
        ("GetTask", ("accept", "*/*"), ask(), Code::FailedPrecondition, "VERSION_NOT_SUPPORTED"),
        (
            "GetTask",
            ("a2a-version", "0.3"),
            ask(),
            Code::FailedPrecondition,
            "VERSION_NOT_SUPPORTED",
        ),
        ("GetTasks", version, ask(), Code::Unimplemented, "METHOD_NOT_FOUND"),
        ("GetTask", version, elsewhere, Code::InvalidArgument, "INVALID_PARAMS"),
        (
            "GetTask",
            version,
            framed(&new("GetTaskRequest", [])),
            Code::InvalidArgument,
            "INVALID_PARAMS",
        ),
        ("GetTask", version, vec![0, 0, 0, 0, 1, 0xff], Code::InvalidArgument, "INVALID_PARAMS"),
        (
            "GetTask",
            version,
            vec![0, 0xff, 0xff, 0xff, 0xff, 1],
            Code::ResourceExhausted,
            "BODY_TOO_LARGE",
        ),
        ("GetTask", version, [ask(), ask()].concat(), Code::InvalidArgument, "INVALID_PARAMS"),
        ("GetTask", version, Vec::new(), Code::InvalidArgument, "INVALID_PARAMS"),
        ("GetTask", version, vec![1, 0, 0, 0, 0], Code::Unimplemented, "MESSAGE_COMPRESSED"),
        ("GetTask", ("grpc-encoding", "gzip"), ask(), Code::Unimplemented, "MESSAGE_COMPRESSED"),
        ("GetTask", ("grpc-timeout", "soon"), ask(), Code::InvalidArgument, "INVALID_ARGUMENT"),
        ("GetTask", version, too_long, Code::ResourceExhausted, "BODY_TOO_LARGE"),
        (
            "CreateTaskPushNotificationConfig",
            version,
            pushes,
            Code::InvalidArgument,
            "INVALID_PARAMS",
        ),
    ] {
        let bearer = format!("Bearer {}", world.gateway.token(&a()));
        let headers = [("authorization", &*bearer), header];
        let (told, answer) = by_hand(&world, method, &headers, body).await;
        let status = Status::from_header_map(&told).unwrap();
        assert_eq!(status.code(), code, "{method} {header:?}: {told:?}");
        let info = status.get_details_error_info().unwrap();
        assert_eq!(info.reason, reason, "{method} {header:?}");
        assert!(answer.is_empty(), "{method} {header:?}");
        let is_compressed = reason == "MESSAGE_COMPRESSED";
        assert_eq!(told.contains_key("grpc-accept-encoding"), is_compressed, "{told:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_is_good_for_one_call_over_grpc_and_for_the_one_that_it_names() {
    let world = World::start().await;
    let ask = |token: String| {
        let bearer = format!("Bearer {token}");
        let world = &world;
        async move {
            let headers = [("authorization", &*bearer), ("a2a-version", "1.0")];
            let (told, _) = by_hand(world, "GetTask", &headers, ask()).await;
            Status::from_header_map(&told).unwrap().code()
        }
    };
    let token = world.gateway.token(&a());
    assert_eq!(ask(token.clone()).await, Code::NotFound, "it is let in");
    assert_eq!(ask(token).await, Code::Unauthenticated, "it is spent");
    assert_eq!(ask("junk".to_owned()).await, Code::Unauthenticated);
    let bound = |path: &str| {
        let mut claims = world.gateway.claims(&a());
        claims.htm = Some("POST".to_owned());
        claims.htu = Some(format!("{}{path}", world.gateway.origin()));
        proto_types::token::mint(&claims, None, &a().key)
    };
    assert_eq!(ask(bound(&format!("/{SERVICE}/GetTask"))).await, Code::NotFound);
    assert_eq!(ask(bound(&format!("/{SERVICE}/CancelTask"))).await, Code::Unauthenticated);
    assert_eq!(ask(bound("/agents/echo")).await, Code::Unauthenticated);
    let (told, _) = by_hand(&world, "GetTask", &[("a2a-version", "1.0")], self::ask()).await;
    assert_eq!(Status::from_header_map(&told).unwrap().code(), Code::Unauthenticated);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_pays_for_one_call_over_grpc_whatever_its_method() {
    let world = World::start().await;
    for (method, body) in every_method(Some("echo")) {
        let bearer = format!("Bearer {}", world.gateway.token(&a()));
        let ask = |bearer: &str| {
            let headers = [("authorization", bearer), ("a2a-version", "1.0")];
            let request = raw(method, &headers, body.clone());
            let world = &world;
            async move {
                // A stream is not read: without a status in its head it has begun.
                let head = world.gateway.open(request).await.headers().clone();
                Status::from_header_map(&head).map_or(Code::Ok, |status| status.code())
            }
        };
        let codes = [ask(&bearer).await, ask(&bearer).await, ask("").await];
        assert_ne!(codes[0], Code::Unauthenticated, "{method}");
        assert_eq!(codes[1], Code::Unauthenticated, "{method}");
        assert_eq!(codes[2], Code::Unauthenticated, "{method}");
    }
}

/// No node runs the task.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_ends_when_its_caller_waits_no_longer() {
    let world = World::start().await;
    for (method, frames) in [("SendMessage", 0), ("SendStreamingMessage", 1)] {
        let bearer = format!("Bearer {}", world.gateway.token(&a()));
        let patience = ("grpc-timeout", "2S");
        let headers = [("authorization", &*bearer), ("a2a-version", "1.0"), patience];
        let begin = Instant::now();
        let (told, body) = by_hand(&world, method, &headers, framed(&said("hi", false))).await;
        let status = Status::from_header_map(&told).unwrap();
        assert_eq!(status.code(), Code::DeadlineExceeded, "{method}: {told:?}");
        if frames == 0 {
            eventually("the end of a task that nobody can ask for", || async {
                let metrics = world.registry_metrics().await;
                metrics.contains("ecumene_registry_open_tasks 0\n").then_some(())
            })
            .await;
        }
        // The deadline of a task is 20 s.
        assert!(begin.elapsed() < Duration::from_secs(15), "{method}: {:?}", begin.elapsed());
        assert_eq!(usize::from(!body.is_empty()), frames, "{method}: the task is told at once");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_over_grpc_ends_unavailable_before_the_drain_would_cut_it() {
    let world = World::with(|config| config.limits.drain = units::Duration::from_secs(4)).await;
    let mut stream = follow(&world, "SendStreamingMessage", said("hello", false)).await;
    next(&mut stream).await.unwrap();
    world.gateway.shutdown.trigger();
    let ended = loop {
        match timeout(PATIENCE, stream.message()).await.unwrap() {
            Ok(event) => assert!(event.is_some(), "it has a status of its own"),
            Err(status) => break status,
        }
    };
    assert_eq!(ended.code(), Code::Unavailable, "{ended}");
    assert_eq!(ended.metadata().get("ecumene-code").unwrap(), "stopping");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_grpc_at_its_path_is_told_so_in_json() {
    let world = World::start().await;
    let path = format!("/{SERVICE}/GetTask");
    let refused = world.gateway.post(&a(), &path, "{}").await;
    assert_eq!(refused.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let problem = crate::world::json_of(&refused);
    assert_eq!(problem["code"], "unsupported-media-type", "{problem}");
    assert_eq!(world.gateway.get(&path).await.status(), StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_and_reflection_tell_what_is_served_until_the_process_stops() {
    let world = World::start().await;
    let health = || HealthClient::new(channel(&world));
    let of = |service: &str| HealthCheckRequest { service: service.to_owned() };
    for service in ["", SERVICE, "ecumene.gateway.v1.TaskEvents"] {
        let answer = health().check(of(service)).await.unwrap();
        assert_eq!(answer.get_ref().status(), ServingStatus::Serving, "{service}");
    }
    let unknown = health().check(of("ecumene.registry.v1.Directory")).await.unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound);

    let ask = |message_request| {
        let request =
            ServerReflectionRequest { host: String::new(), message_request: Some(message_request) };
        let mut client = ServerReflectionClient::new(channel(&world));
        async move {
            let requests = tokio_stream::iter([request]);
            let mut answers = client.server_reflection_info(requests).await.unwrap().into_inner();
            answers.message().await.unwrap().unwrap().message_response.unwrap()
        }
    };
    let listed = ask(MessageRequest::ListServices(String::new())).await;
    let MessageResponse::ListServicesResponse(listed) = listed else { panic!("{listed:?}") };
    let mut names: Vec<String> = listed.service.into_iter().map(|it| it.name).collect();
    names.sort();
    assert_eq!(names, ["ecumene.gateway.v1.TaskEvents", "grpc.health.v1.Health", SERVICE]);
    let file = ask(MessageRequest::FileContainingSymbol(SERVICE.to_owned())).await;
    assert!(matches!(file, MessageResponse::FileDescriptorResponse(_)), "{file:?}");

    let mut watch = health().watch(of(SERVICE)).await.unwrap().into_inner();
    let first = watch.message().await.unwrap().unwrap();
    assert_eq!(first.status(), ServingStatus::Serving);
    world.gateway.shutdown.trigger();
    let last = timeout(PATIENCE, watch.message()).await.unwrap().unwrap().unwrap();
    assert_eq!(last.status(), ServingStatus::NotServing);
    assert!(timeout(PATIENCE, watch.message()).await.unwrap().unwrap().is_none());
}

/// Caught: anybody could hold as many streams as it had places for, for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_source_watches_the_health_in_a_few_streams_and_asks_for_it_all_the_same() {
    let world = World::start().await;
    let health = HealthClient::new(channel(&world));
    let ask = HealthCheckRequest::default;
    let mut watches = Vec::new();
    let refused = loop {
        match health.clone().watch(ask()).await {
            Ok(watch) => watches.push(watch),
            Err(refused) => break refused,
        }
        assert!(watches.len() < 100, "it is bounded");
    };
    assert_eq!((refused.code(), watches.len()), (Code::ResourceExhausted, 32), "half of 64");
    assert_eq!(refused.metadata().get("ecumene-code").unwrap(), "share-reached");
    health.clone().check(ask()).await.unwrap();
    drop(watches.pop());
    let again = || async { health.clone().watch(ask()).await.ok() };
    eventually("the place of a watch that has ended", again).await;
}

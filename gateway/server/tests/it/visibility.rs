//! What may not be seen is as if it were not there: two gateways whose registries differ only in agents that are hidden
//! from a viewer answer it alike, over every route. A new route does not compile until it is asked here too.

use axum::body::{Body, Bytes};
use gateway_core::http_json::{Endpoint, Resource};
use gateway_core::path::{Brand, Notation, Route};
use http::{Request, Response, StatusCode, Version};
use proto_types::Handle;
use proto_types::a2a::ProtocolVersion;
use proto_types::token::{Claims, mint};
use proto_wire::registry::v1 as wire;
use proto_wire::registry::v1::directory_client::DirectoryClient;
use serde_json::{Value, json};

use crate::grpc;
use crate::legacy::said;
use crate::world::{
    OPERATOR, Peer, SUBSCRIBER, World, by, deploy_for, eventually, json_of, message, rpc,
};

const PRIVATE: &str = "urn:acme:private:01";
const FEDERATED: &str = "urn:acme:federated:01";
const REDACTED: &str = "urn:acme:redacted:01";
const ABSENT: &str = "urn:acme:absent:01";

const INSTANCE: &str = "/v1/a2a/jsonrpc";
const INSTANCE_CARD: &str = "/.well-known/agent-card.json";

/// The query that states A2A 0.3.
const OLDER: &str = "A2A-Version=0.3";

/// Enrolled, and admitted nowhere.
fn stranger() -> Peer {
    Peer::new("a", 1)
}

/// Enrolled, and admitted to `acme` by a grant.
fn guest() -> Peer {
    Peer::new("c", 3)
}

fn rpc_path(handle: &str) -> String {
    format!("/agents/{handle}")
}

fn card_path(handle: &str) -> String {
    format!("/agents/{handle}/.well-known/agent-card.json")
}

/// Says whom `acme` admits beside its owners.
async fn admit(world: &World, peers: &[&str]) {
    let terms = json!({"prefixes": ["urn:acme:"], "grants": {"peers": peers}});
    let terms = terms.to_string().into_bytes().into();
    let request = wire::PutNamespaceRequest { name: "acme".to_owned(), terms };
    let mut directory = DirectoryClient::new(world.channel.clone());
    directory.put_namespace(by(OPERATOR, request)).await.unwrap();
}

fn words(secret: &str) -> Value {
    let skill = json!({"id": secret, "name": secret, "description": secret, "tags": [secret]});
    json!({"name": "Known", "description": "what anybody may know", "skills": [skill]})
}

/// A world with a redacted agent that says `secret`, and with these hidden ones.
async fn world(secret: &str, hidden: &[(&str, &str)]) -> World {
    let world = World::start().await;
    admit(&world, &["https://c.example"]).await;
    for (handle, visibility) in hidden {
        deploy_for(&world.channel, (handle, visibility), &words("treasure")).await;
    }
    deploy_for(&world.channel, (REDACTED, "redacted"), &words(secret)).await;
    // The last change: what was before it has arrived too.
    eventually("the redacted agent", || async {
        let card = world.gateway.get(&card_path(REDACTED)).await;
        (card.status() == StatusCode::OK).then_some(())
    })
    .await;
    world
}

/// Every route, those of an agent for this handle.
pub(crate) fn routes(handle: &str) -> Vec<Route> {
    let handle = Handle::parse(handle).unwrap();
    let mut routes = endpoints(&handle);
    routes.extend([
        Route::InstanceRpc,
        Route::AgentRpc(handle.clone()),
        Route::InstanceCard,
        Route::AgentCard(handle.clone()),
        Route::Descriptor(Brand::Hive),
        Route::Descriptor(Brand::Pilox),
        Route::Jwks,
        // Before something waits there.
        Route::Pull(None),
        Route::Pull(Some(handle.clone())),
        Route::Acknowledge(None),
        Route::Acknowledge(Some(handle)),
        Route::DeadLetters,
        Route::FederationProxy,
        Route::FederationStatus,
        Route::FederationDirectory,
        Route::A2aStatus,
        Route::MeshAgents,
        Route::MeshPeers,
        Route::Publish,
        Route::Health,
        Route::Ready,
        Route::Metrics,
        Route::ErrorPage("no-such-code".to_owned()),
        Route::Contract(Notation::Yaml),
        Route::Contract(Notation::Json),
        Route::Grpc("Nonsense".to_owned()),
    ]);
    let methods = grpc::every_method(None);
    routes.extend(methods.into_iter().map(|(method, _)| Route::Grpc(method.to_owned())));
    routes
}

/// Every endpoint of HTTP+JSON, of the agent and of the instance.
fn endpoints(handle: &Handle) -> Vec<Route> {
    let task = || "no-such-task".to_owned();
    let mut routes = Vec::new();
    for agent in [Some(handle), None] {
        for version in [ProtocolVersion::V10, ProtocolVersion::V03] {
            let resources = [
                Resource::Message,
                Resource::MessageStream,
                Resource::Tasks,
                Resource::Task(task()),
                Resource::Cancel(task()),
                Resource::Subscribe(task()),
                Resource::PushConfigs(task()),
                Resource::PushConfig(task(), "p".to_owned()),
                Resource::ExtendedCard,
            ];
            let endpoint =
                |resource| Route::HttpJson(Endpoint { agent: agent.cloned(), version, resource });
            routes.extend(resources.map(endpoint));
        }
    }
    routes
}

/// Where an endpoint is: an agent is called at its own paths, in 1.0 also at those of the instance that begin with a tenant.
fn endpoint_paths(endpoint: &Endpoint) -> Vec<String> {
    let is_older = endpoint.version == ProtocolVersion::V03;
    let bases = match &endpoint.agent {
        Some(handle) if is_older => vec![format!("/agents/{handle}/v1")],
        Some(handle) => vec![format!("/agents/{handle}"), format!("/a2a/{handle}")],
        None if is_older => vec!["/a2a/v1".to_owned()],
        None => vec!["/a2a".to_owned()],
    };
    let rest = match &endpoint.resource {
        Resource::Message => "message:send".to_owned(),
        Resource::MessageStream => "message:stream".to_owned(),
        Resource::Tasks => "tasks".to_owned(),
        Resource::Task(id) => format!("tasks/{id}"),
        Resource::Cancel(id) => format!("tasks/{id}:cancel"),
        Resource::Subscribe(id) => format!("tasks/{id}:subscribe"),
        Resource::PushConfigs(task) => format!("tasks/{task}/pushNotificationConfigs"),
        Resource::PushConfig(task, config) => {
            format!("tasks/{task}/pushNotificationConfigs/{config}")
        }
        Resource::ExtendedCard if is_older => "card".to_owned(),
        Resource::ExtendedCard => "extendedAgentCard".to_owned(),
    };
    bases.into_iter().map(|base| format!("{base}/{rest}")).collect()
}

/// Where a route is; a new one must be named here, and above.
pub(crate) fn paths(route: &Route) -> Vec<String> {
    let path = match route {
        Route::InstanceRpc => INSTANCE.to_owned(),
        Route::AgentRpc(handle) => rpc_path(handle.as_str()),
        Route::HttpJson(endpoint) => return endpoint_paths(endpoint),
        Route::Grpc(method) => format!("/lf.a2a.v1.A2AService/{method}"),
        Route::InstanceCard => INSTANCE_CARD.to_owned(),
        Route::AgentCard(handle) => card_path(handle.as_str()),
        Route::Descriptor(Brand::Hive) => "/.well-known/hive-mesh.json".to_owned(),
        Route::Descriptor(Brand::Pilox) => "/.well-known/pilox-mesh.json".to_owned(),
        Route::Jwks => "/.well-known/jwks.json".to_owned(),
        Route::FederationProxy => "/api/mesh/federation/proxy/jsonrpc".to_owned(),
        Route::FederationStatus => "/api/mesh/federation/status".to_owned(),
        Route::FederationDirectory => "/api/mesh/federation/directory".to_owned(),
        Route::A2aStatus => "/api/a2a/status".to_owned(),
        Route::MeshAgents => "/api/mesh/agents".to_owned(),
        Route::MeshPeers => "/api/mesh/peers".to_owned(),
        Route::Publish => "/v1/publish".to_owned(),
        Route::Pull(None) => "/v1/envelopes?target=urn:nobody".to_owned(),
        Route::Pull(Some(handle)) => format!("/v1/envelopes/{handle}"),
        Route::Acknowledge(None) => "/v1/envelopes/ack".to_owned(),
        Route::DeadLetters => "/v1/dead-letters".to_owned(),
        Route::Acknowledge(Some(handle)) => format!("/v1/envelopes/{handle}/ack"),
        Route::Health => "/healthz".to_owned(),
        Route::Ready => "/readyz".to_owned(),
        Route::Metrics => "/metrics".to_owned(),
        Route::ErrorPage(code) => format!("/docs/errors/{code}"),
        Route::Contract(Notation::Yaml) => "/openapi.yaml".to_owned(),
        Route::Contract(Notation::Json) => "/openapi.json".to_owned(),
    };
    vec![path]
}

/// What a route is asked about an agent by a method: the query, and the body.
fn asked(route: &Route, method: &str, handle: &str) -> Vec<(String, Vec<u8>)> {
    let bare = (String::new(), Vec::new());
    let with = |body: Vec<u8>| (String::new(), body);
    match (route, method) {
        (Route::Grpc(called), _) => grpc_bodies(called, handle).into_iter().map(with).collect(),
        (Route::HttpJson(_), "GET") => vec![bare, (format!("?tenant={handle}"), Vec::new())],
        (_, "POST") => {
            let bytes = |body: Value| body.to_string().into_bytes();
            let newer = bodies(route, handle).into_iter().map(|body| with(bytes(body)));
            let older = older_bodies(route).into_iter();
            let older = older.map(|body| (format!("?{OLDER}"), bytes(body)));
            newer.chain(older).chain([bare]).collect()
        }
        _ => vec![bare],
    }
}

/// What a method is asked over gRPC, by tenant and without; and with nothing.
fn grpc_bodies(method: &str, handle: &str) -> Vec<Vec<u8>> {
    let named = |tenant: Option<&str>| {
        let fits = grpc::every_method(tenant).into_iter();
        fits.filter(|(known, _)| *known == method).map(|(_, body)| body).collect::<Vec<_>>()
    };
    let nothing = vec![0; 5];
    [named(Some(handle)), named(None), vec![nothing]].concat()
}

/// What a route that takes JSON is asked about an agent: well-formed calls and broken ones.
fn bodies(route: &Route, handle: &str) -> Vec<Value> {
    let envelope = json!({
        "v": 1, "correlationId": format!("about-{handle}"), "sourceOrigin": "https://a.example",
        "targetHandle": handle,
    });
    if *route == Route::Publish {
        return vec![envelope];
    }
    if let Route::Acknowledge(_) = route {
        let ack = json!({"target": handle, "source": "https://a.example", "id": "x", "epoch": 1});
        return vec![ack];
    }
    let to = |mut params: Value, tenant: bool| {
        if tenant {
            params["tenant"] = json!(handle);
        }
        params
    };
    if let Route::HttpJson(_) = route {
        let said = |tenant| to(message("hello"), tenant);
        return vec![said(true), said(false), to(json!({}), true), json!({})];
    }
    let mut bodies = Vec::new();
    for tenant in [true, false] {
        for method in ["SendMessage", "SendStreamingMessage"] {
            bodies.push(rpc(method, to(message("hello"), tenant)));
        }
        for method in ["GetTask", "CancelTask", "ListTasks", "SubscribeToTask"] {
            bodies.push(rpc(method, to(json!({"id": "no-such-task"}), tenant)));
        }
        bodies.push(rpc("GetExtendedAgentCard", to(json!({}), tenant)));
        bodies.push(rpc("SendMessage", to(json!({}), tenant)));
        bodies.push(rpc("Nonsense", to(json!({}), tenant)));
    }
    bodies
}

/// What a route of JSON-RPC is asked in the words of 0.3, which has no tenants.
fn older_bodies(route: &Route) -> Vec<Value> {
    if !route.speaks_json_rpc() {
        return Vec::new();
    }
    vec![
        rpc("message/send", said("hello")),
        rpc("tasks/get", json!({"id": "no-such-task"})),
        rpc("agent/getAuthenticatedExtendedCard", json!({})),
    ]
}

/// Everything that a viewer may ask about an agent, by every method: path, body, and a credential if it shows one.
fn requests(world: &World, handle: &str, peer: Option<&Peer>) -> Vec<Request<Body>> {
    let mut requests = Vec::new();
    for route in routes(handle) {
        let methods = ["GET", "HEAD", "POST", "DELETE"].into_iter();
        for method in methods.filter(|method| route.methods().contain(method)) {
            for (query, body) in asked(&route, method, handle) {
                for path in paths(&route) {
                    let uri = format!("{path}{query}");
                    let request = anonymous(&route, (method, &uri), body.clone());
                    requests.push(with_credential(world, &route, peer, request));
                }
            }
        }
    }
    requests
}

fn anonymous(route: &Route, (method, uri): (&str, &str), body: Vec<u8>) -> Request<Body> {
    let version = match route {
        Route::HttpJson(endpoint) => endpoint.version.as_str(),
        // The header and the query state one version, or the call is refused for that.
        _ if uri.ends_with(OLDER) => "0.3",
        _ => "1.0",
    };
    let (kind, carried_by) = match route {
        Route::Grpc(_) => ("application/grpc", Version::HTTP_2),
        _ => ("application/json", Version::HTTP_11),
    };
    let request = Request::builder()
        .method(method)
        .uri(uri)
        .version(carried_by)
        .header("content-type", kind)
        .header("a2a-version", version);
    request.body(Body::from(body)).unwrap()
}

fn with_credential(
    world: &World,
    route: &Route,
    peer: Option<&Peer>,
    mut request: Request<Body>,
) -> Request<Body> {
    let (name, value) = match (route, peer) {
        (Route::Pull(_) | Route::Acknowledge(_), _) => {
            ("authorization", format!("Bearer {SUBSCRIBER}"))
        }
        (_, Some(peer)) => ("x-pilox-federation-jwt", world.gateway.token(peer)),
        (_, None) => return request,
    };
    request.headers_mut().insert(name, value.parse().unwrap());
    request
}

/// Everything of an answer but its time, and but the address and key of who gives it.
fn observable(world: &World, response: &Response<Bytes>) -> String {
    let timed = ["date", "ratelimit", "content-length", "etag", "last-modified"];
    let headers = response.headers().iter();
    let headers = headers.filter(|(name, _)| !timed.contains(&name.as_str()));
    let mut headers: Vec<_> = headers.map(|(name, value)| format!("{name}: {value:?}")).collect();
    headers.sort();
    let body = String::from_utf8_lossy(response.body());
    // Some URLs of a card have no scheme.
    let body = body.replace(&world.gateway.addr.to_string(), "gateway.example");
    // How often the tests themselves have asked for what was not there yet, and how far two readings of a clock differ.
    let polled = ["requests_total{", "request_duration_seconds", "_clock_off_"];
    let polled = |line: &&str| !polled.iter().any(|name| line.contains(name));
    let body: String = body.split_inclusive('\n').filter(polled).collect();
    let body = without_times(&body);
    format!("{} {headers:?} {body}", response.status())
}

/// A list of agents without when each was deployed.
fn without_times(body: &str) -> String {
    let Ok(mut said) = serde_json::from_str::<Value>(body) else { return body.to_owned() };
    let Some(agents) = said.get_mut("agents").and_then(Value::as_array_mut) else {
        return body.to_owned();
    };
    for agent in agents {
        agent["createdAt"] = Value::Null;
    }
    said.to_string()
}

async fn ask(world: &World, request: Request<Body>) -> String {
    observable(world, &world.gateway.send(request).await)
}

/// Caught: a cache that drops visibility; `Directory::callable` without `is_whole`; a gauge that counts every agent.
async fn compare(one: &World, two: &World, peer: Option<&Peer>, hidden: &[&str]) {
    for handle in hidden.iter().chain(&[REDACTED, ABSENT]) {
        let pairs = requests(one, handle, peer).into_iter().zip(requests(two, handle, peer));
        for (first, second) in pairs {
            let name = format!("{} {}", first.method(), first.uri());
            let (first, second) = (ask(one, first).await, ask(two, second).await);
            assert_eq!(first, second, "{name}, as a peer: {}", peer.is_some());
            assert!(!first.contains("treasure"), "{first}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_hidden_from_anybody_shows_in_no_route() {
    let hidden = [(PRIVATE, "private"), (FEDERATED, "federated")];
    let (one, two) = tokio::join!(world("treasure", &hidden), world("jade", &[]));
    compare(&one, &two, None, &[PRIVATE, FEDERATED]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_hidden_from_a_peer_shows_in_no_route() {
    let hidden = [(PRIVATE, "private")];
    let (one, two) = tokio::join!(world("treasure", &hidden), world("jade", &[]));
    compare(&one, &two, Some(&stranger()), &[PRIVATE]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hidden_agent_answers_as_none_does_while_the_registry_is_away() {
    let world = world("treasure", &[(PRIVATE, "private")]).await;
    world.stop_registry();
    let call = |path: String| {
        let world = &world;
        let body = rpc("SendMessage", at_once()).to_string();
        async move { world.gateway.post(&stranger(), &path, &body).await.status() }
    };
    eventually("the registry's end", || async {
        let status = call(rpc_path("echo")).await;
        (status == StatusCode::SERVICE_UNAVAILABLE).then_some(())
    })
    .await;
    // Neither waits for the registry: how long an answer takes tells nothing.
    for handle in [PRIVATE, REDACTED, ABSENT] {
        assert_eq!(call(rpc_path(handle)).await, StatusCode::NOT_FOUND, "{handle}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_public_card_is_read_with_a_token_as_without_while_the_registry_is_away() {
    let world = world("jade", &[]).await;
    world.stop_registry();
    eventually("the registry's end", || async {
        let body = rpc("SendMessage", at_once()).to_string();
        let answer = world.gateway.post(&stranger(), &rpc_path("echo"), &body).await;
        (answer.status() == StatusCode::SERVICE_UNAVAILABLE).then_some(())
    })
    .await;
    let nobody = world.gateway.get(&card_path("echo")).await;
    assert_eq!(nobody.status(), StatusCode::OK);
    let peer = card(&world, &stranger(), &card_path("echo")).await;
    assert_eq!(observable(&world, &peer), observable(&world, &nobody));
}

/// A message whose sender does not wait for the end of its task: a registry that stops may have taken it.
fn at_once() -> Value {
    let mut params = message("hello");
    params["configuration"] = json!({"returnImmediately": true});
    params
}

async fn submitted(world: &World, peer: &Peer, handle: &str) -> bool {
    let mut params = at_once();
    let answer = world.gateway.call(peer, &rpc_path(handle), "SendMessage", params.clone()).await;
    params["tenant"] = json!(handle);
    let named = world.gateway.call(peer, INSTANCE, "SendMessage", params).await;
    let state =
        |answer: &Value| answer["result"]["task"]["status"]["state"] == "TASK_STATE_SUBMITTED";
    assert_eq!(state(&answer), state(&named), "{answer} {named}");
    state(&answer)
}

async fn card(world: &World, peer: &Peer, path: &str) -> Response<Bytes> {
    let token = world.gateway.token(peer);
    let request = Request::get(path).header("authorization", format!("Bearer {token}"));
    world.gateway.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_see_an_agent_finds_its_card_and_calls_it() {
    let hidden = [(PRIVATE, "private"), (FEDERATED, "federated")];
    let world = world("treasure", &hidden).await;
    let (stranger, guest) = (stranger(), guest());
    for (peer, handle, sees) in [
        (&stranger, FEDERATED, true),
        (&stranger, PRIVATE, false),
        (&stranger, REDACTED, false),
        (&guest, FEDERATED, true),
        (&guest, PRIVATE, true),
        (&guest, REDACTED, true),
    ] {
        assert_eq!(submitted(&world, peer, handle).await, sees, "{} {handle}", peer.origin);
        let own = card(&world, peer, &card_path(handle)).await;
        let whole = String::from_utf8_lossy(own.body()).contains("treasure");
        assert_eq!(whole, sees, "{} {handle}", peer.origin);
        if whole {
            assert_eq!(own.headers()["cache-control"], "private, max-age=60");
        }
        let instance = card(&world, peer, INSTANCE_CARD).await;
        let listed = String::from_utf8_lossy(instance.body()).contains(handle);
        assert_eq!(listed, sees, "{} {handle}", peer.origin);
    }
    let open = world.gateway.get(&card_path(REDACTED)).await;
    let known = json!({"name": "Known", "description": "what anybody may know"});
    assert_eq!(json_of(&open), known);
    assert!(open.headers()["vary"].to_str().unwrap().contains("authorization"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_card_is_shown_for_a_token_once() {
    let world = world("jade", &[(FEDERATED, "federated")]).await;
    let token = world.gateway.token(&stranger());
    let look = || async {
        let request = Request::get(card_path(FEDERATED));
        let request = request.header("x-pilox-federation-jwt", token.as_str());
        world.gateway.send(request.body(Body::empty()).unwrap()).await
    };
    assert_eq!(look().await.status(), StatusCode::OK);
    let again = look().await;
    let nobody = world.gateway.get(&card_path(FEDERATED)).await;
    assert_eq!(again.status(), StatusCode::NOT_FOUND);
    assert_eq!(observable(&world, &again), observable(&world, &nobody));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_is_for_another_request_shows_no_card() {
    let world = world("jade", &[(FEDERATED, "federated")]).await;
    let peer = stranger();
    let us = world.gateway.origin();
    let look = |claims: Claims| {
        let token = mint(&claims, None, &peer.key);
        let request = Request::get(card_path(FEDERATED));
        let request = request.header("authorization", format!("Bearer {token}"));
        world.gateway.send(request.body(Body::empty()).unwrap())
    };
    let claims = || world.gateway.claims(&peer);
    let call = Claims { htm: Some("POST".to_owned()), ..claims() };
    assert_eq!(look(call).await.status(), StatusCode::NOT_FOUND);
    let other = Claims { htu: Some(format!("{us}{INSTANCE_CARD}")), ..claims() };
    assert_eq!(look(other).await.status(), StatusCode::NOT_FOUND);
    let (htm, htu) = ("GET".to_owned(), format!("{us}{}", card_path(FEDERATED)));
    let own = Claims { htm: Some(htm), htu: Some(htu), ..claims() };
    assert_eq!(look(own).await.status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_is_hidden_once_it_becomes_private_or_a_grant_ends() {
    let world = world("jade", &[(PRIVATE, "private")]).await;
    deploy_for(&world.channel, ("echo", "private"), &json!({"name": "Echo"})).await;
    eventually("hiding", || async {
        let card = world.gateway.get(&card_path("echo")).await;
        (card.status() == StatusCode::NOT_FOUND).then_some(())
    })
    .await;
    assert!(!submitted(&world, &guest(), "echo").await);
    let instance = world.gateway.get(INSTANCE_CARD).await;
    assert!(!String::from_utf8_lossy(instance.body()).contains("echo"));

    assert!(submitted(&world, &guest(), PRIVATE).await);
    admit(&world, &["https://a.example"]).await;
    eventually("the other's admission", || async {
        let card = card(&world, &stranger(), &card_path(PRIVATE)).await;
        (card.status() == StatusCode::OK).then_some(())
    })
    .await;
    assert!(submitted(&world, &stranger(), PRIVATE).await);
    assert!(!submitted(&world, &guest(), PRIVATE).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_default_agent_is_none_to_who_may_not_see_it() {
    let world = World::with(|config| config.default_agent = Some("echo".to_owned())).await;
    deploy_for(&world.channel, ("echo", "private"), &words("treasure")).await;
    eventually("hiding", || async {
        let card = world.gateway.get(INSTANCE_CARD).await;
        (json_of(&card)["name"] != "Echo").then_some(())
    })
    .await;
    let card = world.gateway.get(INSTANCE_CARD).await;
    assert!(!String::from_utf8_lossy(card.body()).contains("treasure"));
    let answer = world.gateway.call(&stranger(), INSTANCE, "SendMessage", message("hello")).await;
    assert_eq!(answer["error"]["data"][1]["fieldViolations"][0]["field"], "tenant", "{answer}");
}

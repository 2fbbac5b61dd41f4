//! Always true 7 at a member: every method and route that exists, flooded with bodies and with answers that nobody reads.

use std::time::Duration;

use axum::body::Body;
use deploy_service::units::{self, Bytes as Size};
use http::{Method, Request, StatusCode};
use proto_types::Handle;

use crate::cluster::roles;
use crate::flood::{Flood, Unending, answered, beside};
use crate::world::{OPERATOR, PATIENCE, World, json};

/// What the member may hold for requests and answers, in MiB.
const CEILING: u64 = 48;

/// What a flood costs besides, in MiB, as it is reckoned: 16 KiB for the head, the stream and the tasks of each of 3,200
/// requests, a send buffer of 64 KiB for each of 400 answers, 12 for what the flood was sent and does not read, a window
/// of 256 KiB for each connection, and a fifth of all that for what the allocator keeps.
const BESIDES: u64 = 112;

/// Time enough for what is refused at once.
const AT_ONCE: Duration = Duration::from_secs(3);

async fn start() -> World {
    World::start_with(|config| {
        config.limits.memory_max = Size::from_kib(CEILING << 10);
        config.limits.memory_per_connection_max = Size::from_kib(8 << 10);
    })
    .await
}

/// Every gRPC method of a member, from the descriptors that it is built from.
fn methods() -> Vec<String> {
    let own = proto_wire::METHODS.iter().filter(|path| !path.starts_with("/ecumene.gateway."));
    let mut methods: Vec<String> = own.map(|path| (*path).to_owned()).collect();
    assert!(methods.len() > 60, "{methods:?}");
    methods.push("/grpc.health.v1.Health/Check".to_owned());
    methods.push("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo".to_owned());
    methods
}

/// Every route, from the published contract, with something plausible for each parameter.
async fn routes(world: &World) -> Vec<(Method, String)> {
    let contract = json(&world.get("/openapi/registry-v1.json").await);
    let mut routes = Vec::new();
    for (path, operations) in contract["paths"].as_object().unwrap() {
        let part =
            |part: &str| if part.starts_with('{') { "urn%3Aa%3A1".into() } else { part.to_owned() };
        let path = path.split('/').map(part).collect::<Vec<_>>().join("/");
        for method in operations.as_object().unwrap().keys() {
            let method = Method::from_bytes(method.to_ascii_uppercase().as_bytes()).unwrap();
            routes.push((method, path.clone()));
        }
    }
    assert!(routes.len() > 40, "{routes:?}");
    routes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn big_slow_bodies_on_every_method_and_route_stay_under_the_ceiling() {
    let world = start().await;
    let (methods, routes) = (methods(), routes(&world).await);
    let flood = async {
        let (mut floods, mut sent) = (Vec::new(), Vec::new());
        for from in [2, 3, 4, 5] {
            let grpc = Flood::open(world.addr, from, 1 << 16).await;
            let rest = Flood::open(world.addr, from, 1 << 16).await;
            for method in &methods {
                let request = Request::post(format!("http://x{method}"))
                    .header("content-type", "application/grpc")
                    .body(Unending::message(3 << 20));
                sent.push(grpc.send(request.unwrap()));
            }
            for (method, path) in &routes {
                let request = Request::builder()
                    .method(method)
                    .uri(format!("http://x{path}"))
                    .header("content-type", "application/json")
                    .body(Unending::new(b"{", 3 << 20));
                sent.push(rest.send(request.unwrap()));
            }
            floods.extend([grpc, rest]);
        }
        (answered(sent, Duration::from_secs(6)).await.len(), floods)
    };
    let ((answers, floods), seen) = beside((world.addr, "/v1/peers"), flood).await;
    assert!(answers > 100, "what needs a credential is refused at once: {answers}");
    seen.assert_below("registry: slow bodies on every method and route", (CEILING, BESIDES));
    drop(floods);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_proves_nothing_is_refused_before_more_than_a_document_has_come() {
    let world = start().await;
    let [stranger, operator] =
        [Flood::open(world.addr, 2, 1 << 16).await, Flood::open(world.addr, 3, 1 << 16).await];
    let request = |method: &str| {
        Request::post(format!("http://x/ecumene.registry.v1.{method}"))
            .header("content-type", "application/grpc")
    };
    for method in ["Directory/PutRecord", "Directory/GetRecord", "Search/SearchAgents"] {
        let sent = stranger.send(request(method).body(Unending::message(2 << 20)).unwrap());
        let answers = answered(vec![sent], AT_ONCE).await;
        assert_eq!(answers.len(), 1, "{method}: the rest is not waited for");
        assert_eq!(answers[0].headers()["ecumene-code"], "body-too-large", "{method}");
        let known = request(method).header("authorization", format!("Bearer {OPERATOR}"));
        let sent = operator.send(known.body(Unending::message(2 << 20)).unwrap());
        let answers = answered(vec![sent], Duration::from_millis(500)).await;
        assert!(answers.is_empty(), "{method}: who is known may send more");
    }
    drop((stranger, operator));
    world.stop().await;
}

/// A card with this description.
fn big(description: &str) -> Vec<u8> {
    format!(
        r#"{{"name":"big","description":"{description}","version":"1","capabilities":{{}},"skills":[{{"id":"s","name":"s","description":"s","tags":["t"]}}],"defaultInputModes":["text/plain"],"defaultOutputModes":["text/plain"],"supportedInterfaces":[{{"url":"https://a.example/a2a","protocolBinding":"JSONRPC","protocolVersion":"1.0"}}]}}"#
    )
    .into_bytes()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_nobody_reads_stay_under_the_ceiling() {
    let world = start().await;
    let handle: Handle = "urn:flood:card:1".parse().unwrap();
    let card = big(&"x".repeat(180_000));
    let path = format!("/v1/cards/{}", handle.as_str().replace(':', "%3A"));
    let put = world.call(Method::PUT, &path, &card).await;
    assert!(put.status().is_success(), "{put:?}");
    let flood = async {
        let (mut floods, mut sent) = (Vec::new(), Vec::new());
        for from in [2, 3, 4, 5] {
            for window in [0, 1, 30_000, 0] {
                let flood = Flood::open(world.addr, from, window).await;
                for _ in 0..200 {
                    let request = Request::get(format!("http://x{path}"));
                    sent.push(flood.send(request.body(Unending::new(b"", 0)).unwrap()));
                }
                floods.push(flood);
            }
        }
        (answered(sent, Duration::from_secs(10)).await, floods)
    };
    let ((answers, floods), seen) = beside((world.addr, "/v1/peers"), flood).await;
    let given = answers.iter().filter(|answer| answer.status() == StatusCode::OK).count();
    assert!(given > 50 && given < 400, "{given} of {}", answers.len());
    seen.assert_below("registry: answers that nobody reads", (CEILING, BESIDES));
    drop((answers, floods));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn catalogs_of_the_longest_cards_stay_under_the_ceiling() {
    let world = start().await;
    let card = big(&"x".repeat(250_000));
    for n in 0..40 {
        let path = format!("/v1/cards/urn%3Aflood%3Acard%3A{n}");
        let put = world.call(Method::PUT, &path, &card).await;
        assert!(put.status().is_success(), "{put:?}");
    }
    let flood = async {
        let (mut floods, mut sent) = (Vec::new(), Vec::new());
        for from in [2, 3, 4, 5] {
            let flood = Flood::open(world.addr, from, 1 << 16).await;
            for _ in 0..20 {
                let request = Request::get("http://x/api/marketplace?limit=200");
                sent.push(flood.send(request.body(Unending::new(b"", 0)).unwrap()));
            }
            floods.push(flood);
        }
        (answered(sent, Duration::from_secs(20)).await, floods)
    };
    let ((answers, floods), seen) = beside((world.addr, "/v1/peers"), flood).await;
    let count =
        |status: StatusCode| answers.iter().filter(|answer| answer.status() == status).count();
    let refusals = [StatusCode::SERVICE_UNAVAILABLE, StatusCode::TOO_MANY_REQUESTS];
    let (given, refused) = (count(StatusCode::OK), refusals.map(count).iter().sum::<usize>());
    assert!(given > 0 && given + refused == 80, "{given} given, {refused} refused");
    seen.assert_below("registry: catalogs of the longest cards", (CEILING, BESIDES));
    drop((answers, floods));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_strangers_long_polls_leave_places_for_others_and_for_the_system() {
    let world = World::start_with(|config| config.bounds.watchers_max = 32).await;
    let head =
        world.get("/v1/peers").await.headers()["ecumene-revision"].to_str().unwrap().to_owned();
    let poll = || {
        let request = Request::get(format!("http://x/v1/changes?since={head}&wait=30s"));
        request.body(Unending::new(b"", 0)).unwrap()
    };
    let greedy = Flood::open(world.addr, 2, 1 << 16).await;
    let sent = (0..32).map(|_| greedy.send(poll())).collect();
    let refused = answered(sent, Duration::from_secs(4)).await;
    assert_eq!(refused.len(), 20, "24 places are open to strangers, and half of these to one");
    assert!(refused.iter().all(|answer| answer.status() == StatusCode::TOO_MANY_REQUESTS));
    let other = Flood::open(world.addr, 3, 1 << 16).await;
    assert!(answered(vec![other.send(poll())], Duration::from_millis(500)).await.is_empty());
    let mut crowd = Vec::new();
    for from in 4..20 {
        let flood = Flood::open(world.addr, from, 1 << 16).await;
        let sent = (0..8).map(|_| flood.send(poll())).collect();
        drop(answered(sent, Duration::from_millis(50)).await);
        crowd.push(flood);
    }
    let gateway = world.gateway("g1").await;
    for bearer in [OPERATOR, &gateway] {
        let request = Request::get("/v1/changes?since=0&wait=1s")
            .header("authorization", format!("Bearer {bearer}"))
            .body(Body::empty());
        assert_eq!(world.send(request.unwrap()).await.status(), StatusCode::OK, "{bearer}");
    }
    drop((greedy, other, crowd));
    world.stop().await;
}

/// A list as a majority has it.
const STRONG: &str = "/v1/peers?limit=1&consistency=strong";

/// Asked one by one, each strong read at a follower would be a question to the leader, which lets a source ask so many: the
/// follower is one, whoever reads there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_strong_read_at_a_follower_is_served_beside_a_thousand_of_another_source() {
    let worlds = World::three_with(|config| {
        (config.bounds.source_requests_per_second, config.bounds.source_burst) = (1_000, 400);
        // Nobody else is elected meanwhile, however busy this machine is.
        config.cluster.election_min = units::Duration::from_secs(1);
        config.cluster.election_max = units::Duration::from_secs(2);
    })
    .await;
    let (_, following) = roles(&worlds).await;
    let follower = worlds[following].addr;
    let flood = async {
        let (mut floods, mut sent) = (Vec::new(), Vec::new());
        for _ in 0..4 {
            let flood = Flood::open(follower, 2, 1 << 16).await;
            for _ in 0..250 {
                // Who is known may ask the follower as often as it likes.
                let request = Request::get(format!("http://x{STRONG}"))
                    .header("authorization", format!("Bearer {OPERATOR}"));
                sent.push(flood.send(request.body(Unending::new(b"", 0)).unwrap()));
            }
            floods.push(flood);
        }
        (answered(sent, PATIENCE).await, floods)
    };
    let ((answers, floods), seen) = beside((follower, STRONG), flood).await;
    let given = answers.iter().filter(|answer| answer.status() == StatusCode::OK).count();
    assert_eq!(given, 1_000, "of {}", answers.len());
    seen.assert_below("registry: strong reads at a follower", (CEILING, BESIDES));
    drop((answers, floods));
    for world in worlds {
        world.stop().await;
    }
}

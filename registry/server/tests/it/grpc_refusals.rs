//! Bad input over gRPC: each call is refused with its own status and code. Health and reflection
//! answer beside it.

use proto_types::{Digest, SecretKey};
use proto_wire::registry::v1 as wire;
use tonic::Code::{self, FailedPrecondition, InvalidArgument, NotFound, PermissionDenied, Unauthenticated};
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus};
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tonic_reflection::pb::v1::ServerReflectionRequest;

use crate::artifacts::{agent, deploy, put};
use crate::tokens::now_ms;
use crate::world::{OPERATOR, World, by, capacity, code, credential};

/// Calls, and holds that the status and code are these.
macro_rules! refused {
    ($says:literal, $client:expr, $call:ident, $request:expr, $status:expr, $code:literal) => {{
        let status: tonic::Status = match $client.$call($request).await {
            Ok(_) => panic!("{} is not refused", $says),
            Err(status) => status,
        };
        let expected: (Code, &str) = ($status, $code);
        assert_eq!((status.code(), code(&status)), expected, "{}: {}", $says, status.message());
    }};
}

fn enrolment() -> wire::EnrolPeerRequest {
    let key = SecretKey::from_seed(&[1; 32]).public().to_hex();
    wire::EnrolPeerRequest {
        origin: "https://a.example".to_owned(),
        keys: vec![wire::Key { kid: "k1".to_owned(), public_key_hex: key }],
        ..Default::default()
    }
}

#[tokio::test]
async fn bad_input_to_the_directory_is_refused_by_name() {
    let world = World::start().await;
    let node = world.node("n1").await;
    let mut directory = world.directory();
    let get_peer = |origin: &str, consistency| wire::GetPeerRequest { origin: origin.into(), consistency };
    let list = |after: &str, limit| wire::ListRequest { after: after.into(), limit, consistency: 0 };
    let get_record = |handle: &str| wire::GetRecordRequest { handle: handle.into(), consistency: 0 };
    let put_record = |bytes: &[u8], if_match: &str| wire::PutRecordRequest {
        document: bytes.to_vec().into(),
        if_match: if_match.into(),
    };
    let put_card = |owner: &str, document: &[u8]| wire::PutCardRequest {
        handle: "c".into(),
        document: document.to_vec().into(),
        owner: owner.into(),
    };
    let invite = |role: &str, ttl_seconds| wire::IssueJoinTokenRequest { role: role.into(), ttl_seconds };

    refused!("nobody enrols", directory, enrol_peer, enrolment(), Unauthenticated, "unauthenticated");
    refused!("a node enrols", directory, enrol_peer, by(&node, enrolment()), PermissionDenied, "permission-denied");
    let bad = wire::EnrolPeerRequest { origin: "https://A.example".into(), ..enrolment() };
    refused!("an origin in capitals", directory, enrol_peer, by(OPERATOR, bad), InvalidArgument, "invalid-argument");
    let bad = wire::EnrolPeerRequest { keys: vec![], ..enrolment() };
    refused!("no keys", directory, enrol_peer, by(OPERATOR, bad), InvalidArgument, "invalid-argument");
    let small = wire::Key { kid: "k".into(), public_key_hex: "00".repeat(32) };
    let bad = wire::EnrolPeerRequest { keys: vec![small], ..enrolment() };
    refused!("a key of small order", directory, enrol_peer, by(OPERATOR, bad), InvalidArgument, "invalid-argument");
    let absent = wire::RevokePeerRequest { origin: "https://z.example".into() };
    refused!("revoking nobody", directory, revoke_peer, by(OPERATOR, absent.clone()), NotFound, "not-found");
    refused!("nobody revokes", directory, revoke_peer, absent, Unauthenticated, "unauthenticated");
    refused!("an absent peer", directory, get_peer, get_peer("https://z.example", 1), NotFound, "not-found");
    refused!("no origin", directory, get_peer, get_peer("z", 0), InvalidArgument, "invalid-argument");
    refused!("a third consistency", directory, get_peer, get_peer("https://z.example", 2), InvalidArgument, "invalid-argument");
    refused!("a page too long", directory, list_peers, list("", 1_001), InvalidArgument, "invalid-argument");
    refused!("peers after no origin", directory, list_peers, list("x", 0), InvalidArgument, "invalid-argument");
    let manifest = wire::PutDocumentRequest { document: b"{}".to_vec().into() };
    refused!("no manifest", directory, put_manifest, manifest, InvalidArgument, "invalid-document");
    refused!("no record", directory, put_record, by(OPERATOR, put_record(b"[]", "")), InvalidArgument, "invalid-document");
    refused!("no JSON", directory, put_record, by(OPERATOR, put_record(b"[", "")), InvalidArgument, "malformed-json");
    refused!("no digest", directory, put_record, by(OPERATOR, put_record(b"{}", "x")), InvalidArgument, "invalid-argument");
    let record = crate::world::vectors()["records"]["valid_hive"]["record"].to_string();
    refused!("nobody publishes", directory, put_record, put_record(record.as_bytes(), ""), Unauthenticated, "unauthenticated");
    refused!("a node publishes", directory, put_record, by(&node, put_record(record.as_bytes(), "")), PermissionDenied, "permission-denied");
    let forged = crate::world::vectors()["records"]["key_swapped"]["record"].to_string();
    refused!("a forged proof", directory, put_record, by(OPERATOR, put_record(forged.as_bytes(), "")), FailedPrecondition, "bad-proof");
    refused!("an absent record", directory, get_record, get_record("absent-record"), NotFound, "not-found");
    refused!("a handle with a blank", directory, get_record, get_record("a b"), InvalidArgument, "invalid-argument");
    refused!("records after a blank", directory, list_records, list(" ", 0), InvalidArgument, "invalid-argument");
    let delete = wire::DeleteRecordRequest { handle: "absent-record".into(), if_match: String::new() };
    refused!("deleting what is absent", directory, delete_record, by(OPERATOR, delete.clone()), NotFound, "not-found");
    refused!("nobody deletes", directory, delete_record, delete, Unauthenticated, "unauthenticated");
    refused!("a card that is none", directory, put_card, by(OPERATOR, put_card("", b"{}")), InvalidArgument, "invalid-document");
    refused!("nobody's card", directory, put_card, put_card("", b"{}"), Unauthenticated, "unauthenticated");
    let card = wire::GetCardRequest { handle: "absent".into(), consistency: 0 };
    refused!("an absent card", directory, get_card, card, NotFound, "not-found");
    refused!("nobody invites", directory, issue_join_token, invite("peer", 0), Unauthenticated, "unauthenticated");
    refused!("no such role", directory, issue_join_token, by(OPERATOR, invite("root", 0)), InvalidArgument, "invalid-argument");
    refused!("a long invitation", directory, issue_join_token, by(OPERATOR, invite("peer", 2_592_001)), InvalidArgument, "invalid-argument");
    let kinds = wire::WatchRequest { since: 0, kinds: vec!["tasks".into()] };
    refused!("no such kind", directory, watch, kinds, InvalidArgument, "invalid-argument");
    let status = wire::StatusRequest { consistency: 9 };
    refused!("a ninth consistency", directory, status, status, InvalidArgument, "invalid-argument");
    agents(&world, &node).await;
    world.stop().await;
}

async fn agents(world: &World, node: &str) {
    let mut directory = world.directory();
    let get = |digest: &str| wire::GetArtifactRequest { digest: digest.into() };
    let absent = Digest::of(b"absent").to_string();
    assert_eq!(code(&put(world, node, &[b"x"]).await.unwrap_err()), "permission-denied");
    assert_eq!(code(&put(world, OPERATOR, &[]).await.unwrap_err()), "invalid-argument");
    refused!("nobody downloads", directory, get_artifact, get(&absent), Unauthenticated, "unauthenticated");
    refused!("an absent artifact", directory, get_artifact, by(node, get(&absent)), NotFound, "not-found");
    refused!("no digest", directory, get_artifact, by(node, get("../x")), InvalidArgument, "invalid-argument");
    deploy(world, "text").await;
    let good = || agent("text", &Digest::of(crate::artifacts::ARTIFACT));
    let bad = |edit: fn(&mut wire::PutAgentRequest)| {
        let mut request = good();
        edit(&mut request);
        by(OPERATOR, request)
    };
    refused!("nobody deploys", directory, put_agent, good(), Unauthenticated, "unauthenticated");
    refused!("no such kind", directory, put_agent, bad(|it| it.kind = "vm".into()), InvalidArgument, "invalid-argument");
    refused!("no limits", directory, put_agent, bad(|it| it.limits = None), InvalidArgument, "invalid-argument");
    refused!("no isolation", directory, put_agent, bad(|it| it.isolation.clear()), InvalidArgument, "invalid-argument");
    refused!("no card", directory, put_agent, bad(|it| it.card = "[]".into()), InvalidArgument, "invalid-document");
    let absent = wire::GetAgentRequest { handle: "absent".into(), consistency: 0 };
    refused!("an absent agent", directory, get_agent, absent, NotFound, "not-found");
    let page = wire::ListRequest { limit: 1_001, ..Default::default() };
    refused!("a page of agents too long", directory, list_agents, page, InvalidArgument, "invalid-argument");
}

#[tokio::test]
async fn bad_input_to_the_fleet_is_refused_by_name() {
    let world = World::start().await;
    deploy(&world, "text").await;
    let (node, gateway) = (world.node("n1").await, world.gateway("g1").await);
    let mut fleet = world.fleet();
    let invitation = world.invite("gateway").await;
    let register = |edit: fn(&mut wire::RegisterGatewayRequest)| {
        let mut request = wire::RegisterGatewayRequest {
            id: "g2".into(),
            endpoint: "http://127.0.0.1:1".into(),
            join_token: invitation.clone(),
            credential: credential("g2"),
        };
        edit(&mut request);
        request
    };
    refused!("an id in capitals", fleet, register_gateway, register(|it| it.id = "G".into()), InvalidArgument, "invalid-argument");
    refused!("no URL", fleet, register_gateway, register(|it| it.endpoint = "g".into()), InvalidArgument, "invalid-argument");
    refused!("a short credential", fleet, register_gateway, register(|it| it.credential = "x".into()), InvalidArgument, "invalid-argument");
    refused!("no token", fleet, register_gateway, register(|it| it.join_token.clear()), Unauthenticated, "join-token-invalid");
    refused!("a made-up token", fleet, register_gateway, register(|it| it.join_token = "x".into()), Unauthenticated, "join-token-invalid");
    let bad = wire::RegisterNodeRequest {
        id: "n2".into(),
        capacity: Some(capacity()),
        join_token: invitation.clone(),
        credential: credential("n2"),
    };
    refused!("a gateway's token", fleet, register_node, bad.clone(), Unauthenticated, "join-token-invalid");
    let none = wire::RegisterNodeRequest { capacity: None, ..bad };
    refused!("no capacity", fleet, register_node, none, InvalidArgument, "invalid-argument");
    refused!("nobody lists nodes", fleet, list_nodes, wire::ListRequest::default(), Unauthenticated, "unauthenticated");
    tasks(&world, &node, &gateway).await;
    envelopes(&world, &node, &gateway).await;

    let spend = |tokens| wire::SpendTokensRequest { tokens };
    let token = |len| wire::TokenUse { key: vec![0; len].into(), remember_until_ms: now_ms() };
    refused!("nobody spends", fleet, spend_tokens, spend(vec![token(32)]), Unauthenticated, "unauthenticated");
    refused!("a node spends", fleet, spend_tokens, by(&node, spend(vec![token(32)])), PermissionDenied, "permission-denied");
    refused!("no tokens", fleet, spend_tokens, by(&gateway, spend(vec![])), InvalidArgument, "invalid-argument");
    refused!("a short key", fleet, spend_tokens, by(&gateway, spend(vec![token(31)])), InvalidArgument, "invalid-argument");
    refused!("too many", fleet, spend_tokens, by(&gateway, spend(vec![token(32); 1_025])), InvalidArgument, "invalid-argument");
    world.stop().await;
}

async fn tasks(world: &World, node: &str, gateway: &str) {
    let mut fleet = world.fleet();
    let submit = |edit: fn(&mut wire::SubmitTaskRequest)| {
        let mut request = wire::SubmitTaskRequest {
            id: "t1".into(),
            context: "c1".into(),
            agent: "text".into(),
            owner: "https://a.example".into(),
            input: "{}".into(),
            deadline_ms: now_ms() + 60_000,
            reply_to: None,
        };
        edit(&mut request);
        request
    };
    refused!("nobody submits", fleet, submit_task, submit(|_| ()), Unauthenticated, "unauthenticated");
    refused!("a node submits", fleet, submit_task, by(node, submit(|_| ())), PermissionDenied, "permission-denied");
    refused!("no id", fleet, submit_task, by(gateway, submit(|it| it.id.clear())), InvalidArgument, "invalid-argument");
    refused!("no owner", fleet, submit_task, by(gateway, submit(|it| it.owner.clear())), InvalidArgument, "invalid-argument");
    refused!("no agent", fleet, submit_task, by(gateway, submit(|it| it.agent = "absent".into())), NotFound, "not-found");
    refused!("no JSON", fleet, submit_task, by(gateway, submit(|it| it.input = "{".into())), InvalidArgument, "malformed-json");
    refused!("no deadline", fleet, submit_task, by(gateway, submit(|it| it.deadline_ms = 0)), InvalidArgument, "invalid-argument");
    refused!("too late", fleet, submit_task, by(gateway, submit(|it| it.deadline_ms = 1)), FailedPrecondition, "document-expired");
    refused!("next year", fleet, submit_task, by(gateway, submit(|it| it.deadline_ms *= 2)), InvalidArgument, "too-far-ahead");
    refused!("large", fleet, submit_task, by(gateway, submit(|it| it.input = vec![b' '; (1 << 20) + 1].into())), Code::ResourceExhausted, "body-too-large");
    fleet.submit_task(by(gateway, submit(|_| ()))).await.unwrap();
    refused!("other content", fleet, submit_task, by(gateway, submit(|it| it.input = "{\"a\":1}".into())), Code::AlreadyExists, "conflict");
    let get = |id: &str, owner: &str| wire::GetTaskRequest { id: id.into(), owner: owner.into(), consistency: 0 };
    refused!("an absent task", fleet, get_task, by(OPERATOR, get("t9", "")), NotFound, "not-found");
    refused!("another's task", fleet, get_task, by(gateway, get("t1", "https://b.example")), NotFound, "not-found");
    refused!("a gateway for nobody", fleet, get_task, by(gateway, get("t1", "")), InvalidArgument, "invalid-argument");
    let cancel = wire::CancelTaskRequest { id: "t9".into(), owner: String::new() };
    refused!("cancelling what is absent", fleet, cancel_task, by(OPERATOR, cancel.clone()), NotFound, "not-found");
    refused!("nobody cancels", fleet, cancel_task, cancel, Unauthenticated, "unauthenticated");
    let complete = |end: &str, outcome: &str| wire::CompleteTaskRequest {
        id: "t1".into(),
        epoch: 1,
        end: end.into(),
        outcome: outcome.to_owned().into(),
        reason: String::new(),
    };
    refused!("a gateway completes", fleet, complete_task, by(gateway, complete("completed", "{}")), PermissionDenied, "permission-denied");
    refused!("no such end", fleet, complete_task, by(node, complete("done", "{}")), InvalidArgument, "invalid-argument");
    refused!("no outcome", fleet, complete_task, by(node, complete("completed", "[]")), InvalidArgument, "invalid-document");
    refused!("an epoch nobody has", fleet, complete_task, by(node, complete("completed", "{}")), FailedPrecondition, "stale-epoch");
}

async fn envelopes(world: &World, node: &str, gateway: &str) {
    let mut fleet = world.fleet();
    let enqueue = |edit: fn(&mut wire::EnqueueEnvelopeRequest)| {
        let mut request = wire::EnqueueEnvelopeRequest {
            id: "e1".into(),
            source: "https://a.example".into(),
            target: "https://b.example".into(),
            correlation: "correlation".into(),
            document: "{}".into(),
            traceparent: String::new(),
            expires_at_ms: now_ms() + 60_000,
        };
        edit(&mut request);
        request
    };
    refused!("nobody sends", fleet, enqueue_envelope, enqueue(|_| ()), Unauthenticated, "unauthenticated");
    refused!("a node sends", fleet, enqueue_envelope, by(node, enqueue(|_| ())), PermissionDenied, "permission-denied");
    refused!("no source", fleet, enqueue_envelope, by(gateway, enqueue(|it| it.source = "a".into())), InvalidArgument, "invalid-argument");
    refused!("no target", fleet, enqueue_envelope, by(gateway, enqueue(|it| it.target.clear())), InvalidArgument, "invalid-argument");
    refused!("a short correlation", fleet, enqueue_envelope, by(gateway, enqueue(|it| it.correlation = "x".into())), InvalidArgument, "invalid-argument");
    refused!("no document", fleet, enqueue_envelope, by(gateway, enqueue(|it| it.document.clear())), InvalidArgument, "invalid-argument");
    refused!("too late", fleet, enqueue_envelope, by(gateway, enqueue(|it| it.expires_at_ms = 1)), FailedPrecondition, "document-expired");
    refused!("a CR in a trace", fleet, enqueue_envelope, by(gateway, enqueue(|it| it.traceparent = "a\rb".into())), InvalidArgument, "invalid-argument");
    let lease = |max, ttl_ms, wait_ms| wire::LeaseEnvelopesRequest { target: "https://b.example".into(), max, ttl_ms, wait_ms };
    refused!("nobody leases", fleet, lease_envelopes, lease(1, 1_000, 0), Unauthenticated, "unauthenticated");
    refused!("leasing none", fleet, lease_envelopes, by(gateway, lease(0, 1_000, 0)), InvalidArgument, "invalid-argument");
    refused!("leasing too many", fleet, lease_envelopes, by(gateway, lease(101, 1_000, 0)), InvalidArgument, "invalid-argument");
    refused!("a short lease", fleet, lease_envelopes, by(gateway, lease(1, 999, 0)), InvalidArgument, "invalid-argument");
    refused!("a long wait", fleet, lease_envelopes, by(gateway, lease(1, 1_000, 60_001)), InvalidArgument, "invalid-argument");
    let ack = wire::AckEnvelopeRequest {
        target: "https://b.example".into(),
        source: "https://a.example".into(),
        id: "e9".into(),
        epoch: 1,
    };
    refused!("acknowledging what is absent", fleet, ack_envelope, by(gateway, ack.clone()), NotFound, "not-found");
    refused!("nobody acknowledges", fleet, ack_envelope, ack, Unauthenticated, "unauthenticated");
}

#[tokio::test]
async fn members_only_means_the_cluster_secret() {
    use proto_wire::raft::v1::{Frame, raft_transport_client::RaftTransportClient};
    let world = World::start().await;
    let mut transport = RaftTransportClient::new(world.channel.clone());
    let refused = transport.forward(by(OPERATOR, Frame::default())).await.unwrap_err();
    assert_eq!(refused.code(), Unauthenticated);
    drop(transport);
    world.stop().await;
}

#[tokio::test]
async fn health_and_reflection_answer() {
    let world = World::start().await;
    for service in ["", "ecumene.registry.v1.Directory", "ecumene.registry.v1.Fleet"] {
        let request = HealthCheckRequest { service: service.to_owned() };
        let answer = HealthClient::new(world.channel.clone()).check(request).await.unwrap();
        assert_eq!(answer.get_ref().status, ServingStatus::Serving as i32, "{service}");
    }
    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut reflection = ServerReflectionClient::new(world.channel.clone());
    let requests = futures_util::stream::iter([request]);
    let mut answers = reflection.server_reflection_info(requests).await.unwrap().into_inner();
    let answer = answers.message().await.unwrap().unwrap().message_response.unwrap();
    let MessageResponse::ListServicesResponse(listed) = answer else { panic!("{answer:?}") };
    let names: Vec<String> = listed.service.into_iter().map(|service| service.name).collect();
    for service in ["ecumene.registry.v1.Directory", "ecumene.registry.v1.Fleet", "grpc.health.v1.Health"] {
        assert!(names.contains(&service.to_owned()), "{service} in {names:?}");
    }
    drop((answers, reflection));

    let status = world.directory().status(wire::StatusRequest { consistency: 1 }).await.unwrap();
    let status = status.into_inner();
    assert_eq!((status.member, status.leader, status.members.len()), (1, 1, 1));
    assert_eq!(status.leader_address, format!("http://{}", world.addr));
    assert_eq!(status.poisoned, "");
    let metrics = world.get("/v1/metrics").await;
    assert!(String::from_utf8_lossy(metrics.body()).contains("ecumene_registry_leads 1\n"));
    world.stop().await;
}

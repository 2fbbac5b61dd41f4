//! Bad input to the fleet over gRPC: each call is refused with its own status and code.

use proto_wire::registry::v1 as wire;

use crate::artifacts::deploy;
use crate::tokens::now_ms;
use crate::world::{OPERATOR, World, by, capacity, credential, refused};

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
    refused(
        "an id in capitals",
        fleet.register_gateway(register(|it| it.id = "G".into())).await,
        "invalid-argument",
    );
    refused(
        "no URL",
        fleet.register_gateway(register(|it| it.endpoint = "g".into())).await,
        "invalid-argument",
    );
    refused(
        "a short credential",
        fleet.register_gateway(register(|it| it.credential = "x".into())).await,
        "invalid-argument",
    );
    refused(
        "no token",
        fleet.register_gateway(register(|it| it.join_token.clear())).await,
        "join-token-invalid",
    );
    refused(
        "a made-up token",
        fleet.register_gateway(register(|it| it.join_token = "x".into())).await,
        "join-token-invalid",
    );
    let bad = wire::RegisterNodeRequest {
        id: "n2".into(),
        capacity: Some(capacity()),
        join_token: invitation.clone(),
        credential: credential("n2"),
    };
    refused("a gateway's token", fleet.register_node(bad.clone()).await, "join-token-invalid");
    let none = wire::RegisterNodeRequest { capacity: None, ..bad };
    refused("no capacity", fleet.register_node(none).await, "invalid-argument");
    refused(
        "nobody lists nodes",
        fleet.list_nodes(wire::ListRequest::default()).await,
        "unauthenticated",
    );
    tasks(&world, &node, &gateway).await;
    envelopes(&world, &node, &gateway).await;

    let spend = |tokens| wire::SpendTokensRequest { tokens };
    let token = |len| wire::TokenUse {
        key: vec![0; len].into(),
        remember_until_ms: now_ms(),
        ..Default::default()
    };
    refused("nobody spends", fleet.spend_tokens(spend(vec![token(32)])).await, "unauthenticated");
    refused(
        "a node spends",
        fleet.spend_tokens(by(&node, spend(vec![token(32)]))).await,
        "permission-denied",
    );
    refused("no tokens", fleet.spend_tokens(by(&gateway, spend(vec![]))).await, "invalid-argument");
    refused(
        "a short key",
        fleet.spend_tokens(by(&gateway, spend(vec![token(31)]))).await,
        "invalid-argument",
    );
    refused(
        "too many",
        fleet.spend_tokens(by(&gateway, spend(vec![token(32); 1_025]))).await,
        "invalid-argument",
    );
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
            ..Default::default()
        };
        edit(&mut request);
        request
    };
    refused("nobody submits", fleet.submit_task(submit(|_| ())).await, "unauthenticated");
    refused(
        "a node submits",
        fleet.submit_task(by(node, submit(|_| ()))).await,
        "permission-denied",
    );
    refused(
        "no id",
        fleet.submit_task(by(gateway, submit(|it| it.id.clear()))).await,
        "invalid-argument",
    );
    refused(
        "no owner",
        fleet.submit_task(by(gateway, submit(|it| it.owner.clear()))).await,
        "invalid-argument",
    );
    refused(
        "no agent",
        fleet.submit_task(by(gateway, submit(|it| it.agent = "absent".into()))).await,
        "not-found",
    );
    refused(
        "no JSON",
        fleet.submit_task(by(gateway, submit(|it| it.input = "{".into()))).await,
        "malformed-json",
    );
    refused(
        "no trace",
        fleet.submit_task(by(gateway, submit(|it| it.traceparent = "a".repeat(129)))).await,
        "invalid-argument",
    );
    refused(
        "no deadline",
        fleet.submit_task(by(gateway, submit(|it| it.deadline_ms = 0))).await,
        "invalid-argument",
    );
    refused(
        "too late",
        fleet.submit_task(by(gateway, submit(|it| it.deadline_ms = 1))).await,
        "document-expired",
    );
    refused(
        "next year",
        fleet.submit_task(by(gateway, submit(|it| it.deadline_ms *= 2))).await,
        "too-far-ahead",
    );
    refused(
        "large",
        fleet
            .submit_task(by(gateway, submit(|it| it.input = vec![b' '; (1 << 20) + 1].into())))
            .await,
        "body-too-large",
    );
    fleet.submit_task(by(gateway, submit(|_| ()))).await.unwrap();
    refused(
        "other content",
        fleet.submit_task(by(gateway, submit(|it| it.input = "{\"a\":1}".into()))).await,
        "conflict",
    );
    let get = |id: &str, owner: &str| wire::GetTaskRequest {
        id: id.into(),
        owner: owner.into(),
        consistency: 0,
    };
    refused("an absent task", fleet.get_task(by(OPERATOR, get("t9", ""))).await, "not-found");
    refused(
        "another's task",
        fleet.get_task(by(gateway, get("t1", "https://b.example"))).await,
        "not-found",
    );
    refused(
        "a gateway for nobody",
        fleet.get_task(by(gateway, get("t1", ""))).await,
        "invalid-argument",
    );
    let cancel = wire::CancelTaskRequest { id: "t9".into(), owner: String::new() };
    refused(
        "cancelling what is absent",
        fleet.cancel_task(by(OPERATOR, cancel.clone())).await,
        "not-found",
    );
    refused("nobody cancels", fleet.cancel_task(cancel).await, "unauthenticated");
    let complete = |end: &str, outcome: &str| wire::CompleteTaskRequest {
        id: "t1".into(),
        epoch: 1,
        end: end.into(),
        outcome: outcome.to_owned().into(),
        reason: String::new(),
        omit_documents: true,
    };
    refused(
        "a gateway completes",
        fleet.complete_task(by(gateway, complete("completed", "{}"))).await,
        "permission-denied",
    );
    refused(
        "no such end",
        fleet.complete_task(by(node, complete("done", "{}"))).await,
        "invalid-argument",
    );
    refused(
        "no outcome",
        fleet.complete_task(by(node, complete("completed", "[]"))).await,
        "invalid-document",
    );
    refused(
        "an epoch nobody has",
        fleet.complete_task(by(node, complete("completed", "{}"))).await,
        "stale-epoch",
    );
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
            expires_at_ms: now_ms() + 60_000,
            ..Default::default()
        };
        edit(&mut request);
        request
    };
    refused("nobody sends", fleet.enqueue_envelope(enqueue(|_| ())).await, "unauthenticated");
    refused(
        "a node sends",
        fleet.enqueue_envelope(by(node, enqueue(|_| ()))).await,
        "permission-denied",
    );
    refused(
        "no source",
        fleet.enqueue_envelope(by(gateway, enqueue(|it| it.source = "a".into()))).await,
        "invalid-argument",
    );
    refused(
        "no target",
        fleet.enqueue_envelope(by(gateway, enqueue(|it| it.target.clear()))).await,
        "invalid-argument",
    );
    refused(
        "a short correlation",
        fleet.enqueue_envelope(by(gateway, enqueue(|it| it.correlation = "x".into()))).await,
        "invalid-argument",
    );
    refused(
        "no document",
        fleet.enqueue_envelope(by(gateway, enqueue(|it| it.document.clear()))).await,
        "invalid-argument",
    );
    refused(
        "too late",
        fleet.enqueue_envelope(by(gateway, enqueue(|it| it.expires_at_ms = 1))).await,
        "document-expired",
    );
    refused(
        "a CR in a trace",
        fleet.enqueue_envelope(by(gateway, enqueue(|it| it.traceparent = "a\rb".into()))).await,
        "invalid-argument",
    );
    refused(
        "a long trace",
        fleet.enqueue_envelope(by(gateway, enqueue(|it| it.traceparent = "a".repeat(129)))).await,
        "invalid-argument",
    );
    let lease = |max, ttl_ms, wait_ms| wire::LeaseEnvelopesRequest {
        target: "https://b.example".into(),
        max,
        ttl_ms,
        wait_ms,
    };
    refused("nobody leases", fleet.lease_envelopes(lease(1, 1_000, 0)).await, "unauthenticated");
    refused(
        "leasing none",
        fleet.lease_envelopes(by(gateway, lease(0, 1_000, 0))).await,
        "invalid-argument",
    );
    refused(
        "leasing too many",
        fleet.lease_envelopes(by(gateway, lease(101, 1_000, 0))).await,
        "invalid-argument",
    );
    refused(
        "a short lease",
        fleet.lease_envelopes(by(gateway, lease(1, 999, 0))).await,
        "invalid-argument",
    );
    refused(
        "a long wait",
        fleet.lease_envelopes(by(gateway, lease(1, 1_000, 60_001))).await,
        "invalid-argument",
    );
    let ack = wire::AckEnvelopeRequest {
        target: "https://b.example".into(),
        source: "https://a.example".into(),
        id: "e9".into(),
        epoch: 1,
    };
    refused(
        "acknowledging what is absent",
        fleet.ack_envelope(by(gateway, ack.clone())).await,
        "not-found",
    );
    refused("nobody acknowledges", fleet.ack_envelope(ack).await, "unauthenticated");
}

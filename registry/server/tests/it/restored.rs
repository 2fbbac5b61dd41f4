//! A cluster that is restored from a backup: what was kept of the one before is known for it.

use axum::body::{Body, Bytes};
use http::{Method, Request, Response, StatusCode};
use proto_types::audit::AuditLine;
use proto_types::{Digest, SecretKey};
use proto_wire::registry::v1::node_order::Kind as Order;
use proto_wire::registry::v1::{self as wire, Verdict};
use tonic::Code;

use crate::artifacts::deploy;
use crate::audit::lines;
use crate::fleet::{Node, submit, task};
use crate::tokens::now_ms;
use crate::visibility::token;
use crate::world::{OPERATOR, World, by, code, credential, eventually, json};

fn key(seed: u8) -> SecretKey {
    SecretKey::from_seed(&[seed; 32])
}

/// How a cursor is answered over REST, as server-sent events and over gRPC: code and where to start.
async fn is_refused(world: &World, since: u64, with: &str) {
    let poll = world.get(&format!("/v1/changes?since={since}")).await;
    assert_eq!((poll.status(), &json(&poll)["code"]), (StatusCode::GONE, &with.into()), "{since}");
    let offered = world.get(&format!("/v1/federation/changes?since={since}")).await;
    assert_eq!((offered.status(), &json(&offered)["code"]), (StatusCode::GONE, &with.into()));
    let events = Request::get("/v1/changes")
        .header("accept", "text/event-stream")
        .header("last-event-id", since.to_string());
    let events = world.open(events.body(Body::empty()).unwrap()).await;
    assert_eq!(events.status(), StatusCode::GONE, "Last-Event-ID {since}");
    let watch = wire::WatchRequest { since, ..Default::default() };
    let refused = world.directory().watch(by(OPERATOR, watch)).await.unwrap_err();
    assert_eq!((refused.code(), code(&refused)), (Code::OutOfRange, with), "{since}");
}

/// The epoch and the revision that an answer carries.
async fn marks(world: &World) -> (u64, u64) {
    let answer = world.get("/v1/peers").await;
    let number = |name: &str| answer.headers()[name].to_str().unwrap().parse().unwrap();
    (number("ecumene-epoch"), number("ecumene-revision"))
}

#[tokio::test]
async fn a_cursor_from_the_future_is_answered_with_where_to_start() {
    let world = World::start().await;
    world.enrol("https://a.example", "k1", &key(1)).await;
    let (epoch, revision) = marks(&world).await;
    assert_eq!(epoch, 0);
    for since in [revision + 1, 99_999_999] {
        is_refused(&world, since, "future-revision").await;
    }
    let now = json(&world.get(&format!("/v1/changes?since={revision}")).await);
    assert_eq!(now["next"], revision);
    let audit = world.call(Method::GET, "/v1/audit?since=5000", b"").await;
    assert_eq!(
        (audit.status(), &json(&audit)["code"]),
        (StatusCode::GONE, &"future-revision".into())
    );
    world.stop().await;
}

#[tokio::test]
async fn a_cursor_of_before_a_restore_is_answered_with_where_to_start() {
    let world = World::start().await;
    for seed in 1..4 {
        world.enrol(&format!("https://p{seed}.example"), "k1", &key(seed)).await;
    }
    let (_, early) = marks(&world).await;
    let copy = world.copy().await;
    for seed in 4..8 {
        world.enrol(&format!("https://p{seed}.example"), "k1", &key(seed)).await;
    }
    let (_, late) = marks(&world).await;
    let list = json(&world.get("/v1/peers?limit=2").await);
    let page = format!("/v1/peers?limit=2&cursor={}", list["next"].as_str().unwrap());
    assert_eq!(world.get(&page).await.status(), 200);

    let world = world.restored(&copy).await;
    let (epoch, start) = marks(&world).await;
    assert_eq!(epoch, 1);
    assert!(start > late, "{start} is a revision of its own");
    // More than was lost is written, and the old cursors are still known for what they are.
    for seed in 10..20 {
        world.enrol(&format!("https://p{seed}.example"), "k1", &key(seed)).await;
    }
    for since in [0, early, late] {
        is_refused(&world, since, "compacted").await;
    }
    is_refused(&world, start + 1_000, "future-revision").await;
    let old_page = world.get(&page).await;
    assert_eq!(old_page.status(), StatusCode::GONE, "{:?}", old_page.body());
    let request = wire::ListRequest {
        after: list["next"].as_str().unwrap().to_owned(),
        ..Default::default()
    };
    let refused = world.directory().list_peers(by(OPERATOR, request)).await.unwrap_err();
    assert_eq!((refused.code(), code(&refused)), (Code::OutOfRange, "future-revision"));
    // Where to start: the lists, and the revision that they carry.
    let told = json(&world.get(&format!("/v1/changes?since={start}")).await);
    assert_eq!(told["changes"].as_array().unwrap().len(), 10);
    world.stop().await;
}

/// The lines of the audit after the one that an export ended with.
async fn exported_after(world: &World, line: &AuditLine) -> Response<Bytes> {
    let path = format!("/v1/audit?since={}&prev={}", line.seq, line.digest());
    world.call(Method::GET, &path, b"").await
}

#[tokio::test]
async fn an_export_of_the_audit_goes_on_only_after_a_line_of_this_history() {
    let world = World::start().await;
    world.enrol("https://p1.example", "k1", &key(1)).await;
    let copy = world.copy().await;
    for seed in 2..5 {
        world.enrol(&format!("https://p{seed}.example"), "k1", &key(seed)).await;
    }
    let exported = lines(&world, 0).await;
    let (first, last) = (&exported[0], exported.last().unwrap());
    let end = exported_after(&world, last).await;
    assert_eq!((end.status(), end.body().len()), (StatusCode::OK, 0));

    let world = world.restored(&copy).await;
    for seed in 10..20 {
        world.enrol(&format!("https://p{seed}.example"), "k1", &key(seed)).await;
    }
    assert_ne!(lines(&world, last.seq - 1).await[0], *last, "another line has its number");
    let refused = async |line, with: &str| {
        let answer = exported_after(&world, line).await;
        assert_eq!((answer.status(), &json(&answer)["code"]), (StatusCode::GONE, &with.into()));
    };
    refused(last, "future-revision").await;
    let both = exported_after(&world, first).await;
    let next: AuditLine =
        serde_json::from_slice(both.body().split(|b| *b == b'\n').next().unwrap()).unwrap();
    next.continues((first.seq, &first.digest())).unwrap();
    let truncated = world.call(Method::POST, "/v1/audit/truncate", br#"{"through":3}"#).await;
    assert_eq!(truncated.status(), StatusCode::OK);
    refused(first, "compacted").await;
    let malformed = world.call(Method::GET, "/v1/audit?since=1&prev=none", b"").await;
    assert_eq!(malformed.status(), StatusCode::BAD_REQUEST);
    world.stop().await;
}

fn spend(name: &str, issued_at_ms: u64) -> wire::SpendTokensRequest {
    spend_as_of(None, name, issued_at_ms)
}

/// The same of a gateway that names the cluster epoch of what it knows.
fn spend_as_of(epoch: Option<u64>, name: &str, issued_at_ms: u64) -> wire::SpendTokensRequest {
    let key = Digest::of(name.as_bytes()).as_bytes().to_vec().into();
    let remember_until_ms = now_ms() + 300_000;
    wire::SpendTokensRequest {
        tokens: vec![wire::TokenUse { key, remember_until_ms, issued_at_ms, epoch }],
    }
}

#[tokio::test]
async fn tokens_of_before_a_restore_are_refused_spent_or_not_and_those_of_after_it_are_good() {
    let world = World::start().await;
    let (gateway, peer) = (world.gateway("g1").await, key(1));
    world.enrol("https://a.example", "k1", &peer).await;
    let copy = world.copy().await;
    let issued = now_ms();
    let verdicts = async |world: &World, request| {
        let answer = world.fleet().spend_tokens(by(&gateway, request)).await.unwrap();
        Verdict::try_from(answer.into_inner().verdicts[0]).unwrap()
    };
    assert_eq!(verdicts(&world, spend("spent", issued)).await, Verdict::Fresh);
    let shown = token("https://a.example", &peer, "before");
    assert!(is_known(&world, &shown).await);

    let world = world.restored(&copy).await;
    for name in ["spent", "unspent"] {
        let old = verdicts(&world, spend(name, issued)).await;
        assert_eq!(old, Verdict::OutOfHorizon, "{name}");
        // A gateway of an earlier version does not say when it was issued.
        assert_eq!(verdicts(&world, spend(name, 0)).await, Verdict::OutOfHorizon, "{name}");
    }
    assert!(!is_known(&world, &shown).await, "at the registry itself");
    eventually("a token of after the restore", || async {
        let fresh = verdicts(&world, spend(&now_ms().to_string(), now_ms())).await;
        (fresh == Verdict::Fresh).then_some(())
    })
    .await;
    for (epoch, verdict) in [(0, Verdict::OutOfHorizon), (1, Verdict::Fresh)] {
        let checked = spend_as_of(Some(epoch), "checked", now_ms());
        assert_eq!(verdicts(&world, checked).await, verdict, "by what was known of epoch {epoch}");
    }
    // Tokens say whole seconds.
    let number = std::sync::atomic::AtomicU64::new(0);
    eventually("a peer of after the restore", || async {
        let number = number.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let shown = token("https://a.example", &peer, &format!("after-{number}"));
        is_known(&world, &shown).await.then_some(())
    })
    .await;
    world.stop().await;
}

/// Whether a token says who calls. A public read would be answered in any case.
async fn is_known(world: &World, token: &str) -> bool {
    let request = Request::delete("/v1/records/urn%3Aagent%3Aabsent")
        .header("authorization", format!("Bearer {token}"));
    let answer = world.send(request.body(Body::empty()).unwrap()).await;
    answer.status() != StatusCode::UNAUTHORIZED
}

#[tokio::test]
async fn an_invitation_of_before_a_restore_is_void() {
    let world = World::start().await;
    world.enrol("https://a.example", "k1", &key(1)).await;
    let join_token = world.invite("gateway").await;
    let copy = world.copy().await;
    let register = |id: &str, join_token: &str| wire::RegisterGatewayRequest {
        id: id.to_owned(),
        endpoint: "http://127.0.0.1:7443".to_owned(),
        join_token: join_token.to_owned(),
        credential: credential(id),
    };
    world.fleet().register_gateway(register("g1", &join_token)).await.unwrap();
    let world = world.restored(&copy).await;
    let again = world.fleet().register_gateway(register("g2", &join_token)).await.unwrap_err();
    assert_eq!(code(&again), "join-token-invalid");
    let fresh = world.invite("gateway").await;
    world.fleet().register_gateway(register("g2", &fresh)).await.unwrap();
    assert_eq!(world.call(Method::GET, "/v1/audit", b"").await.status(), 200);
    world.stop().await;
}

#[tokio::test]
async fn a_node_over_a_restore_stops_what_it_held_and_reports_under_no_lease_of_before() {
    let world = World::start().await;
    deploy(&world, "text").await;
    let token = world.node("n1").await;
    submit(&world, task("t0")).await;
    let copy = world.copy().await;
    let mut node = Node::dial(&world, "n1", &token, &[]).await.unwrap();
    assert_eq!(node.assigned().await.epoch, 1);
    submit(&world, task("t1")).await;
    assert_eq!(node.assigned().await.epoch, 1);
    drop(node);

    let world = world.restored(&copy).await;
    let held = [("t0", 1), ("t1", 1)];
    let mut node =
        eventually("the session", || async { Node::dial(&world, "n1", &token, &held).await.ok() })
            .await;
    let (mut revoked, mut assigned) = (Vec::new(), None);
    while revoked.len() < 2 || assigned.is_none() {
        match node.order().await.unwrap() {
            Order::Revoked(order) => revoked.push((order.task, order.epoch)),
            Order::Assigned(order) => assigned = Some((order.task, order.epoch)),
            other => panic!("{other:?}"),
        }
    }
    revoked.sort();
    assert_eq!(revoked, held.map(|(task, epoch)| (task.to_owned(), epoch)));
    let (name, epoch) = assigned.unwrap();
    assert!(name == "t0" && epoch > 1 << 39, "{name} under {epoch}");
    let report = async |task, epoch| {
        let told = world.fleet().complete_task(node.outcome(task, epoch, "done")).await;
        told.map_err(|status| code(&status).to_owned()).map(drop)
    };
    assert_eq!(report("t0", 1).await, Err("stale-epoch".to_owned()));
    assert_eq!(report("t1", 1).await, Err("not-found".to_owned()));
    assert_eq!(report("t0", epoch).await, Ok(()));
    world.stop().await;
}

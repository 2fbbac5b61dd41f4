//! The audit of a running member: who did what, done or refused, for operators alone.

use http::{Method, Request, StatusCode};
use proto_types::SecretKey;
use proto_types::audit::{self, AuditLine};
use proto_wire::registry::v1 as wire;

use crate::world::{OPERATOR, World, by, eventually};

pub(crate) async fn lines(world: &World, since: u64) -> Vec<AuditLine> {
    let answer = world.call(Method::GET, &format!("/v1/audit?since={since}"), b"").await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["content-type"], "application/x-ndjson");
    let text = std::str::from_utf8(answer.body()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn acts_and_their_refusals_are_lines_of_one_chain() {
    let world = World::start().await;
    let gateway = world.gateway("gateway-1").await;
    world.enrol("https://peer.example", "k", &SecretKey::from_seed(&[3; 32])).await;
    let revoke = |origin: &str| wire::RevokePeerRequest { origin: origin.to_owned() };
    let mut directory = world.directory();
    directory.revoke_peer(by(OPERATOR, revoke("https://peer.example"))).await.unwrap();
    directory.revoke_peer(by(OPERATOR, revoke("https://absent.example"))).await.unwrap_err();
    directory.revoke_peer(by(&gateway, revoke("https://peer.example"))).await.unwrap_err();
    directory.revoke_peer(by("wrong", revoke("https://peer.example"))).await.unwrap_err();
    let found = eventually("both refusals", || async {
        let found = lines(&world, 0).await;
        (found.iter().filter(|line| line.outcome != "done").count() == 2).then_some(found)
    })
    .await;
    let of = |line: &AuditLine| {
        let AuditLine { who, action, target, outcome, .. } = line.clone();
        [who, action, target, outcome]
    };
    let said: Vec<_> = found.iter().map(of).collect();
    for expected in [
        ["operator", "issue-join-token", "Gateway", "done"],
        ["anonymous", "register-gateway", "gateway-1", "done"],
        ["operator", "enrol-peer", "https://peer.example", "done"],
        ["operator", "revoke-peer", "https://peer.example", "done"],
        ["operator", "revoke-peer", "https://absent.example", "not-found"],
    ] {
        assert!(said.contains(&expected.map(str::to_owned)), "{expected:?}: {said:?}");
    }
    let forbidden = said.iter().find(|line| line[3] == "permission-denied").unwrap();
    assert!(forbidden[0].contains("gateway-1") && forbidden[1].contains("RevokePeer"));
    let mut before = (0, audit::start());
    for line in &found {
        line.continues((before.0, &before.1)).unwrap();
        before = (line.seq, line.digest());
    }
    let head = crate::log::checkpoint(&world).await;
    assert_eq!(head.audit(), Some(before));
    world.stop().await;
}

#[tokio::test]
async fn only_operators_read_and_truncate_it() {
    let world = World::start().await;
    let gateway = world.gateway("gateway-1").await;
    assert_eq!(world.get("/v1/audit").await.status(), StatusCode::UNAUTHORIZED);
    let request = Request::get("/v1/audit").header("authorization", format!("Bearer {gateway}"));
    let answer = world.send(request.body(axum::body::Body::empty()).unwrap()).await;
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    let all = eventually("the refusal", || async {
        let all = lines(&world, 0).await;
        (all.len() == 3).then_some(all)
    })
    .await;
    let whole = world.call(Method::POST, "/v1/audit/truncate", br#"{"through":99}"#).await;
    assert_eq!(whole.status(), StatusCode::BAD_REQUEST);
    let done = world.call(Method::POST, "/v1/audit/truncate", br#"{"through":2}"#).await;
    assert_eq!(done.status(), StatusCode::OK);
    let left = lines(&world, 0).await;
    assert_eq!(left[0], all[2], "the chain goes on with the line after");
    assert!(left.iter().any(|line| line.action == "truncate-audit" && line.target == "2"));
    let ahead = world.call(Method::GET, &format!("/v1/audit?since={}", u64::MAX), b"").await;
    assert_eq!(ahead.status(), StatusCode::GONE, "a place that nobody has reached");
    world.stop().await;
}

#[tokio::test]
async fn case_34_what_callers_write_cannot_forge_a_line_nor_a_label() {
    let world = World::start().await;
    let gateway = world.gateway("gateway-1").await;
    let evil = "/v1/records/urn%3Aagent%3A0001?%0d%0a%7b%22seq%22%3a1%7d%1b%5b2J";
    let request = Request::delete(evil)
        .header("authorization", format!("Bearer {gateway}"))
        .header("x-request-id", "id\t{\"seq\":2}".to_owned() + &"x".repeat(500));
    let answer = world.send(request.body(axum::body::Body::empty()).unwrap()).await;
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    let line = eventually("the refusal", || async {
        lines(&world, 0).await.into_iter().find(|line| line.outcome == "permission-denied")
    })
    .await;
    for text in [&line.action, &line.request_id, &line.who, &line.target] {
        assert!(!text.contains(char::is_control), "{text:?}");
    }
    assert!(line.request_id.chars().count() <= 64);
    assert_eq!(line.action, "DELETE /v1/records/urn%3Aagent%3A0001");
    let metrics = world.get("/v1/metrics").await;
    let metrics = std::str::from_utf8(metrics.body()).unwrap().to_owned();
    let labelled = metrics.lines().filter(|line| line.contains('{')).count();
    assert_eq!(labelled, 0, "no label is made of what callers write");
    world.stop().await;
}

//! Bad input to the directory over gRPC: each call is refused with its own status and code.

use proto_types::{Digest, SecretKey};
use proto_wire::registry::v1 as wire;

use crate::artifacts::{agent, deploy, put};
use crate::world::{OPERATOR, World, by, code, credential, refused};

fn enrolment() -> wire::EnrolPeerRequest {
    let key = SecretKey::from_seed(&[1; 32]).public().to_hex();
    wire::EnrolPeerRequest {
        origin: "https://a.example".to_owned(),
        keys: vec![wire::Key { kid: "k1".to_owned(), public_key_hex: key, ..Default::default() }],
        ..Default::default()
    }
}

#[tokio::test]
async fn bad_input_to_the_directory_is_refused_by_name() {
    let world = World::start().await;
    let node = world.node("n1").await;
    let mut directory = world.directory();
    let get_peer =
        |origin: &str, consistency| wire::GetPeerRequest { origin: origin.into(), consistency };
    let list =
        |after: &str, limit| wire::ListRequest { after: after.into(), limit, consistency: 0 };
    let get_record =
        |handle: &str| wire::GetRecordRequest { handle: handle.into(), consistency: 0 };
    let put_record = |bytes: &[u8], if_match: &str| wire::PutRecordRequest {
        document: bytes.to_vec().into(),
        if_match: if_match.into(),
        visibility: String::new(),
    };
    let put_card = |owner: &str, document: &[u8]| wire::PutCardRequest {
        handle: "c".into(),
        document: document.to_vec().into(),
        owner: owner.into(),
        visibility: String::new(),
    };
    let invite =
        |role: &str, ttl_seconds| wire::IssueJoinTokenRequest { role: role.into(), ttl_seconds };

    let unproven = directory.enrol_peer(enrolment()).await;
    refused("nobody enrols without proofs", unproven, "invalid-argument");
    refused(
        "a node enrols",
        directory.enrol_peer(by(&node, enrolment())).await,
        "permission-denied",
    );
    let bad = wire::EnrolPeerRequest { origin: "https://A.example".into(), ..enrolment() };
    refused(
        "an origin in capitals",
        directory.enrol_peer(by(OPERATOR, bad)).await,
        "invalid-argument",
    );
    let bad = wire::EnrolPeerRequest { keys: vec![], ..enrolment() };
    refused("no keys", directory.enrol_peer(by(OPERATOR, bad)).await, "invalid-argument");
    let small =
        wire::Key { kid: "k".into(), public_key_hex: "00".repeat(32), ..Default::default() };
    let bad = wire::EnrolPeerRequest { keys: vec![small], ..enrolment() };
    refused(
        "a key of small order",
        directory.enrol_peer(by(OPERATOR, bad)).await,
        "invalid-argument",
    );
    let absent = wire::RevokePeerRequest { origin: "https://z.example".into() };
    refused(
        "revoking nobody",
        directory.revoke_peer(by(OPERATOR, absent.clone())).await,
        "not-found",
    );
    refused("nobody revokes", directory.revoke_peer(absent).await, "unauthenticated");
    refused(
        "an absent peer",
        directory.get_peer(get_peer("https://z.example", 1)).await,
        "not-found",
    );
    refused("no origin", directory.get_peer(get_peer("z", 0)).await, "invalid-argument");
    refused(
        "a third consistency",
        directory.get_peer(get_peer("https://z.example", 2)).await,
        "invalid-argument",
    );
    refused("a page too long", directory.list_peers(list("", 1_001)).await, "invalid-argument");
    refused("peers after no origin", directory.list_peers(list("x", 0)).await, "invalid-argument");
    let manifest = wire::PutDocumentRequest { document: b"{}".to_vec().into() };
    refused("no manifest", directory.put_manifest(manifest).await, "invalid-document");
    refused(
        "no record",
        directory.put_record(by(OPERATOR, put_record(b"[]", ""))).await,
        "invalid-document",
    );
    refused(
        "no JSON",
        directory.put_record(by(OPERATOR, put_record(b"[", ""))).await,
        "malformed-json",
    );
    refused(
        "no digest",
        directory.put_record(by(OPERATOR, put_record(b"{}", "x"))).await,
        "invalid-argument",
    );
    let record = crate::world::vectors()["records"]["valid_hive"]["record"].to_string();
    refused(
        "nobody publishes",
        directory.put_record(put_record(record.as_bytes(), "")).await,
        "unauthenticated",
    );
    refused(
        "a node publishes",
        directory.put_record(by(&node, put_record(record.as_bytes(), ""))).await,
        "permission-denied",
    );
    let forged = crate::world::vectors()["records"]["key_swapped"]["record"].to_string();
    refused(
        "a forged proof",
        directory.put_record(by(OPERATOR, put_record(forged.as_bytes(), ""))).await,
        "bad-proof",
    );
    refused(
        "an absent record",
        directory.get_record(get_record("absent-record")).await,
        "not-found",
    );
    refused(
        "a handle with a blank",
        directory.get_record(get_record("a b")).await,
        "invalid-argument",
    );
    refused(
        "records after a blank",
        directory.list_records(list(" ", 0)).await,
        "invalid-argument",
    );
    let delete =
        wire::DeleteRecordRequest { handle: "absent-record".into(), if_match: String::new() };
    refused(
        "deleting what is absent",
        directory.delete_record(by(OPERATOR, delete.clone())).await,
        "not-found",
    );
    refused("nobody deletes", directory.delete_record(delete).await, "unauthenticated");
    refused(
        "a card that is none",
        directory.put_card(by(OPERATOR, put_card("", b"{}"))).await,
        "invalid-document",
    );
    refused("nobody's card", directory.put_card(put_card("", b"{}")).await, "unauthenticated");
    let card = wire::GetCardRequest { handle: "absent".into(), consistency: 0 };
    refused("an absent card", directory.get_card(card).await, "not-found");
    refused(
        "nobody invites",
        directory.issue_join_token(invite("peer", 0)).await,
        "unauthenticated",
    );
    refused(
        "no such role",
        directory.issue_join_token(by(OPERATOR, invite("root", 0))).await,
        "invalid-argument",
    );
    refused(
        "a long invitation",
        directory.issue_join_token(by(OPERATOR, invite("peer", 2_592_001))).await,
        "invalid-argument",
    );
    let kinds = wire::WatchRequest { kinds: vec!["tasks".into()], ..Default::default() };
    refused("no such kind", directory.watch(kinds).await, "invalid-argument");
    let status = wire::StatusRequest { consistency: 9 };
    refused("a ninth consistency", directory.status(status).await, "invalid-argument");
    agents(&world, &node).await;
    world.stop().await;
}

async fn agents(world: &World, node: &str) {
    let mut directory = world.directory();
    let get = |digest: &str| wire::GetArtifactRequest { digest: digest.into() };
    let absent = Digest::of(b"absent").to_string();
    assert_eq!(code(&put(world, node, &[b"x"]).await.unwrap_err()), "permission-denied");
    assert_eq!(code(&put(world, OPERATOR, &[]).await.unwrap_err()), "invalid-argument");
    refused("nobody downloads", directory.get_artifact(get(&absent)).await, "unauthenticated");
    refused(
        "an absent artifact",
        directory.get_artifact(by(node, get(&absent))).await,
        "not-found",
    );
    refused("no digest", directory.get_artifact(by(node, get("../x"))).await, "invalid-argument");
    deploy(world, "text").await;
    let good = || agent("text", &Digest::of(crate::artifacts::ARTIFACT));
    let bad = |edit: fn(&mut wire::PutAgentRequest)| {
        let mut request = good();
        edit(&mut request);
        by(OPERATOR, request)
    };
    refused("nobody deploys", directory.put_agent(good()).await, "unauthenticated");
    refused(
        "no such kind",
        directory.put_agent(bad(|it| it.kind = "vm".into())).await,
        "invalid-argument",
    );
    refused("no limits", directory.put_agent(bad(|it| it.limits = None)).await, "invalid-argument");
    let larger = |it: &mut wire::PutAgentRequest| {
        it.limits.as_mut().unwrap().output_bytes = (1 << 20) + 1;
    };
    refused(
        "more output than any outcome carries",
        directory.put_agent(bad(larger)).await,
        "invalid-argument",
    );
    refused(
        "no isolation",
        directory.put_agent(bad(|it| it.isolation.clear())).await,
        "invalid-argument",
    );
    refused(
        "isolation that no node can have",
        directory.put_agent(bad(|it| it.isolation.push("nonsense".into()))).await,
        "invalid-argument",
    );
    refused(
        "no card",
        directory.put_agent(bad(|it| it.card = "[]".into())).await,
        "invalid-document",
    );
    let absent = wire::GetAgentRequest { handle: "absent".into(), consistency: 0 };
    refused("an absent agent", directory.get_agent(absent).await, "not-found");
    let page = wire::ListRequest { limit: 1_001, ..Default::default() };
    refused("a page of agents too long", directory.list_agents(page).await, "invalid-argument");
}

#[tokio::test]
async fn an_unknown_credential_is_refused_where_it_is_looked_at_and_shown_where_it_is_made_known() {
    let world = World::start().await;
    let credential = credential("g9");
    let shown = format!("gateway:g9:{credential}");
    let request = wire::RegisterGatewayRequest {
        id: "g9".to_owned(),
        endpoint: "http://127.0.0.1:7443".to_owned(),
        join_token: world.invite("gateway").await,
        credential,
    };
    let record = || wire::GetRecordRequest { handle: "r".into(), consistency: 0 };
    let proof = || wire::InclusionProofRequest { kind: "record".into(), id: "r".into() };
    let search = wire::SearchAgentsRequest::default();
    refused("a read", world.directory().get_record(by(&shown, record())).await, "unauthenticated");
    refused("a proof", world.log().inclusion_proof(by(&shown, proof())).await, "unauthenticated");
    refused("a search", world.search().search_agents(by(&shown, search)).await, "unauthenticated");
    world.fleet().register_gateway(by(&shown, request)).await.unwrap();
    refused("a known one", world.directory().get_record(by(&shown, record())).await, "not-found");
    refused("a known one", world.log().inclusion_proof(by(&shown, proof())).await, "not-found");
    refused("nobody", world.log().inclusion_proof(proof()).await, "not-found");
    world.stop().await;
}

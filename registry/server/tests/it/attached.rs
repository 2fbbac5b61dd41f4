//! Attached agents: who puts one behind the gateways or takes one away, and who is told where it is called.

use axum::body::Body;
use http::{Method, Request};
use proto_types::{Digest, SecretKey};
use proto_wire::registry::v1 as wire;
use serde_json::json;

use crate::artifacts::{ARTIFACT, agent, deploy};
use crate::visibility::{STRANGER, at, stranger_key, token};
use crate::world::{OPERATOR, World, by, code, json as body_of};

const OWNER: &str = "https://owner.example";
const HANDLE: &str = "urn:acme:agent:0001";
const URL: &str = "https://upstream.example/a2a";

/// With spaces that no encoder of ours writes.
fn card() -> String {
    let skill = r#"{ "id": "s", "name": "Say", "description": "says", "tags": ["t"] }"#;
    let interface =
        format!(r#"{{ "url": "{URL}", "protocolBinding": "JSONRPC", "protocolVersion": "1.0" }}"#);
    format!(
        r#"{{ "name": "Elsewhere", "description": "d", "version": "1", "capabilities": {{}},
            "supportedInterfaces": [{interface}], "skills": [{skill}],
            "defaultInputModes": ["text/plain"], "defaultOutputModes": ["text/plain"] }}"#
    )
}

/// Of 0.3, whose skills may have no tags.
fn old_card() -> String {
    let skill = r#"{ "id": "s", "name": "Say", "description": "says", "tags": [] }"#;
    format!(
        r#"{{ "protocolVersion": "0.3.0", "name": "Elsewhere", "description": "d", "version": "1",
            "url": "{URL}", "capabilities": {{}}, "skills": [{skill}],
            "defaultInputModes": ["text/plain"], "defaultOutputModes": ["text/plain"] }}"#
    )
}

fn attach(handle: &str) -> wire::AttachAgentRequest {
    wire::AttachAgentRequest {
        handle: handle.to_owned(),
        upstream: Some(wire::Upstream {
            urls: vec![URL.to_owned()],
            binding: "JSONRPC".to_owned(),
            version: "1.0".to_owned(),
            tenant: String::new(),
        }),
        card: card().into_bytes().into(),
        visibility: String::new(),
    }
}

async fn seen(world: &World, shown: Option<&str>) -> Result<wire::Agent, tonic::Status> {
    let message = wire::GetAgentRequest { handle: HANDLE.to_owned(), consistency: 1 };
    let request = match shown {
        Some(credential) => by(credential, message),
        None => tonic::Request::new(message),
    };
    world.directory().get_agent(request).await.map(tonic::Response::into_inner)
}

#[tokio::test]
async fn where_an_attached_agent_is_called_is_told_to_gateways_and_to_who_administrates_it() {
    let world = World::start().await;
    let owner_key = SecretKey::from_seed(&[78; 32]);
    world.enrol(OWNER, "k1", &owner_key).await;
    world.enrol(STRANGER, "k1", &stranger_key()).await;
    // The stranger sees what is private there, and administrates none of it.
    let terms = json!({
        "owners": [OWNER], "prefixes": ["urn:acme:"], "grants": { "peers": [STRANGER] },
    });
    let put = world.call(Method::PUT, "/v1/namespaces/acme", terms.to_string().as_bytes()).await;
    assert_eq!(put.status(), 200, "{:?}", put.body());
    let attached = world.directory().attach_agent(by(OPERATOR, attach(HANDLE))).await;
    let attached = attached.unwrap().into_inner();
    assert_eq!((&*attached.kind, &*attached.artifact, attached.limits), ("attached", "", None));
    let gateway = world.gateway("g1").await;
    for told in [OPERATOR.to_owned(), gateway, token(OWNER, &owner_key, "own-1")] {
        let agent = seen(&world, Some(&told)).await.unwrap();
        assert_eq!(agent.upstream.unwrap().urls, [URL]);
        assert_eq!(agent.card[..], *card().as_bytes());
    }
    let listed = world.directory().list_agents(wire::ListRequest::default()).await.unwrap();
    let mut untold = listed.into_inner().agents;
    untold.push(seen(&world, None).await.unwrap());
    let stranger = token(STRANGER, &stranger_key(), "str-1");
    untold.push(seen(&world, Some(&stranger)).await.unwrap());
    assert_eq!(untold.len(), 3);
    for agent in untold {
        assert_eq!((agent.kind.as_str(), &agent.upstream), ("attached", &None));
        let said = String::from_utf8(agent.card.to_vec()).unwrap();
        assert!(said.contains("Elsewhere") && !said.contains("upstream.example"), "{said}");
    }
    // Its digest would confirm a guess.
    let about = || wire::InclusionProofRequest { kind: "agent".to_owned(), id: HANDLE.to_owned() };
    for told in [OPERATOR.to_owned(), token(OWNER, &owner_key, "own-2")] {
        assert!(world.log().inclusion_proof(by(&told, about())).await.is_ok());
    }
    let stranger = by(&token(STRANGER, &stranger_key(), "str-2"), about());
    for untold in [tonic::Request::new(about()), stranger] {
        let refused = world.log().inclusion_proof(untold).await.unwrap_err();
        assert_eq!(code(&refused), "not-found");
    }
    world.stop().await;
}

#[tokio::test]
async fn an_old_card_is_attached_over_rest_byte_for_byte_found_and_taken_away_again() {
    let world = World::start().await;
    let card = old_card();
    let upstream = json!({ "urls": [URL], "binding": "JSONRPC", "version": "0.3" });
    let body = format!(r#"{{"upstream":{upstream},"card":{card}}}"#);
    let path = at("agents", HANDLE);
    let put = world.call(Method::PUT, &format!("{path}/upstream"), body.as_bytes()).await;
    assert_eq!(put.status(), 200, "{:?}", put.body());
    let agent = seen(&world, Some(OPERATOR)).await.unwrap();
    assert_eq!(body_of(&put)["revision"], agent.revision);
    assert_eq!(agent.card[..], *card.as_bytes());
    assert_eq!(agent.upstream.unwrap().version, "0.3");
    let found =
        async || body_of(&world.get("/v1/agents?kind=agent&q=elsewhere").await)["hits"].clone();
    assert_eq!(found().await[0]["handle"], HANDLE);
    let removed = world.call(Method::DELETE, &path, b"").await;
    assert_eq!((removed.status().as_u16(), &body_of(&removed)["ok"]), (200, &json!(true)));
    assert_eq!(found().await, json!([]));
    assert_eq!(code(&seen(&world, Some(OPERATOR)).await.unwrap_err()), "not-found");
    let again = world.call(Method::DELETE, &path, b"").await;
    assert_eq!(body_of(&again)["code"], "not-found");
    let changes = body_of(&world.get("/v1/changes?kinds=agent").await);
    let deleted = |at: usize| changes["changes"][at]["deleted"].clone();
    assert_eq!((deleted(0), deleted(1)), (json!(false), json!(true)));
    world.stop().await;
}

/// Caught: both headers were ignored, and no read had a tag.
#[tokio::test]
async fn an_agent_is_attached_and_removed_under_both_conditions_and_read_with_its_tag() {
    let world = World::start().await;
    let path = at("agents", HANDLE);
    let upstream = format!("{path}/upstream");
    let body = |urls: &str| {
        let said = json!({ "urls": [urls], "binding": "JSONRPC", "version": "1.0" });
        format!(r#"{{"upstream":{said},"card":{}}}"#, card())
    };
    let send = async |method: Method, path: &str, condition: Option<(&str, &str)>, body: &str| {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {OPERATOR}"))
            .header("content-type", "application/json");
        let request = condition.into_iter().fold(request, |it, (name, tag)| it.header(name, tag));
        let answer = world.send(request.body(Body::from(body.to_owned())).unwrap()).await;
        let tag = answer.headers().get("etag").map(|tag| tag.to_str().unwrap().to_owned());
        (answer.status().as_u16(), tag)
    };
    let put = async |condition: Option<(&str, &str)>, url: &str| {
        send(Method::PUT, &upstream, condition, &body(url)).await
    };
    assert_eq!(put(Some(("if-match", "*")), URL).await, (412, None));
    let (status, first) = put(Some(("if-none-match", "*")), URL).await;
    let first = first.unwrap();
    assert_eq!(status, 200);
    assert_eq!(send(Method::GET, &path, None, "").await, (200, Some(first.clone())));
    let unchanged = send(Method::GET, &path, Some(("if-none-match", first.as_str())), "").await;
    assert_eq!(unchanged, (304, Some(first.clone())));
    for refused in
        [("if-none-match", "*"), ("if-match", "\"x\""), ("if-none-match", first.as_str())]
    {
        assert_eq!(put(Some(refused), "https://b.example").await, (412, Some(first.clone())));
        let gone = send(Method::DELETE, &path, Some(refused), "").await;
        assert_eq!(gone, (412, Some(first.clone())), "{refused:?}");
    }
    let (status, second) = put(Some(("if-match", first.as_str())), "https://b.example").await;
    let second = second.unwrap();
    assert!(status == 200 && second != first);
    assert_eq!(put(Some(("if-match", first.as_str())), URL).await, (412, Some(second.clone())));
    let read = world.call(Method::GET, &path, b"").await;
    assert_eq!(body_of(&read)["upstream"]["urls"], json!(["https://b.example"]));
    assert_eq!(send(Method::DELETE, &path, Some(("if-match", first.as_str())), "").await.0, 412);
    assert_eq!(send(Method::DELETE, &path, Some(("if-match", second.as_str())), "").await.0, 200);
    assert_eq!(world.get(&path).await.status(), 404);
    world.stop().await;
}

#[tokio::test]
async fn a_deployment_over_grpc_is_conditional_and_who_sees_a_part_has_a_tag_of_that_part() {
    let world = World::start().await;
    deploy(&world, "text").await;
    let read = || wire::GetAgentRequest { handle: "text".to_owned(), consistency: 1 };
    let tag = async || {
        let answer = world.directory().get_agent(by(OPERATOR, read())).await.unwrap();
        answer.metadata().get("etag").unwrap().clone()
    };
    let first = tag().await;
    let put = async |condition: (&'static str, tonic::metadata::AsciiMetadataValue), card: &str| {
        let said = card.to_owned().into_bytes().into();
        let message = wire::PutAgentRequest { card: said, ..agent("text", &Digest::of(ARTIFACT)) };
        let mut request = by(OPERATOR, message);
        request.metadata_mut().insert(condition.0, condition.1);
        world.directory().put_agent(request).await.map(drop).map_err(|why| code(&why).to_owned())
    };
    let refused = Err("precondition-failed".to_owned());
    let any = "*".parse().unwrap();
    assert_eq!(put(("if-none-match", any), r#"{"name":"two"}"#).await, refused);
    assert_eq!(put(("if-match", first.clone()), r#"{"name":"two"}"#).await, Ok(()));
    assert_eq!(put(("if-match", first.clone()), r#"{"name":"three"}"#).await, refused);
    assert_ne!(tag().await, first);
    let mut request = by(OPERATOR, wire::RemoveAgentRequest { handle: "text".to_owned() });
    request.metadata_mut().insert("if-match", first);
    let kept = world.directory().remove_agent(request).await.unwrap_err();
    assert_eq!(code(&kept), "precondition-failed");

    // Of an attached agent anybody is shown a part.
    world.directory().attach_agent(by(OPERATOR, attach(HANDLE))).await.unwrap();
    let path = at("agents", HANDLE);
    let part = world.get(&path).await;
    assert_eq!(part.headers()["etag"], Digest::of(part.body()).etag().as_str());
    assert!(body_of(&part)["upstream"].is_null());
    let whole = world.call(Method::GET, &path, b"").await;
    assert_ne!(whole.headers()["etag"], part.headers()["etag"]);
    let message = wire::GetAgentRequest { handle: HANDLE.to_owned(), consistency: 1 };
    let part = world.directory().get_agent(message).await.unwrap();
    assert!(part.metadata().get("etag").is_none());
    world.stop().await;
}

#[tokio::test]
async fn only_the_operator_attaches_or_removes_and_never_a_hosted_agent_under_its_callers() {
    let world = World::start().await;
    world.enrol(STRANGER, "k1", &stranger_key()).await;
    let node = world.node("n1").await;
    let stranger = token(STRANGER, &stranger_key(), "str-1");
    let mut directory = world.directory();
    let nobody = directory.attach_agent(attach(HANDLE)).await.unwrap_err();
    assert_eq!(code(&nobody), "unauthenticated");
    for credential in [node, stranger] {
        let refused = directory.attach_agent(by(&credential, attach(HANDLE))).await.unwrap_err();
        assert_eq!(code(&refused), "permission-denied");
    }
    deploy(&world, "text").await;
    let over = directory.attach_agent(by(OPERATOR, attach("text"))).await.unwrap_err();
    assert_eq!(code(&over), "conflict");
    assert!(over.message().contains("is hosted"), "{}", over.message());
    directory.attach_agent(by(OPERATOR, attach(HANDLE))).await.unwrap();
    let hosted = by(OPERATOR, agent(HANDLE, &Digest::of(ARTIFACT)));
    assert_eq!(code(&directory.put_agent(hosted).await.unwrap_err()), "conflict");
    for handle in ["text", HANDLE].map(ToOwned::to_owned) {
        let remove = || wire::RemoveAgentRequest { handle: handle.clone() };
        let nobody = directory.remove_agent(remove()).await.unwrap_err();
        assert_eq!(code(&nobody), "unauthenticated");
        directory.remove_agent(by(OPERATOR, remove())).await.unwrap();
    }
    let left = directory.list_agents(wire::ListRequest::default()).await.unwrap();
    assert!(left.into_inner().agents.is_empty());
    let grpc = wire::Upstream { binding: "GRPC".to_owned(), ..attach(HANDLE).upstream.unwrap() };
    let grpc = wire::AttachAgentRequest { upstream: Some(grpc), ..attach(HANDLE) };
    let refused = directory.attach_agent(by(OPERATOR, grpc)).await.unwrap_err();
    assert_eq!(code(&refused), "invalid-argument");
    assert!(refused.message().contains("GRPC has no path"), "{}", refused.message());
    world.stop().await;
}

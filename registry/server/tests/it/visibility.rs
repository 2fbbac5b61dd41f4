//! What may not be seen is as if it were not there: two members whose states differ only in entries
//! hidden from a viewer answer it alike, over every route of the contract and every call of the
//! service. Both lists are read from what is served, so that a new route is asked too and a new call
//! fails the test until it is.

use std::collections::BTreeSet;

use axum::body::{Body, Bytes};
use futures_util::StreamExt as _;
use http::{Method, Request, Response};
use proto_types::token::{Claims, mint};
use proto_types::{Jti, Kid, SecretKey};
use proto_wire::registry::v1 as wire;
use serde_json::{Value, json};

use crate::contract::resolved;
use crate::tokens::now_ms;
use crate::world::{OPERATOR, ORIGIN, World, by, json as body_of};

pub(crate) const STRANGER: &str = "https://stranger.example";
const HIDDEN: &str = "urn:acme:secret:0001";
pub(crate) const VISIBLE: &str = "urn:open:entry:0001";
const REDACTED: &str = "urn:open:redacted:01";
const ABSENT: &str = "urn:acme:absent:0001";
pub(crate) const HIDDEN_URL: &str = "https://secret.example/card.json";

pub(crate) fn stranger_key() -> SecretKey {
    SecretKey::from_seed(&[77; 32])
}

/// A token of a peer for one request.
pub(crate) fn token(issuer: &str, key: &SecretKey, jti: &str) -> String {
    let jti = Jti::parse(jti).unwrap();
    let (iss, aud) = (issuer.parse().unwrap(), ORIGIN.parse().unwrap());
    let claims = Claims::plain(iss, aud, jti, now_ms() / 1_000, 300);
    mint(&claims, Some(&Kid::parse("k1").unwrap()), key)
}

pub(crate) fn record(handle: &str, url: &str) -> Vec<u8> {
    let record = json!({
        "schema": "pilox-registry-record-v1",
        "handle": handle,
        "updatedAt": "2026-03-20T12:00:00Z",
        "agentCardUrl": url,
    });
    record.to_string().into_bytes()
}

fn card(name: &str, secret: &str) -> Vec<u8> {
    let card = json!({
        "name": name, "description": "what anybody may know", "version": "1",
        "supportedInterfaces": [{
            "url": format!("https://{secret}.example/rpc"),
            "protocolBinding": "JSONRPC", "protocolVersion": "1.0",
        }],
        "capabilities": {}, "defaultInputModes": ["text/plain"],
        "defaultOutputModes": ["text/plain"],
        "skills": [{ "id": secret, "name": secret, "description": secret, "tags": [secret] }],
    });
    card.to_string().into_bytes()
}

pub(crate) async fn put(world: &World, path: &str, method: Method, document: &[u8]) {
    let response = world.call(method, path, document).await;
    assert!(response.status().is_success(), "{path}: {:?}", response.body());
}

pub(crate) fn at(kind: &str, handle: &str) -> String {
    format!("/v1/{kind}/{}", handle.replace(':', "%3A"))
}

async fn terms(world: &World, records: u64) {
    let terms = json!({
        "owners": ["https://owner.example"], "prefixes": ["urn:acme:"],
        "visibility": "private", "quotas": { "records": records },
    });
    put(world, "/v1/namespaces/acme", Method::PUT, terms.to_string().as_bytes()).await;
}

/// A state with public and redacted entries. What is hidden is `secret`; without one there is
/// nothing hidden but two changes of a namespace, so that the revisions are the same.
async fn populate(world: &World, secret: Option<&str>, redacted: &str) {
    world.enrol(STRANGER, "k1", &stranger_key()).await;
    world.enrol("https://owner.example", "k1", &SecretKey::from_seed(&[78; 32])).await;
    terms(world, 1).await;
    let open = record(VISIBLE, "https://open.example/card.json");
    put(world, "/v1/records", Method::POST, &open).await;
    put(world, &at("cards", VISIBLE), Method::PUT, &card("Open", "open")).await;
    match secret {
        Some(secret) => {
            let hidden = record(HIDDEN, HIDDEN_URL);
            put(world, "/v1/records", Method::POST, &hidden).await;
            put(world, &at("cards", HIDDEN), Method::PUT, &card("Hidden", secret)).await;
        }
        None => {
            terms(world, 2).await;
            terms(world, 1).await;
        }
    }
    let url = format!("https://{redacted}.example/card.json");
    let path = "/v1/records?visibility=redacted";
    put(world, path, Method::POST, &record(REDACTED, &url)).await;
    let path = format!("{}?visibility=redacted", at("cards", REDACTED));
    put(world, &path, Method::PUT, &card("Redacted", redacted)).await;
}

/// Everything of an answer but the time.
pub(crate) fn visible(response: &Response<Bytes>) -> (u16, BTreeSet<(String, String)>, String) {
    let timed = ["date", "ecumene-age-ms"];
    let headers = response.headers().iter().filter(|(name, _)| !timed.contains(&name.as_str()));
    let headers = headers.map(|(name, value)| (name.to_string(), format!("{value:?}"))).collect();
    let body = match serde_json::from_slice::<Value>(response.body()) {
        Ok(mut value) => {
            forget_time(&mut value);
            value.to_string()
        }
        Err(_) => {
            let text = String::from_utf8_lossy(response.body()).into_owned();
            // How many writes share an entry of the log, and so its index, is a matter of time; so is
            // when the line of a refusal is written.
            let timed = ["state_age_seconds", "applied_index", "last_log_index"];
            let told = |line: &&str| !timed.iter().any(|timed| line.contains(timed));
            text.lines().filter(told).collect()
        }
    };
    let headers: BTreeSet<(String, String)> = headers;
    let unsized_headers = headers.into_iter().filter(|(name, _)| name != "content-length");
    (response.status().as_u16(), unsized_headers.collect(), body)
}

fn forget_time(value: &mut Value) {
    match value {
        Value::Object(members) => {
            // The lines of a peer's log say when, so its digest is timed too.
            let log = ["atMs", "issuedAt", "sigHex", "enrolledAtMs", "logDigest"];
            for timed in log.into_iter().chain(["builtAt", "exportedAt", "verifiedAt"]) {
                members.remove(timed);
            }
            members.values_mut().for_each(forget_time);
        }
        Value::Array(items) => items.iter_mut().for_each(forget_time),
        _ => {}
    }
}

/// Every request that the contract describes, with something telling for each parameter.
fn requests(contract: &Value) -> Vec<(Method, String, Vec<u8>)> {
    let mut requests = Vec::new();
    for (path, operations) in contract["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let Ok(method) = Method::from_bytes(method.to_ascii_uppercase().as_bytes()) else {
                continue;
            };
            let required = operation["parameters"].as_array().into_iter().flatten();
            let required = required.map(|it| resolved(contract, it));
            let required = required.filter(|it| it["in"] == "query" && it["required"] == true);
            let query: Vec<_> = required
                .map(|it| {
                    let name = it["name"].as_str().unwrap();
                    format!("{name}={}", HIDDEN_URL.replace(':', "%3A").replace('/', "%2F"))
                })
                .collect();
            for handle in [HIDDEN, VISIBLE, REDACTED, ABSENT] {
                let filled = path
                    .split('/')
                    .map(|part| match part {
                        "{handle}" => handle.replace(':', "%3A"),
                        "{name}" => "acme".to_owned(),
                        _ if part.starts_with('{') => "1".to_owned(),
                        _ => part.to_owned(),
                    })
                    .collect::<Vec<_>>()
                    .join("/");
                let filled = match query.is_empty() {
                    true => filled,
                    false => format!("{filled}?{}", query.join("&")),
                };
                let body = match path.as_str() {
                    "/v1/cards/{handle}" => card("Mine", "mine"),
                    _ => record(handle, "https://mine.example/card.json"),
                };
                requests.push((method.clone(), filled, body));
                if !path.contains("{handle}") && method == Method::GET {
                    break;
                }
            }
        }
    }
    requests
}

pub(crate) fn request(
    method: &Method,
    path: &str,
    body: &[u8],
    token: Option<&str>,
) -> Request<Body> {
    let mut request =
        Request::builder().method(method).uri(path).header("content-type", "application/json");
    if let Some(token) = token {
        request = request.header("x-pilox-federation-jwt", token);
    }
    let body = if *method == Method::GET { Body::empty() } else { Body::from(body.to_vec()) };
    request.body(body).unwrap()
}

/// The conditions that a request is made under, one at a time: those that fail name what is stored.
fn conditions(path: &str) -> Vec<Option<(&'static str, &'static str)>> {
    let has_tag = ["/v1/records", "/v1/cards", "/v1/agents/"].iter().any(|of| path.starts_with(of));
    match has_tag {
        true => vec![None, Some(("if-match", "\"x\"")), Some(("if-none-match", "*"))],
        false => vec![None],
    }
}

async fn compare(one: &World, two: &World, as_peer: bool) {
    let contract = body_of(&one.get("/openapi/registry-v1.json").await);
    // The log tells everybody that something was written, and by blinded leaves never what (decision
    // 17): of its answers only the hashes may differ.
    let in_log = |path: &str| path.starts_with("/checkpoint") || path.starts_with("/tile/");
    for (at, (method, path, body)) in requests(&contract).into_iter().enumerate() {
        for (nth, condition) in conditions(&path).iter().enumerate() {
            let jti = format!("rest-{at}-{nth}");
            let shown = as_peer.then(|| token(STRANGER, &stranger_key(), &jti));
            let ask = || {
                let mut asked = request(&method, &path, &body, shown.as_deref());
                asked.headers_mut().extend(condition.map(|(name, value)| {
                    (http::HeaderName::from_static(name), http::HeaderValue::from_static(value))
                }));
                asked
            };
            let (first, second) = (one.send(ask()).await, two.send(ask()).await);
            let (mut first, mut second) = (visible(&first), visible(&second));
            if in_log(&path) {
                first.2.clear();
                second.2.clear();
            }
            assert_eq!(first, second, "{method} {path} {condition:?}, as a peer: {as_peer}");
        }
    }
    calls(one, two, as_peer.then(stranger_key)).await;
}

/// An answer or a refusal, without what times it.
fn said<T: std::fmt::Debug>(answer: Result<tonic::Response<T>, tonic::Status>) -> String {
    match answer {
        Ok(answer) => {
            let revision = answer.metadata().get("ecumene-revision").cloned();
            format!("{revision:?} {:?}", answer.into_inner())
        }
        Err(status) => {
            let code = status.metadata().get("ecumene-code").cloned();
            format!("{:?} {code:?} {}", status.code(), status.message())
        }
    }
}

/// Calls that are about no entry: peers, policies and cluster, which this test does not change, and the log's
/// hashes, which differ by the times of the facts.
const ABOUT_NO_ENTRY: &[&str] = &[
    "EnrolPeer",
    "ListPeerRequests",
    "DecidePeerRequest",
    "OperatePeer",
    "GetPeerLog",
    "GetPeerReputation",
    "SetPeerStanding",
    "AskPeerDomain",
    "SetPeerTokenLife",
    "RevokePeer",
    "GetPeer",
    "ListPeers",
    "PutManifest",
    "Checkpoint",
    "ConsistencyProof",
    "IssueJoinToken",
    "PutArtifact",
    "GetArtifact",
    "Status",
    "PutPolicy",
    "GetPolicy",
    "ListPolicies",
    "DeletePolicy",
];

#[expect(clippy::cognitive_complexity, reason = "a list of calls, each in one macro")]
async fn calls(one: &World, two: &World, key: Option<SecretKey>) {
    let mut asked: BTreeSet<&str> = ABOUT_NO_ENTRY.iter().copied().collect();
    let mut serial = 0;
    macro_rules! same {
        ($name:literal, $method:ident, $message:expr) => {
            same!($name, directory, $method, $message)
        };
        ($name:literal, $service:ident, $method:ident, $message:expr) => {{
            asked.insert($name);
            serial += 1;
            let mut answers = Vec::new();
            for world in [one, two] {
                let message = $message;
                let request = match &key {
                    Some(key) => by(&token(STRANGER, key, &format!("grpc-{serial}")), message),
                    None => tonic::Request::new(message),
                };
                answers.push(said(world.$service().$method(request).await));
            }
            assert_eq!(answers[0], answers[1], "{}", $name);
        }};
    }
    let list = || wire::ListRequest { limit: 1, ..Default::default() };
    for handle in [HIDDEN, VISIBLE, REDACTED, ABSENT].map(ToOwned::to_owned) {
        let handle = || handle.clone();
        let document = record(&handle(), "https://mine.example/card.json");
        same!("GetRecord", get_record, wire::GetRecordRequest { handle: handle(), consistency: 1 });
        same!("GetCard", get_card, wire::GetCardRequest { handle: handle(), consistency: 1 });
        same!("GetAgent", get_agent, wire::GetAgentRequest { handle: handle(), consistency: 0 });
        same!(
            "PutRecord",
            put_record,
            wire::PutRecordRequest { document: document.clone().into(), ..Default::default() }
        );
        same!(
            "DeleteRecord",
            delete_record,
            wire::DeleteRecordRequest { handle: handle(), if_match: String::new() }
        );
        same!(
            "PutCard",
            put_card,
            wire::PutCardRequest {
                handle: handle(),
                document: card("Mine", "mine").into(),
                ..Default::default()
            }
        );
        same!(
            "PutAgent",
            put_agent,
            wire::PutAgentRequest { handle: handle(), ..Default::default() }
        );
        same!(
            "AttachAgent",
            attach_agent,
            wire::AttachAgentRequest { handle: handle(), ..Default::default() }
        );
        same!("RemoveAgent", remove_agent, wire::RemoveAgentRequest { handle: handle() });
    }
    for id in [HIDDEN, ABSENT].map(ToOwned::to_owned) {
        for kind in ["record", "card"].map(ToOwned::to_owned) {
            let about = wire::InclusionProofRequest { kind: kind.clone(), id: id.clone() };
            same!("InclusionProof", log, inclusion_proof, about.clone());
        }
    }
    for id in ["acme", "absent"].map(ToOwned::to_owned) {
        let about = wire::InclusionProofRequest { kind: "namespace".into(), id: id.clone() };
        same!("InclusionProof", log, inclusion_proof, about.clone());
    }
    for text in ["", "open", "treasure", "jade"].map(ToOwned::to_owned) {
        let search = wire::SearchAgentsRequest { text, explain: true, ..Default::default() };
        same!("SearchAgents", search, search_agents, search.clone());
    }
    same!("ListRecords", list_records, list());
    same!("ListCards", list_cards, list());
    same!("ListAgents", list_agents, list());
    same!("ListNamespaces", list_namespaces, list());
    same!(
        "GetNamespace",
        get_namespace,
        wire::GetNamespaceRequest { name: "acme".into(), consistency: 0 }
    );
    same!(
        "PutNamespace",
        put_namespace,
        wire::PutNamespaceRequest { name: "acme".into(), terms: b"{}".to_vec().into() }
    );
    same!(
        "DeleteNamespace",
        delete_namespace,
        wire::DeleteNamespaceRequest { name: "acme".into() }
    );
    let terms = wire::PutPartnerRequest { name: "acme".into(), ..Default::default() };
    same!("PutPartner", partners, put_partner, terms.clone());
    let named = || "acme".to_owned();
    same!("GetPartner", partners, get_partner, wire::GetPartnerRequest { name: named() });
    same!("ListPartners", partners, list_partners, wire::ListPartnersRequest {});
    let released = wire::ReleasePartnerRequest { name: named() };
    same!("ReleasePartner", partners, release_partner, released.clone());
    same!("RemovePartner", partners, remove_partner, wire::RemovePartnerRequest { name: named() });
    asked.insert("Watch");
    assert_eq!(watched(one, &key).await, watched(two, &key).await);
    for name in served() {
        assert!(asked.contains(name), "{name} is not asked: add it above");
    }
}

/// The directory's changes since the beginning, up to the last that both worlds have.
async fn watched(world: &World, key: &Option<SecretKey>) -> Vec<(u64, String, String, bool)> {
    let message = wire::WatchRequest::default();
    let request = match key {
        Some(key) => by(&token(STRANGER, key, "watch"), message),
        None => tonic::Request::new(message),
    };
    let mut changes = world.directory().watch(request).await.unwrap().into_inner();
    let mut seen = Vec::new();
    while let Some(change) = changes.next().await {
        let change = change.unwrap();
        let last = change.id == REDACTED && change.kind == "card";
        seen.push((change.revision, change.kind, change.id, change.deleted));
        if last {
            break;
        }
    }
    seen
}

/// The calls of the services that tell of entries, as the contract names them.
fn served() -> impl Iterator<Item = &'static str> {
    let contracts = [
        include_str!("../../../../proto/ecumene/registry/v1/directory.proto"),
        include_str!("../../../../proto/ecumene/registry/v1/search.proto"),
        include_str!("../../../../proto/ecumene/registry/v1/log.proto"),
        include_str!("../../../../proto/ecumene/registry/v1/partners.proto"),
    ];
    let lines = contracts.into_iter().flat_map(str::lines);
    let calls = lines.filter_map(|line| line.trim().strip_prefix("rpc "));
    calls.map(|call| call.split_once('(').unwrap().0)
}

/// Caught: a catalog that lists by table; `resolve` without the viewer; an ETag of the whole under a
/// redacted card; `Cursor::seen` without `viewer.change`.
#[tokio::test]
async fn worlds_that_differ_in_what_is_hidden_answer_alike() {
    let (one, two) = tokio::join!(World::start(), World::start());
    populate(&one, Some("treasure"), "jade").await;
    populate(&two, None, "ruby").await;
    for as_peer in [false, true] {
        compare(&one, &two, as_peer).await;
    }
    // The test can tell: to the operator the worlds do differ.
    let seen = one.call(Method::GET, &at("records", HIDDEN), b"").await;
    let none = two.call(Method::GET, &at("records", HIDDEN), b"").await;
    assert_eq!((seen.status().as_u16(), none.status().as_u16()), (200, 404));
    tokio::join!(one.stop(), two.stop());
}

#[tokio::test]
async fn each_viewer_reads_its_part_and_a_redacted_etag_is_of_what_is_shown() {
    let world = World::start().await;
    populate(&world, Some("treasure"), "jade").await;
    let owner_key = SecretKey::from_seed(&[78; 32]);
    let owner = token("https://owner.example", &owner_key, "own-1");
    let path = at("cards", HIDDEN);
    let ask = |token: &str| request(&Method::GET, &path, b"", Some(token));
    let whole = world.send(ask(&owner)).await;
    assert_eq!(whole.status(), 200);
    assert_eq!(whole.body()[..], card("Hidden", "treasure")[..]);
    assert_eq!(whole.headers()["cache-control"], "private, max-age=60");
    let stranger = token(STRANGER, &stranger_key(), "str-1");
    assert_eq!(world.send(ask(&stranger)).await.status(), 404);
    let part = world.get(&at("cards", REDACTED)).await;
    let expected = br#"{"description":"what anybody may know","name":"Redacted"}"#;
    assert_eq!(part.body()[..], expected[..]);
    assert_eq!(part.headers()["etag"], proto_types::Digest::of(expected).etag().as_str());
    let operator = world.call(Method::GET, &at("cards", REDACTED), b"").await;
    assert_ne!(operator.headers()["etag"], part.headers()["etag"]);
    let catalog = body_of(&world.get("/v1/records").await);
    assert_eq!(catalog["handles"], json!([VISIBLE, REDACTED]));
    let cards = body_of(&world.get("/v1/cards").await);
    assert_eq!(cards["handles"], json!([VISIBLE, REDACTED]));
    let owner = token("https://owner.example", &owner_key, "own-2");
    let ask = request(&Method::GET, "/v1/cards", b"", Some(&owner));
    assert_eq!(body_of(&world.send(ask).await)["handles"], json!([HIDDEN, VISIBLE, REDACTED]));
    world.stop().await;
}

#[tokio::test]
async fn a_namespace_is_proven_to_who_administrates_it_and_is_as_if_absent_to_others() {
    let world = World::start().await;
    populate(&world, None, "jade").await;
    let about = |id: &str| wire::InclusionProofRequest { kind: "namespace".into(), id: id.into() };
    let path = |name: &str| format!("/v1/namespaces/{name}?proof=true");
    let owner_key = SecretKey::from_seed(&[78; 32]);
    let mut log = world.log();
    for (shown, credential) in [
        ("operator", OPERATOR.to_owned()),
        ("owner", token("https://owner.example", &owner_key, "own-1")),
    ] {
        let proof = log.inclusion_proof(by(&credential, about("acme"))).await.unwrap();
        let fact: Value = serde_json::from_slice(&proof.into_inner().fact).unwrap();
        let statement = "ecumene-namespace-v1\nacme\nvisibility private\ntrust off\n\
            owner https://owner.example\nprefix urn:acme:\nquota records 1\n";
        let digest = proto_types::Digest::of(statement.as_bytes()).to_string();
        assert_eq!((&fact["id"], &fact["digest"]), (&json!("acme"), &json!(digest)), "{shown}");
    }
    let whole = world.call(Method::GET, &path("acme"), b"").await;
    assert!(whole.headers().contains_key("ecumene-log-proof"));
    for serial in ["1", "2"] {
        let jti = |what: &str| format!("{what}-{serial}");
        let stranger = |jti: &str| (serial == "2").then(|| token(STRANGER, &stranger_key(), jti));
        let (mut said, mut told) = (Vec::new(), Vec::new());
        for name in ["acme", "none"] {
            let asked = match stranger(&jti(&format!("grpc-{name}"))) {
                Some(token) => by(&token, about(name)),
                None => tonic::Request::new(about(name)),
            };
            let refused = log.inclusion_proof(asked).await.unwrap_err();
            said.push((refused.code(), refused.message().replace(name, "it")));
            let shown = stranger(&jti(&format!("rest-{name}")));
            let ask = request(&Method::GET, &path(name), b"", shown.as_deref());
            let answer = world.send(ask).await;
            let body = String::from_utf8_lossy(answer.body()).replace(name, "it");
            told.push((answer.status(), body));
        }
        assert_eq!((&said[0], &told[0]), (&said[1], &told[1]));
        assert!(told[0].0.is_client_error());
    }
    world.stop().await;
}

#[tokio::test]
async fn what_becomes_private_is_deleted_to_those_who_lose_sight() {
    let world = World::start().await;
    let document = record(VISIBLE, "https://open.example/card.json");
    put(&world, "/v1/records", Method::POST, &document).await;
    put(&world, "/v1/records?visibility=private", Method::POST, &document).await;
    let deleted = |changes: &Value| {
        let lines = changes["changes"].as_array().unwrap().clone();
        lines.iter().map(|line| line["deleted"].as_bool().unwrap()).collect::<Vec<_>>()
    };
    let anybody = body_of(&world.get("/v1/changes?kinds=record").await);
    assert_eq!(deleted(&anybody), [false, true]);
    let operator = body_of(&world.call(Method::GET, "/v1/changes?kinds=record", b"").await);
    assert_eq!(deleted(&operator), [false, false]);
    world.stop().await;
}

#[tokio::test]
async fn case_05_a_token_has_one_effect_and_a_refused_command_costs_none() {
    let world = World::start().await;
    populate(&world, None, "jade").await;
    let owner = token("https://owner.example", &SecretKey::from_seed(&[78; 32]), "own-1");
    let path = at("cards", ABSENT);
    let put = |body: &[u8]| world.send(request(&Method::PUT, &path, body, Some(&owner)));
    assert_eq!(put(b"{}").await.status(), 400);
    assert_eq!(put(&card("Mine", "a")).await.status(), 200);
    assert_eq!(put(&card("Mine", "b")).await.status(), 401);
    let kept = world.call(Method::GET, &path, b"").await;
    assert_eq!(kept.body()[..], card("Mine", "a")[..]);
    let mut double = request(&Method::PUT, &path, &card("Mine", "b"), Some(&owner));
    let operator = format!("Bearer {OPERATOR}").parse().unwrap();
    double.headers_mut().insert("authorization", operator);
    assert_eq!(world.send(double).await.status(), 400);
    world.stop().await;
}

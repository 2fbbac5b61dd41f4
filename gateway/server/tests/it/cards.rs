//! What is served to everybody: cards, descriptors, health.

use axum::body::Body;
use http::{Request, StatusCode};
use proto_types::card::Card;
use proto_types::pilox::descriptor::Descriptor;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::world::{PATIENCE, World, deploy, eventually, json_of};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_card_says_where_its_agent_is_called_and_is_sent_once() {
    let world = World::start().await;
    let path = "/agents/echo/.well-known/agent-card.json";
    let card = world.gateway.get(path).await;
    assert_eq!(card.status(), StatusCode::OK);
    assert_eq!(card.headers()["access-control-allow-origin"], "*");
    assert_eq!(card.headers()["cache-control"], "public, max-age=60");
    let read = Card::parse(card.body()).unwrap();
    assert_eq!(read.view().name, "Echo");
    let url = format!("{}/agents/echo", world.gateway.origin());
    assert_eq!(read.view().interfaces[0].url, url);
    let etag = card.headers()["etag"].to_str().unwrap();
    let again = Request::get(path).header("if-none-match", etag).body(Body::empty()).unwrap();
    let again = world.gateway.send(again).await;
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    assert!(again.body().is_empty());
    let modified = card.headers()["last-modified"].to_str().unwrap();
    assert!(modified.ends_with(" GMT"), "{modified}");
    let since = Request::get(path).header("if-modified-since", modified);
    let since = world.gateway.send(since.body(Body::empty()).unwrap()).await;
    assert_eq!(since.status(), StatusCode::NOT_MODIFIED);
    let head = Request::head(path).body(Body::empty()).unwrap();
    assert_eq!(world.gateway.send(head).await.status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_of_0_3_finds_its_members_by_the_older_name_or_by_its_version() {
    let world = World::start().await;
    let told = async |path: &str, version: Option<&str>| {
        let request = Request::get(path);
        let request = version.into_iter().fold(request, |it, text| it.header("a2a-version", text));
        let card = world.gateway.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(card.status(), StatusCode::OK, "{path} {version:?}");
        let vary = card.headers()["vary"].to_str().unwrap();
        assert!(vary.contains("a2a-version"), "{vary}");
        json_of(&card)
    };
    for base in ["/agents/echo/.well-known", "/.well-known"] {
        let (newer, older) = (format!("{base}/agent-card.json"), format!("{base}/agent.json"));
        let strict = told(&newer, None).await;
        assert_eq!((strict.get("url"), strict.get("protocolVersion")), (None, None), "{strict}");
        assert_eq!(told(&newer, Some("1.0")).await, strict);
        assert_eq!(told(&older, Some("1.0")).await, strict);
        let both = told(&older, None).await;
        assert_eq!(told(&newer, Some("0.3")).await, both);
        assert!(both["url"].as_str().unwrap().starts_with("http"), "{both}");
        assert_eq!(
            (&both["protocolVersion"], &both["preferredTransport"]),
            (&json!("0.3.0"), &json!("JSONRPC"))
        );
        assert_eq!(both["supportedInterfaces"], strict["supportedInterfaces"]);
    }
}

/// Caught: neither `If-Match` nor `If-Unmodified-Since` was read, so that any version was the one that is wanted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_document_is_read_in_the_version_that_is_wanted_or_refused() {
    let world = World::start().await;
    for path in [
        "/agents/echo/.well-known/agent-card.json",
        "/.well-known/agent-card.json",
        "/.well-known/pilox-mesh.json",
    ] {
        let shown = world.gateway.get(path).await;
        let etag = shown.headers()["etag"].clone();
        for (wanted, status) in [(etag.to_str().unwrap(), 200), ("*", 200), ("\"other\"", 412)] {
            for method in ["GET", "HEAD"] {
                let request =
                    Request::builder().method(method).uri(path).header("if-match", wanted);
                let answer = world.gateway.send(request.body(Body::empty()).unwrap()).await;
                assert_eq!(answer.status().as_u16(), status, "{method} {path} {wanted}");
                assert_eq!(answer.headers()["etag"], etag, "{method} {path} {wanted}");
            }
        }
        let early =
            Request::get(path).header("if-unmodified-since", "Thu, 01 Jan 1970 00:00:00 GMT");
        let answer = world.gateway.send(early.body(Body::empty()).unwrap()).await;
        // A descriptor has no time of a change, and that of a card of several agents does not move with each
        // (RFC 9110, section 13.1.4).
        let status = if path.starts_with("/agents/") { 412 } else { 200 };
        assert_eq!(answer.status().as_u16(), status, "{path}");
    }
    let absent = Request::get("/agents/absent/.well-known/agent-card.json").header("if-match", "*");
    let absent = world.gateway.send(absent.body(Body::empty()).unwrap()).await;
    assert_eq!(json_of(&absent)["code"], "not-found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_of_304_has_no_body_and_says_nothing_of_a_length() {
    let world = World::start().await;
    let path = "/agents/echo/.well-known/agent-card.json";
    let card = world.gateway.get(path).await;
    let etag = card.headers()["etag"].to_str().unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: a\r\nif-none-match: {etag}\r\n\r\n");
    let mut stream = TcpStream::connect(world.gateway.addr).await.unwrap();
    // Twice: a body would stand before the second head.
    for _ in 0..2 {
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(timeout(PATIENCE, stream.read_u8()).await.unwrap().unwrap());
        }
        let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
        assert!(head.starts_with("http/1.1 304 "), "{head}");
        assert!(head.contains(&format!("etag: {etag}")), "{head}");
        assert!(!head.contains("content-length") && !head.contains("transfer-encoding"), "{head}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_version_of_an_agent_is_seen() {
    let world = World::start().await;
    deploy(&world.channel, "echo", &json!({"name": "Echo", "version": "2.0.0"})).await;
    deploy(&world.channel, "urn:agent:new", &json!({"name": "New"})).await;
    let version = |path: &'static str| {
        let world = &world;
        async move {
            let card = world.gateway.get(path).await;
            (card.status() == StatusCode::OK).then(|| json_of(&card)["version"].clone())
        }
    };
    eventually("the new version", || async {
        let card = version("/agents/echo/.well-known/agent-card.json").await;
        (card == Some(json!("2.0.0"))).then_some(())
    })
    .await;
    eventually("the new agent", || version("/agents/urn:agent:new/.well-known/agent-card.json"))
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_whose_handle_has_a_slash_is_found_by_the_path_of_its_card() {
    let world = World::start().await;
    deploy(&world.channel, "acme01/translator", &json!({"name": "Translator"})).await;
    let path = "/agents/acme01%2Ftranslator";
    let card = eventually("the card", || async {
        let card = world.gateway.get(&format!("{path}/.well-known/agent-card.json")).await;
        (card.status() == StatusCode::OK).then(|| json_of(&card))
    })
    .await;
    let url = format!("{}{path}", world.gateway.origin());
    assert_eq!(card["supportedInterfaces"][0]["url"], url);
    let page = world.gateway.get("/docs/errors/path-ambiguous").await;
    assert_eq!(page.status(), StatusCode::OK);
    let refused = json_of(&world.gateway.get("/agents/a%2F..%2Fb").await);
    assert_eq!(refused["type"], "/docs/errors/path-ambiguous");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_instance_has_a_card_and_a_descriptor_under_each_name() {
    let world = World::with(|config| config.brand_hive = false).await;
    let card = world.gateway.get("/.well-known/agent-card.json").await;
    let read = Card::parse(card.body()).unwrap();
    assert_eq!(read.view().skills[1].id, "echo");
    // Whoever follows the card names the agent (A2A 1.0, section 8.3.2).
    assert_eq!(read.view().interfaces[0].tenant.as_deref(), Some("echo"));
    assert!(card.headers().contains_key("last-modified"));
    let document = world.gateway.get("/.well-known/pilox-mesh.json").await;
    assert_eq!(document.headers()["access-control-allow-origin"], "*");
    let read = Descriptor::parse(document.body()).unwrap();
    assert_eq!(read.instance_origin.as_str(), world.gateway.origin());
    assert!(read.federation.local_ed25519_public_key_hex.is_some());
    assert!(read.federation.transport_active);
    let directory = format!("{}/api/mesh/federation/directory", world.gateway.origin());
    assert_eq!(read.federation.directory_url, Some(directory));
    let hive = world.gateway.get("/.well-known/hive-mesh.json").await;
    assert_eq!(hive.status(), StatusCode::NOT_FOUND);
}

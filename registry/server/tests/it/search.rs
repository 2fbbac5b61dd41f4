//! Search over REST and gRPC: published documents are found, in pages, with their reasons.

use http::Method;
use proto_wire::registry::v1 as wire;
use serde_json::{Value, json};

use crate::world::{OPERATOR, World, by, json, vectors};

fn card(name: &str, description: &str, tag: &str) -> Vec<u8> {
    let card = json!({
        "name": name, "description": description, "version": "1",
        "supportedInterfaces": [{
            "url": "https://a.example/rpc", "protocolBinding": "JSONRPC", "protocolVersion": "1.0",
        }],
        "capabilities": { "streaming": true },
        "defaultInputModes": ["text/plain"], "defaultOutputModes": ["application/json"],
        "skills": [{ "id": "s-1", "name": "Sum up", "description": "short", "tags": [tag] }],
    });
    card.to_string().into_bytes()
}

/// The older generation: its URL and transport stand in the card itself.
fn old_card(name: &str) -> Vec<u8> {
    let card = json!({
        "protocolVersion": "0.3.0", "name": name, "description": "an older agent", "version": "1",
        "url": "grpc.example:443", "preferredTransport": "GRPC", "capabilities": {},
        "defaultInputModes": ["audio/wav"], "defaultOutputModes": ["text/plain"],
        "skills": [{ "id": "hear", "name": "Hear", "description": "listens", "tags": ["audio"] }],
    });
    card.to_string().into_bytes()
}

async fn populated() -> World {
    let world = World::start().await;
    for (handle, document) in [
        ("a1", card("Babel", "translates any text", "nlp")),
        ("a2", card("Digest", "Babel of short texts", "nlp")),
        ("a3", card("Clock", "tells the time", "time")),
        ("b1", old_card("Ear")),
    ] {
        let put = world.call(Method::PUT, &format!("/v1/cards/{handle}"), &document).await;
        assert_eq!(put.status(), 200, "{:?}", put.body());
    }
    world
}

fn handles(page: &Value) -> Vec<&str> {
    page["hits"].as_array().unwrap().iter().map(|hit| hit["handle"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn cards_of_both_generations_are_found_by_what_they_say() {
    let world = populated().await;
    for (query, expected) in [
        ("", &["a1", "a2", "a3", "b1"][..]),
        ("q=babel", &["a1", "a2"]),
        ("q=babel+TRANSLATES", &["a1"]),
        ("skill=Sum%20Up", &["a1", "a2", "a3"]),
        ("skill=s-1&tag=nlp", &["a1", "a2"]),
        ("tag=nlp,time", &[]),
        ("capability=streaming&binding=jsonrpc", &["a1", "a2", "a3"]),
        ("binding=grpc", &["b1"]),
        ("modality=audio", &["b1"]),
        ("modality=application/json&tag=time", &["a3"]),
        ("kind=record", &[]),
        ("kind=card,record&tag=audio", &["b1"]),
        ("min_assurance=enrolled", &[]),
        ("min_assurance=unsigned&q=time", &["a3"]),
        ("q=hears", &[]),
    ] {
        let found = world.get(&format!("/v1/agents?{query}")).await;
        assert_eq!(found.status(), 200, "{query}: {:?}", found.body());
        assert!(found.headers().contains_key("ecumene-revision"));
        assert_eq!(handles(&json(&found)), expected, "{query}");
    }
    world.stop().await;
}

#[tokio::test]
async fn pages_follow_each_other_by_their_links() {
    let world = populated().await;
    for query in ["limit=1", "q=an&limit=1", "tag=nlp&limit=1", "q=babel&limit=1"] {
        let mut path = format!("/v1/agents?{query}");
        let mut paged = Vec::new();
        loop {
            let page = world.get(&path).await;
            paged.extend(handles(&json(&page)).into_iter().map(str::to_owned));
            let Some(link) = page.headers().get("link") else { break };
            let link = link.to_str().unwrap();
            path = link
                .strip_prefix('<')
                .and_then(|it| it.strip_suffix(">; rel=\"next\""))
                .unwrap()
                .to_owned();
            assert!(path.contains(json(&page)["next"].as_str().unwrap()));
        }
        let whole =
            world.get(&format!("/v1/agents?{}", query.replace("limit=1", "limit=100"))).await;
        assert_eq!(paged, handles(&json(&whole)), "{query}");
        assert!(whole.headers().get("link").is_none());
    }
    world.stop().await;
}

#[tokio::test]
async fn a_hit_is_explained_and_its_parts_add_up() {
    let world = populated().await;
    let page = json(&world.get("/v1/agents?q=babel+text&explain=true").await);
    let hit = &page["hits"][0];
    assert_eq!((&hit["handle"], &hit["name"]), (&json!("a1"), &json!("Babel")));
    assert_eq!((&hit["kind"], &hit["assurance"]), (&json!("card"), &json!("unsigned")));
    assert_eq!(hit["liveness"], "unknown");
    let parts = hit["parts"].as_array().unwrap();
    let points: u64 = parts.iter().map(|part| part["points"].as_u64().unwrap()).sum();
    assert_eq!((parts.len(), Some(points)), (2, hit["score"].as_u64()));
    assert_eq!(page["basis"]["order"], "relevance");
    assert_eq!(page["basis"]["documents"], 4);
    assert_eq!(
        page["basis"]["words"][0],
        json!({ "word": "babel", "documents": 2, "rarity": 693 })
    );
    let listed = json(&world.get("/v1/agents?tag=text&explain=true").await);
    assert_eq!(listed["basis"]["order"], "handle", "without words");
    let plain = json(&world.get("/v1/agents?q=babel+text").await);
    assert!(plain.get("basis").is_none() && plain["hits"][0].get("parts").is_none());

    let request = wire::SearchAgentsRequest {
        text: "babel text".into(),
        explain: true,
        consistency: 1,
        ..Default::default()
    };
    let found = world.search().search_agents(request).await.unwrap();
    assert!(found.metadata().contains_key("ecumene-revision"));
    let found = found.into_inner();
    assert_eq!((found.hits.len(), u64::from(found.hits[0].score)), (1, points));
    assert_eq!(found.basis.unwrap().words[0].rarity, 693);
    world.stop().await;
}

#[tokio::test]
async fn records_and_hosted_agents_are_found_and_deleted_ones_are_not() {
    let world = World::start().await;
    let record = vectors()["records"]["valid_hive"]["record"].clone();
    let mut record = record.as_object().unwrap().clone();
    record.remove("proof");
    record.insert("capabilities".into(), json!(["ocr", "text-summary"]));
    record.insert("inputModalities".into(), json!(["image"]));
    let handle = record["handle"].as_str().unwrap().to_owned();
    let body = Value::from(record).to_string().into_bytes();
    let put = world.call(Method::POST, "/v1/records", &body).await;
    assert_eq!(put.status(), 201, "{:?}", put.body());

    let artifact = [wire::ArtifactChunk { bytes: b"\0asm"[..].into() }];
    let stored = world.directory().put_artifact(by(OPERATOR, tokio_stream::iter(artifact))).await;
    let limits = wire::Limits { fuel: 1, memory_bytes: 1, wall_ms: 1, output_bytes: 1 };
    let deploy = wire::PutAgentRequest {
        handle: "hosted".into(),
        artifact: stored.unwrap().into_inner().digest,
        kind: "component".into(),
        limits: Some(limits),
        isolation: vec!["wasm-proc".into()],
        card: br#"{"name": "Reader", "description": "does ocr"}"#[..].into(),
        ..Default::default()
    };
    world.directory().put_agent(by(OPERATOR, deploy)).await.unwrap();
    let find = async |query: &str| {
        let page = json(&world.get(&format!("/v1/agents?{query}")).await);
        handles(&page).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(find("capability=text-summary&modality=image").await, [handle.as_str()]);
    let mut both = find("q=ocr").await;
    both.sort();
    assert_eq!(both, ["hosted", handle.as_str()]);
    assert_eq!(find("q=ocr&kind=agent").await, ["hosted"]);
    let path = format!("/v1/records/{}", handle.replace(':', "%3A"));
    assert_eq!(world.call(Method::DELETE, &path, b"").await.status(), 200);
    assert_eq!(find("q=ocr").await, ["hosted"]);
    world.stop().await;
}

#[tokio::test]
async fn a_search_that_means_nothing_is_refused_by_name() {
    let world = populated().await;
    for (query, member) in [
        ("q=", "q"),
        ("q=%3F", "text"),
        ("colour=red", "query"),
        ("q=a&q=b", "query"),
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=-1", "limit"),
        ("tag=", "tags"),
        ("kind=peer", "kinds"),
        ("min_assurance=very", "min_assurance"),
        ("min_reputation=0.55", "min_reputation"),
        ("min_reputation=NaN", "min_reputation"),
        ("cursor=AAAA", "cursor"),
        ("q=%ff", "query"),
        ("consistency=maybe", "consistency"),
    ] {
        let refused = world.get(&format!("/v1/agents?{query}")).await;
        assert_eq!(refused.status(), 400, "{query}: {:?}", refused.body());
        let problem = json(&refused);
        assert_eq!(
            (&problem["code"], &problem["member"]),
            (&json!("invalid-argument"), &json!(member)),
            "{query}"
        );
    }
    let first = json(&world.get("/v1/agents?limit=1").await);
    let other = format!("/v1/agents?limit=1&tag=nlp&cursor={}", first["next"].as_str().unwrap());
    assert_eq!(world.get(&other).await.status(), 400, "a cursor of another query");
    world.stop().await;
}

//! The contract as a member publishes it: every operation in it is answered, in its own words.

use axum::body::Body;
use http::{Method, Request};
use serde_json::Value;

use crate::world::{World, json};

/// A path with something plausible for each of its parameters.
fn filled(path: &str) -> String {
    let part = |part: &str| match part.starts_with('{') {
        true => "urn%3Aabsent%3A1".to_owned(),
        false => part.to_owned(),
    };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

/// What a reference of the contract is to; any other value is what it says.
pub(crate) fn resolved<'a>(contract: &'a Value, value: &'a Value) -> &'a Value {
    let pointer = value["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
    pointer.map_or(value, |pointer| contract.pointer(pointer).unwrap())
}

#[tokio::test]
async fn every_operation_is_served_and_answers_with_a_described_status() {
    let world = World::start().await;
    let contract = json(&world.get("/openapi/registry-v1.json").await);
    assert_eq!(contract["openapi"], "3.1.0");
    for (path, operations) in contract["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let method = Method::from_bytes(method.to_ascii_uppercase().as_bytes()).unwrap();
            let request = Request::builder().method(&method).uri(filled(path));
            let request = request.header("content-type", "application/json");
            let response = world.send(request.body(Body::empty()).unwrap()).await;
            let status = response.status().as_u16();
            let described = resolved(&contract, &operation["responses"][status.to_string()]);
            assert!(described.is_object(), "{method} {path} answers {status}");
            let kind = response.headers().get("content-type").map(|kind| kind.to_str().unwrap());
            let kind = kind.map(|kind| kind.split(';').next().unwrap());
            let known = kind.is_none_or(|kind| described["content"][kind].is_object());
            assert!(known, "{method} {path} answers {status} as {kind:?}");
            if status >= 400 && kind == Some("application/problem+json") {
                let code = json(&response)["code"].as_str().unwrap().to_owned();
                let said = described["description"].as_str().unwrap();
                assert!(said.contains(&format!("`{code}`")), "{method} {path}: {code}");
                assert_ne!(code, "route-not-found", "{method} {path}");
            }
        }
    }
    world.stop().await;
}

#[tokio::test]
async fn the_contract_is_served_as_json_to_readers_of_yaml_too_and_as_a_page_without_scripts() {
    let world = World::start().await;
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../openapi/registry-v1.json");
    let committed = std::fs::read_to_string(path).unwrap();
    for (form, kind) in [("json", "application/json"), ("yaml", "application/yaml")] {
        let contract = world.get(&format!("/openapi/registry-v1.{form}")).await;
        assert_eq!(contract.headers()["content-type"], kind);
        assert_eq!(contract.body(), committed.as_bytes());
    }
    let page = world.get("/docs").await;
    assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
    let policy = page.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    assert!(!String::from_utf8_lossy(page.body()).contains("<script"));
    let wrong = world.call(Method::POST, "/docs", b"").await;
    assert_eq!(
        (wrong.status().as_u16(), &json(&wrong)["code"]),
        (405, &Value::from("method-not-allowed"))
    );
    world.stop().await;
}

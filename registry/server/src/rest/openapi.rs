//! The published contract: OpenAPI 3.1, made from the table of routes.
//!
//! It decides how a route is said in OpenAPI, and which refusals go with what a route takes. It
//! must never describe a path that is not in the table. The copy in `openapi/` is this text; a test
//! fails when they differ.

mod operation;
#[cfg(test)]
mod tests;
mod yaml;

use std::sync::LazyLock;

use http::header::CONTENT_TYPE;
use http::{HeaderValue, header::CACHE_CONTROL};
use serde_json::{Map, Value, json};

use super::parameter::UNKEPT;
use super::route::{Answer, Content, Route};
use super::{Answered, docs, schemas};

/// The contract in its two forms, and as a page.
pub(super) struct Published {
    pub(super) yaml: String,
    pub(super) json: String,
    pub(super) page: docs::Page,
}

/// Made once: the table does not change while the process runs.
pub(super) static PUBLISHED: LazyLock<Published> = LazyLock::new(|| {
    let document = document(&super::table());
    let page = docs::page(&document);
    Published { yaml: yaml::text(&document), json: format!("{document:#}\n"), page }
});

/// The media type of RFC 9512.
const YAML: &str = "application/yaml";

/// Groups of operations, in the order of the page.
const TAGS: [(&str, &str); 14] = [
    ("audit", "Who did what: lines bound to each other, for operators."),
    ("log", "The transparency log: checkpoints, tiles, cosigning (C2SP)."),
    ("records", "Directory records in the Pilox format, at the paths of the Pilox registry."),
    ("cards", "A2A Agent Cards, kept and served byte for byte."),
    ("search", "Search over cards, hosted agents and records."),
    ("namespaces", "Tenants: whose handles, which quotas, who sees what."),
    ("peers", "Peers, their signed manifests and the signed roster."),
    ("reputation", "What gateways have seen of peers' conduct."),
    ("changes", "The total order of what has changed."),
    ("federation", "What other registries may take from this one."),
    ("instances", "Pilox instances that publish with a token of their own."),
    ("marketplace", "The catalog in the form of the Pilox marketplace."),
    ("member", "This member of the cluster."),
    ("contract", "This description."),
];

pub(super) fn routes() -> Vec<Route> {
    let kept = "It changes with the version of the registry only.";
    vec![
        Route::get("/openapi/registry-v1.yaml", yaml)
            .is("getContractYaml", "contract", "This contract, as YAML.")
            .answers(200, kept, &[Content { media: YAML, schema: &schemas::TEXT }], UNKEPT),
        Route::get("/openapi/registry-v1.json", json)
            .is("getContractJson", "contract", "This contract, as JSON.")
            .gives(200, kept, &schemas::OPENAPI, UNKEPT),
    ]
}

async fn yaml() -> Answered {
    Ok(text(YAML, &PUBLISHED.yaml))
}

async fn json() -> Answered {
    Ok(text("application/json", &PUBLISHED.json))
}

fn text(media: &'static str, body: &'static str) -> axum::response::Response {
    let mut response = axum::response::Response::new(body.into());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media));
    // A client that asks after an upgrade must not read the contract from before.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// The whole document.
fn document(table: &[Route]) -> Value {
    let mut paths = Map::new();
    for route in table {
        // The router's mark of a parameter that holds slashes is none of the contract's.
        let path = route.path.replace("{*", "{");
        let path = paths.entry(path).or_insert_with(|| json!({}));
        path[route.method.as_str().to_ascii_lowercase()] = operation::of(route);
    }
    let tags = TAGS.map(|(name, about)| json!({ "name": name, "description": about }));
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Ecumene registry",
            "version": "1",
            "summary": "The replicated directory of peers, records and Agent Cards.",
            "description": INTRODUCTION,
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/", "description": "The member that is asked." }],
        "tags": tags,
        "paths": paths,
        "components": {
            "schemas": named_schemas(),
            "securitySchemes": security_schemes(),
        },
    })
}

const INTRODUCTION: &str = "Every member of the cluster answers every operation; writes reach the \
    leader by themselves. A refusal is application/problem+json (RFC 9457) with a stable `code`. \
    The same listener serves gRPC (`ecumene.registry.v1`) with health and reflection.";

fn named_schemas() -> Value {
    let named = schemas::ALL.iter().map(|schema| (schema.name.to_owned(), parsed(schema.text)));
    Value::Object(named.collect())
}

fn security_schemes() -> Value {
    json!({
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "description": "The operator's secret, or `gateway:<id>:<credential>`, or \
                            `node:<id>:<credential>`, or `instance:<tenantKey>:<secret>`.",
        },
        "mtls": {
            "type": "mutualTLS",
            "description": "A client certificate that the cluster's authority has issued.",
        },
    })
}

/// A schema of ours; tests parse every one.
fn parsed(schema: &str) -> Value {
    serde_json::from_str(schema).expect("schemas are constants, and a test reads them all")
}

/// The media types and schemas of an answer.
fn contents(answer: &Answer) -> Value {
    let each = answer.contents.iter().map(|content| {
        let reference = format!("#/components/schemas/{}", content.schema.name);
        (content.media.to_owned(), json!({ "schema": { "$ref": reference } }))
    });
    Value::Object(each.collect())
}

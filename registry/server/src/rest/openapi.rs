//! The published contract: OpenAPI 3.1, made from the table of routes.
//!
//! It decides what the document consists of and how it is printed. It must never describe a path that is not in the table.
//! The copy in `openapi/` is this text; a test fails when they differ.

mod components;
mod operation;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use http::header::CONTENT_TYPE;
use http::{HeaderValue, header::CACHE_CONTROL};
use serde_json::{Map, Value, json};

use self::components::Components;
use super::parameter::UNKEPT;
use super::route::{Content, Route};
use super::{Answered, schemas};

/// The contract as text, made once: the table does not change while the process runs.
static PUBLISHED: LazyLock<String> = LazyLock::new(|| {
    let mut document = document(&super::table());
    document.sort_all_objects();
    lines(&document, "") + "\n"
});

/// The media type of RFC 9512.
const YAML: &str = "application/yaml";

/// Groups of operations, in the order of the page.
const TAGS: [(&str, &str); 16] = [
    ("audit", "Who did what: lines bound to each other, for operators."),
    ("log", "The transparency log: checkpoints, tiles, cosigning (C2SP)."),
    ("records", "Directory records in the Pilox format, at the paths of the Pilox registry."),
    ("cards", "A2A Agent Cards, kept and served byte for byte."),
    ("agents", "Agents behind the gateways: where attached ones are called."),
    ("search", "Search over cards, agents and records."),
    ("namespaces", "Tenants: whose handles, which quotas, who sees what."),
    ("policies", "Policies of calls, which gateways hold every call against."),
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
            .is("getContractYaml", "contract", "This contract, for readers of YAML 1.2.")
            .answers(200, kept, &[Content { media: YAML, schema: &schemas::TEXT }], UNKEPT),
        Route::get("/openapi/registry-v1.json", json)
            .is("getContractJson", "contract", "This contract.")
            .gives(200, kept, &schemas::OPENAPI, UNKEPT),
    ]
}

async fn yaml() -> Answered {
    Ok(text(YAML))
}

async fn json() -> Answered {
    Ok(text("application/json"))
}

fn text(media: &'static str) -> axum::response::Response {
    let mut response = axum::response::Response::new(PUBLISHED.as_str().into());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media));
    // A client that asks after an upgrade must not read the contract from before.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// The whole document.
pub(super) fn document(table: &[Route]) -> Value {
    let (mut paths, mut components) = (Map::new(), Components::default());
    for route in table {
        // The router's mark of a parameter that holds slashes is none of the contract's.
        let path = route.path.replace("{*", "{");
        let path = paths.entry(path).or_insert_with(|| json!({}));
        path[route.method.as_str().to_ascii_lowercase()] = operation::of(route, &mut components);
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
        "components": components.with(named_schemas(), security_schemes()),
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

/// What a reference of the document is to; any other value is what it says.
pub(super) fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let pointer = value["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
    pointer.and_then(|pointer| document.pointer(pointer)).unwrap_or(value)
}

/// A schema of ours; tests parse every one.
fn parsed(schema: &str) -> Value {
    serde_json::from_str(schema).expect("schemas are constants, and a test reads them all")
}

/// What is longer is printed over several lines. Arbitrary: about what an editor shows.
const LINE_BYTES_MAX: usize = 145;

/// A sorted value, each member on a line if it fits there: a change of one thing changes few lines.
fn lines(value: &Value, indent: &str) -> String {
    let line = value.to_string();
    if line.len() <= LINE_BYTES_MAX {
        return line;
    }
    let deeper = format!("{indent}  ");
    let member = |(name, of): (&String, &Value)| {
        format!("{deeper}{}: {}", Value::from(name.as_str()), lines(of, &deeper))
    };
    let (open, each, close) = match value {
        Value::Object(members) => ('{', members.iter().map(member).collect::<Vec<_>>(), '}'),
        Value::Array(items) => {
            ('[', items.iter().map(|item| deeper.clone() + &lines(item, &deeper)).collect(), ']')
        }
        _ => return line,
    };
    format!("{open}\n{}\n{indent}{close}", each.join(",\n"))
}

//! The contract of this gateway: OpenAPI 3.1, made of its routes and of the types of A2A.
//!
//! Decides what the document consists of and how it is served. Must never describe a path that is no route; of those that are,
//! only gRPC is left out, whose contract is `a2a.proto`. The copy in `openapi/` is this text; a test fails when they differ.

mod calls;
mod local;
mod messages;
mod operation;
mod operations;
mod parameters;
mod paths;
mod refusals;
#[cfg(test)]
mod tests;
mod yaml;

use std::sync::LazyLock;

use axum::response::Response;
use gateway_core::Failure;
use gateway_core::path::Notation;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::{Map, Value, json};

use crate::agents::Tagged;
use crate::reply;

/// The contract in both notations, made once: routes do not change while the process runs.
static PUBLISHED: LazyLock<(Tagged, Tagged)> = LazyLock::new(|| {
    let mut document = document();
    document.sort_all_objects();
    (Tagged::of(yaml::text(&document).into()), Tagged::new(&document))
});

const JSON: &str = "application/json";
const A2A_JSON: &str = "application/a2a+json";
const PROBLEM: &str = "application/problem+json";
const SSE: &str = "text/event-stream";
/// RFC 9512.
const YAML: &str = "application/yaml";

/// Groups of operations.
const TAGS: [(&str, &str); 7] = [
    ("calls", "A2A over JSON-RPC, in 1.0 and 0.3."),
    ("http-json", "A2A over HTTP+JSON, in 1.0 and 0.3."),
    ("cards", "Agent Cards and descriptors, for everybody who looks."),
    ("envelopes", "WAN envelopes: sent by peers, leased by local subscribers."),
    ("federation", "What operators ask about peers, and of them."),
    ("process", "This process: whether it lives, is ready, and what it counts."),
    ("contract", "This description, and the pages of error codes."),
];

const INTRODUCTION: &str = "Agents are called over JSON-RPC or HTTP+JSON, in A2A 1.0 or 0.3; over gRPC \
    (`lf.a2a.v1.A2AService`) the contract is `a2a.proto`. A caller is an enrolled peer, which signs a token for each request, or \
    a client that the operator has let in, with an API key or a token of an identity provider. A refusal has a stable code, which \
    has a page under `/docs/errors/`. Over JSON-RPC, what is wrong with a call itself is told with 200. The readers of A2A take \
    what ProtoJSON readers take beyond these schemas: `null` for what is absent, both casings, members that they do not know. \
    Who states no `A2A-Version` means 0.3. Where the operator has opened calls to the public, none of the credentials is needed. \
    The schema of a `text/event-stream` is that of one event.";

/// The contract in a notation: as a document with a version.
///
/// # Errors
/// It is another version than `If-Match` names.
pub(crate) fn answer(
    notation: Notation,
    headers: &HeaderMap,
    max_age_s: u32,
) -> Result<Response, Failure> {
    let (yaml, json) = &*PUBLISHED;
    match notation {
        Notation::Json => reply::document(json, headers, max_age_s),
        Notation::Yaml => {
            let mut response = reply::document(yaml, headers, max_age_s)?;
            if response.status() == StatusCode::OK {
                response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(YAML));
            }
            Ok(response)
        }
    }
}

/// The whole document.
fn document() -> Value {
    let mut by_path = Map::new();
    for line in paths::lines() {
        if let Some(operation) = operations::of(&line) {
            let path = by_path.entry(line.path.clone()).or_insert_with(|| json!({}));
            path[line.method.to_ascii_lowercase()] = operation.value();
        }
    }
    let tags = TAGS.map(|(name, about)| json!({ "name": name, "description": about }));
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Ecumene gateway",
            "version": "1",
            "summary": "Agents behind one listener: A2A, cards, envelopes, federation.",
            "description": INTRODUCTION,
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/", "description": "The gateway that is asked." }],
        "tags": tags,
        "paths": by_path,
        "components": {
            "schemas": schemas(),
            "parameters": parameters::components(),
            "headers": header_components(),
            "responses": refusals::components(),
            "securitySchemes": operation::security_schemes(),
        },
    })
}

/// All named schemas: of A2A 1.0 by its descriptors, of A2A 0.3 and of our own documents as they are written down.
fn schemas() -> Value {
    let mut schemas = messages::schemas();
    for written in [include_str!("contract/a2a-v03.json"), include_str!("contract/schemas.json")] {
        schemas.extend(written_schemas(written));
    }
    schemas.extend(calls::schemas());
    Value::Object(schemas)
}

fn written_schemas(text: &str) -> Map<String, Value> {
    serde_json::from_str(text).expect("schemas are constants, and a test reads them all")
}

/// A reference to a component.
fn reference(kind: &str, name: &str) -> Value {
    json!({ "$ref": format!("#/components/{kind}/{name}") })
}

/// References to headers of answers.
fn headers(names: &[&str]) -> Value {
    let each = names.iter().map(|name| ((*name).to_owned(), reference("headers", name)));
    Value::Object(each.collect())
}

fn header_components() -> Value {
    let header = |about: &str, required: bool, schema: Value| json!({ "description": about, "required": required, "schema": schema });
    let text = || json!({ "type": "string" });
    json!({
        "ETag": header("A strong tag of the document's bytes.", true, text()),
        "Cache-Control": header("How long the answer may be kept (RFC 9111).", true, text()),
        "Last-Modified": header("When the document was changed last, if that is known.", false, text()),
        "A2A-Extensions": header("The extensions that count for this call; of a call of 0.3 under `X-A2A-Extensions`.", false, text()),
        "RateLimit": header("What is left of the caller's limit (draft-ietf-httpapi-ratelimit-headers).", false, text()),
        "RateLimit-Policy": header("What the caller's limit is.", false, text()),
        "Retry-After": header("Seconds after which it may be tried again.", false, json!({ "type": "integer", "minimum": 1 })),
        "WWW-Authenticate": header("The scheme that is asked for.", true, text()),
    })
}

//! Every path that the contract describes, as the reader of paths reads it.
//!
//! Decides how paths are written with parameters. Must never decide what stands behind one: `gateway_core::path` does, and what
//! that does not know is not listed.

use gateway_core::path::{Method, Route};

/// One operation: a method of a path, and the route that it is.
pub(super) struct Line {
    pub(super) path: String,
    /// What tells its name from those of other paths of the same route.
    pub(super) suffix: &'static str,
    /// In upper case.
    pub(super) method: &'static str,
    /// The same as routes know it.
    pub(super) read_as: Method,
    pub(super) route: Route,
}

/// Each path, and the end of the names of its operations.
pub(super) const PATHS: &[(&str, &str)] = &[
    ("/v1/a2a/jsonrpc", ""),
    ("/api/a2a/jsonrpc", "AtApi"),
    ("/api/a2a/federated/jsonrpc", "AtFederated"),
    ("/api/a2a/jsonrpc/public", "AtPublic"),
    ("/agents/{agent}", "OfAgent"),
    ("/.well-known/agent-card.json", ""),
    ("/.well-known/agent.json", "ByOlderName"),
    ("/agents/{agent}/.well-known/agent-card.json", "OfAgent"),
    ("/agents/{agent}/.well-known/agent.json", "OfAgentByOlderName"),
    ("/.well-known/pilox-mesh.json", "OfPilox"),
    ("/.well-known/hive-mesh.json", "OfHive"),
    ("/.well-known/jwks.json", ""),
    ("/v1/publish", ""),
    ("/api/mesh/wan/ingress", "AtApi"),
    ("/api/a2a/status", ""),
    ("/api/mesh/agents", ""),
    ("/api/mesh/peers", ""),
    ("/v1/envelopes", ""),
    ("/v1/envelopes/{target}", "OfTarget"),
    ("/v1/envelopes/ack", ""),
    ("/v1/envelopes/{target}/ack", "OfTarget"),
    ("/v1/dead-letters", ""),
    ("/api/mesh/federation/proxy/jsonrpc", ""),
    ("/api/mesh/federation/status", ""),
    ("/api/mesh/federation/directory", ""),
    ("/healthz", ""),
    ("/livez", "AsLivez"),
    ("/v1/health", "AtV1"),
    ("/readyz", ""),
    ("/metrics", ""),
    ("/v1/metrics", "AtV1"),
    ("/docs/errors/{code}", ""),
    ("/openapi.yaml", "Yaml"),
    ("/openapi.json", "Json"),
];

/// Where HTTP+JSON is spoken, and the end of the names of the operations there.
const HTTP_JSON_BASES: &[(&str, &str)] = &[
    ("/agents/{agent}", "OfAgent"),
    ("/agents/{agent}/v1", "OfAgentV03"),
    ("/a2a", ""),
    ("/a2a/v1", "V03"),
    ("/a2a/{agent}", "OfTenant"),
];
/// What is behind these. Not each of them has each.
const HTTP_JSON_RESTS: &[&str] = &[
    "message:send",
    "message:stream",
    "tasks",
    "tasks/{id}",
    "tasks/{id}:cancel",
    "tasks/{id}:subscribe",
    "tasks/{taskId}/pushNotificationConfigs",
    "tasks/{taskId}/pushNotificationConfigs/{id}",
    "extendedAgentCard",
    "card",
];

/// Every operation.
pub(super) fn lines() -> Vec<Line> {
    let plain = PATHS.iter().map(|(path, suffix)| ((*path).to_owned(), *suffix));
    let of_base = |(base, suffix): &(&'static str, &'static str)| {
        let (base, suffix) = (*base, *suffix);
        HTTP_JSON_RESTS.iter().map(move |rest| (format!("{base}/{rest}"), suffix))
    };
    let http_json = HTTP_JSON_BASES.iter().flat_map(of_base);
    plain.chain(http_json).flat_map(|(path, suffix)| lines_of(&path, suffix)).collect()
}

fn lines_of(path: &str, suffix: &'static str) -> Vec<Line> {
    let mut lines = Vec::new();
    for read_as in [Method::Get, Method::Post] {
        let found = Route::find(&sample(path), read_as).ok().flatten();
        let Some(route) = found.filter(|route| is_of_path(route, path)) else { continue };
        let methods = route.methods().allow().split(", ");
        for method in methods.filter(|method| reads_as(method) == Some(read_as)) {
            let (path, route) = (path.to_owned(), route.clone());
            lines.push(Line { path, suffix, method, read_as, route });
        }
    }
    lines
}

/// How the reader of paths takes a method; `HEAD` goes without saying where there is `GET`.
fn reads_as(method: &str) -> Option<Method> {
    match method {
        "HEAD" => None,
        "GET" => Some(Method::Get),
        _ => Some(Method::Post),
    }
}

/// A word of ours may be a handle too: that is described where the handle is a parameter.
fn is_of_path(route: &Route, path: &str) -> bool {
    path.contains('{') || !matches!(route, Route::Pull(Some(_)))
}

/// The path with a word for each parameter.
pub(super) fn sample(path: &str) -> String {
    let (mut sample, mut rest) = (String::new(), path);
    while let Some((before, behind)) = rest.split_once('{') {
        sample.push_str(before);
        sample.push_str("x1");
        rest = behind.split_once('}').map_or("", |(_, behind)| behind);
    }
    sample + rest
}

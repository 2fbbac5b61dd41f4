//! What stands behind a path.
//!
//! Decides which route each path names; that it has one reading, `proto_types::path` decides. Must
//! never take a path that was not read by that rule.

use proto_types::Handle;
use proto_types::path::segments;

use crate::http_json::Endpoint;

pub use proto_types::path::Error;

/// The service of A2A over gRPC, by its full name.
pub const A2A_SERVICE: &str = "lf.a2a.v1.A2AService";

/// What a path names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// A2A calls to this instance; the agent is named inside or by configuration.
    InstanceRpc,
    /// A2A calls to one agent.
    AgentRpc(Handle),
    /// An A2A call over HTTP+JSON, of which the path says the operation.
    HttpJson(Endpoint),
    /// An A2A call over gRPC, to this method.
    Grpc(String),
    /// The card of this instance; also under the name that it had until A2A 0.2.
    InstanceCard,
    /// The card of one agent.
    AgentCard(Handle),
    /// The descriptor, under the older name or the newer one.
    Descriptor(Brand),
    /// The keys that this instance signs with.
    Jwks,
    /// An operator's call to a peer, as this instance.
    FederationProxy,
    /// How this instance federates, for those who run it.
    FederationStatus,
    /// The peers that an operator may call, for those who run this instance.
    FederationDirectory,
    /// How A2A is spoken here, for those who run this instance.
    A2aStatus,
    /// The agents that a viewer sees, as Pilox lists them.
    MeshAgents,
    /// How peers answer, for the operator.
    MeshPeers,
    /// Takes WAN envelopes in.
    Publish,
    /// Leases envelopes to a local subscriber. Without a target, the query names it.
    Pull(Option<Handle>),
    /// Acknowledges one; the target is found as for [`Route::Pull`].
    Acknowledge(Option<Handle>),
    /// Dead letters, for the operator.
    DeadLetters,
    /// Whether the process lives.
    Health,
    /// Whether it should be sent work.
    Ready,
    /// Its counters.
    Metrics,
    /// What an error code means.
    ErrorPage(String),
    /// The contract of all this.
    Contract(Notation),
}

/// How the contract is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notation {
    /// YAML 1.2.
    Yaml,
    /// JSON.
    Json,
}

/// Which of the two names a Pilox document carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Brand {
    /// Older instances.
    Hive,
    /// Newer ones.
    Pilox,
}

/// What a request does at its path: one path may be two routes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// It reads: `GET` and, without a body, `HEAD`.
    Get,
    /// It acts: all others.
    Post,
}

/// The methods that a route answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Methods(&'static str);

impl Methods {
    /// A document is read.
    pub const GET: Self = Self("GET, HEAD");
    /// A body is taken.
    pub const POST: Self = Self("POST");
    /// A call without a body. It costs a token, so that nobody makes it for the head alone.
    pub const CALL: Self = Self("GET");
    /// A call with a body or without.
    pub const CALL_OR_POST: Self = Self("GET, POST");
    /// Two calls without a body.
    pub const CALL_OR_DELETE: Self = Self("GET, DELETE");

    /// What the `Allow` header says.
    #[must_use]
    pub const fn allow(self) -> &'static str {
        self.0
    }

    /// Whether a method, as requests write it, is one of them.
    #[must_use]
    pub fn contain(self, method: &str) -> bool {
        self.0.split(", ").any(|taken| taken == method)
    }
}

impl Route {
    /// The route that a path names to this method, if any. The path comes without its query, as it was sent.
    ///
    /// # Errors
    /// The path has more than one reading; see [`enum@Error`].
    pub fn find(path: &str, method: Method) -> Result<Option<Self>, Error> {
        let segments = segments(path)?;
        let mut segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let slash_at_end = segments.last() == Some(&"") && segments.len() > 1;
        if slash_at_end {
            segments.pop();
        }
        // The A2A conformance kit, and not only it, posts to the URL with a slash at its end.
        let route = Self::of(&segments, path, method);
        Ok(route.filter(|route| !slash_at_end || route.speaks_json_rpc()))
    }

    fn of(segments: &[&str], path: &str, method: Method) -> Option<Self> {
        let handle = |text: &str| Handle::parse(text).ok();
        Some(match segments {
            ["v1" | "api", "a2a", "jsonrpc"]
            | ["api", "a2a", "federated", "jsonrpc"]
            | ["api", "a2a", "jsonrpc", "public"] => Self::InstanceRpc,
            ["agents", name] => Self::AgentRpc(handle(name)?),
            ["agents", name, ".well-known", "agent-card.json" | "agent.json"] => {
                Self::AgentCard(handle(name)?)
            }
            [".well-known", document] => Self::of_well_known(document)?,
            ["api", "a2a", "status"] => Self::A2aStatus,
            ["api", "mesh", rest @ ..] => Self::of_mesh(rest)?,
            ["v1", "publish"] => Self::Publish,
            ["v1", "envelopes", rest @ ..] => Self::of_envelopes(rest, method)?,
            ["v1", "dead-letters"] => Self::DeadLetters,
            ["healthz" | "livez"] | ["v1", "health"] => Self::Health,
            ["readyz"] => Self::Ready,
            ["metrics"] | ["v1", "metrics"] => Self::Metrics,
            ["docs", "errors", code] => Self::ErrorPage((*code).to_owned()),
            ["openapi.yaml"] => Self::Contract(Notation::Yaml),
            ["openapi.json"] => Self::Contract(Notation::Json),
            [A2A_SERVICE, method] => Self::Grpc((*method).to_owned()),
            _ => Self::HttpJson(Endpoint::find(segments, path)?),
        })
    }

    fn of_well_known(document: &str) -> Option<Self> {
        Some(match document {
            "agent-card.json" | "agent.json" => Self::InstanceCard,
            "pilox-mesh.json" => Self::Descriptor(Brand::Pilox),
            "hive-mesh.json" => Self::Descriptor(Brand::Hive),
            "jwks.json" => Self::Jwks,
            _ => return None,
        })
    }

    /// Behind `/api/mesh`, where Pilox has them.
    fn of_mesh(segments: &[&str]) -> Option<Self> {
        Some(match segments {
            ["federation", "proxy", "jsonrpc"] => Self::FederationProxy,
            ["federation", "status"] => Self::FederationStatus,
            ["federation", "directory"] => Self::FederationDirectory,
            ["agents"] => Self::MeshAgents,
            ["peers"] => Self::MeshPeers,
            ["wan", "ingress"] => Self::Publish,
            _ => return None,
        })
    }

    /// Behind `/v1/envelopes`.
    fn of_envelopes(segments: &[&str], method: Method) -> Option<Self> {
        let target = |text: &str| Handle::parse(text).ok().map(Some);
        Some(match segments {
            [] => Self::Pull(None),
            // It is a handle too, and nobody reads an acknowledgement.
            ["ack"] if method == Method::Post => Self::Acknowledge(None),
            [name] => Self::Pull(target(name)?),
            [name, "ack"] => Self::Acknowledge(target(name)?),
            _ => return None,
        })
    }

    /// The methods it answers.
    #[must_use]
    pub const fn methods(&self) -> Methods {
        match self {
            Self::InstanceRpc
            | Self::AgentRpc(_)
            | Self::Grpc(_)
            | Self::FederationProxy
            | Self::Publish
            | Self::Acknowledge(_) => Methods::POST,
            Self::HttpJson(endpoint) => endpoint.methods(),
            Self::DeadLetters => Methods::CALL_OR_POST,
            Self::InstanceCard
            | Self::AgentCard(_)
            | Self::Descriptor(_)
            | Self::Jwks
            | Self::FederationStatus
            | Self::FederationDirectory
            | Self::A2aStatus
            | Self::MeshAgents
            | Self::MeshPeers
            | Self::Pull(_)
            | Self::Health
            | Self::Ready
            | Self::Metrics
            | Self::ErrorPage(_)
            | Self::Contract(_) => Methods::GET,
        }
    }

    /// The agent that is called, if the path names one.
    #[must_use]
    pub const fn agent(&self) -> Option<&Handle> {
        match self {
            Self::AgentRpc(handle) => Some(handle),
            Self::HttpJson(endpoint) => endpoint.agent.as_ref(),
            _ => None,
        }
    }

    /// Whether calls come in JSON-RPC.
    #[must_use]
    pub const fn speaks_json_rpc(&self) -> bool {
        matches!(self, Self::InstanceRpc | Self::AgentRpc(_))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn handle(text: &str) -> Handle {
        Handle::parse(text).unwrap()
    }

    fn method_of(route: &Route) -> Method {
        if route.methods().contain("GET") { Method::Get } else { Method::Post }
    }

    #[test]
    fn each_route_has_its_paths() {
        for (path, route) in [
            ("/v1/a2a/jsonrpc", Route::InstanceRpc),
            ("/v1/a2a/jsonrpc/", Route::InstanceRpc),
            ("/api/a2a/jsonrpc", Route::InstanceRpc),
            ("/api/a2a/federated/jsonrpc", Route::InstanceRpc),
            ("/api/a2a/jsonrpc/public", Route::InstanceRpc),
            ("/agents/echo", Route::AgentRpc(handle("echo"))),
            ("/agents/echo/", Route::AgentRpc(handle("echo"))),
            ("/agents/urn%3Ahive%3aagent", Route::AgentRpc(handle("urn:hive:agent"))),
            ("/agents/acme01%2Ftranslator", Route::AgentRpc(handle("acme01/translator"))),
            (
                "/agents/acme01%2Ftranslator/.well-known/agent-card.json",
                Route::AgentCard(handle("acme01/translator")),
            ),
            ("/v1/envelopes/acme01%2Fa", Route::Pull(Some(handle("acme01/a")))),
            ("/v1/envelopes/acme01%2Fa/ack", Route::Acknowledge(Some(handle("acme01/a")))),
            ("/agents/echo/.well-known/agent-card.json", Route::AgentCard(handle("echo"))),
            ("/.well-known/agent-card.json", Route::InstanceCard),
            ("/.well-known/hive-mesh.json", Route::Descriptor(Brand::Hive)),
            ("/.well-known/pilox-mesh.json", Route::Descriptor(Brand::Pilox)),
            ("/.well-known/jwks.json", Route::Jwks),
            ("/api/mesh/federation/proxy/jsonrpc", Route::FederationProxy),
            ("/api/mesh/federation/status", Route::FederationStatus),
            ("/api/mesh/federation/directory", Route::FederationDirectory),
            ("/api/a2a/status", Route::A2aStatus),
            ("/api/mesh/agents", Route::MeshAgents),
            ("/api/mesh/peers", Route::MeshPeers),
            ("/v1/publish", Route::Publish),
            ("/api/mesh/wan/ingress", Route::Publish),
            ("/v1/envelopes", Route::Pull(None)),
            ("/v1/envelopes/urn:a:b", Route::Pull(Some(handle("urn:a:b")))),
            ("/v1/envelopes/urn:a:b/ack", Route::Acknowledge(Some(handle("urn:a:b")))),
            ("/v1/envelopes/ack", Route::Acknowledge(None)),
            ("/v1/dead-letters", Route::DeadLetters),
            ("/healthz", Route::Health),
            ("/livez", Route::Health),
            ("/readyz", Route::Ready),
            ("/metrics", Route::Metrics),
            ("/v1/health", Route::Health),
            ("/v1/metrics", Route::Metrics),
            ("/docs/errors/not-found", Route::ErrorPage("not-found".to_owned())),
            ("/openapi.yaml", Route::Contract(Notation::Yaml)),
            ("/openapi.json", Route::Contract(Notation::Json)),
            ("/lf.a2a.v1.A2AService/GetTask", Route::Grpc("GetTask".to_owned())),
        ] {
            let method = method_of(&route);
            assert_eq!(Route::find(path, method), Ok(Some(route)), "{path}");
        }
    }

    /// Caught: `GET /v1/envelopes/ack` was refused, although an agent may be called so.
    #[test]
    fn a_handle_that_is_a_word_of_ours_is_read_by_its_plain_path() {
        for word in ["ack", "v1", "agents", "envelopes", ".well-known", "docs", "metrics"] {
            let here = Some(handle(word));
            for (path, route) in [
                (format!("/agents/{word}"), Route::AgentRpc(handle(word))),
                (
                    format!("/agents/{word}/.well-known/agent-card.json"),
                    Route::AgentCard(handle(word)),
                ),
                (format!("/v1/envelopes/{word}"), Route::Pull(here.clone())),
                (format!("/v1/envelopes/{word}/ack"), Route::Acknowledge(here)),
            ] {
                let method = method_of(&route);
                assert_eq!(Route::find(&path, method), Ok(Some(route)), "{path}");
            }
        }
    }

    #[test]
    fn what_names_nothing_is_no_route() {
        for path in [
            "/",
            "/v1",
            "/v1/publish/",
            "/healthz/",
            "/V1/publish",
            "/agents",
            "/agents/",
            "/agents/a/b",
            "/agents/acme01/translator",
            "/v1%2Fpublish",
            "/api/a2a/federated",
            "/api/mesh/federation",
            "/api/mesh/agents/",
            "/api/mesh/federation/status/",
            "/.well-known/agent-card.json/",
            "/agents/a\"b",
            "/lf.a2a.v1.A2AService",
            "/lf.a2a.v1.A2AService/GetTask/",
            "/a2a.v1.A2AService/GetTask",
        ] {
            assert_eq!(Route::find(path, Method::Get), Ok(None), "{path}");
        }
    }

    #[test]
    fn a_path_with_two_readings_is_refused() {
        for path in ["/agents/../metrics", "/agents/acme01%2F..%2Fmetrics"] {
            assert_eq!(Route::find(path, Method::Get), Err(Error::DotSegment), "{path}");
        }
    }
}

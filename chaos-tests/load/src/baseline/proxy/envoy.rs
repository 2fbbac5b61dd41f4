//! Envoy's configuration: the checks of a plain token that it has in itself.
//! It decides which filters stand before the upstream. It must never leave a check out that Envoy could do by itself.

use std::net::SocketAddr;

use chaos_cluster::peer::Peer;
use proto_types::base64url;
use serde_json::{Value, json};

/// As `bounds.rs` tells our gateway: so many in its window, all of them at once if need be.
const REQUESTS: u32 = 10_000_000;

/// A listener on this port of loopback, for tokens of this peer for this audience, before this upstream.
pub(super) fn config((port, upstream): (u16, SocketAddr), peer: &Peer, audience: &str) -> Value {
    let calls = json!({
        "@type": kind("network.http_connection_manager.v3.HttpConnectionManager"),
        "stat_prefix": "calls",
        "generate_request_id": false,
        "route_config": { "virtual_hosts": [{
            "name": "agent",
            "domains": ["*"],
            "routes": [{ "match": { "prefix": "/" }, "route": { "cluster": "agent" } }],
        }] },
        "http_filters": [
            { "name": "envoy.filters.http.jwt_authn", "typed_config": tokens(peer, audience) },
            { "name": "envoy.filters.http.local_ratelimit", "typed_config": rate() },
            {
                "name": "envoy.filters.http.router",
                "typed_config": { "@type": kind("http.router.v3.Router") },
            },
        ],
    });
    let listener = json!({
        "name": "calls",
        "address": address(SocketAddr::from(([127, 0, 0, 1], port))),
        "filter_chains": [{ "filters": [{
            "name": "envoy.filters.network.http_connection_manager",
            "typed_config": calls,
        }] }],
    });
    json!({ "static_resources": { "listeners": [listener], "clusters": [cluster(upstream)] } })
}

fn kind(name: &str) -> String {
    format!("type.googleapis.com/envoy.extensions.filters.{name}")
}

fn tokens(peer: &Peer, audience: &str) -> Value {
    let key = json!({
        "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig",
        "kid": peer.kid.as_str(), "x": base64url::encode(peer.key.public().as_bytes()),
    });
    json!({
        "@type": kind("http.jwt_authn.v3.JwtAuthentication"),
        "providers": { "peer": {
            "issuer": peer.origin.as_str(),
            "audiences": [audience],
            "local_jwks": { "inline_string": json!({ "keys": [key] }).to_string() },
        } },
        "rules": [{ "match": { "prefix": "/" }, "requires": { "provider_name": "peer" } }],
    })
}

fn rate() -> Value {
    let all = |key: &str| {
        let all = json!({ "numerator": 100, "denominator": "HUNDRED" });
        json!({ "runtime_key": key, "default_value": all })
    };
    json!({
        "@type": kind("http.local_ratelimit.v3.LocalRateLimit"),
        "stat_prefix": "rate",
        "token_bucket": {
            "max_tokens": REQUESTS, "tokens_per_fill": REQUESTS, "fill_interval": "60s",
        },
        "filter_enabled": all("rate_enabled"),
        "filter_enforced": all("rate_enforced"),
    })
}

fn cluster(upstream: SocketAddr) -> Value {
    let endpoint = json!({ "endpoint": { "address": address(upstream) } });
    json!({
        "name": "agent",
        "type": "STATIC",
        "connect_timeout": "2s",
        "load_assignment": {
            "cluster_name": "agent", "endpoints": [{ "lb_endpoints": [endpoint] }],
        },
    })
}

fn address(at: SocketAddr) -> Value {
    json!({ "socket_address": { "address": at.ip().to_string(), "port_value": at.port() } })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn its_filters_check_before_they_pass_on_and_its_key_is_the_peers() {
        let peer = Peer::new("https://bench.example").unwrap();
        let upstream = SocketAddr::from(([127, 0, 0, 1], 7_002));
        let config = config((7_001, upstream), &peer, "https://gateway.example");
        let listener = &config["static_resources"]["listeners"][0];
        assert_eq!(listener["address"]["socket_address"]["port_value"], 7_001);
        let manager = &listener["filter_chains"][0]["filters"][0]["typed_config"];
        let filters = manager["http_filters"].as_array().unwrap();
        let names = filters.iter().map(|filter| filter["name"].as_str().unwrap());
        let names: Vec<_> = names.filter_map(|name| name.rsplit('.').next()).collect();
        assert_eq!(names, ["jwt_authn", "local_ratelimit", "router"]);
        let jwks = &filters[0]["typed_config"]["providers"]["peer"]["local_jwks"]["inline_string"];
        let jwks: Value = serde_json::from_str(jwks.as_str().unwrap()).unwrap();
        let x = base64url::decode(jwks["keys"][0]["x"].as_str().unwrap()).unwrap();
        assert_eq!(x, peer.key.public().as_bytes());
    }
}

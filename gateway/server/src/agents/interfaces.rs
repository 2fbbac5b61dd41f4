//! Where agents and the instance are called, in each binding and version.
//!
//! Decides the URLs that cards name, and in which order: the first is preferred. Must never name one that `gateway-core` reads
//! as another route.

use gateway_core::http_json::{self, Endpoint, Resource};
use gateway_core::path::{Method, Route};
use proto_types::a2a::ProtocolVersion;
use proto_types::card::Interface;
use proto_types::path::encode;
use proto_types::{Handle, Origin};

/// Where this instance answers A2A calls in JSON-RPC.
pub(crate) const INSTANCE_RPC: &str = "/v1/a2a/jsonrpc";

/// Of one agent: at its own URL, and over gRPC by its handle as the tenant. A handle that is refused today (`a/../b`) but was
/// registered earlier has no URL: its agent is called at the instance's.
pub(super) fn of_agent(origin: &Origin, handle: &Handle) -> Vec<Interface> {
    let Some(path) = own_path(handle) else { return of_tenant(origin, handle) };
    let url = format!("{}{path}", origin.as_str());
    vec![
        Interface::json_rpc(&url),
        Interface::http_json(&url),
        with_tenant(grpc(origin), handle),
        Interface::json_rpc(&url).of_v03(),
        Interface::http_json(&url).of_v03(),
    ]
}

/// Of the instance: whoever answers calls that name nobody.
pub(super) fn of_instance(origin: &Origin) -> Vec<Interface> {
    let (rpc, plain) = instance_urls(origin);
    vec![
        Interface::json_rpc(&rpc),
        Interface::http_json(&plain),
        grpc(origin),
        Interface::json_rpc(&rpc).of_v03(),
        Interface::http_json(&plain).of_v03(),
    ]
}

/// Of the instance, where an attached agent answers calls that name nobody. It is named all the same where that can be said:
/// a list of tasks that names nobody is one of hosted agents.
pub(super) fn of_attached_default(origin: &Origin, handle: &Handle) -> Vec<Interface> {
    let mut interfaces = of_tenant(origin, handle);
    let (rpc, plain) = instance_urls(origin);
    interfaces.extend([Interface::json_rpc(&rpc).of_v03(), Interface::http_json(&plain).of_v03()]);
    interfaces
}

/// Of the instance for one of its agents. A2A 0.3 has no tenants.
pub(super) fn of_tenant(origin: &Origin, handle: &Handle) -> Vec<Interface> {
    let (rpc, plain) = instance_urls(origin);
    let mut interfaces = vec![with_tenant(Interface::json_rpc(&rpc), handle)];
    // Clients put the tenant into the path as it is (A2A 1.0, section 8.3.2).
    if is_tenant(handle) {
        interfaces.push(with_tenant(Interface::http_json(&plain), handle));
    } else if let Some(path) = own_path(handle) {
        interfaces.push(Interface::http_json(&format!("{}{path}", origin.as_str())));
    }
    interfaces.push(with_tenant(grpc(origin), handle));
    interfaces
}

/// The path of an agent, with its handle encoded where it must be.
fn own_path(handle: &Handle) -> Option<String> {
    let paths = [handle.to_string(), encode(handle.as_str())];
    let mut paths = paths.map(|segment| format!("/agents/{segment}")).into_iter();
    paths.find(|path| names(path, &Route::AgentRpc(handle.clone())))
}

/// Whether a handle can stand in the instance's paths as it is.
fn is_tenant(handle: &Handle) -> bool {
    let endpoint = Endpoint {
        agent: Some(handle.clone()),
        version: ProtocolVersion::V10,
        resource: Resource::Tasks,
    };
    names(&format!("{}/{handle}/tasks", http_json::INSTANCE), &Route::HttpJson(endpoint))
}

/// Whether a URL with this path is that of a route.
fn names(path: &str, route: &Route) -> bool {
    // There the path of a URL ends.
    !path.contains(['?', '#'])
        && Route::find(path, Method::Post).is_ok_and(|found| found.as_ref() == Some(route))
}

fn instance_urls(origin: &Origin) -> (String, String) {
    let url = |path: &str| format!("{}{path}", origin.as_str());
    (url(INSTANCE_RPC), url(http_json::INSTANCE))
}

fn grpc(origin: &Origin) -> Interface {
    Interface::grpc(&format!("{}:{}", origin.host(), origin.port()))
}

fn with_tenant(interface: Interface, handle: &Handle) -> Interface {
    Interface { tenant: Some(handle.as_str().to_owned()), ..interface }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn first(interfaces: &[Interface], binding: &str) -> (String, Option<String>) {
        let found = interfaces.iter().find(|one| one.protocol_binding == binding).unwrap();
        (found.url.clone(), found.tenant.clone())
    }

    #[test]
    fn an_agent_is_called_at_its_handle_as_one_segment() {
        let origin = Origin::parse("https://b.example").unwrap();
        for (handle, path) in [
            ("urn:a:b", "/agents/urn:a:b"),
            ("acme01/translator", "/agents/acme01%2Ftranslator"),
            ("a%2Fb?c", "/agents/a%252Fb%3Fc"),
            ("a?b", "/agents/a%3Fb"),
        ] {
            let called = of_agent(&origin, &Handle::parse(handle).unwrap());
            let url = format!("https://b.example{path}");
            for binding in ["JSONRPC", "HTTP+JSON"] {
                assert_eq!(first(&called, binding), (url.clone(), None), "{handle}");
            }
            let grpc = ("b.example:443".to_owned(), Some(handle.to_owned()));
            assert_eq!(first(&called, "GRPC"), grpc);
        }
        // It is refused today, but may have been registered earlier.
        let older = of_agent(&origin, &Handle::parse("a/../b").unwrap());
        let url = "https://b.example/v1/a2a/jsonrpc".to_owned();
        assert_eq!(first(&older, "JSONRPC"), (url, Some("a/../b".to_owned())));
        assert!(older.iter().all(|one| one.protocol_binding != "HTTP+JSON"));
    }

    #[test]
    fn a_tenant_stands_in_the_path_only_where_it_is_read_as_one() {
        let origin = Origin::parse("http://127.0.0.1:8080").unwrap();
        for (handle, path, tenant) in [
            ("urn:a:b", "/a2a", Some("urn:a:b")),
            ("acme01/a", "/agents/acme01%2Fa", None),
            ("v1", "/agents/v1", None),
            ("tasks", "/agents/tasks", None),
        ] {
            let called = of_tenant(&origin, &Handle::parse(handle).unwrap());
            let url = format!("http://127.0.0.1:8080{path}");
            assert_eq!(first(&called, "HTTP+JSON"), (url, tenant.map(str::to_owned)), "{handle}");
            assert_eq!(first(&called, "JSONRPC").1.as_deref(), Some(handle));
            assert_eq!(first(&called, "GRPC").0, "127.0.0.1:8080");
        }
    }
}

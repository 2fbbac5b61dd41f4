//! What of the head of a call is told to the server of an attached agent.
//!
//! Decides by a list of what is passed on. A credential of the caller, or anything else that is not on it, must never be.

use deploy_service::ClientAddress;
use gateway_core::{Caller, Failure};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue};
use proto_types::a2a::ProtocolVersion;

use crate::gateway::Gateway;
use crate::onward;

const VERSION: HeaderName = HeaderName::from_static("a2a-version");
const EXTENSIONS: HeaderName = HeaderName::from_static("a2a-extensions");
/// The same as A2A 0.3 names it.
const EXTENSIONS_V03: HeaderName = HeaderName::from_static("x-a2a-extensions");
const CLIENT: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The headers of a call to a server of this version.
///
/// # Errors
/// The call was here before, has passed too many gateways, or does not say properly where it was and for whom it is.
pub(super) fn forwarded(
    gateway: &Gateway,
    caller: &Caller,
    parts: &Parts,
    version: ProtocolVersion,
) -> Result<HeaderMap, Failure> {
    let mut headers = plain(parts, version);
    onward::write_hops(&mut headers, gateway, parts)?;
    onward::write_actors(&mut headers, caller, parts)?;
    Ok(headers)
}

fn plain(parts: &Parts, version: ProtocolVersion) -> HeaderMap {
    let mut headers = onward::copied(parts, &[]);
    headers.insert(VERSION, HeaderValue::from_static(version.as_str()));
    let extensions = match version {
        ProtocolVersion::V10 => EXTENSIONS,
        ProtocolVersion::V03 => EXTENSIONS_V03,
    };
    let asked = [EXTENSIONS, EXTENSIONS_V03].map(|name| parts.headers.get_all(name));
    for value in asked.into_iter().flatten() {
        headers.append(extensions.clone(), value.clone());
    }
    let client = parts.extensions.get::<ClientAddress>().map(|client| client.0.to_string());
    onward::write(&mut headers, CLIENT, client);
    headers
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use http::Request;

    use super::*;

    #[test]
    fn only_what_is_on_the_list_is_passed_on_and_in_the_words_of_the_servers_version() {
        let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let request = Request::post("/agents/far")
            .header("authorization", "Bearer secret")
            .header("x-hive-federation-jwt", "secret")
            .header("cookie", "secret")
            .header("a2a-version", "1.0")
            .header("a2a-extensions", "urn:a")
            .header("x-a2a-extensions", "urn:b")
            .header("x-forwarded-for", "198.51.100.1")
            .header("ecumene-actor", "user:nobody")
            .header("traceparent", trace)
            .extension(ClientAddress("192.0.2.7".parse().unwrap()));
        let parts = request.body(()).unwrap().into_parts().0;
        for (version, stated, extensions) in [
            (ProtocolVersion::V10, "1.0", "a2a-extensions"),
            (ProtocolVersion::V03, "0.3", "x-a2a-extensions"),
        ] {
            let headers = plain(&parts, version);
            let asked: Vec<_> = headers.get_all(extensions).iter().collect();
            assert_eq!(asked, ["urn:a", "urn:b"]);
            assert_eq!(headers.len(), 5, "{headers:?}");
            assert_eq!(headers["a2a-version"], stated);
            assert_eq!(headers["traceparent"], trace);
            assert_eq!(headers["x-forwarded-for"], "192.0.2.7");
        }
    }
}

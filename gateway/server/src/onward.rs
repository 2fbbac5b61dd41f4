//! What of the head of a request goes on with a call that is handed on: to an attached agent, or to a peer.
//!
//! Decides by lists what is passed on as it came, and that the call says where it has been. Must never pass on what is on no
//! list, a credential least of all.

use gateway_core::hops::{ACTOR, Actors, HOPS, Hops};
use gateway_core::{Caller, Failure};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::envelopes;
use crate::gateway::Gateway;

/// The headers of these names, and where the trace stands.
pub(crate) fn copied(parts: &Parts, names: &[&'static str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for &name in names {
        for value in parts.headers.get_all(name) {
            headers.append(HeaderName::from_static(name), value.clone());
        }
    }
    write(&mut headers, envelopes::TRACEPARENT, envelopes::traceparent(&parts.headers));
    headers
}

/// Says that the call has passed this gateway too.
///
/// # Errors
/// It was here before, has passed too many gateways, or does not say properly which.
pub(crate) fn write_hops(
    headers: &mut HeaderMap,
    gateway: &Gateway,
    parts: &Parts,
) -> Result<(), Failure> {
    let own = &gateway.admission.audience;
    let hops = Hops::parse(lines(parts, HOPS))?.through(own, gateway.upstreams.hops_max())?;
    write(headers, HeaderName::from_static(HOPS), Some(hops.to_string()));
    Ok(())
}

/// Says whom the call is made for: its caller, and before it whom that names, if it is a peer.
///
/// # Errors
/// The caller is a peer, and names nobody properly.
pub(crate) fn write_actors(
    headers: &mut HeaderMap,
    caller: &Caller,
    parts: &Parts,
) -> Result<(), Failure> {
    let actors = Actors::of(caller, lines(parts, ACTOR))?;
    write(headers, HeaderName::from_static(ACTOR), Some(actors.to_string()));
    Ok(())
}

/// Writes a header, if there is something to say.
pub(crate) fn write(headers: &mut HeaderMap, name: HeaderName, said: Option<String>) {
    if let Some(value) = said.and_then(|said| HeaderValue::try_from(said).ok()) {
        headers.insert(name, value);
    }
}

fn lines<'p>(parts: &'p Parts, name: &'static str) -> impl Iterator<Item = &'p [u8]> {
    parts.headers.get_all(name).into_iter().map(HeaderValue::as_bytes)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use http::Request;

    use super::*;

    #[test]
    fn only_what_is_named_is_copied_in_each_of_its_lines() {
        let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let request = Request::post("/")
            .header("authorization", "Bearer secret")
            .header("a2a-extensions", "urn:a")
            .header("a2a-extensions", "urn:b")
            .header("ecumene-hops", "https://a.example")
            .header("traceparent", trace);
        let parts = request.body(()).unwrap().into_parts().0;
        let headers = copied(&parts, &["a2a-extensions", "a2a-version"]);
        let extensions: Vec<_> = headers.get_all("a2a-extensions").iter().collect();
        assert_eq!(extensions, ["urn:a", "urn:b"]);
        assert_eq!(headers.len(), 3, "{headers:?}");
        assert_eq!(headers["traceparent"], trace);
    }
}

//! Which interface of a card is called: what an agent is attached by.
//!
//! It decides by the card alone: A2A 1.0 before 0.3, then the card's own order. It must never take an interface that a
//! gateway cannot speak, nor replicas that are called in different ways.

use std::net::IpAddr;

use proto_types::a2a::ProtocolVersion;
use proto_types::card::{Interface, View};
use proto_types::upstream::{Upstream, UpstreamBinding};
use proto_wire::registry::v1 as wire;

use crate::output::printable;

/// How an agent is called that has this card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chosen {
    /// Where, as the card says.
    url: String,
    binding: UpstreamBinding,
    version: ProtocolVersion,
    tenant: Option<String>,
}

/// The interface that is called, if `wanted` by this binding.
///
/// # Errors
/// No gateway can call any; with those that there are.
pub(super) fn choose(view: &View, wanted: Option<UpstreamBinding>) -> Result<Chosen, String> {
    let known = view.interfaces.iter().filter_map(read);
    let fits = known.filter(|chosen| wanted.is_none_or(|wanted| chosen.binding == wanted));
    // The first of those that are equally good.
    let best = fits.min_by_key(|chosen| chosen.version != ProtocolVersion::V10);
    best.ok_or_else(|| {
        let bindings =
            wanted.map_or_else(|| UpstreamBinding::WORDS.join(" or "), |it| it.to_string());
        let has: Vec<_> = view.interfaces.iter().map(shown).collect();
        format!(
            "the card has no interface of {bindings} in A2A 1.0 or 0.3; it has {}",
            has.join(", ")
        )
    })
}

fn read(interface: &Interface) -> Option<Chosen> {
    let version = ProtocolVersion::negotiate(Some(interface.protocol_version.as_str())).ok()?;
    let binding: UpstreamBinding = interface.protocol_binding.parse().ok()?;
    let url = match binding {
        UpstreamBinding::Grpc => grpc_url(&interface.url, version)?,
        UpstreamBinding::JsonRpc | UpstreamBinding::HttpJson => interface.url.clone(),
    };
    Some(Chosen {
        url,
        binding,
        version,
        // 0.3 has none.
        tenant: interface.tenant.clone().filter(|_| version == ProtocolVersion::V10),
    })
}

/// Where an interface of gRPC is, which cards name by host and port alone as often as by a URL; none if no gateway can call it
/// there. Without a scheme it is TLS, unless the host is not of the public internet.
fn grpc_url(stated: &str, version: ProtocolVersion) -> Option<String> {
    let scheme = if is_near(stated) { "http" } else { "https" };
    let url = match stated.contains("://") {
        true => stated.to_owned(),
        false => format!("{scheme}://{stated}"),
    };
    let read = Upstream::parse(&[&url], UpstreamBinding::Grpc.as_str(), version.as_str(), "");
    read.is_ok().then_some(url)
}

fn is_near(authority: &str) -> bool {
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    match host.trim_matches(['[', ']']).parse() {
        Ok(IpAddr::V4(address)) => address.is_loopback() || address.is_private(),
        Ok(IpAddr::V6(address)) => address.is_loopback() || address.is_unique_local(),
        Err(_) => host == "localhost",
    }
}

fn shown(interface: &Interface) -> String {
    let Interface { url, protocol_binding, protocol_version, .. } = interface;
    printable(&format!("{protocol_binding} {protocol_version} at {url}"))
}

impl Chosen {
    /// The same at other places.
    pub(super) fn at(self, urls: Vec<String>) -> wire::Upstream {
        wire::Upstream {
            urls,
            binding: self.binding.to_string(),
            version: self.version.to_string(),
            tenant: self.tenant.unwrap_or_default(),
        }
    }

    fn called_as(&self) -> String {
        let tenant = self.tenant.as_deref().map(|tenant| format!(", tenant {tenant}"));
        printable(&format!("{} {}{}", self.binding, self.version, tenant.unwrap_or_default()))
    }
}

/// One agent of its replicas, each with the URL that it was asked at.
///
/// # Errors
/// They are called in different ways, or two of them at one URL.
pub(super) fn together(replicas: &[(&str, Chosen)]) -> Result<wire::Upstream, String> {
    let mut urls: Vec<String> = Vec::with_capacity(replicas.len());
    let way = |it: &Chosen| (it.binding, it.version, it.tenant.clone());
    let Some((first, chosen)) = replicas.first() else {
        return Err("there is no server to attach".to_owned());
    };
    for (asked, other) in replicas {
        if way(other) != way(chosen) {
            let (one, two) = (chosen.called_as(), other.called_as());
            return Err(format!(
                "replicas are called in one way: the card at {first} says {one}, and that at {asked} {two}; \
                 choose with --binding"
            ));
        }
        if urls.contains(&other.url) {
            return Err(format!(
                "the card at {asked} names {}, as one before it does: give the URLs at which the replicas are \
                 called, and the card with --card or --card-url",
                printable(&other.url)
            ));
        }
        urls.push(other.url.clone());
    }
    Ok(chosen.clone().at(urls))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proto_types::card::Card;
    use serde_json::{Value, json};

    use super::*;

    const URL: &str = "http://127.0.0.1:9999";

    /// A card of 1.0 with these interfaces: binding, version and path.
    fn card(interfaces: &[(&str, &str, &str)]) -> Card {
        let interface = |(binding, version, path): &(&str, &str, &str)| {
            let url = format!("{URL}{path}");
            json!({ "url": url, "protocolBinding": binding, "protocolVersion": version })
        };
        let interfaces: Vec<Value> = interfaces.iter().map(interface).collect();
        let skill = json!({ "id": "s", "name": "s", "description": "s", "tags": ["t"] });
        parse(&json!({
            "name": "n", "description": "d", "version": "1", "supportedInterfaces": interfaces, "capabilities": {},
            "defaultInputModes": ["text/plain"], "defaultOutputModes": ["text/plain"], "skills": [skill],
        }))
    }

    fn parse(card: &Value) -> Card {
        Card::parse(card.to_string().as_bytes()).unwrap()
    }

    fn chosen(card: &Card, wanted: Option<UpstreamBinding>) -> Result<(String, String), String> {
        choose(card.view(), wanted).map(|chosen| (chosen.called_as(), chosen.url))
    }

    #[test]
    fn the_newer_version_is_chosen_and_then_the_first_of_the_card() {
        let card = card(&[
            ("GRPC", "1.0", "/grpc"),
            ("JSONRPC", "0.3", "/old"),
            ("HTTP+JSON", "1.0", "/rest"),
            ("JSONRPC", "1.0.1", "/rpc"),
        ]);
        let found = |called: &str, path: &str| Ok((called.to_owned(), format!("{URL}{path}")));
        assert_eq!(chosen(&card, None), found("HTTP+JSON 1.0", "/rest"));
        assert_eq!(chosen(&card, Some(UpstreamBinding::JsonRpc)), found("JSONRPC 1.0", "/rpc"));
    }

    #[test]
    fn a_card_of_0_3_is_called_at_its_url() {
        let old = parse(&json!({
            "protocolVersion": "0.3.0", "name": "n", "description": "d", "version": "1", "url": URL,
            "capabilities": {}, "defaultInputModes": [], "defaultOutputModes": [], "skills": [],
            "additionalInterfaces": [{ "url": format!("{URL}/v1"), "transport": "HTTP+JSON" }],
        }));
        let found = |called: &str, url: String| Ok((called.to_owned(), url));
        assert_eq!(chosen(&old, None), found("JSONRPC 0.3", URL.to_owned()));
        let rest = Some(UpstreamBinding::HttpJson);
        assert_eq!(chosen(&old, rest), found("HTTP+JSON 0.3", format!("{URL}/v1")));
    }

    #[test]
    fn a_card_that_no_gateway_can_call_is_refused_with_what_it_has() {
        let card = card(&[("GRPC", "0.3", ""), ("JSONRPC", "0.2.5", "/a")]);
        assert_eq!(
            chosen(&card, None).unwrap_err(),
            "the card has no interface of JSONRPC or HTTP+JSON or GRPC in A2A 1.0 or 0.3; it has \
             GRPC 0.3 at http://127.0.0.1:9999, JSONRPC 0.2.5 at http://127.0.0.1:9999/a"
        );
        let told = chosen(&card, Some(UpstreamBinding::HttpJson)).unwrap_err();
        assert!(told.contains("no interface of HTTP+JSON in"), "{told}");
    }

    #[test]
    fn an_interface_of_grpc_is_called_at_its_host_and_port_in_tls_unless_they_are_near() {
        let at = |url: &str, version: &str| {
            let interface = json!({
                "url": url, "protocolBinding": "GRPC", "protocolVersion": version,
            });
            let read: Interface = serde_json::from_value(interface).ok()?;
            super::read(&read).map(|chosen| chosen.url)
        };
        for (stated, url) in [
            ("a.example:50051", Some("https://a.example:50051")),
            ("http://a.example:50051", Some("http://a.example:50051")),
            ("https://a.example", Some("https://a.example")),
            ("127.0.0.1:50051", Some("http://127.0.0.1:50051")),
            ("localhost:50051", Some("http://localhost:50051")),
            ("10.1.2.3:50051", Some("http://10.1.2.3:50051")),
            ("[::1]:50051", Some("http://[::1]:50051")),
            ("8.8.8.8:443", Some("https://8.8.8.8:443")),
            ("https://a.example/grpc", None),
            ("dns:///a.example:50051", None),
        ] {
            assert_eq!(at(stated, "1.0").as_deref(), url, "{stated}");
            assert_eq!(at(stated, "0.3"), None, "{stated}");
        }
    }

    #[test]
    fn replicas_are_one_agent_if_they_are_called_alike_at_different_places() {
        let one = |binding, version, path| {
            choose(card(&[(binding, version, path)]).view(), None).unwrap()
        };
        let (a, b) = (one("JSONRPC", "1.0", "/a"), one("JSONRPC", "1.0", "/b"));
        let upstream = together(&[("a", a.clone()), ("b", b)]).unwrap();
        assert_eq!(upstream.urls, [format!("{URL}/a"), format!("{URL}/b")]);
        assert_eq!((upstream.binding.as_str(), upstream.version.as_str()), ("JSONRPC", "1.0"));
        let other = one("JSONRPC", "0.3", "/b");
        let told = together(&[("a", a.clone()), ("b", other)]).unwrap_err();
        assert!(
            told.contains("at a says JSONRPC 1.0") && told.contains("at b JSONRPC 0.3"),
            "{told}"
        );
        let told = together(&[("a", a.clone()), ("b", a)]).unwrap_err();
        assert!(told.contains("--card-url"), "{told}");
    }
}

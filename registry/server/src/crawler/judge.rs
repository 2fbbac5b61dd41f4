//! The class of reachability that an answer shows, by decision 19's table. What has not answered an A2A call is never
//! called open, and a card is never followed to a host that is not its owner's.

use proto_types::card::{Card, View};
use proto_types::{Origin, json};
use registry_core::entry::Reachability;
use registry_fetch::{FetchError, Fetched};

/// A class, and why, in a word or two.
pub(super) type Verdict = (Reachability, &'static str);

/// How an agent is called, as its card says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Call {
    /// JSON-RPC: where, and with which harmless method.
    JsonRpc { url: String, method: &'static str },
    /// Not at all by us.
    Not(Reachability, &'static str),
}

/// A fetch without an answer.
pub(super) const fn of_error(error: &FetchError) -> Verdict {
    match error {
        FetchError::Resolve(_) => (Reachability::Unreachable, "no address"),
        FetchError::Connect { .. } => (Reachability::Unreachable, "no connection"),
        FetchError::Deadline(_) => (Reachability::Unreachable, "no answer in time"),
        FetchError::HungUp => (Reachability::Unreachable, "hung up"),
        FetchError::Tls(_) => (Reachability::WrongTransport, "no TLS 1.3 under its name"),
        FetchError::Http(_) => (Reachability::WrongTransport, "no HTTP/1.1"),
        FetchError::TooLarge { .. } => (Reachability::NotSpeaking, "too large"),
        FetchError::Encoding(_) => (Reachability::NotSpeaking, "unreadable encoding"),
        FetchError::Redirect(_) => (Reachability::NotSpeaking, "redirects without end"),
        FetchError::Refused(_) => (Reachability::Unknown, "not a public address"),
        FetchError::Busy => (Reachability::Unknown, "not asked"),
    }
}

/// A status that already decides; `None` for success and for 304.
pub(super) const fn of_status(status: u16) -> Option<Verdict> {
    match status {
        200..=299 | 304 => None,
        401 | 403 | 407 => Some((Reachability::Gated, "asks for a credential")),
        429 => Some((Reachability::Unknown, "asks for patience")),
        500..=599 => Some((Reachability::Unknown, "fails")),
        406 | 415 | 426 => Some((Reachability::WrongTransport, "wants another form")),
        _ => Some((Reachability::NotSpeaking, "no such page")),
    }
}

/// How to call the agent of a card that came from `home` or belongs to `owner`.
pub(super) fn call_of(card: &Card, home: &Origin, owner: &Origin) -> Call {
    let view = card.view();
    let spoken = view.interfaces.iter().find(|it| it.protocol_binding == "JSONRPC");
    let Some(spoken) = spoken else {
        return Call::Not(Reachability::WrongTransport, "no JSON-RPC");
    };
    // A card could make us call anybody.
    match Origin::of_url(&spoken.url) {
        Ok(at) if at == *home || at == *owner => Call::JsonRpc {
            url: spoken.url.clone(),
            method: method(view, &spoken.protocol_version),
        },
        _ => Call::Not(Reachability::Unknown, "is called elsewhere"),
    }
}

/// Asking for a task that does not exist changes nothing.
fn method(view: &View, version: &str) -> &'static str {
    let old = version.starts_with("0.") || view.card_version == proto_types::card::CardVersion::V03;
    if old { "tasks/get" } else { "GetTask" }
}

/// The answer to the call.
pub(super) fn of_call(answer: &Fetched) -> Verdict {
    if let Some(gated @ (Reachability::Gated, _)) = of_status(answer.status) {
        return gated;
    }
    let spoken = json::parse_lossless(&answer.body).is_ok_and(|body| {
        body["jsonrpc"] == "2.0" && (body.get("result").is_some() || body.get("error").is_some())
    });
    match (spoken, of_status(answer.status)) {
        (true, _) => (Reachability::Open, "answered a call"),
        (false, Some(verdict)) => verdict,
        (false, None) => (Reachability::NotSpeaking, "no JSON-RPC answer"),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer(status: u16, body: &str) -> Fetched {
        Fetched {
            url: String::new(),
            status,
            etag: None,
            content_type: None,
            log_proof: None,
            revision: None,
            epoch: None,
            retry_after_s: None,
            body: body.to_owned().into(),
        }
    }

    #[test]
    fn only_an_answer_in_json_rpc_is_open() {
        for (status, body, class) in [
            (200, r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32001}}"#, Reachability::Open),
            (400, r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32600}}"#, Reachability::Open),
            (401, r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32000}}"#, Reachability::Gated),
            (403, "", Reachability::Gated),
            (200, "<html></html>", Reachability::NotSpeaking),
            (200, r#"{"ok":true}"#, Reachability::NotSpeaking),
            (404, "", Reachability::NotSpeaking),
            (405, "", Reachability::NotSpeaking),
            (415, "", Reachability::WrongTransport),
            (429, "", Reachability::Unknown),
            (502, "<html></html>", Reachability::Unknown),
        ] {
            assert_eq!(of_call(&answer(status, body)).0, class, "{status} {body}");
        }
    }

    #[test]
    fn a_card_does_not_make_us_call_a_third_host() {
        let card = |url: &str, binding: &str| {
            let card = json!({
                "name": "Text", "description": "d", "version": "1",
                "supportedInterfaces": [{
                    "url": url, "protocolBinding": binding, "protocolVersion": "1.0",
                }],
                "capabilities": {}, "defaultInputModes": ["text/plain"],
                "defaultOutputModes": ["text/plain"],
                "skills": [{ "id": "s", "name": "s", "description": "d", "tags": ["t"] }],
            });
            Card::parse(card.to_string().as_bytes()).unwrap()
        };
        let (home, owner): (Origin, Origin) =
            ("https://a.example".parse().unwrap(), "https://b.example".parse().unwrap());
        let call = |url, binding| call_of(&card(url, binding), &home, &owner);
        for own in ["https://a.example/rpc", "https://b.example/rpc"] {
            assert!(matches!(call(own, "JSONRPC"), Call::JsonRpc { method: "GetTask", .. }));
        }
        for other in ["https://victim.example/rpc", "http://a.example/rpc"] {
            assert!(
                matches!(call(other, "JSONRPC"), Call::Not(Reachability::Unknown, _)),
                "{other}"
            );
        }
        let grpc = call("https://a.example:443", "GRPC");
        assert!(matches!(grpc, Call::Not(Reachability::WrongTransport, _)));
    }
}

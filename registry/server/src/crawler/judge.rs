//! What an answer says about who gave it.
//!
//! It decides the class of reachability from what was seen, by decision 19's table. It must never call
//! open what has not answered an A2A call, nor follow a card to a host that is not its owner's.

use proto_types::card::{Card, View};
use proto_types::{Origin, json};
use registry_core::entry::Liveness;
use registry_fetch::{FetchError, Fetched};

/// A class, and why, in a word or two.
pub(super) type Verdict = (Liveness, &'static str);

/// How an agent is called, as its card says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Call {
    /// JSON-RPC: where, and with which harmless method.
    JsonRpc { url: String, method: &'static str },
    /// Not at all by us.
    Not(Liveness, &'static str),
}

/// A fetch without an answer.
pub(super) const fn of_error(error: &FetchError) -> Verdict {
    match error {
        FetchError::Resolve(_) => (Liveness::Unreachable, "no address"),
        FetchError::Connect { .. } => (Liveness::Unreachable, "no connection"),
        FetchError::Deadline(_) => (Liveness::Unreachable, "no answer in time"),
        FetchError::HungUp => (Liveness::Unreachable, "hung up"),
        FetchError::Tls(_) => (Liveness::WrongTransport, "no TLS 1.3 under its name"),
        FetchError::Http(_) => (Liveness::WrongTransport, "no HTTP/1.1"),
        FetchError::TooLarge { .. } => (Liveness::NotSpeaking, "too large"),
        FetchError::Encoding(_) => (Liveness::NotSpeaking, "unreadable encoding"),
        FetchError::Redirect(_) => (Liveness::NotSpeaking, "redirects without end"),
        FetchError::Refused(_) => (Liveness::Unknown, "not a public address"),
        FetchError::Busy => (Liveness::Unknown, "not asked"),
    }
}

/// A status that already decides; `None` for success and for 304.
pub(super) const fn of_status(status: u16) -> Option<Verdict> {
    match status {
        200..=299 | 304 => None,
        401 | 403 | 407 => Some((Liveness::Gated, "asks for a credential")),
        429 => Some((Liveness::Unknown, "asks for patience")),
        500..=599 => Some((Liveness::Unknown, "fails")),
        406 | 415 | 426 => Some((Liveness::WrongTransport, "wants another form")),
        _ => Some((Liveness::NotSpeaking, "no such page")),
    }
}

/// How to call the agent of a card that came from `home` or belongs to `owner`.
pub(super) fn call_of(card: &Card, home: &Origin, owner: &Origin) -> Call {
    let view = card.view();
    let spoken = view.interfaces.iter().find(|it| it.protocol_binding == "JSONRPC");
    let Some(spoken) = spoken else {
        return Call::Not(Liveness::WrongTransport, "no JSON-RPC");
    };
    // A card could make us call anybody.
    match Origin::of_url(&spoken.url) {
        Ok(at) if at == *home || at == *owner => Call::JsonRpc {
            url: spoken.url.clone(),
            method: method(view, &spoken.protocol_version),
        },
        _ => Call::Not(Liveness::Unknown, "is called elsewhere"),
    }
}

/// Asking for a task that does not exist changes nothing.
fn method(view: &View, version: &str) -> &'static str {
    let old = version.starts_with("0.") || view.card_version == proto_types::card::CardVersion::V03;
    if old { "tasks/get" } else { "GetTask" }
}

/// The answer to the call.
pub(super) fn of_call(answer: &Fetched) -> Verdict {
    if let Some(gated @ (Liveness::Gated, _)) = of_status(answer.status) {
        return gated;
    }
    let spoken = json::parse_lossless(&answer.body).is_ok_and(|body| {
        body["jsonrpc"] == "2.0" && (body.get("result").is_some() || body.get("error").is_some())
    });
    match (spoken, of_status(answer.status)) {
        (true, _) => (Liveness::Open, "answered a call"),
        (false, Some(verdict)) => verdict,
        (false, None) => (Liveness::NotSpeaking, "no JSON-RPC answer"),
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
            (200, r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32001}}"#, Liveness::Open),
            (400, r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32600}}"#, Liveness::Open),
            (401, r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32000}}"#, Liveness::Gated),
            (403, "", Liveness::Gated),
            (200, "<html></html>", Liveness::NotSpeaking),
            (200, r#"{"ok":true}"#, Liveness::NotSpeaking),
            (404, "", Liveness::NotSpeaking),
            (405, "", Liveness::NotSpeaking),
            (415, "", Liveness::WrongTransport),
            (429, "", Liveness::Unknown),
            (502, "<html></html>", Liveness::Unknown),
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
            assert!(matches!(call(other, "JSONRPC"), Call::Not(Liveness::Unknown, _)), "{other}");
        }
        let grpc = call("https://a.example:443", "GRPC");
        assert!(matches!(grpc, Call::Not(Liveness::WrongTransport, _)));
    }
}

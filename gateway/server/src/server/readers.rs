//! Which members a card has for who reads it.
//!
//! Decides by what a request states, and else by the name that the card is asked for under. Must never refuse a reader for
//! what it states: a card is read to find out what is spoken.

use http::request::Parts;
use proto_types::a2a::ProtocolVersion;

use crate::agents::Readers;
use crate::query;

use super::calls;

/// Until 0.2 cards had this name; whoever asks by it today has not read 1.0.
const OLDER_NAME: &str = "/agent.json";

/// Who reads the card that a request asks for.
pub(super) fn of(parts: &Parts) -> Readers {
    let query = parts.uri.query().unwrap_or_default();
    let is_stated = parts.headers.contains_key("a2a-version")
        || query::pairs(query).any(|(name, _)| name == "A2A-Version");
    match calls::stated_version(parts) {
        Ok(ProtocolVersion::V03) if is_stated => Readers::V03,
        Ok(ProtocolVersion::V10) if is_stated => Readers::Usual,
        _ if parts.uri.path().ends_with(OLDER_NAME) => Readers::V03,
        _ => Readers::Usual,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use http::Request;

    use super::*;

    #[test]
    fn what_is_stated_counts_and_else_the_name_of_the_card() {
        use Readers::{Usual, V03};
        for (target, version, readers) in [
            ("/.well-known/agent-card.json", None, Usual),
            ("/.well-known/agent.json", None, V03),
            ("/agents/agent.json/.well-known/agent-card.json", None, Usual),
            ("/.well-known/agent-card.json", Some("0.3"), V03),
            ("/.well-known/agent-card.json?A2A-Version=0.3", None, V03),
            ("/.well-known/agent.json", Some("1.0"), Usual),
            ("/.well-known/agent-card.json", Some("7.0"), Usual),
            ("/.well-known/agent.json", Some("7.0"), V03),
        ] {
            let request = Request::get(target);
            let request =
                version.into_iter().fold(request, |it, text| it.header("a2a-version", text));
            let (parts, ()) = request.body(()).unwrap().into_parts();
            assert_eq!(of(&parts), readers, "{target} {version:?}");
        }
    }
}

//! How values of flags are read.
//!
//! It decides what a URL, an origin, a digest and a key are on the command line, so that what is none is refused before
//! anything is done, by the name of its flag. It must never guess a scheme: a token would go where nobody said.

use std::str::FromStr;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use proto_types::tlog::NoteKey;
use proto_types::words::UnknownWord;
use proto_types::{Digest, Kid, Origin, WallMs};

use super::policy::CallerKind;

/// The base URL of a server, without a slash at its end.
pub(crate) fn base_url(text: &str) -> Result<String, String> {
    url(text).map(|url| url.trim_end_matches('/').to_owned())
}

/// An absolute http or https URL as it stands.
pub(crate) fn url(text: &str) -> Result<String, String> {
    Origin::of_url(text).map_err(|error| match text.contains("://") {
        true => error.to_string(),
        false => format!("{error}: did you mean http://{text}?"),
    })?;
    Ok(text.to_owned())
}

/// A web origin, forgiving about case and a trailing slash.
pub(crate) fn origin(text: &str) -> Result<Origin, String> {
    Origin::normalise(text).map_err(|error| match text.contains("://") {
        true => error.to_string(),
        false => format!("{error}: did you mean https://{text}?"),
    })
}

/// `sha256:` and 64 hexadecimal digits.
pub(crate) fn digest(text: &str) -> Result<Digest, String> {
    Digest::parse(text).map_err(|error| error.to_string())
}

/// The name of a key.
pub(crate) fn kid(text: &str) -> Result<Kid, String> {
    Kid::parse(text).map_err(|error| error.to_string())
}

/// The key of a log or a witness.
pub(crate) fn note_key(text: &str) -> Result<NoteKey, String> {
    NoteKey::parse(text).map_err(|error| error.to_string())
}

/// One of the words of an enum, which help and errors list.
pub(crate) fn word<T>(words: &'static [&'static str]) -> impl TypedValueParser<Value = T>
where
    T: FromStr<Err = UnknownWord> + Clone + Send + Sync + 'static,
{
    PossibleValuesParser::new(words.iter().copied()).try_map(|word| word.parse::<T>())
}

/// The kind of a caller and its name.
pub(crate) fn caller(text: &str) -> Result<(CallerKind, String), String> {
    let (kind, name) = text.split_once(':').ok_or("expected KIND:NAME")?;
    let kind = match kind {
        "peer" => return Ok((CallerKind::Peer, origin(name)?.to_string())),
        "api-key" => CallerKind::ApiKey,
        "user" => CallerKind::User,
        "certificate" => CallerKind::Certificate,
        "public" => CallerKind::Public,
        _ => return Err("the kind is peer, api-key, user, certificate or public".to_owned()),
    };
    Ok((kind, name.to_owned()))
}

/// A time of RFC 3339.
pub(crate) fn time(text: &str) -> Result<WallMs, String> {
    WallMs::parse_rfc3339(text).map_err(|error| error.to_string())
}

/// One JSON value.
pub(crate) fn json(text: &str) -> Result<serde_json::Value, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

/// A setting and its value.
pub(crate) fn pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

/// An absolute http or https URL, or an empty text, which stands for none.
pub(crate) fn url_or_none(text: &str) -> Result<String, String> {
    if !text.is_empty() {
        Origin::of_url(text).map_err(|error| error.to_string())?;
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_needs_its_scheme_and_the_one_that_was_meant_is_told() {
        assert_eq!(base_url("http://127.0.0.1:1/").as_deref(), Ok("http://127.0.0.1:1"));
        for bad in ["127.0.0.1:1", "localhost", "ftp://a.example", "http://", "http://a b"] {
            assert!(base_url(bad).is_err(), "{bad}");
        }
        let told = base_url("127.0.0.1:1").err();
        assert!(told.is_some_and(|told| told.contains("http://127.0.0.1:1")));
    }

    #[test]
    fn a_caller_is_a_kind_and_a_name() {
        let origin = "https://a.example".to_owned();
        assert_eq!(caller("peer:https://A.example/"), Ok((CallerKind::Peer, origin)));
        let user = "https://idp.example#7".to_owned();
        assert_eq!(caller("user:https://idp.example#7"), Ok((CallerKind::User, user)));
        for bad in ["https://a.example", "a", "robot:x", "peer:x"] {
            assert!(caller(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_empty_url_stands_for_none_and_nothing_else_is_let_through() {
        assert!(url_or_none("").is_ok() && url_or_none("https://a.example/a2a").is_ok());
        assert!(url_or_none("nonsense").is_err());
    }
}

//! Conditional requests (RFC 9110, section 13).
//!
//! It decides whether a condition holds. It must never let a condition that it does not understand
//! count as met.

use http::HeaderMap;
use http::header::{IF_MATCH, IF_NONE_MATCH};
use proto_types::Digest;
use registry_api::{Code, Problem};

/// The version that `If-Match` demands; `None` for any.
///
/// # Errors
/// `precondition-failed` for a tag that no version of ours can have, and for a list.
pub(super) fn if_match(headers: &HeaderMap) -> Result<Option<Digest>, Problem> {
    let Some(value) = headers.get(IF_MATCH) else { return Ok(None) };
    // A weak tag never matches here (section 13.1.1).
    let digest = value.to_str().ok().and_then(|text| version_of(text.trim()));
    let unknown = || Problem::new(Code::PreconditionFailed, "If-Match names no version of ours");
    digest.map(Some).ok_or_else(unknown)
}

/// Whether `If-None-Match` names this version, so that 304 is the answer.
pub(super) fn not_modified(headers: &HeaderMap, version: &Digest) -> bool {
    let named = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let mut tags = named.flat_map(|list| list.split(',')).map(str::trim);
    // Weak comparison (section 13.1.2).
    let names = |tag: &str| version_of(tag.strip_prefix("W/").unwrap_or(tag)) == Some(*version);
    tags.any(|tag| tag == "*" || names(tag))
}

/// The version that a strong tag names, if it can be one of ours.
fn version_of(tag: &str) -> Option<Digest> {
    Digest::parse(tag.strip_prefix('"')?.strip_suffix('"')?).ok()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn with(name: http::HeaderName, value: &str) -> HeaderMap {
        [(name, value.parse().unwrap())].into_iter().collect()
    }

    #[test]
    fn if_match_names_one_strong_version_or_fails() {
        let digest = Digest::of(b"x");
        assert_eq!(if_match(&HeaderMap::new()), Ok(None));
        assert_eq!(if_match(&with(IF_MATCH, &digest.etag())), Ok(Some(digest)));
        let weak = format!("W/{}", digest.etag());
        for bad in ["*", "\"x\"", "sha256:00", weak.as_str(), "\"a\", \"b\""] {
            let refused = if_match(&with(IF_MATCH, bad)).unwrap_err();
            assert_eq!(refused.code(), Code::PreconditionFailed, "{bad}");
        }
    }

    #[test]
    fn if_none_match_is_a_list_compared_weakly() {
        let digest = Digest::of(b"x");
        let etag = digest.etag();
        for (value, expected) in [
            ("*".to_owned(), true),
            (etag.clone(), true),
            (format!("W/{etag}"), true),
            (format!("\"other\", {etag}"), true),
            ("\"other\"".to_owned(), false),
            (String::new(), false),
        ] {
            assert_eq!(not_modified(&with(IF_NONE_MATCH, &value), &digest), expected, "{value}");
        }
    }
}

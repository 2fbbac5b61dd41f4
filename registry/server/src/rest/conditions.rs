//! Conditional requests (RFC 9110, section 13): which versions a write names, and what a conditional read is answered. A
//! condition that is not understood never counts as met.

use deploy_service::entity_tags::{self, Read};
use http::header::{HeaderName, IF_MATCH, IF_NONE_MATCH};
use http::{HeaderMap, StatusCode};
use proto_types::Digest;
use registry_api::decode::Conditions;
use registry_api::{Code, Problem};
use registry_core::change::Refusal;
use registry_core::command::Versions;

use axum::body::Body;
use axum::response::Response;

/// Tags of one condition. Arbitrary: nobody keeps as many versions.
const TAGS_MAX: usize = 64;

/// What the headers of a write demand.
///
/// # Errors
/// `invalid-argument` for more tags than anybody has.
pub(crate) fn conditions(headers: &HeaderMap) -> Result<Conditions, Problem> {
    Ok(Conditions {
        // Strong comparison: a weak tag is none of ours (section 13.1.1).
        if_match: versions(headers, &IF_MATCH, version_of)?,
        if_none_match: versions(headers, &IF_NONE_MATCH, weakly)?,
    })
}

/// Whether a read of this version is answered with the document; if not, with 304. No document of a registry has a
/// `Last-Modified`, so `If-Unmodified-Since` is ignored, as section 13.1.4 demands.
///
/// # Errors
/// `precondition-failed` if `If-Match` names other versions.
pub(super) fn is_sent(headers: &HeaderMap, version: &Digest) -> Result<bool, Problem> {
    // Most reads have no condition: no tag is made for them.
    if !headers.contains_key(IF_MATCH) && !headers.contains_key(IF_NONE_MATCH) {
        return Ok(true);
    }
    match entity_tags::read(headers, &version.etag(), None) {
        Read::Whole => Ok(true),
        Read::NotModified => Ok(false),
        Read::Failed => Err(Refusal::PreconditionFailed { stored: Some(*version) }.into()),
    }
}

/// 304: no body, and so no length of one (RFC 9110, section 8.6): the length of what would have been
/// sent is not 0. A body without a stated size keeps the router from adding one.
pub(super) fn unchanged() -> Response {
    let nothing = futures_util::stream::empty::<Result<axum::body::Bytes, std::io::Error>>();
    let mut response = Response::new(Body::from_stream(nothing));
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    response
}

/// What one header names: `None` if it is not there. A tag that no version of ours can have names
/// none; so it matches nothing.
fn versions(
    headers: &HeaderMap,
    name: &HeaderName,
    version: fn(&str) -> Option<Digest>,
) -> Result<Option<Versions>, Problem> {
    let mut found = None;
    let mut named = Vec::new();
    for tag in entity_tags::of(headers, name) {
        found = found.or(Some(Versions::OneOf(Vec::new())));
        if tag == "*" {
            return Ok(Some(Versions::Any));
        }
        named.extend(version(tag));
        if named.len() > TAGS_MAX {
            return Err(Problem::argument(name.as_str(), format_args!("at most {TAGS_MAX} tags")));
        }
    }
    Ok(found.map(|_| Versions::OneOf(named)))
}

/// The version that a strong tag names, if it can be one of ours.
fn version_of(tag: &str) -> Option<Digest> {
    Digest::parse(tag.strip_prefix('"')?.strip_suffix('"')?).ok()
}

/// Weak comparison (section 13.1.2).
fn weakly(tag: &str) -> Option<Digest> {
    version_of(tag.strip_prefix("W/").unwrap_or(tag))
}

/// The tag of the version that is stored, where a refusal says it.
pub(super) fn stored_tag(problem: &Problem) -> Option<String> {
    let stored = problem.extra("stored").filter(|_| problem.code() == Code::PreconditionFailed)?;
    Some(format!("\"{}\"", stored.as_str()?))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn with(name: HeaderName, values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (name.clone(), value.parse().unwrap())).collect()
    }

    #[test]
    fn if_match_is_a_list_of_strong_tags_or_a_star() {
        let (one, two) = (Digest::of(b"1"), Digest::of(b"2"));
        let read = |values: &[&str]| conditions(&with(IF_MATCH, values)).unwrap().if_match;
        let weak = format!("W/{}", one.etag());
        let list = format!("\"a,b\", {} , {weak}", one.etag());
        assert_eq!(conditions(&HeaderMap::new()).unwrap(), Conditions::default());
        assert_eq!(read(&["*"]), Some(Versions::Any));
        assert_eq!(read(&[&list, &two.etag()]), Some(Versions::OneOf(vec![one, two])));
        for none in ["\"x\"", "sha256:00", "", weak.as_str()] {
            assert_eq!(read(&[none]), Some(Versions::OneOf(Vec::new())), "{none}");
        }
        let many = vec![one.etag(); TAGS_MAX + 1].join(",");
        assert!(conditions(&with(IF_MATCH, &[&many])).is_err());
    }

    #[test]
    fn if_none_match_is_a_list_compared_weakly() {
        let one = Digest::of(b"1");
        let read = |value: &str| conditions(&with(IF_NONE_MATCH, &[value])).unwrap().if_none_match;
        assert_eq!(read("*"), Some(Versions::Any));
        let list = format!("\"other\", W/{}", one.etag());
        assert_eq!(read(&list), Some(Versions::OneOf(vec![one])));
        assert_eq!(read(""), Some(Versions::OneOf(Vec::new())));
    }

    #[test]
    fn a_read_of_another_version_than_is_wanted_says_which_there_is() {
        let (one, two) = (Digest::of(b"1"), Digest::of(b"2"));
        let read = |name, tag: &str| is_sent(&with(name, &[tag]), &one);
        assert_eq!(read(IF_MATCH, &one.etag()), Ok(true));
        assert_eq!(read(IF_NONE_MATCH, &one.etag()), Ok(false));
        let refused = read(IF_MATCH, &two.etag()).unwrap_err();
        assert_eq!(stored_tag(&refused), Some(one.etag()));
    }
}

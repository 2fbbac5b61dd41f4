//! Entity tags, and the time of a change, in the headers of conditional requests (RFC 9110, section 13.1).
//!
//! It decides where one tag ends and the next begins, and what the conditions of a read come to. It never decides which
//! tag a document has, nor anything of a write: who stores the document does.

use axum::http::header::{IF_MATCH, IF_NONE_MATCH, IF_UNMODIFIED_SINCE};
use axum::http::{HeaderMap, HeaderName};
use proto_types::WallMs;

/// What the conditions of a read come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// They are met, or there are none: the document is the answer.
    Whole,
    /// The client has this version: 304.
    NotModified,
    /// The client wants another version: 412.
    Failed,
}

/// What `If-Match`, or without that `If-Unmodified-Since`, and then `If-None-Match` come to (section 13.2.2) where a document
/// is read that has this strong tag and was changed then. Of what has no such time no `If-Unmodified-Since` is read
/// (section 13.1.4). It comes after all other refusals (section 13.2.1): what a client may not see has no conditions.
#[must_use]
pub fn read(headers: &HeaderMap, etag: &str, modified: Option<WallMs>) -> Read {
    let is_named = |name: &HeaderName, normal: fn(&str) -> &str| {
        let mut tags = of(headers, name);
        headers.contains_key(name).then(|| tags.any(|tag| tag == "*" || normal(tag) == etag))
    };
    // Strong comparison and weak (section 8.8.3.2).
    let is_wanted = is_named(&IF_MATCH, |tag| tag).or_else(|| is_unmodified(headers, modified?));
    if is_wanted == Some(false) {
        return Read::Failed;
    }
    match is_named(&IF_NONE_MATCH, |tag| tag.strip_prefix("W/").unwrap_or(tag)) {
        Some(true) => Read::NotModified,
        _ => Read::Whole,
    }
}

/// Whether it was not changed after the time that `If-Unmodified-Since` names, to the second; nothing if that names none, or
/// several.
fn is_unmodified(headers: &HeaderMap, modified: WallMs) -> Option<bool> {
    let mut lines = headers.get_all(IF_UNMODIFIED_SINCE).iter();
    let (Some(line), None) = (lines.next(), lines.next()) else { return None };
    let since = WallMs::parse_http_date(line.to_str().ok()?)?;
    Some(modified.secs() <= since.secs())
}

/// The members of all lines of a header, each as it was written; a comma in quotes ends none. At least one for each line,
/// so that an empty header is a condition too.
pub fn of<'h>(
    headers: &'h HeaderMap,
    name: &HeaderName,
) -> impl Iterator<Item = &'h str> + use<'h> {
    let lines = headers.get_all(name).iter();
    lines.map(|line| line.to_str().unwrap_or_default()).flat_map(members)
}

fn members(line: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    line.split(move |letter: char| {
        quoted ^= letter == '"';
        letter == ',' && !quoted
    })
    .map(str::trim)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn if_match_of_a_read_comes_before_if_none_match_and_compares_strongly() {
        let (known, other) = ("\"a\"", "\"b\"");
        for (sent, outcome) in [
            (vec![], Read::Whole),
            (vec![(IF_MATCH, known)], Read::Whole),
            (vec![(IF_MATCH, "*")], Read::Whole),
            (vec![(IF_MATCH, "\"b\", W/\"a\" ,\"a\"")], Read::Whole),
            (vec![(IF_MATCH, other), (IF_MATCH, known)], Read::Whole),
            (vec![(IF_MATCH, other)], Read::Failed),
            (vec![(IF_MATCH, "W/\"a\"")], Read::Failed),
            (vec![(IF_MATCH, "\"a,*,b\"")], Read::Failed),
            (vec![(IF_MATCH, "")], Read::Failed),
            (vec![(IF_MATCH, other), (IF_NONE_MATCH, known)], Read::Failed),
            (vec![(IF_MATCH, known), (IF_NONE_MATCH, known)], Read::NotModified),
            (vec![(IF_MATCH, known), (IF_NONE_MATCH, other)], Read::Whole),
            (vec![(IF_NONE_MATCH, "*")], Read::NotModified),
            (vec![(IF_NONE_MATCH, "\"b\", W/\"a\"")], Read::NotModified),
            (vec![(IF_NONE_MATCH, other)], Read::Whole),
            (vec![(IF_NONE_MATCH, "")], Read::Whole),
        ] {
            let mut headers = HeaderMap::new();
            for (name, value) in &sent {
                headers.append(name, HeaderValue::from_static(value));
            }
            assert_eq!(read(&headers, known, None), outcome, "{sent:?}");
        }
    }

    /// Caught: it was not read, so that a client got a newer version than it wanted.
    #[test]
    fn if_unmodified_since_counts_without_if_match_where_a_change_has_a_time() {
        let modified = Some(WallMs(1_774_008_000_999));
        let (at, before) = ("Fri, 20 Mar 2026 12:00:00 GMT", "Friday, 20-Mar-26 11:59:59 GMT");
        let (since, known) = (|time| (IF_UNMODIFIED_SINCE, time), "\"a\"");
        for (sent, modified, outcome) in [
            (vec![since(at)], modified, Read::Whole),
            (vec![since(before)], modified, Read::Failed),
            (vec![since(before)], None, Read::Whole),
            (vec![since("yesterday")], modified, Read::Whole),
            (vec![since(before), since(before)], modified, Read::Whole),
            (vec![since(before), (IF_MATCH, known)], modified, Read::Whole),
            (vec![since(before), (IF_NONE_MATCH, known)], modified, Read::Failed),
            (vec![since(at), (IF_NONE_MATCH, known)], modified, Read::NotModified),
        ] {
            let mut headers = HeaderMap::new();
            for (name, value) in &sent {
                headers.append(name, HeaderValue::from_static(value));
            }
            assert_eq!(read(&headers, known, modified), outcome, "{sent:?}");
        }
    }

    #[test]
    fn a_comma_in_quotes_ends_no_tag_and_each_line_has_one() {
        let line = |text| (IF_NONE_MATCH, HeaderValue::from_static(text));
        let lines = ["\"a,*,b\", W/\"c\" ,*", "", "\"d\""];
        let headers: HeaderMap = lines.into_iter().map(line).collect();
        let read: Vec<_> = of(&headers, &IF_NONE_MATCH).collect();
        assert_eq!(read, ["\"a,*,b\"", "W/\"c\"", "*", "", "\"d\""]);
        assert_eq!(of(&headers, &IF_MATCH).count(), 0);
    }
}

//! Pages of lists: cursors, and the link to the next page (RFC 8288).
//!
//! It decides what a cursor looks like: a name of ours inside, opaque outside, good for its own
//! list only. It must never let what a cursor holds be taken unread.

use std::fmt::Display;
use std::str::FromStr;

use axum::response::Response;
use http::header::LINK;
use http::{HeaderValue, Uri};
use proto_types::base64url;
use registry_api::{Problem, field};

use super::parameter::{AGE, CACHE_CONTROL, Header, Parameter, REVISION};

/// The cursor of the next page.
pub(super) static CURSOR: Parameter = Parameter::query(
    "cursor",
    "The `next` of the page before; absent for the first page.",
    r#"{"type":"string","minLength":1,"maxLength":1024,"pattern":"^[A-Za-z0-9_-]+$"}"#,
);

/// Answers of a list.
pub(super) const PAGED: &[Header] = &[
    Header {
        name: "Link",
        about: "`rel=\"next\"` names the next page (RFC 8288); absent at the end.",
        schema: r#"{"type":"string"}"#,
        required: false,
    },
    REVISION,
    AGE,
    CACHE_CONTROL,
];

/// Where cursors of this spelling begin; a later spelling takes another letter.
const VERSION: &str = "1";

/// The cursor after an entry; none if there is no next page.
pub(super) fn cursor(list: &str, last: &str) -> String {
    if last.is_empty() {
        return String::new();
    }
    base64url::encode(format!("{VERSION}{list}\0{last}").as_bytes())
}

/// The entry after which a page begins.
///
/// # Errors
/// `invalid-argument` for what is no cursor of this list.
pub(super) fn after<T: FromStr<Err: Display>>(
    list: &str,
    cursor: Option<&str>,
) -> Result<Option<T>, Problem> {
    let Some(cursor) = cursor else { return Ok(None) };
    let read = || {
        let text = String::from_utf8(base64url::decode(cursor).ok()?).ok()?;
        let (name, id) = text.strip_prefix(VERSION)?.split_once('\0')?;
        if name == list { id.parse().ok() } else { None }
    };
    let no_cursor = || Problem::argument("cursor", "it is no cursor of this list");
    read().map(Some).ok_or_else(no_cursor)
}

/// How many entries a page has; absent means the default.
///
/// # Errors
/// `invalid-argument` for 0, and above the maximum.
pub(super) fn limit(asked: Option<u32>) -> Result<usize, Problem> {
    match asked {
        Some(0) => Err(Problem::argument("limit", "a page has at least one entry")),
        asked => field::page(asked.unwrap_or(0)),
    }
}

/// Adds the link to the next page, if there is one: the same request with the next cursor.
pub(super) fn linked(mut response: Response, uri: &Uri, next: &str) -> Response {
    if next.is_empty() {
        return response;
    }
    let kept = uri.query().unwrap_or_default().split('&').filter(|pair| {
        let name = pair.split('=').next().unwrap_or_default();
        !name.is_empty() && name != CURSOR.name
    });
    let next = format!("cursor={next}");
    let query: Vec<&str> = kept.chain([next.as_str()]).collect();
    let link = format!("<{}?{}>; rel=\"next\"", uri.path(), query.join("&"));
    // A target that reached us as a URI is visible ASCII without angle brackets.
    if let Ok(link) = HeaderValue::from_str(&link) {
        response.headers_mut().insert(LINK, link);
    }
    response
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use axum::body::Body;
    use proto_types::Handle;

    use super::*;

    #[test]
    fn a_cursor_is_good_for_its_own_list_only() {
        let made = cursor("records", "urn:a:1");
        let read =
            |list, cursor| after::<Handle>(list, Some(cursor)).map(|id| id.unwrap().to_string());
        assert_eq!(read("records", &made), Ok("urn:a:1".to_owned()));
        let blank = base64url::encode(b"1records\0a b");
        for bad in ["", "urn:a:1", "====", &blank] {
            assert!(read("records", bad).is_err(), "{bad}");
        }
        assert!(read("cards", &made).is_err());
        assert_eq!(cursor("records", ""), "");
        assert_eq!(after::<Handle>("records", None), Ok(None));
    }

    #[test]
    fn the_link_keeps_the_request_and_moves_the_cursor() {
        let link = |uri: &str, next| {
            let response = linked(Response::new(Body::empty()), &uri.parse().unwrap(), next);
            response.headers().get(LINK).map(|link| link.to_str().unwrap().to_owned())
        };
        assert_eq!(link("/v1/peers", "n").unwrap(), "</v1/peers?cursor=n>; rel=\"next\"");
        let again = link("/v1/peers?limit=2&cursor=m&consistency=strong", "n").unwrap();
        assert_eq!(again, "</v1/peers?limit=2&consistency=strong&cursor=n>; rel=\"next\"");
        assert_eq!(link("/v1/peers", ""), None);
    }
}

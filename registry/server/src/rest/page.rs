//! Pages of lists over HTTP: their parameters, and the link to the next page (RFC 8288).
//!
//! It decides how a page is asked for; what a cursor is, `registry-api` decides. It must never give
//! a link that asks for something else than the page before did.

use std::str::FromStr;

use axum::response::Response;
use http::header::LINK;
use http::{HeaderValue, Uri};
use registry_api::{Cursors, Problem, field};
use serde::Deserialize;

use super::parameter::{AGE, CACHE_CONTROL, EPOCH, Header, Parameter, REVISION};

/// Entries of a page if the caller names no number.
pub(super) const DEFAULT: usize = field::PAGE_DEFAULT as usize;

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
    EPOCH,
    AGE,
    CACHE_CONTROL,
];

/// Which page of a list is asked for, of which state.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Listing {
    pub(super) cursor: Option<String>,
    pub(super) limit: Option<u32>,
    pub(super) consistency: Option<String>,
}

/// The entry after which a page begins. A cursor that is named and empty is none.
///
/// # Errors
/// `invalid-argument` for what is no cursor of this list.
pub(super) fn after<T: FromStr>(
    cursors: Cursors,
    cursor: Option<&str>,
) -> Result<Option<T>, Problem> {
    cursors.after(CURSOR.name, stated(cursor)?)
}

/// The cursor as it stands in the request; empty only where there is none.
///
/// # Errors
/// `invalid-argument` for an empty one.
pub(super) fn stated(cursor: Option<&str>) -> Result<&str, Problem> {
    match cursor {
        Some("") => Err(Problem::argument(CURSOR.name, "it is empty")),
        cursor => Ok(cursor.unwrap_or_default()),
    }
}

/// How many entries a page has; absent means the default.
///
/// # Errors
/// `invalid-argument` for 0, and above the maximum.
pub(super) fn limit(requested: Option<u32>) -> Result<usize, Problem> {
    match requested {
        Some(0) => Err(Problem::argument("limit", "a page has at least one entry")),
        requested => field::page(requested.unwrap_or(0)),
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
    use proto_types::Origin;
    use registry_api::List;

    use super::*;

    #[test]
    fn an_empty_cursor_is_none_of_the_list() {
        let peers = List::Peers.of(0);
        let made = peers.cursor("https://a.example");
        let read = |cursor| after::<Origin>(peers, cursor).map(|origin| origin.is_some());
        assert_eq!((read(None), read(Some(&made))), (Ok(false), Ok(true)));
        assert!(read(Some("")).is_err() && read(Some("====")).is_err());
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

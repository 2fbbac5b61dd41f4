//! The pages of error codes, as every process serves them where a problem's `type` points.
//!
//! It decides what a page is as an answer. It must never serve anything but what was built in.

use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::response::Response;

/// Where they are: a problem's `type` is this and its code.
pub const PATH: &str = "/docs/errors/";

/// By code, in order.
const PAGES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/error_pages.rs"));

/// The `type` of a problem (RFC 9457, section 3.1.1): a reference that every process of ours serves.
#[must_use]
pub fn reference(code: &str) -> String {
    format!("{PATH}{code}")
}

/// The page of a code, as Markdown.
#[must_use]
pub fn page(code: &str) -> Option<&'static str> {
    let found = PAGES.binary_search_by_key(&code, |(known, _)| *known).ok()?;
    Some(PAGES[found].1)
}

/// The page of a code as an answer, if there is one. As plain text: it reads well as it is.
#[must_use]
pub fn answer(code: &str) -> Option<Response> {
    let mut response = Response::new(page(code)?.into());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Some(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_is_found_by_its_code_and_nothing_else_is() {
        assert!(PAGES.len() > 50 && PAGES.is_sorted());
        for (code, text) in PAGES {
            assert!(text.starts_with(&format!("# {code}\n")), "{code}");
            assert_eq!(page(code), Some(*text));
        }
        for other in ["", "..", "not-found.md", "gone"] {
            assert_eq!(page(other), None, "{other}");
        }
        assert_eq!(reference("not-found"), "/docs/errors/not-found");
    }
}

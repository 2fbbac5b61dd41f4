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
    use proto_types::Code;

    use super::*;

    #[test]
    fn every_code_has_a_page_with_its_statuses_and_every_page_a_code() {
        assert!(PAGES.is_sorted());
        for code in Code::ALL {
            let text = page(code.as_str()).unwrap_or_else(|| panic!("{code} has no page"));
            let head = format!("# {code}\n\nHTTP {}", code.status());
            assert!(text.starts_with(&head), "{code}: {}", code.status());
            let grpc = code.grpc().map(|status| format!("gRPC {status}"));
            let said = text.lines().nth(2).unwrap_or_default();
            assert!(grpc.is_none_or(|grpc| said.contains(&grpc)), "{code}: {said}");
        }
        assert_eq!(PAGES.len(), Code::ALL.len(), "a page is of no code");
    }

    #[test]
    fn what_is_no_code_has_no_page() {
        for other in ["", "..", "not-found.md", "gone"] {
            assert_eq!(page(other), None, "{other}");
        }
        assert_eq!(reference("not-found"), "/docs/errors/not-found");
    }
}

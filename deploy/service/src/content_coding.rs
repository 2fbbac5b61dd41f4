//! The coding of a request's body (RFC 9110, section 8.4).
//!
//! It decides which bodies are as they were written. Compressed ones nobody here has reason to send: a few bytes of one make
//! many.

use axum::http::HeaderMap;
use axum::http::header::CONTENT_ENCODING;

/// Whether the body is as it was written. `identity` says no more than that (RFC 9110, section 12.5.3), however often.
#[must_use]
pub fn is_identity(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(CONTENT_ENCODING).iter();
    let mut codings = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    codings.all(|coding| coding.trim_ascii().eq_ignore_ascii_case(b"identity"))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn only_identity_is_no_coding() {
        for (lines, is) in [
            (&[][..], true),
            (&["identity"], true),
            (&["Identity , IDENTITY"], true),
            (&["identity", "identity"], true),
            (&["gzip"], false),
            (&["identity, gzip"], false),
            (&["identity", "gzip"], false),
            (&[""], false),
        ] {
            let line = |line: &&str| {
                let value = HeaderValue::from_str(line);
                (CONTENT_ENCODING, value.expect("visible ASCII"))
            };
            let headers: HeaderMap = lines.iter().map(line).collect();
            assert_eq!(is_identity(&headers), is, "{lines:?}");
        }
    }
}

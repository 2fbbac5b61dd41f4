//! Which host a request of HTTP/1 is for (RFC 9112, section 3.2).
//!
//! It decides whether the request names one host, in the form of one. It never looks at which: a listener serves the same
//! under each of its names. HTTP/2 has `:authority` for it.

use std::net::Ipv6Addr;

use axum::http::{HeaderMap, Version, header::HOST};

/// Whether a request of this version names its host as it must: HTTP/1.1 once, HTTP/1.0 at most once.
pub(super) fn is_named(version: Version, headers: &HeaderMap) -> bool {
    if version > Version::HTTP_11 {
        return true;
    }
    let mut lines = headers.get_all(HOST).iter();
    match (lines.next(), lines.next()) {
        (None, _) => version < Version::HTTP_11,
        (Some(value), None) => value.to_str().is_ok_and(is_host),
        (Some(_), Some(_)) => false,
    }
}

/// A name or an address, and perhaps a port (RFC 9110, section 7.2). The name is empty where the target has no authority;
/// a percent is refused, for no name of a host has one.
fn is_host(value: &str) -> bool {
    let port = match value.strip_prefix('[') {
        Some(rest) => rest
            .split_once(']')
            .filter(|(address, _)| address.parse::<Ipv6Addr>().is_ok())
            .map(|(_, port)| port),
        None => {
            let (name, port) = value.split_at(value.find(':').unwrap_or(value.len()));
            name.bytes().all(is_of_name).then_some(port)
        }
    };
    match port {
        None => false,
        Some("") => true,
        Some(port) => port.strip_prefix(':').is_some_and(is_number),
    }
}

fn is_number(digits: &str) -> bool {
    digits.bytes().all(|digit| digit.is_ascii_digit())
}

/// RFC 3986, section 3.2.2: unreserved characters and the delimiters that a name may hold.
fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_name_or_an_address_and_perhaps_a_port() {
        for host in ["", "a", "a.example", "a_1:8080", "a:", "127.0.0.1:80", "[::1]", "[::1]:443"] {
            assert!(is_host(host), "{host:?}");
        }
        for other in [
            "a b", "a/b", "a?b", "u@a", "a:80:80", "a:x", "a:+80", "::1", "[::1", "[a]", "[::1]80",
            "[::1]:x", "a%00", "a\"", "a\\b", "http://a",
        ] {
            assert!(!is_host(other), "{other:?}");
        }
    }
}

//! Who is believed about an address, and who is not.

#![expect(clippy::unwrap_used, reason = "tests")]

use axum::http::HeaderValue;
use proptest::prelude::*;

use super::*;

const PROXY: &str = "10.0.0.1";
const CLIENT: &str = "198.51.100.7";

fn trusted() -> Vec<Network> {
    ["10.0.0.0/8", "2001:db8:ff::/48"].map(|text| text.parse().unwrap()).to_vec()
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// The address that is found for these lines of headers.
fn found(connection: &str, lines: &[(&'static str, String)]) -> IpAddr {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(*name, value.parse().unwrap());
    }
    client_address(address(connection), &headers, &trusted())
}

fn check(name: &'static str, connection: &str, values: &[&str], expected: &str) {
    let lines: Vec<_> = values.iter().map(|value| (name, (*value).to_owned())).collect();
    assert_eq!(found(connection, &lines), address(expected), "{name} {connection} {values:?}");
}

#[test]
fn case_36_a_forwarded_address_is_believed_of_trusted_proxies_only() {
    let check = |connection: &str, values: &[&str], expected: &str| {
        check(X_FORWARDED_FOR, connection, values, expected);
    };
    check("192.0.2.1", &[], "192.0.2.1");
    check("192.0.2.1", &[CLIENT], "192.0.2.1");
    check("::ffff:192.0.2.1", &[CLIENT], "192.0.2.1");
    check(PROXY, &[], PROXY);
    check(PROXY, &[CLIENT], CLIENT);
    check("::ffff:10.0.0.1", &[CLIENT], CLIENT);
    check(PROXY, &["::ffff:198.51.100.7"], CLIENT);
    check(PROXY, &["1.2.3.4, 198.51.100.7"], CLIENT);
    check(PROXY, &["1.2.3.4, 198.51.100.7, 10.0.0.2"], CLIENT);
    check(PROXY, &["1.2.3.4, 198.51.100.7, ::ffff:10.0.0.2"], CLIENT);
    check(PROXY, &["1.2.3.4", CLIENT], CLIENT);
    check("2001:db8:ff::1", &["[2001:db8::9]:443"], "2001:db8::9");
    check(PROXY, &["2001:db8::9"], "2001:db8::9");
    check(PROXY, &["198.51.100.7:1234"], CLIENT);
    check(PROXY, &["10.0.0.3, 10.0.0.2"], "10.0.0.3");
    for unread in
        ["", "unknown", "_hidden", "198.51.100", "[::1", "[::1]x", "::1%eth0", "1.2.3.4:x"]
    {
        check(PROXY, &[format!("198.51.100.7, {unread}").as_str()], PROXY);
        check(PROXY, &[format!("198.51.100.7, {unread}, 10.0.0.2").as_str()], "10.0.0.2");
        check(PROXY, &[CLIENT, unread], PROXY);
    }
}

/// Caught: a client had the address of its proxy, by one byte beyond ASCII on the line that the proxy appends to.
#[test]
fn case_36_bytes_that_are_no_text_hide_nothing_that_a_proxy_writes_behind_them() {
    for (name, own) in [(X_FORWARDED_FOR, CLIENT), (FORWARDED, "for=198.51.100.7")] {
        for before in [&b"\xff"[..], b"1.2.3.4\xff", b"\xc3\xa9", b"\xe2\x80", b"for=\"\xff"] {
            let line = [before, b", ", own.as_bytes()].concat();
            let mut headers = HeaderMap::new();
            headers.insert(name, HeaderValue::from_bytes(&line).unwrap());
            let found = client_address(address(PROXY), &headers, &trusted());
            assert_eq!(found, address(CLIENT), "{name} {before:?}");
        }
    }
    for unread in ["1.2.3.4\u{e9}", "\u{a0}1.2.3.4", "1.2.3.4\u{3000}"] {
        check(X_FORWARDED_FOR, PROXY, &[format!("{unread}, 10.0.0.2").as_str()], "10.0.0.2");
    }
}

#[test]
fn the_header_of_rfc_7239_is_read_as_it_may_be_written() {
    let check = |values: &[&str], expected: &str| check(FORWARDED, PROXY, values, expected);
    check(&["for=198.51.100.7"], CLIENT);
    check(&["For=\"198.51.100.7:4711\""], CLIENT);
    check(&["for=\"198.51.100.7:_port\""], CLIENT);
    check(&["FOR=\"[2001:db8::9]\""], "2001:db8::9");
    check(&["for=\"[2001:db8::9]:47011\";proto=https"], "2001:db8::9");
    check(&["by=203.0.113.43; for=198.51.100.7 ;proto=http;"], CLIENT);
    check(&["for=1.2.3.4, for=198.51.100.7"], CLIENT);
    check(&["for=1.2.3.4", "for=198.51.100.7,for=10.0.0.2"], CLIENT);
    check(&["for=198.51.100.7;host=\"a,b;for=1.2.3.4\""], CLIENT);
    check(&["for=198.51.100.7;host=\"a\\\",for=1.2.3.4,b=\\\\\""], CLIENT);
    // A quote that a client has opened does not swallow what the proxy adds.
    check(&["for=\"1.2.3.4, for=198.51.100.7"], CLIENT);
    check(&["for=1.2.3.4;host=\"", "for=198.51.100.7"], CLIENT);
    for unread in [
        "",
        "for",
        "for=",
        "for=unknown",
        "for=_hidden",
        "for=\"_hidden:_port\"",
        "proto=https",
        "for=1.2.3.4;for=1.2.3.4",
        "for=1.2.3.4;FOR=5.6.7.8",
        "for=\"1.2.3.4",
        "for=1.2.3.4\"",
        "for=\"1.2.3\\.4\"",
        "for = 1.2.3.4",
        "for=1.2.3.4;proto",
        "for=[2001:db8::9",
        "for=1.2.3.4:",
        "for=1.2.3.4:123456",
    ] {
        check(&["for=198.51.100.7", unread], PROXY);
        check(&["for=198.51.100.7", format!("{unread}, for=10.0.0.2").as_str()], "10.0.0.2");
    }
}

#[test]
fn no_more_elements_are_read_than_a_path_has_proxies() {
    let own = |count: usize| vec!["10.0.0.9"; count].join(", ");
    let behind = |count| found(PROXY, &[(X_FORWARDED_FOR, format!("{CLIENT}, {}", own(count)))]);
    assert_eq!(behind(ELEMENTS_MAX - 1), address(CLIENT));
    assert_eq!(behind(ELEMENTS_MAX), address("10.0.0.9"));
}

#[test]
fn two_headers_that_differ_are_neither_believed() {
    let both = |forwarded: &str, older: &str| {
        found(PROXY, &[(FORWARDED, forwarded.to_owned()), (X_FORWARDED_FOR, older.to_owned())])
    };
    assert_eq!(both("for=198.51.100.7", "1.2.3.4, 198.51.100.7"), address(CLIENT));
    assert_eq!(both("for=\"198.51.100.7:1\"", "::ffff:198.51.100.7"), address(CLIENT));
    assert_eq!(both("for=1.2.3.4", CLIENT), address(PROXY));
    assert_eq!(both("for=198.51.100.7", "1.2.3.4"), address(PROXY));
    assert_eq!(both("for=_hidden", CLIENT), address(PROXY));
}

proptest! {
    #[test]
    fn case_36_what_an_untrusted_connection_says_changes_nothing(
        lines in prop::collection::vec((any::<bool>(), "[ -~]{0,60}"), 0..6),
    ) {
        let name = |newer| if newer { FORWARDED } else { X_FORWARDED_FOR };
        let lines: Vec<_> = lines.into_iter().map(|(newer, text)| (name(newer), text)).collect();
        prop_assert_eq!(found(CLIENT, &lines), address(CLIENT));
    }

    #[test]
    fn case_36_what_a_client_writes_before_its_proxy_changes_nothing(
        text in "[ -~]{0,60}", newer in any::<bool>(), same_line in any::<bool>(),
    ) {
        let (name, own) = if newer {
            (FORWARDED, format!("for={CLIENT}"))
        } else {
            (X_FORWARDED_FOR, CLIENT.to_owned())
        };
        let lines = match same_line {
            true => vec![(name, format!("{text},{own}"))],
            false => vec![(name, text), (name, own)],
        };
        prop_assert_eq!(found(PROXY, &lines), address(CLIENT));
    }

    #[test]
    fn case_36_a_header_that_no_proxy_writes_makes_nobody_another(
        text in "(for=)?[ -~]{0,60}", octets in any::<[u8; 4]>(), newer in any::<bool>(),
    ) {
        let other = IpAddr::from(octets);
        for text in [text, format!("for={other}"), other.to_string()] {
            let lines = match newer {
                true => [(X_FORWARDED_FOR, CLIENT.to_owned()), (FORWARDED, text)],
                false => [(FORWARDED, format!("for={CLIENT}")), (X_FORWARDED_FOR, text)],
            };
            let found = found(PROXY, &lines);
            prop_assert!([PROXY, CLIENT].map(address).contains(&found), "{}", found);
        }
    }
}

//! Tests of the parent module.

#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;

fn strict() -> Policy {
    Policy { ports: vec![443], loopback: false }
}

#[test]
fn case_22_only_https_to_public_names_on_allowed_ports_passes() {
    for url in [
        "https://peer.example.org/.well-known/agent-card.json",
        "https://peer.example.org",
        "https://peer.example.org:443/a?b=c",
        "https://xn--bcher-kva.example.org/",
        "https://8.8.8.8/",
        "https://[2606:4700::1111]/",
        "HTTPS://Peer.Example.ORG/A",
    ] {
        strict().target(url).unwrap();
    }
}

#[test]
fn case_22_an_address_in_any_odd_form_is_refused() {
    for host in [
        "2130706433",
        "0x7f000001",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "017700000001",
        "127.1",
        "127.0.1",
        "127.0.0.1.",
        "127.0.0.01",
        "00127.0.0.1",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::1%25lo]",
        "[fe80::1%25eth0]",
        "127.0.0.1",
        "[::1]",
        "10.0.0.1",
        "169.254.169.254",
        "[fd00:ec2::254]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "0",
        "0.0.0.0",
        "\u{2460}\u{2461}\u{2466}.0.0.1",
        "127\u{3002}0\u{3002}0\u{3002}1",
        "%31%32%37.0.0.1",
    ] {
        assert!(strict().target(&format!("https://{host}/")).is_err(), "{host}");
    }
}

#[test]
fn case_22_whatever_is_not_a_plain_public_https_url_is_refused() {
    for url in [
        "http://peer.example.org/",
        "ftp://peer.example.org/",
        "file:///etc/passwd",
        "https://user@peer.example.org/",
        "https://user:pw@peer.example.org/",
        "https://peer.example.org@127.0.0.1/",
        "https://peer.example.org:8443/",
        "https://peer.example.org:22/",
        "https://peer.example.org:0443/",
        "https://localhost/",
        "https://intranet/",
        "https://a.localhost/",
        "https://db.internal/",
        "https://x.onion/",
        "https://peer.example.org/#part",
        "https://peer.example.org\\@127.0.0.1/",
        "https:///",
        "https://peer.example.org/\r\nHost: x",
        "https://peer.example.org/a b",
        "//peer/",
        "",
        "https://b\u{fc}cher.example.org/",
        "https://peer_1.example.org/",
        "gopher://x.y/",
    ] {
        assert!(strict().target(url).is_err(), "{url}");
    }
    let long = format!("https://peer.example.org/{}", "a".repeat(LEN_MAX));
    assert_eq!(strict().target(&long), Err(Refused::TooLong));
}

#[test]
fn case_22_the_allowance_for_loopback_opens_nothing_else() {
    let dev = Policy { loopback: true, ..strict() };
    let local = dev.target("http://127.0.0.1:8080/").unwrap();
    let named = dev.target("http://peer.test:8080/").unwrap();
    let loopback = IpAddr::from([127, 0, 0, 1]);
    for target in [&local, &named] {
        dev.admit(target, loopback, true).unwrap();
        dev.admit(target, loopback, false).unwrap_err();
        dev.admit(target, IpAddr::from([10, 0, 0, 1]), true).unwrap_err();
        dev.admit(target, IpAddr::from([8, 8, 8, 8]), true).unwrap_err();
        strict().admit(target, loopback, true).unwrap_err();
    }
    assert!(dev.target("http://8.8.8.8/").is_err());
    assert!(dev.target("https://10.0.0.1/").is_err());
}

#[test]
fn a_location_is_read_as_rfc_3986_says() {
    let base = strict().target("https://a.example.org/b/c/d?q").unwrap();
    for (location, expected) in [
        ("https://z.example.org/g", "https://z.example.org/g"),
        ("//z.example.org/g", "https://z.example.org/g"),
        ("/g", "https://a.example.org/g"),
        ("g", "https://a.example.org/b/c/g"),
        ("./g", "https://a.example.org/b/c/g"),
        ("../g", "https://a.example.org/b/g"),
        ("../../../g", "https://a.example.org/g"),
        ("..", "https://a.example.org/b/"),
        ("?y", "https://a.example.org/b/c/d?y"),
        ("g?y=./x", "https://a.example.org/b/c/g?y=./x"),
        ("", "https://a.example.org/b/c/d"),
        ("javascript:alert(1)", "javascript:alert(1)"),
    ] {
        assert_eq!(base.join(location), expected, "{location}");
    }
}

//! Tests of the parent module.

#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;

fn class(text: &str) -> Class {
    classify(text.parse().unwrap())
}

#[test]
fn case_22_every_special_v4_range_is_refused_from_its_first_to_its_last_address() {
    for (first, prefix, name) in V4 {
        let first = u32::from(*first);
        let last = first | (u32::MAX >> prefix);
        for bits in [first, first + 1, last] {
            assert_eq!(classify(Ipv4Addr::from(bits).into()), Class::Special(name), "{bits:#x}");
        }
    }
    assert_eq!(class("255.255.255.255"), Class::Special("reserved (RFC 1112)"));
}

#[test]
fn case_22_every_special_v6_range_is_refused_from_its_first_to_its_last_address() {
    for (first, prefix, name) in V6 {
        let first = u128::from(*first);
        let last = first | u128::MAX.checked_shr(*prefix).unwrap_or(0);
        for bits in [first, last] {
            let class = classify(Ipv6Addr::from(bits).into());
            assert!(matches!(class, Class::Special(_)), "{name}: {bits:#x} is {class:?}");
        }
    }
}

#[test]
fn case_22_an_address_inside_another_is_refused_even_if_it_is_public() {
    for text in [
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "::127.0.0.1",
        "::8.8.8.8",
        "::ffff:0:8.8.8.8",
        "64:ff9b::8.8.8.8",
        "64:ff9b::7f00:1",
        "64:ff9b:1::a00:1",
        "2002:7f00:1::",
        "2002:808:808::1",
        "2001:0:53aa:64c::1",
    ] {
        assert!(matches!(class(text), Class::Special(_)), "{text}: {:?}", class(text));
    }
}

#[test]
fn case_22_the_neighbours_of_special_ranges_are_public() {
    for text in [
        "1.0.0.0",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "169.253.255.255",
        "169.255.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "192.0.1.0",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "223.255.255.255",
        "2001:200::",
        "2003::",
        "2606:4700::1111",
        "3ffe:ffff::",
        "2001:db7::",
        "2001:db9::",
    ] {
        assert_eq!(class(text), Class::Public, "{text}");
    }
}

#[test]
fn only_the_plain_forms_of_loopback_are_loopback() {
    for text in ["127.0.0.1", "127.255.255.254", "::1"] {
        assert_eq!(class(text), Class::Loopback, "{text}");
    }
    assert_eq!(class("4000::1"), Class::Special("not allocated"));
}

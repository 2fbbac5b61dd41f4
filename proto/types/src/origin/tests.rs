//! Which texts are origins (attack case 9).

#![expect(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;

use super::*;

#[test]
fn only_the_normal_form_is_parsed() {
    for (text, expected) in [
        ("https://b.example", Ok(())),
        ("https://b.example:8443", Ok(())),
        ("http://127.0.0.1:3000", Ok(())),
        ("https://[2001:db8::1]:8443", Ok(())),
        ("https://xn--mnchen-3ya.example", Ok(())),
        ("http://localhost", Ok(())),
        ("https://B.example", Err(Error::NotNormal)),
        ("HTTPS://b.example", Err(Error::NotNormal)),
        ("https://b.example/", Err(Error::NotNormal)),
        ("https://b.example:443", Err(Error::NotNormal)),
        ("https://[2001:DB8::1]", Err(Error::NotNormal)),
        ("https://[2001:db8:0:0::1]", Err(Error::NotNormal)),
        ("https://b.example//", Err(Error::NotOnlyOrigin)),
        ("https://b.example/a2a", Err(Error::NotOnlyOrigin)),
        ("https://b.example?x", Err(Error::NotOnlyOrigin)),
        ("https://b.example#x", Err(Error::NotOnlyOrigin)),
        ("https://b.example\\x", Err(Error::NotOnlyOrigin)),
        ("https://user@b.example", Err(Error::NotOnlyOrigin)),
        ("https://a.example@b.example", Err(Error::NotOnlyOrigin)),
        ("ftp://b.example", Err(Error::Scheme)),
        ("b.example", Err(Error::Scheme)),
        ("//b.example", Err(Error::Scheme)),
        ("", Err(Error::Scheme)),
        ("https://", Err(Error::Host)),
        ("https://b.example.", Err(Error::Host)),
        ("https://b..example", Err(Error::Host)),
        ("https://-b.example", Err(Error::Host)),
        ("https://b_c.example", Err(Error::Host)),
        ("https://münchen.example", Err(Error::Host)),
        ("https://b.exаmple", Err(Error::Host)),
        ("https://b.example%2f", Err(Error::Host)),
        (" https://b.example", Err(Error::Scheme)),
        ("https://b.example ", Err(Error::Host)),
        ("https://b.exam\nple", Err(Error::Host)),
        ("https://127.1", Err(Error::Host)),
        ("https://2130706433", Err(Error::Host)),
        ("https://0x7f.0x1", Err(Error::Host)),
        ("https://010.0.0.1", Err(Error::Host)),
        ("https://[::ffff:127.0.0.1]", Err(Error::Host)),
        ("https://[::1%25eth0]", Err(Error::Host)),
        ("https://[::1]x", Err(Error::Host)),
        ("https://b.example:", Err(Error::Port)),
        ("https://b.example:0", Err(Error::Port)),
        ("https://b.example:0443", Err(Error::Port)),
        ("https://b.example:+1", Err(Error::Port)),
        ("https://b.example:65536", Err(Error::Port)),
        ("https://b.example:1:2", Err(Error::Port)),
    ] {
        assert_eq!(Origin::parse(text).map(drop), expected, "{text:?}");
    }
    let long = format!("https://{}.example", "a.".repeat(200));
    assert_eq!(Origin::parse(&long), Err(Error::TooLong));
}

#[test]
fn what_people_write_is_normalised() {
    for (text, normal) in [
        ("HTTPS://B.Example:443/", "https://b.example"),
        ("http://B.example:80", "http://b.example"),
        ("http://b.example:443/", "http://b.example:443"),
        ("https://[2001:DB8:0:0:0:0:0:1]/", "https://[2001:db8::1]"),
    ] {
        assert_eq!(Origin::normalise(text).unwrap().as_str(), normal);
    }
    let card = "https://a.example/.well-known/agent-card.json?x=https://b.example";
    assert_eq!(Origin::of_url(card).unwrap().as_str(), "https://a.example");
    assert!(Origin::of_url("https://u:p@a.example/x").is_err());
}

#[test]
fn the_parts_are_those_of_the_text() {
    let part = |text: &str| {
        let origin = Origin::parse(text).unwrap();
        (origin.host().to_owned(), origin.port())
    };
    assert_eq!(part("https://b.example"), ("b.example".into(), 443));
    assert_eq!(part("http://b.example:81"), ("b.example".into(), 81));
    assert_eq!(part("http://[::1]"), ("[::1]".into(), 80));
    assert_eq!(part("https://[::1]:8443"), ("[::1]".into(), 8443));
}

proptest! {
    #[test]
    fn normalising_twice_changes_nothing(
        text in "(?i:https?)://([a-zA-Z0-9.-]{1,20}|\\[[0-9a-fA-F:]{2,20}\\])(:[0-9]{1,5})?/?"
    ) {
        if let Ok(origin) = Origin::normalise(&text) {
            prop_assert_eq!(Origin::parse(origin.as_str()), Ok(origin.clone()));
        }
    }

    #[test]
    fn any_text_is_refused_or_read_without_a_panic(text in "\\PC{0,80}") {
        let _ = Origin::normalise(&text);
        let _ = Origin::of_url(&text);
    }
}

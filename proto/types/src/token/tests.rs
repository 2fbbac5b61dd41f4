//! Tables for the attacks on tokens, and that what is minted is accepted.

#![expect(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::digest::Digest;
use crate::id::{Jti, Nonce};
use crate::jose;
use crate::key::SecretKey;
use crate::time::WallMs;

/// Seconds.
const NOW: u64 = 1_774_008_000;

const RPC: &str = "https://b.example/v1/a2a/jsonrpc";

fn origin(text: &str) -> Origin {
    Origin::parse(text).unwrap()
}

fn secret() -> SecretKey {
    SecretKey::from_seed(&[7; 32])
}

fn plain() -> Claims {
    Claims {
        kind: Kind::Plain,
        iss: origin("https://a.example"),
        sub: Subject::FederationPeer,
        jti: Jti::parse("j-1").unwrap(),
        iat: NOW,
        exp: NOW + 300,
        aud: origin("https://b.example"),
        nbf: None,
        nonce: None,
        htm: None,
        htu: None,
        bd: None,
    }
}

fn bound() -> Claims {
    Claims {
        kind: Kind::Bound,
        exp: NOW + 120,
        nonce: Some(Nonce::parse("n-1").unwrap()),
        htm: Some("POST".to_owned()),
        htu: Some(RPC.to_owned()),
        bd: Some(Digest::of(b"{}")),
        ..plain()
    }
}

/// A validly signed token of any header and claims.
fn token(header: &str, claims: &str) -> String {
    let [header, claims] = [header, claims].map(|text| base64url::encode(text.as_bytes()));
    let signed = format!("{header}.{claims}");
    let signature = base64url::encode(&secret().sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}

/// A plain token with one claim replaced, or removed by null.
fn with(name: &str, value: Value) -> Result<Unverified, Refusal> {
    let mut claims = serde_json::to_value(plain()).unwrap();
    match value {
        Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
        value => claims[name] = value,
    }
    Unverified::parse(&token(r#"{"alg":"EdDSA","typ":"JWT"}"#, &claims.to_string()))
}

fn refused(text: &str) -> Refusal {
    Unverified::parse(text).expect_err("must be refused")
}

fn check(claims: &Claims, now_ms: u64) -> Result<(), Refusal> {
    claims.check(&origin("https://b.example"), WallMs(now_ms))
}

#[test]
fn what_is_minted_is_accepted_and_only_by_its_key() {
    for claims in [plain(), bound()] {
        let kid = Kid::parse("k1").unwrap();
        let text = mint(&claims, Some(&kid), &secret());
        let parsed = Unverified::parse(&text).unwrap();
        assert_eq!((parsed.kid(), parsed.iss()), (Some(&kid), &claims.iss));
        assert_eq!(parsed.unverified_claims(), &claims);
        let other = SecretKey::from_seed(&[8; 32]).public();
        assert_eq!(parsed.clone().verify(&other), Err(Refusal::BadSignature));
        assert_eq!(parsed.verify(&secret().public()), Ok(claims.clone()));
        assert_eq!(check(&claims, NOW * 1_000), Ok(()));
    }
}

/// Attack case 1. The public key as an HMAC secret is the classic: HS256 is refused by its name,
/// before anything could be computed with a key.
#[test]
fn every_algorithm_but_ed25519_is_refused_before_any_key_is_needed() {
    let claims = serde_json::to_string(&plain()).unwrap();
    for alg in [r#""none""#, r#""NoNe""#, r#""HS256""#, r#""ES256""#, r#"["EdDSA"]"#, "null"] {
        let text = token(&format!(r#"{{"alg":{alg},"typ":"JWT"}}"#), &claims);
        assert_eq!(refused(&text), Refusal::Header(jose::Error::Algorithm), "{alg}");
        assert_eq!(refused(&text).code(), "token_alg");
    }
    let text = token(r#"{"typ":"JWT"}"#, &claims);
    assert_eq!(refused(&text), Refusal::Header(jose::Error::Algorithm));
    let text = token(r#"{"alg":"none","alg":"EdDSA","typ":"JWT"}"#, &claims);
    assert_eq!(refused(&text).code(), "token_header_json");
    let text = token(r#"{"alg":"Ed25519","typ":"JWT"}"#, &claims);
    assert!(Unverified::parse(&text).unwrap().verify(&secret().public()).is_ok());
}

/// Attack cases 2 to 4, validly signed.
#[test]
fn a_header_that_asks_for_more_is_refused() {
    let claims = serde_json::to_string(&plain()).unwrap();
    for (members, code) in [
        (r#""crit":["x"],"x":1"#, "token_crit"),
        (r#""crit":["b64"],"b64":false"#, "token_crit"),
        (r#""jku":"https://evil.example/k""#, "token_key_reference"),
        (r#""jwk":{"kty":"OKP"}"#, "token_key_reference"),
        (r#""x5u":"https://evil.example/k""#, "token_key_reference"),
        (r#""x5c":[]"#, "token_key_reference"),
        (r#""x":1"#, "token_header_unknown"),
        (r#""kid":"a b""#, "token_kid"),
        (r#""kid":1"#, "token_kid"),
    ] {
        let text = token(&format!(r#"{{"alg":"EdDSA","typ":"JWT",{members}}}"#), &claims);
        assert_eq!(refused(&text).code(), code, "{members}");
    }
    let long = format!(r#"{{"alg":"EdDSA","typ":"JWT","kid":"{}"}}"#, "k".repeat(129));
    assert_eq!(refused(&token(&long, &claims)).code(), "token_kid");
    let megabyte = format!(r#"{{"alg":"EdDSA","typ":"JWT","kid":"{}"}}"#, "k".repeat(1 << 20));
    assert_eq!(refused(&token(&megabyte, &claims)).code(), "token_too_long");
    for typ in [r#""at+jwt""#, r#""jwt""#, r#""JWT ""#, r#""""#, "1"] {
        let text = token(&format!(r#"{{"alg":"EdDSA","typ":{typ}}}"#), &claims);
        assert_eq!(refused(&text).code(), "token_typ", "{typ}");
    }
    assert_eq!(refused(&token(r#"{"alg":"EdDSA"}"#, &claims)), Refusal::Type);
}

/// Attack case 20, and the form before it.
#[test]
fn a_token_has_one_encoding() {
    let good = mint(&plain(), None, &secret());
    let segments: Vec<_> = good.split('.').collect();
    let [header, claims, signature] = segments[..] else { panic!("three segments") };
    for text in [
        "",
        ".",
        "..",
        "a.b",
        "a.b.c.d",
        &format!("{header}.{claims}."),
        &format!(".{claims}.{signature}"),
        &format!("{header}..{signature}"),
        &format!("{good}."),
    ] {
        assert_eq!(refused(text), Refusal::Segments, "{text}");
    }
    let slack = |segment: &str| format!("{}B", &segment[..segment.len() - 1]);
    assert_eq!(signature.len() % 4, 2, "the last character has four slack bits");
    for text in [
        format!("{good}="),
        format!("{good}=="),
        format!("{good}\n"),
        format!("\n{good}"),
        format!("{good} "),
        good.replace('.', ".\n"),
        format!("{header}=.{claims}.{signature}"),
        format!("{header}.{claims}=.{signature}"),
        format!("{header}.{claims}.{}", slack(signature)),
        format!("{header}.{claims}.{}+/", &signature[..84]),
    ] {
        assert_eq!(refused(&text).code(), "token_base64", "{text}");
    }
    let short = format!("{header}.{claims}.{}", &signature[..84]);
    assert_eq!(refused(&short), Refusal::BadSignature);
    let long = "a".repeat(LEN_MAX + 1);
    assert_eq!(refused(&long), Refusal::TooLong { len: LEN_MAX + 1 });
    assert_eq!(refused(&long[1..]), Refusal::Segments);
}

#[test]
fn each_claim_is_there_and_of_its_type() {
    for name in ["iss", "sub", "jti", "iat", "exp", "aud"] {
        assert_eq!(with(name, Value::Null).unwrap_err(), Refusal::ClaimMissing { name });
    }
    for (name, value) in [
        ("iss", json!("https://A.example")),
        ("iss", json!(1)),
        ("jti", json!("")),
        ("jti", json!("j".repeat(129))),
        ("jti", json!(7)),
        ("iat", json!("1774008000")),
        ("iat", json!(1_774_008_000.5)),
        ("exp", json!(-1)),
        ("exp", json!(true)),
        ("nbf", json!("now")),
        ("nonce", json!("")),
        ("htm", json!("post")),
        ("htu", json!("/v1/a2a/jsonrpc")),
        ("htu", json!("https://b.example/x?y")),
        ("bd", json!("abc")),
        ("bd", json!(Digest::of(b"").to_string())),
    ] {
        assert_eq!(with(name, value).unwrap_err(), Refusal::ClaimMalformed { name }, "{name}");
    }
    assert_eq!(with("sub", json!("admin")).unwrap_err(), Refusal::Subject);
    let header = r#"{"alg":"EdDSA","typ":"JWT"}"#;
    for bad in
        ["[]", "1", "{", r#"{"iss":"x","iss":"y"}"#, r#"{"exp":9007199254740992}"#, "\u{feff}{}"]
    {
        assert_eq!(refused(&token(header, bad)), Refusal::ClaimsJson, "{bad}");
    }
    assert!(with("scope", json!("x")).is_ok(), "a plain JWT may say more");
}

/// Attack case 9.
#[test]
fn case_09_the_audience_is_exactly_our_origin() {
    for aud in [
        json!(["https://b.example"]),
        json!(["https://b.example", "https://c.example"]),
        json!("https://B.example"),
        json!("https://b.example/"),
        json!("https://b.example:443"),
        json!("HTTPS://b.example"),
        json!("b.example"),
        json!("https://b.example."),
        json!(""),
        json!("https://b.example/v1"),
        json!("https://x@b.example"),
        json!({}),
        json!(1),
    ] {
        let refusal = with("aud", aud.clone()).unwrap_err();
        assert_eq!(refusal, Refusal::ClaimMalformed { name: "aud" }, "{aud}");
    }
    for aud in [
        "http://b.example",
        "https://b.example:8443",
        "https://b.exampl",
        "https://b.example.org",
        "https://bb.example",
        "https://a.b.example",
        "https://c.example",
    ] {
        let claims = Claims { aud: origin(aud), ..plain() };
        assert_eq!(check(&claims, NOW * 1_000), Err(Refusal::Audience), "{aud}");
    }
}

/// Attack case 8, to the millisecond.
#[test]
fn case_08_times_are_forgiven_the_skew_and_not_a_millisecond_more() {
    let now = NOW * 1_000;
    for (claims, skew, life) in [(plain(), 60_000, 300_000), (bound(), 5_000, 120_000)] {
        assert_eq!(check(&claims, now - skew), Ok(()));
        let ahead = Err(Refusal::IssuedAhead { early_ms: 1 });
        assert_eq!(check(&claims, now - skew - 1), ahead);
        assert_eq!(check(&claims, now + life + skew - 1), Ok(()));
        assert_eq!(check(&claims, now + life + skew), Err(Refusal::Expired { late_ms: 0 }));
        assert_eq!(claims.dead_at(), WallMs(now + life + skew));
        let later = Claims { nbf: Some(NOW + 10), ..claims };
        assert_eq!(check(&later, now + 10_000 - skew), Ok(()));
        let early = Err(Refusal::NotYetValid { early_ms: 1 });
        assert_eq!(check(&later, now + 10_000 - skew - 1), early);
    }
    // A clock an hour off, either way.
    assert!(matches!(check(&plain(), now + 3_600_000), Err(Refusal::Expired { .. })));
    assert!(matches!(check(&plain(), now - 3_600_000), Err(Refusal::IssuedAhead { .. })));
    assert!(check(&plain(), 0).is_err() && check(&plain(), u64::MAX).is_err());
}

/// Attack case 7.
#[test]
fn a_life_of_301_seconds_is_refused() {
    let life = |claims: Claims, life_s| check(&Claims { exp: NOW + life_s, ..claims }, NOW * 1_000);
    assert_eq!(life(plain(), 300), Ok(()));
    assert_eq!(life(plain(), 301), Err(Refusal::Lifetime { life_s: 301, max_s: 300 }));
    assert_eq!(life(bound(), 120), Ok(()));
    assert_eq!(life(bound(), 121), Err(Refusal::Lifetime { life_s: 121, max_s: 120 }));
    assert_eq!(life(plain(), 0), Err(Refusal::Lifetime { life_s: 0, max_s: 300 }));
    let reversed = Claims { iat: NOW + 10, exp: NOW + 5, ..plain() };
    assert_eq!(check(&reversed, NOW * 1_000), Err(Refusal::Lifetime { life_s: 0, max_s: 300 }));
    let eternal = Claims { exp: crate::json::INTEGER_MAX, ..plain() };
    assert!(matches!(check(&eternal, NOW * 1_000), Err(Refusal::Lifetime { .. })));
}

#[test]
fn a_bound_token_fits_one_request_only() {
    let claims = bound();
    let body = Digest::of(b"{}");
    assert_eq!(claims.check_request("POST", RPC, &body), Ok(()));
    assert_eq!(claims.check_request("GET", RPC, &body), Err(Refusal::Method));
    let other = "https://b.example/v1/publish";
    assert_eq!(claims.check_request("POST", other, &body), Err(Refusal::Url));
    assert_eq!(claims.check_request("POST", RPC, &Digest::of(b"[]")), Err(Refusal::Body));
    assert_eq!(plain().check_request("GET", other, &body), Ok(()));

    let unnonced = Claims { nonce: None, ..bound() };
    let parsed = Unverified::parse(&mint(&unnonced, None, &secret())).unwrap();
    let refusal = check(parsed.unverified_claims(), NOW * 1_000).unwrap_err();
    assert_eq!(refusal.code(), "use_nonce");
    for (name, claims) in [
        ("htm", Claims { htm: None, ..bound() }),
        ("htu", Claims { htu: None, ..bound() }),
        ("bd", Claims { bd: None, ..bound() }),
    ] {
        assert_eq!(refused(&mint(&claims, None, &secret())), Refusal::ClaimMissing { name });
    }
    let mut wider = serde_json::to_value(bound()).unwrap();
    wider["scope"] = "x".into();
    let text = token(r#"{"alg":"EdDSA","typ":"ecumene-token+jwt"}"#, &wider.to_string());
    assert_eq!(refused(&text), Refusal::ClaimUnknown);
}

#[test]
fn the_replay_key_is_of_issuer_and_jti_and_of_nothing_else() {
    let key = plain().replay_key();
    assert_eq!(key, Digest::of(b"https://a.example\0j-1"));
    let same = Claims { exp: NOW + 5, aud: origin("https://c.example"), ..bound() };
    assert_eq!(same.replay_key(), key);
    let issuer = Claims { iss: origin("https://c.example"), ..plain() };
    let name = Claims { jti: Jti::parse("j-2").unwrap(), ..plain() };
    assert!(issuer.replay_key() != key && name.replay_key() != key);
}

proptest! {
    #[test]
    fn any_text_is_refused_or_read_without_a_panic(text in "([A-Za-z0-9_=-]{0,30}\\.?){0,5}|\\PC{0,60}") {
        let _ = Unverified::parse(&text);
    }

    #[test]
    fn any_header_and_claims_are_refused_or_read_without_a_panic(
        header in "\\{(\"(alg|typ|kid|crit)\":(\"EdDSA\"|\"JWT\"|1|null),?){0,4}\\}",
        claims in "\\{(\"(iss|aud|exp|iat)\":(\"https://a.example\"|1|null|1e400),?){0,5}\\}"
    ) {
        let _ = Unverified::parse(&token(&header, &claims));
    }

    #[test]
    fn a_token_with_any_character_changed_is_refused(
        at in any::<prop::sample::Index>(), other in "[A-Za-z0-9_.-]"
    ) {
        let good = mint(&plain(), None, &secret());
        let at = at.index(good.len());
        let changed = format!("{}{other}{}", &good[..at], &good[at + 1..]);
        prop_assume!(changed != good);
        let read = Unverified::parse(&changed).and_then(|read| read.verify(&secret().public()));
        prop_assert!(read.is_err());
    }
}

#[test]
fn a_longer_life_is_allowed_to_some_issuers_and_never_to_bound_tokens() {
    let (iss, aud) = (origin("https://a.example"), origin("https://b.example"));
    let now = WallMs::from_secs(1_800_000_000);
    let living = |life_s| {
        let jti = crate::Jti::parse("j").unwrap();
        Claims::plain(iss.clone(), aud.clone(), jti, 1_800_000_000, life_s)
    };
    let refused = |life_s, max_s| Err(Refusal::Lifetime { life_s, max_s });
    assert_eq!(living(300).check_living(&aud, now, 0), Ok(()));
    assert_eq!(living(301).check(&aud, now), refused(301, 300));
    assert_eq!(living(3_600).check_living(&aud, now, 3_600), Ok(()));
    assert_eq!(living(601).check_living(&aud, now, 600), refused(601, 600));
    assert_eq!(living(9_000).check_living(&aud, now, 9_000), refused(9_000, 3_600));
    assert_eq!(living(300).check_living(&aud, now, 60), Ok(()), "it is never less");
    let bound = Claims { kind: Kind::Bound, ..living(121) };
    assert_eq!(bound.check_living(&aud, now, 3_600), refused(121, 120));
}

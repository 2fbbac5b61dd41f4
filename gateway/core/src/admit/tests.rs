//! Who is let in and who is not, and that the order of the checks is the stated one.
#![expect(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;
use proto_types::token::{Refusal, Subject, mint};
use proto_types::{GatewayId, Jti, Kid, Nonce, Revision, SecretKey};

use super::*;
use crate::nonce::{Boot, FleetKey};
use crate::peers::Key;

const NOW: WallMs = WallMs::from_secs(1_800_000_000);

fn origin(name: &str) -> Origin {
    Origin::parse(&format!("https://{name}.example")).unwrap()
}

fn secret(seed: u8) -> SecretKey {
    SecretKey::from_seed(&[seed; 32])
}

fn kid(name: &str) -> Kid {
    Kid::parse(name).unwrap()
}

/// `a` has the keys k1 (seed 1) and k2 (seed 2); `r` is revoked and has k1 (seed 3).
fn peers() -> Peers {
    let mut peers = Peers::default();
    let key = |name, seed| Key::new(kid(name), secret(seed).public());
    let keys = vec![key("k1", 1), key("k2", 2)];
    peers.put(Peer::new(origin("a"), true, keys, Revision(1)));
    let keys = vec![key("k1", 3)];
    peers.put(Peer::new(origin("r"), false, keys, Revision(2)));
    peers
}

fn claims() -> Claims {
    Claims {
        kind: Kind::Plain,
        iss: origin("a"),
        sub: Subject::FederationPeer,
        jti: Jti::parse("j-1").unwrap(),
        iat: NOW.secs(),
        exp: NOW.secs() + 300,
        aud: origin("us"),
        nbf: None,
        nonce: None,
        htm: None,
        htu: None,
        bd: None,
    }
}

fn enter_at(token: &str, now: WallMs) -> Result<Permit, Denial> {
    let header = [("x-pilox-federation-jwt", token.as_bytes())];
    let credential = Credential::find(header.into_iter()).unwrap();
    admit(&peers(), &config(None), credential, now)
}

fn config(nonces: Option<Arc<Nonces>>) -> Config {
    Config { audience: origin("us"), nonces }
}

fn enter(token: &str) -> Result<Permit, Denial> {
    enter_at(token, NOW)
}

#[test]
fn a_token_of_an_enrolled_peer_is_a_permit_with_its_replay_key() {
    let permit = enter(&mint(&claims(), None, &secret(1))).unwrap();
    assert_eq!(permit.peer.origin, origin("a"));
    assert_eq!(permit.replay_key, Digest::of(b"https://a.example\0j-1"));
    // Dead at exp + 60 s of skew: until then it must be remembered.
    assert_eq!(permit.remember_until, NOW.plus_ms(360_000));
    let permit = enter(&mint(&claims(), Some(&kid("k2")), &secret(2))).unwrap();
    assert_eq!(permit.claims, claims());
}

#[test]
fn without_a_key_id_each_key_of_the_issuer_is_tried() {
    assert!(enter(&mint(&claims(), None, &secret(2))).is_ok());
    let denial = enter(&mint(&claims(), None, &secret(9))).unwrap_err();
    assert_eq!(denial, Denial::Token(Refusal::BadSignature));
}

#[test]
fn the_first_thing_that_does_not_hold_is_the_denial() {
    let foreign = |claims: &Claims, kid: Option<&Kid>| enter(&mint(claims, kid, &secret(9)));
    let unknown = Claims { iss: origin("x"), aud: origin("x"), ..claims() };
    assert_eq!(foreign(&unknown, None).unwrap_err(), Denial::IssuerUnknown);
    let revoked = Claims { iss: origin("r"), aud: origin("x"), ..claims() };
    assert_eq!(foreign(&revoked, None).unwrap_err(), Denial::IssuerRevoked);
    assert_eq!(enter(&mint(&revoked, None, &secret(3))).unwrap_err(), Denial::IssuerRevoked);
    // Another issuer's key id is no key id of this one.
    let wrong = Claims { aud: origin("x"), exp: 1, ..claims() };
    assert_eq!(foreign(&wrong, Some(&kid("k3"))).unwrap_err(), Denial::KeyUnknown);
    assert_eq!(foreign(&wrong, Some(&kid("k1"))).unwrap_err().code(), "token_signature");
    let signed = |claims: &Claims| enter(&mint(claims, Some(&kid("k1")), &secret(1))).unwrap_err();
    assert_eq!(signed(&wrong).code(), "token_aud");
    assert_eq!(signed(&Claims { iat: 1, exp: 301, ..claims() }).code(), "token_expired");
    assert_eq!(signed(&Claims { exp: NOW.secs() + 301, ..claims() }).code(), "token_lifetime");
    let ahead = Claims { iat: NOW.secs() + 61, exp: NOW.secs() + 100, ..claims() };
    assert_eq!(signed(&ahead).code(), "token_issued_ahead");
}

#[test]
fn only_a_peer_that_an_operator_allows_it_has_tokens_of_an_hour() {
    let claims = Claims { exp: NOW.secs() + 3_600, ..claims() };
    let token = mint(&claims, Some(&kid("k1")), &secret(1));
    let refused = Refusal::Lifetime { life_s: 3_600, max_s: 300 };
    assert_eq!(enter(&token).map(drop), Err(Denial::Token(refused)));
    let mut peers = Peers::default();
    let keys = vec![Key::new(kid("k1"), secret(1).public())];
    let mut peer = Peer::new(origin("a"), true, keys, Revision(1));
    peer.token_life_s_max = 3_600;
    peers.put(peer);
    let header = [("x-pilox-federation-jwt", token.as_bytes())];
    let credential = Credential::find(header.into_iter()).unwrap();
    let permit = admit(&peers, &config(None), credential, NOW).unwrap();
    assert_eq!(permit.remember_until, NOW.plus_ms(3_660_000), "as long as it can be used");
}

#[test]
fn hs256_none_and_bound_tokens_are_refused_before_any_key_is_looked_up() {
    let good = mint(&claims(), None, &secret(1));
    let rest = good.split_once('.').unwrap().1;
    for (header, code) in [
        (r#"{"alg":"HS256","typ":"JWT"}"#, "token_alg"),
        (r#"{"alg":"none","typ":"JWT"}"#, "token_alg"),
        (r#"{"alg":"ES256","typ":"JWT","kid":"k1"}"#, "token_alg"),
        (r#"{"alg":"EdDSA","typ":"JWT","jku":"https://x.example"}"#, "token_key_reference"),
        (r#"{"alg":"EdDSA","typ":"JWT","crit":["x"]}"#, "token_crit"),
    ] {
        let header = proto_types::base64url::encode(header.as_bytes());
        assert_eq!(enter(&format!("{header}.{rest}")).unwrap_err().code(), code);
    }
    let bound = Claims { iss: origin("x"), ..bound("n") };
    assert_eq!(enter(&mint(&bound, None, &secret(1))).unwrap_err(), Denial::BoundToken);
}

fn bound(nonce: &str) -> Claims {
    Claims {
        kind: Kind::Bound,
        exp: NOW.secs() + 100,
        nonce: Some(Nonce::parse(nonce).unwrap()),
        htm: Some("POST".to_owned()),
        htu: Some("https://us.example/v1/publish".to_owned()),
        bd: Some(Digest::of(b"")),
        ..claims()
    }
}

fn nonces(gateway: &str, epoch: u64) -> Arc<Nonces> {
    let own = Boot { gateway: GatewayId::parse(gateway).unwrap(), epoch };
    Arc::new(Nonces::new(FleetKey::new(&[7; 32]), origin("us"), own))
}

fn enter_bound(here: Arc<Nonces>, token: &str) -> Result<Option<Holder>, Denial> {
    let header = [("x-pilox-federation-jwt", token.as_bytes())];
    let credential = Credential::find(header.into_iter()).unwrap();
    let permit = admit(&peers(), &config(Some(here)), credential, NOW)?;
    assert_eq!(permit.remember_until, WallMs::from_secs(permit.claims.exp).plus_ms(5_000));
    Ok(permit.holder)
}

#[test]
fn a_bound_token_is_spent_by_the_boot_that_its_nonce_names_and_by_nobody_without_one() {
    let (here, signed) = (nonces("g1", 1), |claims: &Claims| mint(claims, None, &secret(1)));
    let token = signed(&bound(here.issue(NOW).as_str()));
    assert_eq!(enter_bound(Arc::clone(&here), &token), Ok(Some(Holder::This)));
    let gone = enter_bound(nonces("g1", 2), &token).unwrap_err();
    assert_eq!((gone.code(), gone.needs_nonce()), ("nonce_boot_gone", true));
    let another = enter_bound(nonces("g2", 3), &token).unwrap();
    assert!(matches!(another, Some(Holder::Another { gateway, .. }) if gateway.as_str() == "g1"));
    let unknown = enter_bound(Arc::clone(&here), &signed(&bound("n"))).unwrap_err();
    assert_eq!((unknown.code(), unknown.needs_nonce()), ("nonce_unknown", true));
    let none = Claims { nonce: None, ..bound("n") };
    let none = enter_bound(Arc::clone(&here), &signed(&none)).unwrap_err();
    assert_eq!((none.code(), none.needs_nonce()), ("use_nonce", true));
}

#[test]
fn what_a_nonce_is_worth_is_told_to_nobody_who_has_not_signed_the_token() {
    let here = nonces("g1", 1);
    let forged = enter_bound(here, &mint(&bound("n"), None, &secret(9))).unwrap_err();
    assert_eq!((forged.code(), forged.needs_nonce()), ("token_signature", false));
}

#[test]
fn a_plain_token_that_names_a_nonce_is_the_registrys_to_spend() {
    let here = nonces("g1", 1);
    let plain = Claims { nonce: Some(here.issue(NOW)), ..claims() };
    let header = mint(&plain, None, &secret(1));
    let header = [("x-pilox-federation-jwt", header.as_bytes())];
    let credential = Credential::find(header.into_iter()).unwrap();
    let permit = admit(&peers(), &config(Some(here)), credential, NOW).unwrap();
    assert_eq!(permit.holder, None);
}

proptest! {
    #[test]
    fn what_is_admitted_is_never_admitted_once_it_need_not_be_remembered(
        age in 0u64..400, life in 1u64..400, later in 0u64..10_000_000,
    ) {
        let iat = NOW.secs() - age;
        let token = mint(&Claims { iat, exp: iat + life, ..claims() }, None, &secret(1));
        if let Ok(permit) = enter(&token) {
            prop_assert!(permit.remember_until > NOW);
            prop_assert!(enter_at(&token, permit.remember_until.plus_ms(later)).is_err());
        }
    }

    #[test]
    fn any_text_is_denied_without_a_panic(token in "[!-~]{1,200}") {
        prop_assert!(enter(&token).is_err());
    }
}

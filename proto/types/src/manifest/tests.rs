//! Which manifests make sense, member by member.

#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::key::{SecretKey, p256};
use crate::life::SKEW_MS;
use crate::signed::Signed;

const NOW: WallMs = WallMs(1_774_008_000_000);

fn kid(name: &str) -> Kid {
    Kid::parse(name).unwrap()
}

fn key(seed: u8, usage: KeyUse) -> ManifestKey {
    ManifestKey {
        kid: kid(&format!("k{seed}")),
        public_key: SecretKey::from_seed(&[seed; 32]).public().into(),
        usage,
        not_before: NOW.minus_ms(1),
        not_after: NOW.plus_ms(1_000),
    }
}

fn manifest() -> PeerManifest {
    PeerManifest {
        issuer: Origin::parse("https://a.example").unwrap(),
        seq: 1,
        issued_at: NOW,
        expires_at: NOW.plus_ms(LIFE_MS_MAX),
        prev: None,
        keys: vec![key(1, KeyUse::Signing), key(2, KeyUse::Card)],
        recovery_keys: vec![RecoveryKey {
            kid: kid("r1"),
            public_key: SecretKey::from_seed(&[9; 32]).public(),
        }],
        endpoints: Endpoints {
            a2a: Some("https://a.example/v1/a2a/jsonrpc".to_owned()),
            ..Endpoints::default()
        },
        capabilities: vec!["a2a-jsonrpc".to_owned()],
        contact: Some("ops@a.example".to_owned()),
    }
}

fn check(change: impl FnOnce(&mut PeerManifest)) -> Result<(), Error> {
    let mut manifest = manifest();
    change(&mut manifest);
    manifest.check(NOW)
}

#[test]
fn sequence_and_predecessor_belong_together() {
    assert_eq!(check(|_| {}), Ok(()));
    assert_eq!(check(|m| m.seq = 0), Err(Error::Seq { seq: 0 }));
    assert_eq!(check(|m| m.seq = 1 << 53), Err(Error::Seq { seq: 1 << 53 }));
    assert_eq!(check(|m| m.seq = 2), Err(Error::Prev));
    assert_eq!(check(|m| m.prev = Some(Digest::of(b""))), Err(Error::Prev));
    assert_eq!(check(|m| (m.seq, m.prev) = (2, Some(Digest::of(b"")))), Ok(()));
}

#[test]
fn a_manifest_that_is_frozen_or_from_the_future_is_refused() {
    let life = |life_ms| Err(Error::Life(LifeError::Span { life_ms, max_ms: LIFE_MS_MAX }));
    assert_eq!(check(|m| m.expires_at = NOW), life(0));
    assert_eq!(check(|m| m.expires_at = NOW.minus_ms(5)), life(0));
    assert_eq!(check(|m| m.expires_at = m.expires_at.plus_ms(1)), life(LIFE_MS_MAX + 1));
    assert_eq!(check(|m| m.issued_at = NOW.plus_ms(SKEW_MS)), Ok(()));
    let ahead = NOW.plus_ms(SKEW_MS + 1);
    assert_eq!(
        check(|m| m.issued_at = ahead),
        Err(Error::Life(LifeError::Future { issued_at: ahead }))
    );
    let ended = check(|m| (m.issued_at, m.expires_at) = (NOW.minus_ms(9), NOW));
    assert_eq!(ended, Err(Error::Life(LifeError::Expired { expires_at: NOW })));
}

#[test]
fn each_key_stands_once_and_one_of_them_signs_now() {
    let twice = |name| Err(Error::KeyTwice { kid: kid(name) });
    assert_eq!(check(|m| m.keys[1].kid = kid("k1")), twice("k1"));
    assert_eq!(check(|m| m.keys[1].public_key = m.keys[0].public_key), twice("k2"));
    let own = SecretKey::from_seed(&[1; 32]).public();
    assert_eq!(check(|m| m.recovery_keys[0].public_key = own), twice("r1"));
    assert_eq!(check(|m| m.keys[0].usage = KeyUse::Card), Err(Error::NoSigningKey));
    assert_eq!(check(|m| m.keys[0].not_after = NOW), Err(Error::NoSigningKey));
    assert_eq!(check(|m| m.keys[0].not_before = NOW.plus_ms(1)), Err(Error::NoSigningKey));
    let never = check(|m| m.keys[1].not_after = m.keys[1].not_before);
    assert_eq!(never, Err(Error::KeyLife { kid: kid("k2") }));
    let empty = check(|m| m.keys.clear());
    assert_eq!(empty, Err(Error::Count { list: "keys", len: 0, max: KEYS_MAX }));
    let many = check(|m| m.keys = (0..17).map(|seed| key(seed, KeyUse::Signing)).collect());
    assert_eq!(many, Err(Error::Count { list: "keys", len: 17, max: KEYS_MAX }));
}

#[test]
fn an_es256_key_is_stated_for_cards_alone() {
    let es256 = AnyKey::from(p256::tests::public());
    assert_eq!(check(|m| m.keys[1].public_key = es256), Ok(()));
    let refused = Err(Error::KeyAlgorithm { kid: kid("k1") });
    assert_eq!(check(|m| m.keys[0].public_key = es256), refused);
    let mut manifest = manifest();
    manifest.keys[1].public_key = es256;
    assert_eq!(manifest.key(&kid("k2"), KeyUse::Card, NOW), Some(es256));
    let text = serde_json::to_value(&manifest.keys[1]).unwrap();
    assert_eq!(text["public_key"]["kty"], "EC");
    assert_eq!(serde_json::from_value::<ManifestKey>(text).unwrap(), manifest.keys[1]);
    // A recovery key is of Ed25519 by its type.
    let mut recovery = serde_json::to_value(&manifest.recovery_keys[0]).unwrap();
    recovery["public_key"] = serde_json::to_value(&manifest.keys[1]).unwrap()["public_key"].take();
    assert!(serde_json::from_value::<RecoveryKey>(recovery).is_err());
}

#[test]
fn endpoints_capabilities_and_contact_are_plain() {
    for bad in ["/relative", "ftp://a.example", "https://u@a.example/x", "https://a.example/ü", ""]
    {
        let found = check(|m| m.endpoints.wan = Some(bad.to_owned()));
        assert_eq!(found, Err(Error::Endpoint { name: "wan" }), "{bad}");
    }
    for bad in ["", "-x", "A2A", "a b", "é"] {
        let found = check(|m| m.capabilities.push(bad.to_owned()));
        assert_eq!(found, Err(Error::Capability { at: 1 }), "{bad}");
    }
    assert_eq!(check(|m| m.contact = Some("a\r\nb".to_owned())), Err(Error::Contact));
}

#[test]
fn a_key_is_found_by_name_use_and_time() {
    let manifest = manifest();
    assert_eq!(manifest.signing_key(&kid("k1"), NOW), manifest.keys[0].public_key.ed25519());
    assert_eq!(manifest.signing_key(&kid("k1"), NOW.plus_ms(1_000)), None);
    assert_eq!(manifest.signing_key(&kid("k2"), NOW), None);
    assert_eq!(manifest.key(&kid("k2"), KeyUse::Card, NOW), Some(manifest.keys[1].public_key));
}

#[test]
fn a_signed_manifest_reads_as_it_was_written_and_unknown_members_are_refused() {
    let secret = SecretKey::from_seed(&[1; 32]);
    let signed = Signed::sign(manifest(), &[(kid("k1"), &secret)]).unwrap();
    let read = Signed::<PeerManifest>::parse(signed.bytes()).unwrap();
    let verified = read.verify(&|_: &Kid| Some(secret.public()), 1).unwrap();
    assert_eq!(*verified, manifest());

    let mut wider: serde_json::Value = serde_json::from_slice(signed.bytes()).unwrap();
    wider["extra"] = true.into();
    let refused = Signed::<PeerManifest>::parse(&serde_json::to_vec(&wider).unwrap());
    assert!(matches!(refused, Err(crate::signed::Error::Json(_))));
}

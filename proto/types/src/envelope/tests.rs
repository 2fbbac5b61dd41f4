//! Which envelopes make sense, member by member.

#![expect(clippy::unwrap_used, reason = "tests")]

use serde_json::json;

use super::*;
use crate::id::Kid;
use crate::key::SecretKey;
use crate::life::SKEW_MS;
use crate::signed::Signed;

const NOW: WallMs = WallMs(1_774_008_000_000);

fn origin(text: &str) -> Origin {
    Origin::parse(text).unwrap()
}

fn envelope() -> Envelope {
    Envelope {
        id: EnvelopeId::parse("0195b1c4-7d9a-7d5e-8f00-0123456789ab").unwrap(),
        correlation_id: CorrelationId::parse("corr-0001").unwrap(),
        source: origin("https://a.example"),
        target: TargetRef::Handle(Handle::parse("urn:hive:agent:sha256:0001").unwrap()),
        issued_at: NOW,
        expires_at: NOW.plus_ms(60_000),
        hop_limit: 2,
        via: vec![origin("https://g.example")],
        content_type: "application/json; charset=utf-8".to_owned(),
        payload: Some(json!({"text": "hello", "n": [1, 2.5, null]})),
        payload_ref: None,
        idempotency_key: None,
    }
}

fn check(change: impl FnOnce(&mut Envelope)) -> Result<(), Error> {
    let mut envelope = envelope();
    change(&mut envelope);
    envelope.check(NOW)
}

#[test]
fn only_a_uuid_of_version_7_is_an_id() {
    assert_eq!(check(|_| {}), Ok(()));
    for bad in [
        "0195b1c4-7d9a-4d5e-8f00-0123456789ab",
        "0195b1c4-7d9a-7d5e-cf00-0123456789ab",
        "0195B1C4-7d9a-7d5e-8f00-0123456789ab",
        "0195b1c47d9a7d5e8f000123456789ab",
        "x",
    ] {
        assert_eq!(check(|e| e.id = EnvelopeId::parse(bad).unwrap()), Err(Error::Id), "{bad}");
    }
}

#[test]
fn time_and_path_are_bounded() {
    assert_eq!(
        check(|e| e.expires_at = NOW),
        Err(Error::Life(LifeError::Span { life_ms: 0, max_ms: LIFE_MS_MAX }))
    );
    let long = check(|e| e.expires_at = NOW.plus_ms(LIFE_MS_MAX + 1));
    assert_eq!(
        long,
        Err(Error::Life(LifeError::Span { life_ms: LIFE_MS_MAX + 1, max_ms: LIFE_MS_MAX }))
    );
    let past = check(|e| (e.issued_at, e.expires_at) = (NOW.minus_ms(2), NOW));
    assert_eq!(past, Err(Error::Life(LifeError::Expired { expires_at: NOW })));
    let ahead = NOW.plus_ms(SKEW_MS + 1);
    let future = check(|e| (e.issued_at, e.expires_at) = (ahead, ahead.plus_ms(1)));
    assert_eq!(future, Err(Error::Life(LifeError::Future { issued_at: ahead })));
    assert_eq!(check(|e| e.hop_limit = 0), Err(Error::Hops { hops: 1, limit: 0 }));
    assert_eq!(check(|e| e.hop_limit = 17), Err(Error::Hops { hops: 1, limit: 17 }));
    let own = origin("https://a.example");
    assert_eq!(check(|e| e.via.push(own.clone())), Err(Error::Loop { origin: own.clone() }));
    let again = origin("https://g.example");
    let passed_twice = check(|e| e.via.push(again.clone()));
    assert_eq!(passed_twice, Err(Error::Loop { origin: again.clone() }));
}

#[test]
fn there_is_exactly_one_payload() {
    let reference =
        |url: &str| Some(PayloadRef { url: url.to_owned(), sha256: Digest::of(b"x"), size: 1 });
    let good = reference("https://a.example/blob");
    assert_eq!(check(|e| e.payload = None), Err(Error::Payload));
    assert_eq!(check(|e| e.payload_ref = good.clone()), Err(Error::Payload));
    assert_eq!(check(|e| (e.payload, e.payload_ref) = (None, good.clone())), Ok(()));
    let bad = check(|e| (e.payload, e.payload_ref) = (None, reference("file:///etc/passwd")));
    assert_eq!(bad, Err(Error::PayloadRef));
    for bad in ["", "json", "/json", "text/", "text/plain\r\nX: y", "text /plain"] {
        assert_eq!(check(|e| e.content_type = bad.to_owned()), Err(Error::ContentType), "{bad}");
    }
}

#[test]
fn a_target_is_exactly_one_of_origin_and_handle() {
    let read = |value| serde_json::from_value::<TargetRef>(value);
    let target = read(json!({"origin": "https://b.example"})).unwrap();
    assert_eq!(target, TargetRef::Origin(origin("https://b.example")));
    for bad in [
        json!({}),
        json!({"origin": "https://b.example", "handle": "urn:x:0001"}),
        json!({"origin": "https://B.example"}),
        json!({"peer": "https://b.example"}),
        json!("https://b.example"),
    ] {
        assert!(read(bad.clone()).is_err(), "{bad}");
    }
}

#[test]
fn a_signed_envelope_reads_as_it_was_written() {
    let secret = SecretKey::from_seed(&[1; 32]);
    let kid = Kid::parse("k1").unwrap();
    let signed = Signed::sign(envelope(), &[(kid, &secret)]).unwrap();
    let verified = signed.verify(&|_: &Kid| Some(secret.public()), 1).unwrap();
    assert_eq!(*verified, envelope());
}

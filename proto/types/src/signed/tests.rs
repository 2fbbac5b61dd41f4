//! What a signature covers, who is counted, and what a wire form must look like.

#![expect(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;
use serde::Deserialize;
use serde_json::json;

use super::*;
use crate::key::{PublicKey, SecretKey};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Note {
    issuer: Origin,
    text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    extra: Option<Value>,
}

impl Document for Note {
    const TYPE: &'static str = "ecumene-note-v1";

    fn issuer(&self) -> &Origin {
        &self.issuer
    }
}

/// The same members under another name: only the domain tag tells them apart.
#[derive(Debug, Serialize, Deserialize)]
#[serde(transparent)]
struct Memo(Note);

impl Document for Memo {
    const TYPE: &'static str = "ecumene-memo-v1";

    fn issuer(&self) -> &Origin {
        &self.0.issuer
    }
}

fn note() -> Note {
    let issuer = Origin::parse("https://a.example").unwrap();
    Note { issuer, text: "hello".to_owned(), extra: None }
}

fn kid(name: &str) -> Kid {
    Kid::parse(name).unwrap()
}

fn secret(seed: u8) -> SecretKey {
    SecretKey::from_seed(&[seed; 32])
}

fn signed() -> Signed<Note> {
    Signed::sign(note(), &[(kid("k1"), &secret(1)), (kid("k2"), &secret(2))]).unwrap()
}

/// `k1` and `k2` are two keys, `alias` is a second name of the first.
fn enrolled(kid: &Kid) -> Option<PublicKey> {
    match kid.as_str() {
        "k1" | "alias" => Some(secret(1).public()),
        "k2" => Some(secret(2).public()),
        _ => None,
    }
}

fn value(signed: &Signed<Note>) -> Value {
    serde_json::from_slice(signed.bytes()).unwrap()
}

fn parse(value: &Value) -> Result<Signed<Note>, Error> {
    Signed::parse(&serde_json::to_vec(value).unwrap())
}

#[test]
fn two_keys_meet_a_threshold_of_two_and_no_more() {
    let verified = signed().verify(&enrolled, 2).unwrap();
    assert_eq!(*verified, note());
    assert_eq!(verified.signers(), [kid("k1"), kid("k2")]);
    assert_eq!(verified.digest(), Digest::of(verified.bytes()));
    let refused = signed().verify(&enrolled, 3).unwrap_err();
    assert_eq!(refused, Error::Threshold { found: 2, needed: 3 });
    let none = signed().verify(&enrolled, 0).unwrap_err();
    assert_eq!(none, Error::Threshold { found: 2, needed: 0 });
}

#[test]
fn case_13_one_key_under_two_names_counts_once() {
    let key = secret(1);
    for names in [["k1", "alias"], ["k1", "k1"]] {
        let keys = names.map(|name| (kid(name), &key));
        let refused = Signed::sign(note(), &keys).unwrap().verify(&enrolled, 2).unwrap_err();
        assert_eq!(refused, Error::Threshold { found: 1, needed: 2 }, "{names:?}");
    }
}

#[test]
fn unknown_names_are_passed_over_and_wrong_signatures_are_not() {
    let only_first = |name: &Kid| enrolled(name).filter(|_| name.as_str() == "k1");
    assert_eq!(signed().verify(&only_first, 1).unwrap().signers(), [kid("k1")]);
    let nobody = |_: &Kid| None::<PublicKey>;
    let refused = signed().verify(&nobody, 1).unwrap_err();
    assert_eq!(refused, Error::Threshold { found: 0, needed: 1 });
    let swapped = |_: &Kid| Some(secret(3).public());
    let refused = signed().verify(&swapped, 1).unwrap_err();
    assert_eq!(refused, Error::BadSignature { kid: kid("k1") });
}

#[test]
fn every_member_is_covered_and_formatting_is_not() {
    let mut changed = value(&signed());
    changed["text"] = "hallo".into();
    let refused = parse(&changed).unwrap().verify(&enrolled, 1).unwrap_err();
    assert_eq!(refused, Error::BadSignature { kid: kid("k1") });

    let spaced = serde_json::to_vec_pretty(&value(&signed())).unwrap();
    let verified = Signed::<Note>::parse(&spaced).unwrap().verify(&enrolled, 2).unwrap();
    assert_eq!(verified.bytes(), spaced);
    let original = signed().verify(&enrolled, 2).unwrap();
    assert_ne!(verified.digest(), original.digest());
    assert_eq!(verified.document_digest(), original.document_digest());
}

#[test]
fn case_21_a_signature_of_one_type_is_no_signature_of_another() {
    let mut disguised = value(&signed());
    let wrong = Signed::<Memo>::parse(&serde_json::to_vec(&disguised).unwrap()).unwrap_err();
    assert_eq!(wrong, Error::WrongType { expected: "ecumene-memo-v1" });
    disguised["type"] = "ecumene-memo-v1".into();
    let memo = Signed::<Memo>::parse(&serde_json::to_vec(&disguised).unwrap()).unwrap();
    assert!(matches!(memo.verify(&enrolled, 1), Err(Error::BadSignature { .. })));
}

/// Without the tag in [`payload`] the member `type` would be all that separates the types: the first
/// assertion fails then.
#[test]
fn the_tag_is_signed_beside_the_member() {
    let canonical =
        json::canonical(&json!({"issuer": "https://a.example", "text": "hello", "type": "x"}));
    assert_ne!(payload::<Note>(&canonical), payload::<Memo>(&canonical));
    let tagged = base64url::decode(&payload::<Note>(&canonical)).unwrap();
    assert_eq!(tagged, [b"ecumene/ecumene-note-v1\0".as_slice(), &canonical].concat());
}

#[test]
fn a_signature_that_is_not_exactly_in_form_is_refused() {
    let header = |text: &str| base64url::encode(text.as_bytes());
    let with = |at: &str, text: Value| {
        let mut changed = value(&signed());
        changed["signatures"][1][at] = text;
        parse(&changed).unwrap_err()
    };
    for (text, source) in [
        (r#"{"alg":"none","kid":"k2"}"#, jose::Error::Algorithm),
        (r#"{"alg":"HS256","kid":"k2"}"#, jose::Error::Algorithm),
        (r#"{"alg":"ES256","kid":"k2"}"#, jose::Error::Algorithm),
        (r#"{"alg":"EdDSA","kid":"k2","crit":["b64"],"b64":false}"#, jose::Error::Critical),
        (r#"{"alg":"EdDSA","kid":"k2","jku":"https://e.example"}"#, jose::Error::KeyReference),
        (r#"{"alg":"EdDSA","kid":"k2","jwk":{}}"#, jose::Error::KeyReference),
    ] {
        assert_eq!(
            with("protected", header(text).into()),
            Error::Header { at: 1, source },
            "{text}"
        );
    }
    for text in [r#"{"alg":"EdDSA"}"#, r#"{"alg":"EdDSA","kid":"k2","typ":"JOSE"}"#] {
        assert_eq!(with("protected", header(text).into()), Error::HeaderMembers { at: 1 });
    }
    let text = value(&signed())["signatures"][1]["signature"].as_str().unwrap().to_owned();
    // 64 bytes leave four slack bits: A, Q, g and w are the endings that leave them 0.
    let slack = format!("{}B", &text[..85]);
    for bad in [format!("{text}=="), format!("{text}\n"), text[..84].to_owned(), slack] {
        assert_eq!(with("signature", bad.into()), Error::SignatureText { at: 1 });
    }
    assert_eq!(with("signature", 1.into()), Error::Signatures);
    assert_eq!(with("header", json!({"kid": "k1"})), Error::Signatures);
}

#[test]
fn the_list_of_signatures_is_bounded_and_present() {
    let mut none = value(&signed());
    none["signatures"] = json!([]);
    assert_eq!(parse(&none).unwrap_err(), Error::Signatures);
    none.as_object_mut().unwrap().remove("signatures");
    assert_eq!(parse(&none).unwrap_err(), Error::Signatures);
    let mut many = value(&signed());
    let one = many["signatures"][0].clone();
    many["signatures"] = vec![one; SIGNATURES_MAX + 1].into();
    assert_eq!(parse(&many).unwrap_err(), Error::Signatures);
    assert_eq!(Signed::<Note>::sign::<SecretKey>(note(), &[]).unwrap_err(), Error::Signatures);
    assert_eq!(Signed::<Note>::parse(b"[]").unwrap_err(), Error::NotAnObject);
}

#[test]
fn duplicate_members_are_refused_in_unsigned_parts_too() {
    let text = String::from_utf8(signed().bytes().to_vec()).unwrap();
    let doubled = text.replacen("\"protected\":", "\"protected\":\"\",\"protected\":", 1);
    let refused = Signed::<Note>::parse(doubled.as_bytes()).unwrap_err();
    let at =
        |path: &str| json::Error::DuplicateMember { name: "protected".into(), path: path.into() };
    assert_eq!(refused, Error::Json(at("/signatures/0")));
}

#[test]
fn an_unsafe_integer_can_be_neither_signed_nor_read() {
    let unsafe_note = Note { extra: Some(json!(1_u64 << 53)), ..note() };
    let refused = Signed::sign(unsafe_note, &[(kid("k1"), &secret(1))]).unwrap_err();
    assert!(matches!(refused, Error::Json(json::Error::UnsafeNumber { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_signed_verifies_and_any_flipped_bit_does_not(
        text in "\\PC{0,40}", at in any::<prop::sample::Index>(), bit in 0..8_u8
    ) {
        let note = Note { text, ..note() };
        let signed = Signed::sign(note.clone(), &[(kid("k1"), &secret(1))]).unwrap();
        let mut bytes = signed.bytes().to_vec();
        let verified = signed.verify(&enrolled, 1).unwrap();
        prop_assert_eq!(&*verified, &note);
        bytes[at.index(verified.bytes().len())] ^= 1 << bit;
        let reread = Signed::<Note>::parse(&bytes).and_then(|read| read.verify(&enrolled, 1));
        // A flip may only survive where it says the same: nothing here is encoded in two ways.
        prop_assert!(reread.is_err());
    }
}

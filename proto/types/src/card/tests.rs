//! Cards of both generations, and what a signature on one covers.

#![expect(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;
use serde_json::{Value, json};

use super::canonical::CanonicalForm;
use super::jws::{self, Error, SignError};
use super::*;
use crate::id::Kid;
use crate::jose;
use crate::key::p256::tests::Secret;
use crate::key::{AnyKey, SecretKey, Signer as _};
use crate::{base64url, json};

fn card() -> Value {
    let interfaces = [Interface::json_rpc("https://a.example/rpc")];
    let modes = ["text/plain".to_owned()];
    let skill = Skill {
        id: "s".to_owned(),
        name: "S".to_owned(),
        description: "d".to_owned(),
        tags: vec!["t".to_owned()],
        ..Skill::default()
    };
    hosted(&Hosted {
        name: "Agent",
        description: "An agent",
        version: "1.0.0",
        interfaces: &interfaces,
        input_modes: &modes,
        output_modes: &modes,
        skills: &[skill],
        streaming: true,
        extended: false,
        federated: true,
    })
    .unwrap()
}

fn paths(value: &Value) -> Vec<String> {
    let refused = Card::parse(value.to_string().as_bytes()).unwrap_err();
    refused.faults().into_iter().map(|fault| fault.path).collect()
}

fn secret() -> SecretKey {
    SecretKey::from_seed(&[9; 32])
}

fn kid() -> Kid {
    Kid::parse("k1").unwrap()
}

fn known(wanted: &Kid) -> Option<AnyKey> {
    (*wanted == kid()).then(|| secret().public().into())
}

fn reparse(value: &Value) -> Card {
    Card::parse(value.to_string().as_bytes()).unwrap()
}

/// The card with a signature under this header, over this form of it.
fn signed_under(header: &Value, card: &Value, form: CanonicalForm) -> Card {
    let protected = base64url::encode(header.to_string().as_bytes());
    let payload = base64url::encode(&canonical::bytes(card, CardVersion::V10, form));
    let signature = secret().sign(format!("{protected}.{payload}").as_bytes());
    let mut card = card.clone();
    card["signatures"] =
        json!([{"protected": protected, "signature": base64url::encode(&signature)}]);
    reparse(&card)
}

#[test]
fn a_hosted_card_is_a_card_that_asks_for_a_federation_token() {
    let parsed = reparse(&card());
    let view = parsed.view();
    assert_eq!(view.card_version, CardVersion::V10);
    assert_eq!(view.security_schemes, ["fed"]);
    let scopes = [("fed".to_owned(), vec!["federation".to_owned()])];
    assert_eq!(view.security_requirements, [scopes.into_iter().collect()]);
    assert!(view.capabilities.streaming && !view.capabilities.push_notifications);
    assert_eq!(parsed.empty_members(), Vec::<String>::new());
    assert!(!parsed.is_signed());
}

#[test]
fn a_hosted_card_with_anything_empty_is_not_made() {
    let nothing = Hosted {
        name: "",
        description: "d",
        version: "1",
        interfaces: &[],
        input_modes: &[],
        output_modes: &[],
        skills: &[],
        streaming: false,
        extended: false,
        federated: false,
    };
    let faults = hosted(&nothing).unwrap_err().faults();
    let paths: Vec<_> = faults.iter().map(|fault| fault.path.as_str()).collect();
    let lists = ["/supportedInterfaces", "/defaultInputModes", "/defaultOutputModes", "/skills"];
    assert_eq!(paths, lists);
    let interfaces = [Interface::json_rpc("https://a.example/rpc")];
    let modes = ["text/plain".to_owned()];
    let skill = Skill { tags: vec!["t".to_owned()], ..Skill::default() };
    let hollow = Hosted {
        interfaces: &interfaces,
        input_modes: &modes,
        output_modes: &modes,
        skills: &[skill],
        ..nothing
    };
    let faults = hosted(&hollow).unwrap_err().faults();
    assert!(faults.iter().any(|fault| fault.path == "/skills/0/id"), "{faults:?}");
}

#[test]
fn all_that_a_card_lacks_is_told_at_once() {
    let all = [
        "/name",
        "/description",
        "/version",
        "/supportedInterfaces",
        "/capabilities",
        "/defaultInputModes",
        "/defaultOutputModes",
        "/skills",
    ];
    assert_eq!(paths(&json!({})), all);
    let mut bad = card();
    bad["skills"] = json!([{"id": "s", "name": "S", "tags": []}]);
    bad["supportedInterfaces"] = json!([{"url": "", "protocolBinding": "JSONRPC"}]);
    bad["securitySchemes"] = json!({"a": {}, "b": {"apiKeySecurityScheme": {"name": "n"}}});
    bad["signatures"] = json!([{"protected": "x"}]);
    let found = paths(&bad);
    let expected = [
        "/supportedInterfaces/0/url",
        "/supportedInterfaces/0/protocolVersion",
        "/securitySchemes/a",
        "/securitySchemes/b/apiKeySecurityScheme/location",
        "/skills/0/description",
        "/skills/0/tags",
        // Its scheme is not declared any more.
        "/securityRequirements/0/schemes/fed",
        "/signatures/0/signature",
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_card_of_0_3_is_read_in_the_terms_of_1_0() {
    let old = json!({
        "protocolVersion": "0.3.0", "name": "Old", "description": "d", "version": "1",
        "url": "https://a.example/rpc", "preferredTransport": "JSONRPC",
        "additionalInterfaces": [
            {"url": "https://a.example/rpc", "transport": "JSONRPC"},
            {"url": "https://a.example/v1", "transport": "HTTP+JSON"},
        ],
        "capabilities": {"streaming": true}, "supportsAuthenticatedExtendedCard": true,
        "defaultInputModes": ["text"], "defaultOutputModes": ["text"], "skills": [],
        "securitySchemes": {"b": {"type": "http", "scheme": "bearer"}}, "security": [{"b": []}],
    });
    let parsed = reparse(&old);
    let view = parsed.view();
    assert_eq!(view.card_version, CardVersion::V03);
    let bindings: Vec<_> = view.interfaces.iter().map(|i| i.protocol_binding.as_str()).collect();
    assert_eq!(bindings, ["JSONRPC", "HTTP+JSON"]);
    assert!(view.interfaces.iter().all(|interface| interface.protocol_version == "0.3.0"));
    assert!(view.capabilities.extended_agent_card);
    let lacking = ["/name", "/description", "/version", "/capabilities"];
    assert_eq!(paths(&json!({"url": "x"}))[..4], lacking);

    let mut dual = card();
    dual["url"] = json!("https://a.example/rpc");
    dual["protocolVersion"] = json!("0.3");
    assert_eq!(reparse(&dual).view().card_version, CardVersion::V10);
}

#[test]
fn a_card_of_0_3_may_have_a_skill_without_tags() {
    let old = json!({
        "protocolVersion": "0.3.0", "name": "Old", "description": "d", "version": "1",
        "url": "https://a.example/rpc", "capabilities": {},
        "defaultInputModes": ["text"], "defaultOutputModes": ["text"],
        "skills": [{"id": "s", "name": "S", "description": "d", "tags": []}],
    });
    assert_eq!(reparse(&old).view().skills[0].tags, Vec::<String>::new());
}

#[test]
fn a_scheme_that_a_card_requires_and_does_not_declare_is_named() {
    let mut bad = card();
    bad["securityRequirements"] = json!([{"schemes": {"fed": {"list": ["federation"]}}},
        {"schemes": {"absent": {"list": ["x"]}}}]);
    bad["skills"][0]["securityRequirements"] = json!([{"schemes": {"gone": {"list": ["x"]}}}]);
    let places =
        ["/skills/0/securityRequirements/0/schemes/gone", "/securityRequirements/1/schemes/absent"];
    assert_eq!(paths(&bad), places);
    bad["securitySchemes"]["absent"] = json!({"mtlsSecurityScheme": {}});
    bad["securitySchemes"]["gone"] = json!({"mtlsSecurityScheme": {}});
    assert!(Card::parse(bad.to_string().as_bytes()).is_ok());
    bad.as_object_mut().unwrap().remove("securitySchemes");
    assert_eq!(paths(&bad).len(), 3, "without schemes none is declared");
}

#[test]
fn numbers_of_any_size_are_kept_in_a_card_until_it_is_signed() {
    let mut big = card();
    big["capabilities"]["extensions"] =
        json!([{"uri": "urn:x", "params": {"ids": [9_007_199_254_740_993_u64]}}]);
    let place = "/capabilities/extensions/0/params/ids/0";
    let kept = reparse(&big);
    assert!(String::from_utf8(kept.into_bytes()).unwrap().contains("9007199254740993"));
    let refused = jws::sign(&big, &kid(), &secret()).unwrap_err();
    assert!(refused.to_string().contains(place), "{refused}");
    big["signatures"] = json!([{"protected": "e30", "signature": ""}]);
    let refused = Card::parse(big.to_string().as_bytes()).unwrap_err();
    assert_eq!(refused.faults()[0].path, place);
    // The unprotected header is not signed.
    let mut headed = card();
    headed["signatures"] = json!([{"protected": "e30", "signature": "",
        "header": {"n": 9_007_199_254_740_993_u64}}]);
    assert!(Card::parse(headed.to_string().as_bytes()).is_ok());
}

#[test]
fn the_bytes_of_a_card_are_kept() {
    let pretty = serde_json::to_vec_pretty(&card()).unwrap();
    let parsed = Card::parse(&pretty).unwrap();
    assert_eq!(parsed.bytes(), pretty);
    assert_eq!(parsed.digest(), crate::Digest::of(&pretty));
    assert_eq!(parsed.into_bytes(), pretty);
    let long = vec![b' '; LEN_MAX + 1];
    assert_eq!(Card::parse(&long), Err(Invalid::TooLong { len: LEN_MAX + 1, max: LEN_MAX }));
    let twice = br#"{"name":"a","name":"b"}"#;
    assert!(matches!(Card::parse(twice), Err(Invalid::Json(_))));
}

#[test]
fn a_card_that_we_sign_verifies_until_any_part_of_it_changes() {
    let signed = jws::sign(&card(), &kid(), &secret()).unwrap();
    let verified = jws::verify(&signed, &known).unwrap();
    assert_eq!((verified.kid, verified.form), (kid(), CanonicalForm::Rfc8785));
    let bad = Err(Error::BadSignature { kid: kid() });
    for (path, value) in [
        ("/supportedInterfaces/0/url", json!("https://evil.example/rpc")),
        ("/capabilities/streaming", json!(false)),
        ("/securityRequirements/0/schemes/fed/list", json!([])),
        ("/securityRequirements", json!([])),
        ("/skills/0/tags/0", json!("u")),
        ("/name", json!("agent")),
    ] {
        let mut changed = signed.raw().clone();
        *changed.pointer_mut(path).unwrap() = value;
        assert_eq!(jws::verify(&reparse(&changed), &known), bad, "{path}");
    }
    for (name, value) in
        [("x-added", json!(1)), ("url", json!("https://evil.example")), ("iconUrl", json!("x:y"))]
    {
        let mut changed = signed.raw().clone();
        changed[name] = value;
        assert_eq!(jws::verify(&reparse(&changed), &known), bad, "{name}");
    }
    let mut removed = signed.raw().clone();
    removed.as_object_mut().unwrap().remove("securityRequirements");
    assert_eq!(jws::verify(&reparse(&removed), &known), bad);
}

#[test]
fn a_card_with_empty_members_is_not_signed() {
    let mut hollow = card();
    hollow["skills"][0]["examples"] = json!([]);
    hollow["securityRequirements"] = json!([{"schemes": {"fed": {}}}]);
    let refused = jws::sign(&hollow, &kid(), &secret()).unwrap_err();
    let at = ["/securityRequirements/0/schemes/fed", "/skills/0/examples"];
    assert_eq!(refused, SignError::Empty(at.map(str::to_owned).to_vec()));
    assert!(matches!(jws::sign(&json!(1), &kid(), &secret()), Err(SignError::Invalid(_))));
}

#[test]
fn a_card_with_members_that_a2a_does_not_name_is_not_signed_and_they_are_told() {
    let sign = |card: &Value| jws::sign(card, &kid(), &secret());
    for (parent, name) in [
        ("", "x-vendor"),
        ("", "url"),
        ("", "iconURL"),
        ("", "default_input_modes"),
        ("/skills/0", "rank"),
        ("/supportedInterfaces/0", "transport"),
        ("/securitySchemes/fed/httpAuthSecurityScheme", "realm"),
        ("/securityRequirements/0/schemes/fed", "scopes"),
        ("/capabilities", "stateTransitionHistory"),
    ] {
        let mut changed = card();
        changed.pointer_mut(parent).unwrap()[name] = json!("x");
        let place = format!("{parent}/{name}");
        let refused = sign(&changed).unwrap_err();
        assert!(refused.to_string().ends_with(&place), "{refused}");
        assert_eq!(refused, SignError::Unknown(vec![place]));
    }
    let mut free = card();
    free["capabilities"]["extensions"] =
        json!([{"uri": "urn:x", "params": {"anything": {"goes": 1}}}]);
    free["provider"] = json!({"url": "https://a.example", "organization": "A"});
    assert!(sign(&free).is_ok());
    let old = json!({
        "protocolVersion": "0.3.0", "name": "Old", "description": "d", "version": "1",
        "url": "https://a.example/rpc", "capabilities": {"streaming": true, "batch": true},
        "defaultInputModes": ["text"], "defaultOutputModes": ["text"],
        "skills": [{"id": "s", "name": "S", "description": "d", "tags": ["t"]}],
    });
    let refused = sign(&old).unwrap_err();
    assert_eq!(refused, SignError::Unknown(vec!["/capabilities/batch".to_owned()]));
}

#[test]
fn the_sdk_form_is_named_where_it_is_what_was_signed() {
    let mut hollow = card();
    hollow["securityRequirements"] = json!([{"schemes": {"fed": {}}}]);
    let header = json!({"alg": "EdDSA", "kid": "k1", "typ": "JOSE"});
    let signed = signed_under(&header, &hollow, CanonicalForm::PythonSdk);
    let verified = jws::verify(&signed, &known).unwrap();
    assert_eq!(verified.form, CanonicalForm::PythonSdk);
    // Why the form is recorded: what is empty can be removed from such a card.
    assert_eq!(signed.empty_members(), ["/securityRequirements/0/schemes/fed"]);
    let signed = signed_under(&header, &hollow, CanonicalForm::Rfc8785);
    assert_eq!(jws::verify(&signed, &known).unwrap().form, CanonicalForm::Rfc8785);
}

#[test]
fn a_header_may_hold_alg_kid_typ_and_jku_and_nothing_else() {
    let judge = |header: Value| {
        let card = signed_under(&header, &card(), CanonicalForm::Rfc8785);
        jws::verify(&card, &known).map(|verified| verified.kid)
    };
    for good in [
        json!({"alg": "EdDSA", "kid": "k1"}),
        json!({"alg": "Ed25519", "kid": "k1", "typ": "JOSE"}),
        // Only SHOULD be JOSE (8.4.2).
        json!({"alg": "EdDSA", "kid": "k1", "typ": "JWT"}),
        json!({"alg": "EdDSA", "kid": "k1", "typ": "jose"}),
        json!({"alg": "EdDSA", "kid": "k1", "jku": "https://evil.example/jwks.json"}),
    ] {
        assert_eq!(judge(good.clone()), Ok(kid()), "{good}");
    }
    for (bad, source) in [
        (json!({"alg": "none", "kid": "k1"}), jose::Error::UnknownAlgorithm),
        (json!({"alg": "HS256", "kid": "k1"}), jose::Error::UnknownAlgorithm),
        (json!({"kid": "k1"}), jose::Error::UnknownAlgorithm),
        (json!({"alg": "EdDSA"}), jose::Error::Kid),
        (json!({"alg": "EdDSA", "kid": "a b"}), jose::Error::Kid),
        (json!({"alg": "EdDSA", "kid": "k1", "typ": 1}), jose::Error::Type),
        (json!({"alg": "ES384", "kid": "k1", "typ": "JOSE"}), jose::Error::UnknownAlgorithm),
        (
            json!({"alg": "EdDSA", "kid": "k1", "crit": ["b64"], "b64": false}),
            jose::Error::Critical,
        ),
        (json!({"alg": "EdDSA", "kid": "k1", "jwk": {}}), jose::Error::KeyReference),
        (
            json!({"alg": "EdDSA", "kid": "k1", "x5u": "https://evil.example"}),
            jose::Error::KeyReference,
        ),
        (json!({"alg": "EdDSA", "kid": "k1", "zip": "DEF"}), jose::Error::UnknownMember),
        (json!([]), jose::Error::NotAnObject),
    ] {
        assert_eq!(judge(bad.clone()), Err(Error::Header { at: 0, source }), "{bad}");
    }
    let refused = judge(json!({"alg": "RS256", "kid": "k1"})).unwrap_err();
    assert!(refused.to_string().ends_with("neither EdDSA (Ed25519) nor ES256"), "{refused}");
    // The key says which algorithm is meant, never the header.
    let (alg, of) = (jose::Algorithm::Es256, kid());
    let other = judge(json!({"alg": "ES256", "kid": "k1"}));
    assert_eq!(other, Err(Error::KeyAlgorithm { kid: of, alg }));
    let stranger = Kid::parse("k2").unwrap();
    let unknown = judge(json!({"alg": "EdDSA", "kid": "k2"}));
    assert_eq!(unknown, Err(Error::UnknownKey { kid: stranger }));
}

#[test]
fn a_card_that_an_es256_key_has_signed_verifies_by_that_key_alone() {
    let own = Secret::of_rfc();
    let by = |key: AnyKey| move |wanted: &Kid| (*wanted == kid()).then_some(key);
    let signed = jws::sign(&card(), &kid(), &own).unwrap();
    let protected = signed.raw()["signatures"][0]["protected"].as_str().unwrap();
    let header = base64url::decode(protected).unwrap();
    assert_eq!(header, br#"{"alg":"ES256","typ":"JOSE","kid":"k1"}"#);
    let verified = jws::verify(&signed, &by(own.public())).unwrap();
    assert_eq!((verified.kid, verified.key), (kid(), own.public()));

    let bad = Err(Error::BadSignature { kid: kid() });
    assert_eq!(jws::verify(&signed, &by(Secret::fresh().public())), bad);
    let mut changed = signed.raw().clone();
    changed["name"] = json!("Another");
    assert_eq!(jws::verify(&reparse(&changed), &by(own.public())), bad);
    let other = Error::KeyAlgorithm { kid: kid(), alg: jose::Algorithm::Es256 };
    assert_eq!(jws::verify(&signed, &known), Err(other));
    let mut der = signed.raw().clone();
    der["signatures"][0]["signature"] = json!(base64url::encode(&[0x30; 70]));
    let form = Error::SignatureForm { kid: kid() };
    assert_eq!(jws::verify(&reparse(&der), &by(own.public())), Err(form));
}

#[test]
fn one_good_signature_among_others_is_enough_and_too_many_are_refused() {
    let signed = jws::sign(&card(), &kid(), &secret()).unwrap();
    let other = SecretKey::from_seed(&[1; 32]);
    let signed = jws::sign(signed.raw(), &Kid::parse("k0").unwrap(), &other).unwrap();
    let mut mixed = signed.raw().clone();
    let signatures = mixed["signatures"].as_array_mut().unwrap();
    assert_eq!(signatures.len(), 2);
    signatures.insert(0, json!({"protected": "e30", "signature": "", "header": {"kid": "k1"}}));
    assert_eq!(jws::verify(&reparse(&mixed), &known).unwrap().kid, kid());

    let one = mixed["signatures"][2].clone();
    mixed["signatures"] = json!(vec![one; jws::SIGNATURES_MAX + 1]);
    let found = jws::SIGNATURES_MAX + 1;
    assert_eq!(jws::verify(&reparse(&mixed), &known), Err(Error::TooMany { found }));
    assert_eq!(jws::verify(&reparse(&card()), &known), Err(Error::Unsigned));
}

proptest! {
    #[test]
    fn no_bytes_make_the_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        let _ = Card::parse(&bytes);
    }

    #[test]
    fn a_card_verifies_however_it_is_printed(name in ".{1,20}", n in -1e15_f64..1e15) {
        let mut card = card();
        card["name"] = json!(name);
        card["capabilities"]["extensions"] = json!([{"uri": "urn:x", "params": {"n": n}}]);
        // One pass through text first: that is what a reader sees of a double.
        let card = json::parse(card.to_string().as_bytes()).unwrap();
        let signed = jws::sign(&card, &kid(), &secret()).unwrap();
        let pretty = serde_json::to_vec_pretty(signed.raw()).unwrap();
        prop_assert!(jws::verify(&Card::parse(&pretty).unwrap(), &known).is_ok());
    }
}

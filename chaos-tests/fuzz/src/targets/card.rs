//! Agent Cards of both generations: their view, the bytes that are signed, and what 0.3 is told of one.

use proto_types::card::canonical::{self, CanonicalForm};
use proto_types::card::{Card, LEN_MAX, dual, jws, to_v03, to_v03_rest};
use proto_types::{AnyKey, Kid, json};

use crate::fixtures::{kid, secret};

pub(crate) fn run(bytes: &[u8]) {
    let card = match Card::parse(bytes) {
        Ok(card) => card,
        Err(invalid) => return assert!(!invalid.faults().is_empty(), "it says why"),
    };
    assert!(bytes.len() <= LEN_MAX && card.bytes() == bytes);
    assert!(!card.view().interfaces.is_empty());
    let printed = serde_json::to_vec(card.raw()).expect("a card has string keys only");
    if printed.len() <= LEN_MAX {
        let again = Card::parse(&printed).expect("the same card");
        assert_eq!((again.raw(), again.view()), (card.raw(), card.view()));
    }
    // What is not signed yet may be given to clients of 0.3.
    drop((to_v03(card.raw()), to_v03_rest(card.raw()), dual(card.raw())));
    drop(jws::verify(&card, &key));
    // A card that nobody has signed may have numbers that no canonical form holds.
    if json::check_numbers(card.raw()).is_ok() {
        signed(&card);
    }
}

fn key(of: &Kid) -> Option<AnyKey> {
    (*of == kid()).then(|| secret().public().into())
}

/// What a signature covers has one form, and a card that we sign is verified.
fn signed(card: &Card) {
    for form in [CanonicalForm::Rfc8785, CanonicalForm::PythonSdk] {
        let covered = canonical::bytes(card.raw(), card.view().card_version, form);
        assert!(json::parse_lossless(&covered).is_ok_and(|value| value.is_object()));
        drop(card.uncovered(form));
    }
    if let Ok(ours) = jws::sign(card.raw(), &kid(), &secret()) {
        let count = ours.raw()["signatures"].as_array().map_or(0, Vec::len);
        if count <= jws::SIGNATURES_MAX {
            let verified = jws::verify(&ours, &key).expect("we have signed it");
            assert_eq!(verified.kid, kid());
        }
        assert!(ours.uncovered(CanonicalForm::Rfc8785).is_empty());
    }
}

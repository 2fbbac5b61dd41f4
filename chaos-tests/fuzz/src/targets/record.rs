//! The documents of Pilox: records with their proofs, rosters, descriptors and catalogs. The first byte chooses.

use proto_types::Handle;
use proto_types::json::from_strict;
use proto_types::pilox::catalog::CatalogProof;
use proto_types::pilox::descriptor::Descriptor;
use proto_types::pilox::proof::{self, ProofState};
use proto_types::pilox::record::{self, LEN_MAX, ParsedRecord};
use proto_types::pilox::{Brand, roster};

use crate::fixtures::{choice, kid, origin, secret};

pub(crate) fn run(bytes: &[u8]) {
    let (at, rest) = choice(bytes);
    match at % 4 {
        0 => of_record(rest),
        1 => drop(roster::verify(rest, &secret().public())),
        2 => of_descriptor(rest),
        _ => of_catalog(rest),
    }
}

fn of_record(bytes: &[u8]) {
    let parsed = match record::parse(bytes) {
        Ok(parsed) => parsed,
        Err(invalid) => return assert!(!invalid.faults().is_empty(), "it says why"),
    };
    assert!(bytes.len() <= LEN_MAX);
    let kept = parsed.document(bytes);
    if kept.len() <= LEN_MAX {
        let again = record::parse(&kept).expect("what is kept of a record is one");
        assert_eq!((again.record(), again.raw()), (parsed.record(), parsed.raw()));
        assert_eq!(again.document(&kept), kept, "its names are proper now");
    }
    drop(proof::verify(&parsed));
    signed(&parsed);
}

fn signed(parsed: &ParsedRecord) {
    let Ok(ours) = proof::sign(parsed.raw(), &origin("https://a.example"), &kid(), &secret())
    else {
        return;
    };
    let (kid, key) = (kid(), secret().public());
    assert_eq!(proof::verify(&ours), Ok(ProofState::SelfAsserted { kid, key }));
    let _ = proof::covers_all(&ours, &key);
}

fn of_descriptor(bytes: &[u8]) {
    let Ok(descriptor) = Descriptor::parse(bytes) else { return };
    let printed = serde_json::to_vec(&descriptor).expect("a descriptor has string keys only");
    assert_eq!(Descriptor::parse(&printed), Ok(descriptor));
}

fn of_catalog(bytes: &[u8]) {
    if let Ok(theirs) = from_strict::<CatalogProof>(bytes) {
        let _ = theirs.verify(&["urn:a:b"], &secret().public());
    }
    let Ok(handles) = from_strict::<Vec<Handle>>(bytes) else { return };
    let ours = CatalogProof::sign(Brand::Pilox, &handles, crate::fixtures::NOW, &kid(), &secret());
    assert_eq!(ours.verify(&handles, &secret().public()), Ok(crate::fixtures::NOW));
}

//! Canonical JSON against the forms that Pilox signs.

use proto_types::json;

use crate::pilox_formats;

#[test]
fn every_canonical_vector_is_reproduced_and_is_a_fixed_point() {
    let vectors = pilox_formats();
    let vectors = vectors["canonical"].as_array().unwrap();
    assert!(!vectors.is_empty());
    for vector in vectors {
        let expected = vector["canonical"].as_str().unwrap();
        let canonical = json::canonical(&vector["input"]);
        assert_eq!(String::from_utf8(canonical.clone()).unwrap(), expected);
        assert_eq!(json::canonical(&json::parse(&canonical).unwrap()), canonical);
    }
}

#[test]
fn every_signed_message_of_the_vectors_is_canonical() {
    let vectors = pilox_formats();
    let records = vectors["records"].as_object().unwrap().values();
    for signed in records.chain([&vectors["catalog"], &vectors["rosterManifest"]]) {
        let text = signed["signedMessage"].as_str().unwrap();
        let canonical = json::canonical(&json::parse(text.as_bytes()).unwrap());
        assert_eq!(String::from_utf8(canonical).unwrap(), text);
    }
}

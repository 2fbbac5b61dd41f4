//! Strict JSON: what we read, every other reader reads alike, and what is only checked is judged as what is read.

use proto_types::json::{DEPTH_MAX, canonical, depth, is_object, parse, parse_lossless};
use serde_json::Value;

pub(crate) fn run(bytes: &[u8]) {
    let read = parse_lossless(bytes);
    assert_eq!(is_object(bytes), read.clone().map(|value| value.is_object()));
    let Ok(value) = read else { return assert!(parse(bytes).is_err()) };
    assert!(depth(&value) <= DEPTH_MAX);
    let mut other = serde_json::Deserializer::from_slice(bytes);
    other.disable_recursion_limit();
    let other: Value = serde::Deserialize::deserialize(&mut other).expect("it is JSON");
    assert_eq!(value, other);
    let printed = serde_json::to_vec(&value).expect("a value has string keys only");
    assert_eq!(parse_lossless(&printed).as_ref(), Ok(&value));
    // Of numbers that the canonical form can hold.
    if parse(bytes).is_ok() {
        let once = canonical(&value);
        let again = parse(&once).expect("the canonical form of what was read");
        assert_eq!(canonical(&again), once);
    }
}

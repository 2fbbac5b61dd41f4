//! A message in JSON: with all its members, names in camel case, times as numbers of ms, and documents as what they hold.
//! `build.rs` says which bytes are documents. Who shows a message decides which members it leaves out.

use bytes::Bytes;
use prost::Message;
use serde::{Serialize, Serializer};
use serde_json::Value;

/// All that a message says, its members in their order by name. A message or an optional number that is absent is null; the
/// rest is as protobuf has it: an empty text, 0, false, an empty list.
#[must_use]
pub fn to_json<M: Message + Serialize>(message: &M) -> Value {
    let mut said = serde_json::to_value(message)
        .expect("build.rs gives a message named members only, and documents are JSON or null");
    // A dependency has maps of JSON keep the order in which they were made.
    said.sort_all_objects();
    said
}

/// The same without these members, each by its name in JSON.
#[must_use]
pub fn to_json_without<M: Message + Serialize>(message: &M, members: &[&str]) -> Value {
    let mut said = to_json(message);
    if let Value::Object(all) = &mut said {
        for name in members {
            debug_assert!(all.contains_key(*name), "there is no {name} to leave out");
        }
        all.retain(|name, _| !members.contains(&name.as_str()));
    }
    said
}

/// A JSON document as what it holds; null if there is none, or if it is none.
pub(crate) fn document<S: Serializer>(bytes: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
    serde_json::from_slice::<Value>(bytes).unwrap_or_default().serialize(serializer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::v1 as wire;

    fn check(message: &(impl Message + Serialize), expected: &str) {
        assert_eq!(to_json(message).to_string(), expected);
    }

    #[test]
    fn a_member_has_its_name_in_camel_case_or_the_one_that_programs_read() {
        let (kid, public_key_hex, usage) = ("k1".to_owned(), "0a".to_owned(), "card".to_owned());
        let key = wire::Key { kid, public_key_hex, usage, not_before_ms: 1, not_after_ms: 2 };
        check(
            &key,
            r#"{"kid":"k1","notAfterMs":2,"notBeforeMs":1,"publicKeyHex":"0a","use":"card"}"#,
        );
        check(
            &wire::SearchBasis::default(),
            r#"{"documents":0,"min_reputation":0.0,"order":"","words":[]}"#,
        );
    }

    #[test]
    fn what_is_empty_is_said_and_what_is_absent_is_null() {
        check(&wire::Done::default(), r#"{"revision":0}"#);
        check(
            &wire::ClusterMember::default(),
            r#"{"address":"","clockOffsetMs":null,"heardMsAgo":null,"id":0,"lag":null,"matchedIndex":null,"voter":false}"#,
        );
        let clock_offset_ms = Some(-3);
        check(
            &wire::ClusterMember { id: 2, voter: true, clock_offset_ms, ..Default::default() },
            r#"{"address":"","clockOffsetMs":-3,"heardMsAgo":null,"id":2,"lag":null,"matchedIndex":null,"voter":true}"#,
        );
        let node = wire::Node { capacity: Some(wire::Capacity::default()), ..Default::default() };
        check(
            &node,
            r#"{"capacity":{"isolation":[],"memoryBytes":0,"runsPerSecond":0,"slots":0},"id":"","revision":0,"state":""}"#,
        );
    }

    #[test]
    fn a_document_is_said_as_what_it_holds_and_other_bytes_not_at_all() {
        let input = Bytes::from_static(br#" {"b": [1], "a": "\u00e9"}"#);
        let outcome = Bytes::from_static(b"{");
        check(&wire::Turn { input, outcome }, r#"{"input":{"a":"é","b":[1]},"outcome":null}"#);
        check(&wire::Turn::default(), r#"{"input":null,"outcome":null}"#);
        check(&wire::ArtifactChunk { bytes: Bytes::from_static(b"\0asm") }, "{}");
        let spent = wire::TokenUse { key: Bytes::from_static(b"{}"), ..Default::default() };
        check(&spent, r#"{"epoch":null,"issuedAtMs":0,"rememberUntilMs":0}"#);
    }

    #[test]
    fn a_member_that_is_left_out_is_gone() {
        let change = wire::Change { revision: 7, kind: "peer".to_owned(), ..Default::default() };
        let said = to_json_without(&change, &["atMs", "id"]);
        assert_eq!(said.to_string(), r#"{"deleted":false,"kind":"peer","revision":7}"#);
    }
}

//! What a marketplace shows of one entry: which members of record and card, and how long each may be. The bound keeps a
//! page cheap: anybody asks for pages, and a peer may have published a thousand of the longest cards.

use std::collections::BTreeSet;

use proto_types::card::Card;
use serde_json::{Map, Value, json};

/// A longer document is not read for a catalog, and its entry is shown as the search knows it. Cards of ten skills have a
/// tenth of it.
pub(super) const DOCUMENT_BYTES_MAX: u64 = 64 << 10;

/// What an entry shows of its documents. A page of 200 entries comes to 3 MiB at most.
const SHOWN_BYTES_MAX: usize = 16 << 10;

/// Members of a record that the marketplace shows as they are.
const OF_RECORD: [&str; 11] = [
    "agentCardUrl",
    "meshDescriptorUrl",
    "documentationUrl",
    "sourceUrl",
    "version",
    "publishedAt",
    "updatedAt",
    "inputModalities",
    "outputModalities",
    "pricing",
    "buyerInputs",
];

/// The document, if it is short enough for a catalog: an entry of an earlier version does not say how long it is.
pub(super) fn short(document: &[u8]) -> Option<&[u8]> {
    (document.len() as u64 <= DOCUMENT_BYTES_MAX).then_some(document)
}

/// An entry while it is made.
pub(super) struct Shown {
    members: Map<String, Value>,
    /// Bytes for which there is room.
    left: usize,
}

impl Shown {
    /// An entry with what is shown of each.
    pub(super) fn of(members: Map<String, Value>) -> Self {
        Self { members, left: SHOWN_BYTES_MAX }
    }

    /// Shows a member, if there is room for it.
    pub(super) fn show(&mut self, name: &str, value: Value) {
        if let Some(left) = self.left.checked_sub(value.to_string().len()) {
            self.left = left;
            self.members.insert(name.to_owned(), value);
        }
    }

    pub(super) fn record(&mut self, mut record: Map<String, Value>) {
        for name in OF_RECORD {
            if let Some(value) = record.remove(name) {
                self.show(name, value);
            }
        }
    }

    /// What is long comes last.
    pub(super) fn card(&mut self, card: &Card) {
        let view = card.view();
        if let Some(rpc) = view.interfaces.iter().find(|it| it.protocol_binding == "JSONRPC") {
            self.show("jsonRpcUrl", rpc.url.as_str().into());
            self.show("protocolVersion", rpc.protocol_version.as_str().into());
        }
        let tags: BTreeSet<&str> =
            view.skills.iter().flat_map(|skill| &skill.tags).map(String::as_str).collect();
        self.show("name", view.name.as_str().into());
        self.show("description", view.description.as_str().into());
        self.show("tags", json!(tags));
        let skills = view.skills.iter().map(|skill| {
            json!({
                "id": skill.id, "name": skill.name, "description": skill.description,
                "tags": skill.tags,
            })
        });
        self.show("skills", skills.collect());
    }

    pub(super) fn value(self) -> Value {
        Value::Object(self.members)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn card(description: &str, skills: usize) -> Card {
        let skill = json!({ "id": "s", "name": "s", "description": "says", "tags": ["b", "a"] });
        let card = json!({
            "name": "Echo", "description": description, "version": "1", "capabilities": {},
            "skills": vec![skill; skills],
            "defaultInputModes": ["text/plain"], "defaultOutputModes": ["text/plain"],
            "supportedInterfaces": [{
                "url": "https://a.example/a2a", "protocolBinding": "JSONRPC", "protocolVersion": "1.0",
            }],
        });
        Card::parse(card.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn what_has_no_room_is_left_out_and_the_rest_is_shown() {
        let shown = |description: &str, skills| {
            let mut entry = Shown::of(Map::new());
            entry.show("description", "as the search knows it".into());
            entry.card(&card(description, skills));
            entry.value()
        };
        let whole = shown("It repeats.", 3);
        assert_eq!(whole["description"], "It repeats.");
        assert_eq!(
            (&whole["tags"], &whole["jsonRpcUrl"]),
            (&json!(["a", "b"]), &json!("https://a.example/a2a"))
        );
        assert_eq!(whole["skills"].as_array().map(Vec::len), Some(3));
        let long = shown(&"x".repeat(SHOWN_BYTES_MAX), 1_000);
        assert_eq!((&long["name"], &long["tags"]), (&json!("Echo"), &json!(["a", "b"])));
        assert_eq!(long["description"], "as the search knows it");
        assert_eq!(long.get("skills"), None);
        assert!(long.to_string().len() <= SHOWN_BYTES_MAX);
    }

    #[test]
    fn a_record_shows_the_members_of_a_marketplace_and_no_others() {
        let mut entry = Shown::of(Map::new());
        let pricing = "p".repeat(SHOWN_BYTES_MAX);
        let record = json!({ "version": "3", "handle": "x", "pricing": pricing });
        entry.record(record.as_object().unwrap().clone());
        assert_eq!(entry.value(), json!({ "version": "3" }));
    }
}

//! Peers, records, cards, agents and changes as protobuf messages. The caller passes bodies in; none is read here.

use proto_types::Digest;
use proto_wire::registry::v1 as wire;
use registry_core::entry::{
    AgentEntry, CardEntry, ChangeEvent, ChangeKind, RecordEntry, Visibility,
};
use registry_core::viewer::Disclosure;

use crate::field;
use crate::problem::Problem;

/// A record as the viewer sees it: with its document as received, or with its name alone.
#[must_use]
pub fn record(entry: &RecordEntry, disclosure: Disclosure, document: Vec<u8>) -> wire::Record {
    if disclosure < Disclosure::Whole {
        return wire::Record {
            handle: entry.handle.to_string(),
            digest: Digest::of(&document).to_string(),
            document: document.into(),
            visibility: Visibility::Redacted.to_string(),
            redacted: true,
            ..Default::default()
        };
    }
    wire::Record {
        handle: entry.handle.to_string(),
        document: document.into(),
        digest: entry.digest.map_or_else(String::new, |digest| digest.to_string()),
        assurance: entry.assurance.to_string(),
        owner: entry.owner.as_ref().map_or_else(String::new, ToString::to_string),
        revision: entry.revision.0,
        updated_at_ms: entry.updated_at.0,
        visibility: entry.visibility.to_string(),
        namespace: entry.namespace.to_string(),
        ..Default::default()
    }
}

/// A card as the viewer sees it: as received, or its name and description.
#[must_use]
pub fn card(entry: &CardEntry, disclosure: Disclosure, document: Vec<u8>) -> wire::Card {
    if disclosure < Disclosure::Whole {
        return wire::Card {
            handle: entry.handle.to_string(),
            digest: Digest::of(&document).to_string(),
            document: document.into(),
            visibility: Visibility::Redacted.to_string(),
            redacted: true,
            ..Default::default()
        };
    }
    wire::Card {
        handle: entry.handle.to_string(),
        document: document.into(),
        digest: entry.digest.to_string(),
        assurance: entry.assurance.to_string(),
        owner: entry.owner.as_ref().map_or_else(String::new, ToString::to_string),
        revision: entry.revision.0,
        visibility: entry.visibility.to_string(),
        namespace: entry.namespace.to_string(),
        ..Default::default()
    }
}

/// A hosted agent as the viewer sees it: with its card, or with the card's name and description.
#[must_use]
pub fn agent(entry: &AgentEntry, disclosure: Disclosure, card: Vec<u8>) -> wire::Agent {
    if disclosure < Disclosure::Whole {
        return wire::Agent {
            handle: entry.handle.to_string(),
            card: card.into(),
            visibility: Visibility::Redacted.to_string(),
            redacted: true,
            ..Default::default()
        };
    }
    wire::Agent {
        handle: entry.handle.to_string(),
        artifact: entry.artifact.to_string(),
        artifact_bytes: entry.artifact_bytes,
        kind: entry.kind.to_string(),
        limits: Some(wire::Limits {
            fuel: entry.limits.fuel,
            memory_bytes: entry.limits.memory_bytes,
            wall_ms: entry.limits.wall_ms,
            output_bytes: entry.limits.output_bytes,
        }),
        isolation: entry.isolation.classes().to_vec(),
        card: card.into(),
        revision: entry.revision.0,
        visibility: entry.visibility.to_string(),
        namespace: entry.namespace.to_string(),
        changed_at_ms: entry.changed_at.0,
        ..Default::default()
    }
}

/// One line of the total order.
#[must_use]
pub fn change(event: &ChangeEvent) -> wire::Change {
    wire::Change {
        revision: event.revision.0,
        at_ms: event.at.0,
        kind: event.kind.to_string(),
        id: event.id.clone(),
        deleted: event.deleted,
    }
}

/// The kinds that a watch asks for; all of them if it names none.
///
/// # Errors
/// `invalid-argument` for a name that is no kind.
pub fn kinds(names: &[String]) -> Result<Vec<ChangeKind>, Problem> {
    if names.is_empty() {
        return Ok(ChangeKind::ALL.to_vec());
    }
    names.iter().take(ChangeKind::ALL.len()).map(|name| field::read("kinds", name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watch_names_kinds_that_exist() {
        assert_eq!(kinds(&["task".into()]), Ok(vec![ChangeKind::Task]));
        assert_eq!(kinds(&[]), Ok(ChangeKind::ALL.to_vec()));
        assert!(kinds(&["tasks".into()]).is_err());
    }
}

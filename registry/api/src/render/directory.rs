//! Peers, records, cards, agents and changes as protobuf messages. The caller passes bodies in; none is read here.

use proto_types::{Digest, Upstream};
use proto_wire::registry::v1 as wire;
use registry_core::entry::{
    AgentEntry, Backend, CardEntry, ChangeEvent, ChangeKind, Hosted, Limits, RecordEntry,
    Visibility,
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

/// What stands in the place of a kind of artifact where there is none.
pub const ATTACHED: &str = "attached";

/// An agent as the viewer sees it: with its card, or with the card's name and description. Where an attached one is called,
/// only [`upstream`] says.
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
    let shown = wire::Agent {
        handle: entry.handle.to_string(),
        card: card.into(),
        revision: entry.revision.0,
        visibility: entry.visibility.to_string(),
        namespace: entry.namespace.to_string(),
        changed_at_ms: entry.changed_at.0,
        ..Default::default()
    };
    match &entry.backend {
        Backend::Hosted(hosted) => with_artifact(shown, hosted),
        Backend::Attached(_) => wire::Agent { kind: ATTACHED.to_owned(), ..shown },
    }
}

fn with_artifact(shown: wire::Agent, hosted: &Hosted) -> wire::Agent {
    let Limits { fuel, memory_bytes, wall_ms, output_bytes } = hosted.limits;
    wire::Agent {
        artifact: hosted.artifact.to_string(),
        artifact_bytes: hosted.artifact_bytes,
        kind: hosted.kind.to_string(),
        limits: Some(wire::Limits { fuel, memory_bytes, wall_ms, output_bytes }),
        isolation: hosted.isolation.classes().to_vec(),
        ..shown
    }
}

/// Where an attached agent is called.
#[must_use]
pub fn upstream(upstream: &Upstream) -> wire::Upstream {
    wire::Upstream {
        urls: upstream.urls.iter().map(ToString::to_string).collect(),
        binding: upstream.binding.to_string(),
        version: upstream.version.to_string(),
        tenant: upstream.tenant.clone().unwrap_or_default(),
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

//! Peers, records, cards, agents and changes as protobuf messages.
//!
//! It decides nothing but spelling. It must never read a body: the caller passes bodies in.

use proto_wire::registry::v1 as wire;
use registry_core::entry::{
    AgentEntry, AgentKind, CardEntry, ChangeEvent, ChangeKind, PeerEntry, PeerStatus, RecordEntry,
};

use crate::problem::Problem;

/// A peer, with the manifest as received where it was asked for.
#[must_use]
pub fn peer(entry: &PeerEntry, manifest: Option<Vec<u8>>) -> wire::Peer {
    let keys = entry
        .keys
        .iter()
        .map(|key| wire::Key { kid: key.kid.to_string(), public_key_hex: key.public_key.to_hex() });
    let stated = entry.manifest.as_ref();
    wire::Peer {
        origin: entry.origin.to_string(),
        keys: keys.collect(),
        status: peer_status(entry.status).to_owned(),
        enrolled_at_ms: entry.enrolled_at.0,
        manifest_seq: stated.map_or(0, |manifest| manifest.seq),
        manifest_digest: stated.map_or_else(String::new, |manifest| manifest.digest.to_string()),
        revision: entry.revision.0,
        manifest: manifest.unwrap_or_default().into(),
        ..Default::default()
    }
}

/// `active` or `revoked`.
#[must_use]
pub fn peer_status(status: PeerStatus) -> &'static str {
    match status {
        PeerStatus::Active => "active",
        PeerStatus::Revoked => "revoked",
    }
}

/// A record with its document as received.
#[must_use]
pub fn record(entry: &RecordEntry, document: Vec<u8>) -> wire::Record {
    wire::Record {
        handle: entry.handle.to_string(),
        document: document.into(),
        digest: entry.digest.map_or_else(String::new, |digest| digest.to_string()),
        assurance: entry.assurance.as_str().to_owned(),
        owner: entry.owner.as_ref().map_or_else(String::new, ToString::to_string),
        revision: entry.revision.0,
        updated_at_ms: entry.updated_at.0,
        ..Default::default()
    }
}

/// A card with its document as received.
#[must_use]
pub fn card(entry: &CardEntry, document: Vec<u8>) -> wire::Card {
    wire::Card {
        handle: entry.handle.to_string(),
        document: document.into(),
        digest: entry.digest.to_string(),
        assurance: entry.assurance.as_str().to_owned(),
        owner: entry.owner.as_ref().map_or_else(String::new, ToString::to_string),
        revision: entry.revision.0,
        ..Default::default()
    }
}

/// A hosted agent with its card.
#[must_use]
pub fn agent(entry: &AgentEntry, card: Vec<u8>) -> wire::Agent {
    wire::Agent {
        handle: entry.handle.to_string(),
        artifact: entry.artifact.to_string(),
        artifact_bytes: entry.artifact_bytes,
        kind: agent_kind(entry.kind).to_owned(),
        limits: Some(wire::Limits {
            fuel: entry.limits.fuel,
            memory_bytes: entry.limits.memory_bytes,
            wall_ms: entry.limits.wall_ms,
            output_bytes: entry.limits.output_bytes,
        }),
        isolation: entry.isolation.clone(),
        card: card.into(),
        revision: entry.revision.0,
        ..Default::default()
    }
}

/// One line of the total order.
#[must_use]
pub fn change(event: &ChangeEvent) -> wire::Change {
    wire::Change {
        revision: event.revision.0,
        at_ms: event.at.0,
        kind: kind_name(event.kind).to_owned(),
        id: event.id.clone(),
        deleted: event.deleted,
    }
}

/// Every kind with its name, as a watch filters them.
const KINDS: [(ChangeKind, &str); 9] = [
    (ChangeKind::Peer, "peer"),
    (ChangeKind::Record, "record"),
    (ChangeKind::Card, "card"),
    (ChangeKind::Agent, "agent"),
    (ChangeKind::Gateway, "gateway"),
    (ChangeKind::Node, "node"),
    (ChangeKind::Task, "task"),
    (ChangeKind::Envelope, "envelope"),
    (ChangeKind::Liveness, "liveness"),
];

/// The kinds that a watch asks for; all of them if it names none.
///
/// # Errors
/// `invalid-argument` for a name that is no kind.
pub fn kinds(names: &[String]) -> Result<Vec<ChangeKind>, Problem> {
    if names.is_empty() {
        return Ok(KINDS.iter().map(|(kind, _)| *kind).collect());
    }
    let find = |name: &String| {
        let found = KINDS.iter().find(|(_, known)| known == name);
        found.map(|(kind, _)| *kind).ok_or_else(|| {
            Problem::argument(
                "kinds",
                "peer, record, card, agent, gateway, node, task, envelope, liveness",
            )
        })
    };
    names.iter().take(KINDS.len()).map(find).collect()
}

/// The name of a kind.
#[must_use]
pub fn kind_name(kind: ChangeKind) -> &'static str {
    KINDS.iter().find(|(known, _)| *known == kind).map_or("", |(_, name)| name)
}

fn agent_kind(kind: AgentKind) -> &'static str {
    match kind {
        AgentKind::Component => "component",
        AgentKind::Command => "command",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watch_names_kinds_that_exist() {
        assert_eq!(kinds(&["task".into()]), Ok(vec![ChangeKind::Task]));
        assert_eq!(kinds(&[]).map(|all| all.len()), Ok(KINDS.len()));
        assert!(kinds(&["tasks".into()]).is_err());
    }
}

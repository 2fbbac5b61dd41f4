//! Where the transparency log and the audit lie in the state, and what is said of each kind of entry.
//! It decides bytes only; it must never let two places of the log share a key.

use proto_types::tlog::{Fact, Frontier};
use proto_types::{Digest, WallMs};

use crate::entry::{
    AgentEntry, AgentKind, CardEntry, NamespaceEntry, PeerEntry, PeerStatus, Quotas, RecordEntry,
    Terms,
};
use crate::layout::{self, END, state};
use crate::view::{Space, View, ViewError};

/// The open log: its secret seed, and the right edge of its tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Log {
    pub(crate) seed: Digest,
    pub(crate) frontier: Frontier,
}

/// Where the newest fact about a thing stands in the log, and the time it carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) index: u64,
    pub(crate) at: WallMs,
}

/// The audit's end: how many lines there are, the last one's digest, how many the log knows of, and
/// the first that is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AuditHead {
    pub(crate) lines: u64,
    pub(crate) digest: Digest,
    pub(crate) anchored: u64,
    pub(crate) first: u64,
}

/// Where the log's seed and frontier lie.
pub(crate) fn log_key() -> Vec<u8> {
    layout::key(state::LOG, &[b"tree"])
}

/// Where the place of a thing's newest fact lies.
pub(crate) fn place_key(kind: &str, id: &str) -> Vec<u8> {
    layout::key(state::LOG, &[b"fact", END, kind.as_bytes(), END, id.as_bytes()])
}

/// Where a hash of a row lies, or an entry in row 0.
pub(crate) fn row_key(level: u8, index: u64) -> Vec<u8> {
    layout::key(level, &[&index.to_be_bytes()])
}

/// Where a line of the audit lies.
pub(crate) fn audit_key(seq: u64) -> Vec<u8> {
    layout::key(state::AUDIT, &[&seq.to_be_bytes()])
}

/// Where the audit's end lies.
pub(crate) fn audit_head_key() -> Vec<u8> {
    layout::key(state::AUDIT_HEAD, &[])
}

/// Where lies what was signed last as another log's witness.
pub(crate) fn witnessed_key(origin: &str) -> Vec<u8> {
    layout::key(state::WITNESSED, &[origin.as_bytes()])
}

impl Log {
    /// The log, once it is open.
    pub(crate) fn read(view: &dyn View) -> Result<Option<Self>, ViewError> {
        let Some(value) = view.value(Space::State, &log_key())? else { return Ok(None) };
        let torn = || corrupt("log", "a seed and a frontier");
        let (seed, frontier) = value.split_first_chunk::<32>().ok_or_else(torn)?;
        let frontier = Frontier::from_bytes(frontier).map_err(|_| torn())?;
        Ok(Some(Self { seed: Digest(*seed), frontier }))
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        [self.seed.as_bytes().as_slice(), &self.frontier.to_bytes()].concat()
    }
}

impl Place {
    pub(crate) fn read(view: &dyn View, kind: &str, id: &str) -> Result<Option<Self>, ViewError> {
        let value = view.value(Space::State, &place_key(kind, id))?;
        let read = |value: Vec<u8>| {
            let [index, at] = numbers(&value).ok_or_else(|| corrupt("log place", "2 numbers"))?;
            Ok(Self { index, at: WallMs(at) })
        };
        value.map(read).transpose()
    }

    pub(crate) fn to_bytes(self) -> Vec<u8> {
        [self.index.to_be_bytes(), self.at.0.to_be_bytes()].concat()
    }
}

impl AuditHead {
    pub(crate) fn read(view: &dyn View) -> Result<Self, ViewError> {
        let Some(value) = view.value(Space::State, &audit_head_key())? else {
            let digest = proto_types::audit::start();
            return Ok(Self { lines: 0, digest, anchored: 0, first: 1 });
        };
        let torn = || corrupt("audit head", "a digest and 3 numbers");
        let (digest, rest) = value.split_first_chunk::<32>().ok_or_else(torn)?;
        let [lines, anchored, first] = numbers(rest).ok_or_else(torn)?;
        Ok(Self { lines, digest: Digest(*digest), anchored, first })
    }

    pub(crate) fn to_bytes(self) -> Vec<u8> {
        let numbers = [self.lines, self.anchored, self.first].map(u64::to_be_bytes).concat();
        [self.digest.as_bytes().as_slice(), &numbers].concat()
    }
}

fn numbers<const N: usize>(bytes: &[u8]) -> Option<[u64; N]> {
    let (chunks, rest) = bytes.as_chunks::<8>();
    let numbers: [[u8; 8]; N] = chunks.try_into().ok()?;
    rest.is_empty().then(|| numbers.map(u64::from_be_bytes))
}

/// A value of the log or audit that is none.
pub(crate) fn corrupt(table: &'static str, expected: &str) -> ViewError {
    ViewError::Corrupt { table, cause: format!("it is not {expected}") }
}

pub(crate) fn of_record(record: &RecordEntry) -> Fact {
    Fact::new("record", record.handle.as_str(), record.digest, record.revision.0)
}

pub(crate) fn of_card(card: &CardEntry) -> Fact {
    Fact::new("card", card.handle.as_str(), Some(card.digest), card.revision.0)
}

pub(crate) fn of_peer(peer: &PeerEntry) -> Fact {
    let digest = Digest::of(peer_statement(peer).as_bytes());
    Fact::new("peer", peer.origin.as_str(), Some(digest), peer.revision.0)
}

pub(crate) fn of_agent(agent: &AgentEntry) -> Fact {
    let digest = Digest::of(agent_statement(agent).as_bytes());
    Fact::new("agent", agent.handle.as_str(), Some(digest), agent.revision.0)
}

pub(crate) fn of_namespace(namespace: &NamespaceEntry) -> Fact {
    let digest = Digest::of(namespace_statement(namespace).as_bytes());
    Fact::new("namespace", namespace.name.as_str(), Some(digest), namespace.revision.0)
}

/// What the log says of a peer: which keys count, and by which manifest. A line each, so that it can
/// be written down from what is published about the peer.
#[must_use]
pub fn peer_statement(peer: &PeerEntry) -> String {
    let status = match peer.status {
        PeerStatus::Active => "active",
        PeerStatus::Suspended => "suspended",
        PeerStatus::Revoked => "revoked",
        PeerStatus::Tombstoned => "tombstoned",
    };
    let mut text = format!("ecumene-peer-v1\n{}\n{status}\n", peer.origin);
    for key in &peer.keys {
        text.push_str(&format!("key {} {}\n", key.kid, key.public_key.to_hex()));
    }
    if let Some(manifest) = &peer.manifest {
        text.push_str(&format!("manifest {} {}\n", manifest.seq, manifest.digest));
    }
    text
}

/// What the log says of a hosted agent: what runs, and under which card.
#[must_use]
pub fn agent_statement(agent: &AgentEntry) -> String {
    let kind = match agent.kind {
        AgentKind::Component => "component",
        AgentKind::Command => "command",
    };
    let AgentEntry { handle, artifact, card, .. } = agent;
    format!("ecumene-agent-v1\n{handle}\n{kind}\nartifact {artifact}\ncard {card}\n")
}

/// What the log says of a namespace: all of its terms, a line each, so that who administrates it can
/// write them down from what it is shown. No text in terms has a line's end: `apply` refuses it.
#[must_use]
pub fn namespace_statement(namespace: &NamespaceEntry) -> String {
    let Terms { owners, prefixes, visibility, trust, quotas, policy, grants } = &namespace.terms;
    let Quotas { records, cards, agents, bytes } = quotas;
    let quotas = [("records", records), ("cards", cards), ("agents", agents), ("bytes", bytes)];
    let quota =
        |(what, most): (&str, &Option<u64>)| most.map(|most| format!("quota {what} {most}"));
    let mut lines = vec!["ecumene-namespace-v1".to_owned(), namespace.name.to_string()];
    lines.extend([format!("visibility {visibility}"), format!("trust {trust}")]);
    lines.extend(owners.iter().map(|owner| format!("owner {owner}")));
    lines.extend(prefixes.iter().map(|prefix| format!("prefix {prefix}")));
    lines.extend(quotas.into_iter().filter_map(quota));
    lines.extend(policy.card_hosts.iter().map(|host| format!("card-host {host}")));
    lines.extend(policy.handle_patterns.iter().map(|text| format!("handle-pattern {text}")));
    lines.extend(grants.peers.iter().map(|peer| format!("grant-peer {peer}")));
    lines.extend(grants.namespaces.iter().map(|name| format!("grant-namespace {name}")));
    lines.iter().map(|line| format!("{line}\n")).collect()
}

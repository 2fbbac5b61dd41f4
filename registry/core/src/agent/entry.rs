//! A hosted agent as it is stored. It holds digests of its bodies, never the bodies.

use proto_types::{Digest, Handle, IsolationSet, Namespace, Revision, WallMs};
use serde::{Deserialize, Serialize};

use crate::namespace::entry::Usage;
use crate::visibility::{Scope, Scoped, Visibility};

pub use proto_types::AgentKind;

/// A hosted agent: an artifact that our nodes run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentEntry {
    /// Its name.
    pub handle: Handle,
    /// What to run.
    pub artifact: Digest,
    /// How large the artifact is.
    pub artifact_bytes: u64,
    /// How it is run.
    pub kind: AgentKind,
    /// Within which bounds.
    pub limits: Limits,
    /// The isolation classes it accepts; a node never widens the set.
    pub isolation: IsolationSet,
    /// Its card (the body served at `/agents/{handle}/.well-known/agent-card.json` is made from it).
    pub card: Digest,
    /// Who may see it.
    #[serde(default)]
    pub visibility: Visibility,
    /// Whose it is to administrate; decided by the handle.
    #[serde(default)]
    pub namespace: Namespace,
    /// How long the card is, as its namespace counts it; `None` if nothing counts it, because it was
    /// written before agents were counted.
    #[serde(default)]
    pub bytes: Option<u64>,
    /// When it was written; 0 if that was before the time was kept.
    #[serde(default, skip_serializing_if = "crate::codec::is_default")]
    pub changed_at: WallMs,
    /// The revision that wrote this entry.
    pub revision: Revision,
}

impl Scoped for AgentEntry {
    fn scope(&self) -> Scope {
        let (visibility, namespace) = (self.visibility, self.namespace.clone());
        Scope { visibility, namespace, owner: None }
    }
}

impl AgentEntry {
    /// What it takes of its namespace. One from before agents were counted takes nothing until it is put
    /// again, and then takes its place like a new one: so every count is the sum of the entries that
    /// are counted, exactly, and none goes below 0. Rejected: to count them all with the first command
    /// after, which has no bound; and to take away what was never added, which lets the next one in.
    pub(crate) fn usage(&self) -> Usage {
        let counted = self.bytes.map(|bytes| Usage { agents: 1, bytes, ..Usage::default() });
        counted.unwrap_or_default()
    }
}

/// The bounds of one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// WebAssembly fuel units (about one an instruction).
    pub fuel: u64,
    /// Linear memories together, bytes.
    pub memory_bytes: u64,
    /// Wall time, ms.
    pub wall_ms: u64,
    /// Emitted events and outcome together, bytes.
    pub output_bytes: u64,
}

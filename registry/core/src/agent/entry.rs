//! An agent of the directory: hosted, which our nodes run, or attached, which runs elsewhere and is called there. It holds
//! digests of its bodies, never the bodies. `stored.rs` says how it is written.

use proto_types::{Digest, Handle, IsolationSet, Namespace, Revision, Upstream, WallMs};
use serde::{Deserialize, Serialize};

use crate::bound;
use crate::change::Refusal;
use crate::namespace::entry::Usage;
use crate::visibility::{Scope, Scoped, Visibility};

use super::stored::Stored;

pub use proto_types::AgentKind;

/// An agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct AgentEntry {
    /// Its name.
    pub handle: Handle,
    /// Who answers its calls.
    pub backend: Backend,
    /// Its card (the body served at `/agents/{handle}/.well-known/agent-card.json` is made from it).
    pub card: Digest,
    /// Who may see it.
    pub visibility: Visibility,
    /// Whose it is to administrate; decided by the handle.
    pub namespace: Namespace,
    /// How long the card is, as its namespace counts it; `None` if nothing counts it, because it was
    /// written before agents were counted.
    pub bytes: Option<u64>,
    /// When it was written; 0 if that was before the time was kept.
    pub changed_at: WallMs,
    /// The revision that wrote this entry.
    pub revision: Revision,
}

/// Who answers an agent's calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Backend {
    /// Nodes of ours.
    Hosted(Hosted),
    /// An A2A server elsewhere, which gateways call.
    Attached(Upstream),
}

/// An artifact that our nodes run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hosted {
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
}

impl Scoped for AgentEntry {
    fn scope(&self) -> Scope {
        let (visibility, namespace) = (self.visibility, self.namespace.clone());
        Scope { visibility, namespace, owner: None }
    }
}

impl AgentEntry {
    /// What our nodes run of it, if they do.
    #[must_use]
    pub fn hosted(&self) -> Option<&Hosted> {
        match &self.backend {
            Backend::Hosted(hosted) => Some(hosted),
            Backend::Attached(_) => None,
        }
    }

    /// The same for a task, which an attached agent never has.
    pub(crate) fn runnable(&self) -> Result<&Hosted, Refusal> {
        self.hosted().ok_or_else(|| bound::invalid("agent", "is attached: no node runs it"))
    }

    /// The version that conditions name (RFC 9110, section 13).
    #[must_use]
    pub fn version(&self) -> Digest {
        agent_version(&self.handle, self.revision)
    }

    /// How gateways reach it, if it is attached.
    #[must_use]
    pub fn upstream(&self) -> Option<&Upstream> {
        match &self.backend {
            Backend::Attached(upstream) => Some(upstream),
            Backend::Hosted(_) => None,
        }
    }

    /// What it takes of its namespace. One from before agents were counted takes nothing until it is put
    /// again, and then takes its place like a new one: so every count is the sum of the entries that
    /// are counted, exactly, and none goes below 0. Rejected: to count them all with the first command
    /// after, which has no bound; and to take away what was never added, which lets the next one in.
    pub(crate) fn usage(&self) -> Usage {
        let counted = self.bytes.map(|bytes| Usage { agents: 1, bytes, ..Usage::default() });
        counted.unwrap_or_default()
    }
}

/// The version of an agent that was written at this revision: another one with each write that changed anything, and after a
/// removal too, since no revision comes twice. It is not made of what the agent is: whoever sees a part of it could try
/// what the rest may be.
#[must_use]
pub fn agent_version(handle: &Handle, revision: Revision) -> Digest {
    Digest::of(format!("ecumene-agent-version-v1\n{handle}\n{}\n", revision.0).as_bytes())
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

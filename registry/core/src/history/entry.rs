//! The total order's lines: what watchers see.
//! Data only: it decides nothing, and must never hold bodies, only digests of them.

use proto_types::{Revision, WallMs};
use serde::{Deserialize, Serialize};

use crate::visibility::Scope;

/// One line of the total order; what watchers see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeEvent {
    /// Its place.
    pub revision: Revision,
    /// The state machine's time.
    pub at: WallMs,
    /// Which kind of thing.
    pub kind: ChangeKind,
    /// Which one.
    pub id: String,
    /// True if it is gone.
    pub deleted: bool,
    /// Who could see it before; `None` if it did not exist, and for what has no scope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Scope>,
    /// Who can see it since; `None` if it is gone, and for what has no scope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Scope>,
}

/// The kinds of things that change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    /// A peer, its keys or its manifest.
    Peer,
    /// A record.
    Record,
    /// A card.
    Card,
    /// A hosted agent.
    Agent,
    /// A gateway.
    Gateway,
    /// A node.
    Node,
    /// A task moved: submitted, assigned, put back, asked to end, or ended.
    Task,
    /// An envelope was accepted or acknowledged; `id` is its target.
    Envelope,
    /// A namespace.
    Namespace,
    /// The crawler saw something else than before; `id` is `record/<handle>` or `peer/<origin>`.
    Liveness,
    /// A gateway reported peers' conduct; `id` is the gateway.
    Reputation,
}

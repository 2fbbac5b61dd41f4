//! The kinds of things that change, as the total order names them and watches ask for them.

use serde::{Deserialize, Serialize};

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
    /// An agent, hosted or attached.
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
    #[serde(rename = "liveness")]
    Reachability,
    /// A gateway reported peers' conduct; `id` is the gateway.
    Reputation,
    /// A policy of calls.
    Policy,
}

crate::words!(ChangeKind {
    Peer = "peer",
    Record = "record",
    Card = "card",
    Agent = "agent",
    Gateway = "gateway",
    Node = "node",
    Task = "task",
    Envelope = "envelope",
    Namespace = "namespace",
    Reachability = "liveness",
    Reputation = "reputation",
    Policy = "policy",
});

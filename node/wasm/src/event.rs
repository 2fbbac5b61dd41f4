//! What a running agent sends to its caller: the events of `proto/wit/agent.wit` with their JSON parsed.

use node_core::Part;

/// One event, in the order in which the agent emitted it.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// Progress in words, or only that work goes on.
    Status {
        /// The words.
        text: Option<String>,
    },
    /// A piece of an artifact.
    Artifact(ArtifactChunk),
}

/// A piece of an artifact (A2A `TaskArtifactUpdateEvent`).
#[derive(Debug, Clone, PartialEq)]
pub struct ArtifactChunk {
    /// The agent's id of the artifact.
    pub artifact_id: String,
    /// A short name.
    pub name: Option<String>,
    /// What it is.
    pub description: Option<String>,
    /// The pieces, in order.
    pub parts: Vec<Part>,
    /// Whether the parts follow those already sent, or replace them.
    pub append: bool,
    /// Whether nothing more follows under this id.
    pub last_chunk: bool,
}

//! The line about a hosted agent in the transparency log. Its bytes must never change: whoever may read the agent makes
//! the same bytes from what is published.

use proto_types::Digest;
use proto_types::tlog::Fact;

use super::entry::AgentEntry;

pub(crate) fn of(agent: &AgentEntry) -> Fact {
    let digest = Digest::of(agent_statement(agent).as_bytes());
    Fact::new("agent", agent.handle.as_str(), Some(digest), agent.revision.0)
}

/// What the log says of a hosted agent: what runs, and under which card.
#[must_use]
pub fn agent_statement(agent: &AgentEntry) -> String {
    let AgentEntry { handle, kind, artifact, card, .. } = agent;
    format!("ecumene-agent-v1\n{handle}\n{kind}\nartifact {artifact}\ncard {card}\n")
}

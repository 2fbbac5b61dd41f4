//! The line about an agent in the transparency log. Its bytes must never change: who is shown all of the agent makes the
//! same bytes from that.

use proto_types::tlog::Fact;
use proto_types::{Digest, Upstream};

use super::entry::{AgentEntry, Backend, Hosted};

pub(crate) fn of(agent: &AgentEntry) -> Fact {
    let digest = Digest::of(agent_statement(agent).as_bytes());
    Fact::new("agent", agent.handle.as_str(), Some(digest), agent.revision.0)
}

/// What the log says of an agent: what runs, or where it is called, and under which card.
#[must_use]
pub fn agent_statement(agent: &AgentEntry) -> String {
    let AgentEntry { handle, backend, card, .. } = agent;
    match backend {
        Backend::Hosted(Hosted { kind, artifact, .. }) => {
            format!("ecumene-agent-v1\n{handle}\n{kind}\nartifact {artifact}\ncard {card}\n")
        }
        Backend::Attached(upstream) => {
            let upstream = lines(upstream).join("\n");
            format!("ecumene-attached-agent-v1\n{handle}\n{upstream}\ncard {card}\n")
        }
    }
}

/// No text of an upstream has a line's end.
fn lines(upstream: &Upstream) -> Vec<String> {
    let Upstream { urls, binding, version, tenant } = upstream;
    let mut lines = vec![format!("binding {binding}"), format!("version {version}")];
    lines.extend(tenant.iter().map(|tenant| format!("tenant {tenant}")));
    lines.extend(urls.iter().map(|url| format!("url {url}")));
    lines
}

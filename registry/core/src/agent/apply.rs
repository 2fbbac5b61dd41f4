//! The decision to deploy a hosted agent. An agent without bounds is refused.

use crate::bound::{self, DAY_MS};
use crate::change::{Refusal, Reply};
use crate::draft::{Draft, Outcome};
use crate::history::entry::ChangeKind;
use crate::namespace::tenancy::NamespaceContext;
use crate::visibility::Scoped;

use super::command::PutAgent;
use super::entry::{AgentEntry, Limits};
use super::table::AGENTS;

/// The largest artifact a node downloads: microVM payloads reach hundreds of MiB.
const ARTIFACT_BYTES_MAX: u64 = 1 << 30;

/// As much as a 64-bit node can hand to one run.
const MEMORY_BYTES_MAX: u64 = 1 << 40;

/// Outcomes end as bodies and events as messages; 64 MiB of both is a fault of the agent.
const OUTPUT_BYTES_MAX: u64 = 64 << 20;

pub(crate) fn put(draft: &mut Draft<'_>, command: &PutAgent) -> Outcome {
    let mut agent = agent_of(command);
    bound::number("artifact_bytes", agent.artifact_bytes, (1, ARTIFACT_BYTES_MAX))?;
    bound::isolation(&agent.isolation)?;
    check_limits(&agent.limits)?;
    agent.bytes = Some(draft.require_body(&agent.card)?);
    let kept = draft.entry(&AGENTS, agent.handle.as_str())?;
    let namespace = NamespaceContext::of(draft, &agent.handle)?;
    agent.namespace = namespace.name.clone();
    agent.visibility =
        namespace.visibility(command.visibility, kept.as_ref().map(|kept| kept.visibility));
    if let Some(kept) = &kept {
        (agent.revision, agent.changed_at) = (kept.revision, kept.changed_at);
        if *kept == agent {
            return Ok(Reply::Done(kept.revision));
        }
    }
    namespace.account(draft, kept.as_ref().map(AgentEntry::usage), agent.usage())?;
    let scopes = (kept.as_ref().map(Scoped::scope), Some(agent.scope()));
    agent.changed_at = draft.now();
    agent.revision = draft.note_in(ChangeKind::Agent, agent.handle.as_str(), false, scopes);
    draft.replace(&AGENTS, kept.as_ref(), &agent);
    Ok(Reply::Done(agent.revision))
}

fn check_limits(limits: &Limits) -> Result<(), Refusal> {
    bound::number("limits.fuel", limits.fuel, (1, u64::MAX))?;
    bound::number("limits.memory_bytes", limits.memory_bytes, (1, MEMORY_BYTES_MAX))?;
    bound::number("limits.wall_ms", limits.wall_ms, (1, DAY_MS))?;
    bound::number("limits.output_bytes", limits.output_bytes, (1, OUTPUT_BYTES_MAX))
}

fn agent_of(command: &PutAgent) -> AgentEntry {
    AgentEntry {
        handle: command.handle.clone(),
        artifact: command.artifact,
        artifact_bytes: command.artifact_bytes,
        kind: command.kind,
        limits: command.limits,
        isolation: command.isolation.clone(),
        card: command.card,
        visibility: Default::default(),
        namespace: Default::default(),
        bytes: None,
        changed_at: Default::default(),
        revision: Default::default(),
    }
}

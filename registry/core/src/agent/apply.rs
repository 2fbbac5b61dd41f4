//! The decisions to deploy, attach and remove an agent. A hosted agent without bounds is refused, and none is removed, or
//! swapped for one of the other kind, while somebody waits for what it does.

use proto_types::{Digest, Handle};

use crate::bound::{self, DAY_MS};
use crate::change::{Refusal, Reply};
use crate::draft::{Draft, Outcome};
use crate::history::entry::ChangeKind;
use crate::namespace::entry::Usage;
use crate::namespace::tenancy::NamespaceContext;
use crate::task;
use crate::visibility::{Scoped, Visibility};

use super::command::{AttachAgent, PutAgent, RemoveAgent};
use super::entry::{AgentEntry, Backend, Hosted, Limits};
use super::table::AGENTS;

/// The largest artifact a node downloads: microVM payloads reach hundreds of MiB.
const ARTIFACT_BYTES_MAX: u64 = 1 << 30;

/// As much as a 64-bit node can hand to one run.
const MEMORY_BYTES_MAX: u64 = 1 << 40;

/// Outcomes end as bodies and events as messages; 64 MiB of both is a fault of the agent.
const OUTPUT_BYTES_MAX: u64 = 64 << 20;

pub(crate) fn put(draft: &mut Draft<'_>, command: &PutAgent) -> Outcome {
    bound::number("artifact_bytes", command.artifact_bytes, (1, ARTIFACT_BYTES_MAX))?;
    bound::isolation(&command.isolation)?;
    check_limits(&command.limits)?;
    let hosted = Hosted {
        artifact: command.artifact,
        artifact_bytes: command.artifact_bytes,
        kind: command.kind,
        limits: command.limits,
        isolation: command.isolation.clone(),
    };
    let agent = unwritten(&command.handle, Backend::Hosted(hosted), command.card);
    keep(draft, agent, command.visibility)
}

pub(crate) fn attach(draft: &mut Draft<'_>, command: &AttachAgent) -> Outcome {
    let backend = Backend::Attached(command.upstream.clone());
    keep(draft, unwritten(&command.handle, backend, command.card), command.visibility)
}

/// Keeps an agent in the place of one of the same kind, if there was one.
fn keep(draft: &mut Draft<'_>, mut agent: AgentEntry, asked: Option<Visibility>) -> Outcome {
    agent.bytes = Some(draft.require_body(&agent.card)?);
    let kept = draft.entry(&AGENTS, agent.handle.as_str())?;
    if let Some(kept) = &kept {
        check_kind(kept, &agent.backend)?;
    }
    let namespace = NamespaceContext::of(draft, &agent.handle)?;
    agent.namespace = namespace.name.clone();
    agent.visibility = namespace.visibility(asked, kept.as_ref().map(|kept| kept.visibility));
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

fn unwritten(handle: &Handle, backend: Backend, card: Digest) -> AgentEntry {
    AgentEntry {
        handle: handle.clone(),
        backend,
        card,
        visibility: Default::default(),
        namespace: Default::default(),
        bytes: None,
        changed_at: Default::default(),
        revision: Default::default(),
    }
}

/// What runs here is not swapped for what is called elsewhere, nor the reverse: a task of the one is unknown to the other.
fn check_kind(kept: &AgentEntry, offered: &Backend) -> Result<(), Refusal> {
    match (&kept.backend, offered) {
        (Backend::Hosted(_), Backend::Attached(_)) => {
            Err(in_use(&kept.handle, "is hosted; remove it before it is attached"))
        }
        (Backend::Attached(_), Backend::Hosted(_)) => {
            Err(in_use(&kept.handle, "is attached; remove it before it is deployed"))
        }
        _ => Ok(()),
    }
}

/// No tombstone is left. Nobody would end the open tasks of a hosted agent: who waits for them is heard first.
pub(crate) fn remove(draft: &mut Draft<'_>, command: &RemoveAgent) -> Outcome {
    let kept = draft.existing(&AGENTS, command.handle.as_str())?;
    if kept.hosted().is_some() && task::query::has_open(draft.view(), &kept.handle)? {
        let why = "has tasks that have not ended; cancel them, or wait for them";
        return Err(in_use(&kept.handle, why).into());
    }
    let namespace = NamespaceContext::of(draft, &kept.handle)?;
    namespace.account(draft, Some(kept.usage()), Usage::default())?;
    let scopes = (Some(kept.scope()), None);
    let revision = draft.note_in(ChangeKind::Agent, kept.handle.as_str(), true, scopes);
    draft.remove(&AGENTS, &kept);
    Ok(Reply::Done(revision))
}

fn in_use(handle: &Handle, why: &str) -> Refusal {
    let (kind, id) = (AGENTS.name().to_owned(), handle.to_string());
    Refusal::InUse { kind, id, why: why.to_owned() }
}

fn check_limits(limits: &Limits) -> Result<(), Refusal> {
    bound::number("limits.fuel", limits.fuel, (1, u64::MAX))?;
    bound::number("limits.memory_bytes", limits.memory_bytes, (1, MEMORY_BYTES_MAX))?;
    bound::number("limits.wall_ms", limits.wall_ms, (1, DAY_MS))?;
    bound::number("limits.output_bytes", limits.output_bytes, (1, OUTPUT_BYTES_MAX))
}

//! The operations on agents. One is deployed only after its artifact is there and is WebAssembly, even if no node can run it
//! now. One is attached without a look at where it runs: gateways find out, and members never call it.

use std::slice;

use proto_types::{Digest, Handle, Revision};
use proto_wire::registry::v1 as wire;
use registry_api::decode::{self, Conditions};
use registry_api::{Principal, Problem, field, render};
use registry_core::command::Proposal;
use registry_core::entry::agent_version;
use registry_core::query;
use registry_core::view::View;
use registry_core::viewer::Viewer;

use crate::call::Call;
use crate::member::{Member, Reading, done_at};
use crate::{fleet, lookup};

/// An agent after a write.
pub(crate) struct Written {
    /// The state that has the write, or a later one.
    pub(crate) reading: Reading,
    /// The agent as it is there.
    pub(crate) agent: wire::Agent,
    /// The revision of this very write; of what was written already, of the write that did it.
    pub(crate) revision: Revision,
    /// The version that this very write has left: a later writer's would hide what the caller has not seen.
    pub(crate) version: Digest,
}

/// Deploys an agent, if the conditions hold; it gives the agent as it then is, and why no node can run it, if none can.
pub(crate) async fn put(
    member: &Member,
    call: &Call,
    request: &wire::PutAgentRequest,
    conditions: Conditions,
) -> Result<Written, Problem> {
    let artifact = decode::agent::artifact(&call.principal, request)?;
    let bytes = member.artifacts.size(&artifact).await?;
    if !member.artifacts.is_wasm(&artifact).await? {
        let why = "it is not a WebAssembly module or component";
        return Err(Problem::argument("artifact", why));
    }
    let proposal = conditions.on(decode::agent::put(request, artifact, bytes)?);
    let mut written = write(member, proposal, &request.handle).await?;
    let agents = slice::from_mut(&mut written.agent);
    tell_unplaceable(&written.reading.view, &call.principal, agents)?;
    Ok(written)
}

/// Puts an agent that runs elsewhere behind the gateways, if the conditions hold; it gives the agent as it then is.
pub(crate) async fn attach(
    member: &Member,
    call: &Call,
    request: &wire::AttachAgentRequest,
    conditions: Conditions,
) -> Result<Written, Problem> {
    let proposal = conditions.on(decode::agent::attach(&call.principal, request)?);
    write(member, proposal, &request.handle).await
}

/// Has an agent written, and reads it back.
async fn write(member: &Member, proposal: Proposal, handle: &str) -> Result<Written, Problem> {
    let revision = done_at(&member.write(proposal).await?)?;
    let reading = member.reached(revision).await?;
    let handle: Handle = field::read("handle", handle)?;
    // Who has written it has seen it.
    let agent = lookup::agent(&reading.view, &Viewer::Operator, &handle)?;
    let version = agent_version(&handle, revision);
    Ok(Written { reading, agent, revision, version })
}

/// Takes an agent away, hosted or attached, if the conditions hold.
pub(crate) async fn remove(
    member: &Member,
    call: &Call,
    handle: &str,
    conditions: Conditions,
) -> Result<Revision, Problem> {
    let proposal = conditions.on(decode::agent::remove(&call.principal, handle)?);
    done_at(&member.write(proposal).await?)
}

/// The version of an agent as a viewer was shown it, which is the one that conditions of a write name. There is one only where all of
/// the agent was shown: of a part it would tell when the rest has changed.
pub(crate) fn shown_version(agent: &wire::Agent) -> Result<Option<Digest>, Problem> {
    let is_attached = agent.kind == render::directory::ATTACHED;
    if agent.redacted || (is_attached && agent.upstream.is_none()) {
        return Ok(None);
    }
    let handle: Handle = field::read("handle", &agent.handle)?;
    Ok(Some(agent_version(&handle, Revision(agent.revision))))
}

/// Says of each hosted agent why no node can run it now, if none can. It is deployed all the same: a node may join later. Only
/// the operator is told; a caller hears it of its own tasks.
pub(crate) fn tell_unplaceable(
    view: &dyn View,
    caller: &Principal,
    agents: &mut [wire::Agent],
) -> Result<(), Problem> {
    if *caller != Principal::Operator {
        return Ok(());
    }
    let offers = fleet::Offered::read(view)?;
    for agent in agents {
        let entry = query::agent(view, &field::read("handle", &agent.handle)?)?;
        let hosted = entry.as_ref().and_then(|entry| entry.hosted());
        let unmet = hosted.and_then(|hosted| offers.unmet(hosted));
        agent.unplaceable = unmet.map_or_else(String::new, |unmet| unmet.to_string());
    }
    Ok(())
}

//! The operations on agents. One is deployed only after its artifact is there and is WebAssembly, even if no node can run it
//! now. One is attached without a look at where it runs: gateways find out, and members never call it.

use std::slice;

use proto_types::{Handle, Revision};
use proto_wire::registry::v1 as wire;
use registry_api::{Principal, Problem, decode, field};
use registry_core::command::Proposal;
use registry_core::query;
use registry_core::view::View;
use registry_core::viewer::Viewer;

use crate::call::Call;
use crate::member::{Member, Reading, done_at};
use crate::{fleet, lookup};

/// Deploys an agent; it gives the agent as it then is, and why no node can run it, if none can.
pub(crate) async fn put(
    member: &Member,
    call: &Call,
    request: &wire::PutAgentRequest,
) -> Result<(Reading, wire::Agent), Problem> {
    let artifact = decode::agent::artifact(&call.principal, request)?;
    let bytes = member.artifacts.size(&artifact).await?;
    if !member.artifacts.is_wasm(&artifact).await? {
        let why = "it is not a WebAssembly module or component";
        return Err(Problem::argument("artifact", why));
    }
    let proposal = decode::agent::put(request, artifact, bytes)?;
    let (reading, mut agent) = write(member, proposal, &request.handle).await?;
    tell_unplaceable(&reading.view, &call.principal, slice::from_mut(&mut agent))?;
    Ok((reading, agent))
}

/// Puts an agent that runs elsewhere behind the gateways; it gives the agent as it then is.
pub(crate) async fn attach(
    member: &Member,
    call: &Call,
    request: &wire::AttachAgentRequest,
) -> Result<(Reading, wire::Agent), Problem> {
    let proposal = decode::agent::attach(&call.principal, request)?;
    write(member, proposal, &request.handle).await
}

/// Has an agent written, and reads it back.
async fn write(
    member: &Member,
    proposal: Proposal,
    handle: &str,
) -> Result<(Reading, wire::Agent), Problem> {
    let reading = member.reached(done_at(&member.write(proposal).await?)?).await?;
    let handle: Handle = field::read("handle", handle)?;
    // Who has written it has seen it.
    let agent = lookup::agent(&reading.view, &Viewer::Operator, &handle)?;
    Ok((reading, agent))
}

/// Takes an agent away, hosted or attached.
pub(crate) async fn remove(
    member: &Member,
    call: &Call,
    handle: &str,
) -> Result<Revision, Problem> {
    let proposal = decode::agent::remove(&call.principal, handle)?;
    done_at(&member.write(proposal).await?)
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

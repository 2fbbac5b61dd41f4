//! Hosted agents.
//!
//! It decides only that an agent's artifact is there, and WebAssembly, before the agent is. It must never refuse an agent
//! because no node can run it.

use proto_types::Handle;
use proto_wire::registry::v1 as wire;
use registry_api::{Problem, decode, field};
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
    let reading = member.reached(done_at(&member.write(proposal).await?)?).await?;
    let handle: Handle = field::read("handle", &request.handle)?;
    // Who has written it has seen it.
    let agent = lookup::agent(&reading.view, &Viewer::Operator, &handle)?;
    let unplaceable = unplaceable(&reading.view, &handle)?;
    Ok((reading, wire::Agent { unplaceable, ..agent }))
}

/// Why no node can run the agent now; empty if one can. It is deployed all the same: a node may join later.
fn unplaceable(view: &dyn View, handle: &Handle) -> Result<String, Problem> {
    let Some(agent) = query::agent(view, handle)? else { return Ok(String::new()) };
    Ok(fleet::unmet(view, &agent)?.map_or_else(String::new, |unmet| unmet.to_string()))
}

//! Agents that are attached or removed over HTTP: it reads arguments for `operations/agents.rs` and writes the answers.

use axum::extract::{Request, State};
use http::Uri;
use proto_types::Revision;
use registry_api::{Code, Role, decode};

use crate::call::Caller;
use crate::operations::agents;

use super::parameter::{HANDLE, UNKEPT};
use super::route::{Access, Route};
use super::{Answered, Shared, done, handle, json_body, schemas};

const OPERATOR: Access = Access::Required("the operator's");

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::put("/v1/agents/{handle}/upstream", attach)
            .is("attachAgent", "agents", "Puts an A2A server behind the gateways, or changes how they reach it. A hosted agent of this handle is removed first.")
            .access(OPERATOR)
            .takes(&[&HANDLE])
            .body(&schemas::AGENT_ATTACHED)
            .gives(200, "It is stored on a majority.", &schemas::DONE, UNKEPT)
            .refuses(&[Code::Conflict]),
        Route::delete("/v1/agents/{handle}", remove)
            .is("removeAgent", "agents", "Takes an agent away, hosted or attached. A hosted one is removed only while none of its tasks is open.")
            .access(OPERATOR)
            .takes(&[&HANDLE])
            .gives(200, "It is gone.", &schemas::DONE, UNKEPT)
            .refuses(&[Code::NotFound, Code::Conflict]),
    ]
}

async fn attach(State(member): Shared, caller: Caller, request: Request) -> Answered {
    let call = caller.call()?;
    // Before the body is read.
    call.principal.require(&[Role::Operator])?;
    let handle = handle(request.uri())?;
    let body = json_body(request).await?;
    let request = decode::agent::attach_request(handle.as_str(), &body)?;
    let (_, agent) = agents::attach(&member, &call, &request).await?;
    Ok(done(Revision(agent.revision)))
}

async fn remove(State(member): Shared, target: Uri, caller: Caller) -> Answered {
    let call = caller.call()?;
    let handle = handle(&target)?;
    Ok(done(agents::remove(&member, &call, handle.as_str()).await?))
}

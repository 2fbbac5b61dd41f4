//! Partners: the operator's agreements with other registries. A partner is removed in parts, so that no single command holds
//! the members up.

use proto_types::Namespace;
use proto_wire::registry::v1 as wire;
use registry_api::{Problem, Role, decode, field};
use registry_core::entry::{PARTNERS_MAX, PartnerEntry};
use registry_core::query;
use registry_core::view::View;

use crate::call::Call;
use crate::member::{Member, done_at};

/// Agrees with another registry, or changes the terms.
pub(crate) async fn put(
    member: &Member,
    call: &Call,
    request: &wire::PutPartnerRequest,
) -> Result<PartnerEntry, Problem> {
    let proposal = decode::partner::put(&call.principal, request)?;
    let reading = member.reached(done_at(&member.write(proposal).await?)?).await?;
    found(&reading.view, &request.name)
}

/// Has what is held back of a partner carried out.
pub(crate) async fn release(
    member: &Member,
    call: &Call,
    request: &wire::ReleasePartnerRequest,
) -> Result<PartnerEntry, Problem> {
    member.write_command(decode::partner::release(&call.principal, request)?).await?;
    found(&member.strong().await?.view, &request.name)
}

/// One partner.
pub(crate) async fn one(member: &Member, call: &Call, name: &str) -> Result<PartnerEntry, Problem> {
    call.principal.require(&[Role::Operator])?;
    found(&member.strong().await?.view, name)
}

/// All partners, by name.
pub(crate) async fn list(member: &Member, call: &Call) -> Result<Vec<PartnerEntry>, Problem> {
    call.principal.require(&[Role::Operator])?;
    Ok(query::partners(&member.strong().await?.view, None, PARTNERS_MAX)?)
}

/// Ends an agreement; it gives how many entries went with it.
pub(crate) async fn remove(
    member: &Member,
    call: &Call,
    request: &wire::RemovePartnerRequest,
) -> Result<u64, Problem> {
    let command = decode::partner::remove(&call.principal, request)?;
    let before = found(&member.strong().await?.view, &request.name)?;
    loop {
        member.write_command(command.clone()).await?;
        if query::partner(&member.strong().await?.view, &before.name)?.is_none() {
            return Ok(before.imported);
        }
    }
}

fn found(view: &dyn View, name: &str) -> Result<PartnerEntry, Problem> {
    let name: Namespace = field::read("name", name)?;
    query::partner(view, &name)?.ok_or_else(|| Problem::not_found("partner", name.as_str()))
}

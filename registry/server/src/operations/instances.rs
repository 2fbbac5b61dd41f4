//! Pilox instances that publish with a token of their own. A token is shown once, by the call that creates it.

use proto_types::{Origin, TenantKey};
use registry_api::{Code, List, Problem, Role, decode};
use registry_core::entry::InstanceEntry;
use registry_core::query;

use crate::call::Call;
use crate::member::Member;
use crate::random;

use super::{Listed, Page};

/// An instance that was let in.
pub(crate) struct Created {
    pub(crate) tenant: TenantKey,
    pub(crate) origin: Origin,
    pub(crate) token: String,
}

/// Lets an instance in.
pub(crate) async fn create(
    member: &Member,
    call: &Call,
    document: &[u8],
) -> Result<Created, Problem> {
    let secret = random::token()?;
    let created = decode::instance::create(&call.principal, document, &secret)?;
    let decode::instance::Created { tenant, origin, proposal } = created;
    let written = member.write(proposal).await;
    written.map_err(|problem| match problem.code() {
        Code::Conflict => problem.with("error", "tenant_exists").with("tenantKey", tenant.as_str()),
        _ => problem,
    })?;
    let token = format!("instance:{tenant}:{secret}");
    Ok(Created { tenant, origin, token })
}

/// The instances by tenant key.
pub(crate) async fn list(
    member: &Member,
    call: &Call,
    page: Page<TenantKey>,
) -> Result<Listed<InstanceEntry>, Problem> {
    call.principal.require(&[Role::Operator])?;
    let Page { after, limit, consistency } = page;
    let reading = member.read(consistency).await?;
    let entries = query::instances(&reading.view, after.as_ref(), limit)?;
    let cursors = member.cursors(List::Instances);
    let next = cursors.next(&entries, limit, |instance| instance.tenant.as_str());
    Ok(Listed { reading, entries, next })
}

/// Ends an instance's token. What it has published stays.
pub(crate) async fn remove(member: &Member, call: &Call, tenant: &str) -> Result<(), Problem> {
    member.write(decode::instance::remove(&call.principal, tenant)?).await.map(drop)
}

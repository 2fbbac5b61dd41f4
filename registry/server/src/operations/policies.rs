//! The operations on policies of calls: the operator's, and gateways read them all. A text that is no valid policy never takes
//! the place of one that is.

use proto_types::{Digest, PolicyName, Revision};
use proto_wire::registry::v1::Consistency;
use registry_api::decode::{self, Conditions};
use registry_api::{Problem, Role, field};
use registry_core::entry::PolicyEntry;
use registry_core::query;
use registry_core::view::View;

use crate::call::Call;
use crate::member::{Member, Reading, done_at};

/// A policy with its text.
pub(crate) type Kept = (PolicyEntry, Vec<u8>);

/// Keeps a policy. It is validated beside the threads that answer calls: a long text takes a while.
pub(crate) async fn put(
    member: &Member,
    call: &Call,
    (name, text): (&str, &[u8]),
    conditions: Conditions,
) -> Result<(Reading, PolicyEntry), Problem> {
    let (digest, bytes) = (Digest::of(text), text.len() as u64);
    let (caller, asked, text) = (call.principal.clone(), name.to_owned(), text.to_vec());
    let read = move || decode::policy::put(&caller, &asked, &text);
    let proposal = tokio::task::spawn_blocking(read).await.map_err(Problem::internal)??;
    let revision = done_at(&member.write(conditions.on(proposal)).await?)?;
    let reading = member.reached(revision).await?;
    // What this very write has left: a later writer's version would hide a text that the caller has not seen.
    let name = field::read("name", name)?;
    Ok((reading, PolicyEntry { name, digest, bytes, revision }))
}

/// Forgets a policy.
pub(crate) async fn delete(
    member: &Member,
    call: &Call,
    name: &str,
    conditions: Conditions,
) -> Result<Revision, Problem> {
    let proposal = decode::policy::delete(&call.principal, name)?;
    done_at(&member.write(conditions.on(proposal)).await?)
}

/// One policy.
pub(crate) async fn one(
    member: &Member,
    call: &Call,
    (name, consistency): (&str, Consistency),
) -> Result<(Reading, Kept), Problem> {
    call.principal.require(&[Role::Operator])?;
    let reading = member.read(consistency).await?;
    let kept = with_text(&reading.view, entry(&reading.view, name)?)?;
    Ok((reading, kept))
}

/// All policies, by name: a bounded number of bounded texts.
pub(crate) async fn list(
    member: &Member,
    call: &Call,
    consistency: Consistency,
) -> Result<(Reading, Vec<Kept>), Problem> {
    call.principal.require(&[Role::Operator, Role::Gateway])?;
    let reading = member.read(consistency).await?;
    let entries = query::policies(&reading.view)?.into_iter();
    let kept: Result<_, _> = entries.map(|entry| with_text(&reading.view, entry)).collect();
    let kept = kept?;
    Ok((reading, kept))
}

fn entry(view: &dyn View, name: &str) -> Result<PolicyEntry, Problem> {
    let name: PolicyName = field::read("name", name)?;
    query::policy(view, &name)?.ok_or_else(|| Problem::not_found("policy", name.as_str()))
}

fn with_text(view: &dyn View, entry: PolicyEntry) -> Result<Kept, Problem> {
    let missing =
        || Problem::internal(format_args!("the text of policy {} is missing", entry.name));
    let text = query::body(view, &entry.digest)?.ok_or_else(missing)?;
    Ok((entry, text))
}

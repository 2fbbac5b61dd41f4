//! The operations on namespaces, for those who administrate them: the operator and the owners. Gateways read the list, to
//! know whom each admits. To others a namespace does not exist.

use proto_types::{Namespace, Revision};
use registry_api::{List, Principal, Problem, Role, decode, field};
use registry_core::entry::{NamespaceEntry, Usage};
use registry_core::query;
use registry_core::view::View;

use crate::call::Call;
use crate::member::{Member, Reading, done_at};

use super::{Listed, Page};

/// A namespace and what it keeps.
pub(crate) type Kept = (NamespaceEntry, Usage);

/// Sets the terms of a namespace.
pub(crate) async fn put(
    member: &Member,
    call: &Call,
    name: &str,
    terms: &[u8],
) -> Result<Revision, Problem> {
    let proposal = decode::namespace::put(&call.principal, name, terms)?;
    done_at(&member.write(proposal).await?)
}

/// A namespace as [`put`] has left it at this revision.
pub(crate) async fn written(
    member: &Member,
    call: &Call,
    name: &str,
    revision: Revision,
) -> Result<(Reading, Kept), Problem> {
    let reading = member.reached(revision).await?;
    let name = field::read("name", name)?;
    let kept = one(&reading.view, &call.principal, &name)?;
    Ok((reading, kept))
}

/// Ends a namespace in which nothing lives.
pub(crate) async fn delete(member: &Member, call: &Call, name: &str) -> Result<Revision, Problem> {
    let proposal = decode::namespace::delete(&call.principal, name)?;
    done_at(&member.write(proposal).await?)
}

/// The namespaces that the caller administrates, in order; a gateway reads all.
pub(crate) async fn list(
    member: &Member,
    call: &Call,
    asked: Page<Namespace>,
) -> Result<Listed<Kept>, Problem> {
    let Page { after, limit, consistency } = asked;
    let reading = member.read(consistency).await?;
    let entries = page(&reading.view, &call.principal, after.as_ref(), limit)?;
    let cursors = member.cursors(List::Namespaces);
    let next = cursors.next(&entries, limit, |(entry, _)| entry.name.as_str());
    Ok(Listed { reading, entries, next })
}

/// One namespace.
pub(crate) fn one(view: &dyn View, caller: &Principal, name: &Namespace) -> Result<Kept, Problem> {
    caller.require(&[Role::Operator, Role::Peer])?;
    let entry = query::namespace(view, name)?.filter(|entry| administrates(caller, entry));
    let entry = entry.ok_or_else(|| Problem::not_found("namespace", name.as_str()))?;
    let usage = query::usage(view, name)?;
    Ok((entry, usage))
}

/// A page of namespaces.
fn page(
    view: &dyn View,
    caller: &Principal,
    after: Option<&Namespace>,
    limit: usize,
) -> Result<Vec<Kept>, Problem> {
    caller.require(&[Role::Operator, Role::Peer, Role::Gateway])?;
    let entries = match caller.peer() {
        None => query::namespaces(view, after, limit)?,
        Some(origin) => {
            let owned = query::namespaces_owned(view, origin)?.into_iter();
            let later = owned.filter(|name| after.is_none_or(|after| name > after)).take(limit);
            let found = later.map(|name| query::namespace(view, &name));
            found.filter_map(Result::transpose).collect::<Result<_, _>>()?
        }
    };
    let kept = |entry: NamespaceEntry| {
        let usage = query::usage(view, &entry.name)?;
        Ok((entry, usage))
    };
    entries.into_iter().map(kept).collect()
}

fn administrates(caller: &Principal, entry: &NamespaceEntry) -> bool {
    caller.peer().is_none_or(|origin| entry.terms.owners.contains(origin))
}

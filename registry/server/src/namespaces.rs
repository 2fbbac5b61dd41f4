//! Namespaces as those who administrate them see them.
//!
//! It decides who that is: the operator and the owners; gateways read the list, to know whom each admits. To others a
//! namespace does not exist.

use proto_types::Namespace;
use registry_api::{Principal, Problem, Role};
use registry_core::entry::{NamespaceEntry, Usage};
use registry_core::query;
use registry_core::view::View;

/// A namespace and what it keeps.
pub(crate) type Kept = (NamespaceEntry, Usage);

/// One namespace.
pub(crate) fn one(view: &dyn View, caller: &Principal, name: &Namespace) -> Result<Kept, Problem> {
    caller.require(&[Role::Operator, Role::Peer])?;
    let entry = query::namespace(view, name)?.filter(|entry| administrates(caller, entry));
    let entry = entry.ok_or_else(|| Problem::not_found("namespace", name.as_str()))?;
    let usage = query::usage(view, name)?;
    Ok((entry, usage))
}

/// A page of namespaces.
pub(crate) fn page(
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

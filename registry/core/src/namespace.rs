//! Namespaces: the tenants of the registry, what each may keep, and for whom.
//! Who may change their terms is decided in `apply`; where an entry is at home, and whether there is room, in `tenancy`.

pub(crate) mod apply;
pub(crate) mod command;
pub(crate) mod entry;
pub(crate) mod fact;
pub(crate) mod query;
pub(crate) mod table;
pub(crate) mod tenancy;

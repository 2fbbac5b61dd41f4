//! Namespaces: the tenants of the registry, what each may keep, and for whom.
//!
//! `apply` decides who may change their terms. `tenancy` finds the namespace of an entry, checks its trust mode and
//! counts its quotas, agents included; `verify::counters` counts anew. `query` makes the viewer of a caller: a
//! peer, and the namespaces that admit it.

pub(crate) mod apply;
pub(crate) mod command;
pub(crate) mod entry;
pub(crate) mod fact;
pub(crate) mod query;
pub(crate) mod table;
pub(crate) mod tenancy;

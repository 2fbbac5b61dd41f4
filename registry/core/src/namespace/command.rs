//! The commands about namespaces. `apply`, by the member `by`, and the edge decide who may give them.

use proto_types::{Namespace, Origin};
use serde::{Deserialize, Serialize};

use super::entry::Terms;

/// A command about a namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NamespaceCommand {
    /// Sets its terms.
    Put(PutNamespace),
    /// Ends it, if nothing lives in it.
    Delete(DeleteNamespace),
}

/// Sets the terms of a namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutNamespace {
    /// Its name.
    pub name: Namespace,
    /// What holds in it from now on.
    pub terms: Box<Terms>,
    /// The owner that asks; `None` for the operator.
    pub by: Option<Origin>,
}

/// Ends a namespace, if nothing lives in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteNamespace {
    /// Its name.
    pub name: Namespace,
}

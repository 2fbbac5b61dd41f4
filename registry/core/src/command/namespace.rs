//! What may be asked about namespaces, and about instances that publish with a token of their own.
//! Data only: who may ask is decided in `apply`, from `by`, and at the edge.

use proto_types::{Digest, Namespace, Origin, TenantKey};
use serde::{Deserialize, Serialize};

use crate::entry::Terms;

/// A wish about a namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NamespaceCommand {
    /// Sets its terms.
    Put {
        /// Its name.
        name: Namespace,
        /// What holds in it from now on.
        terms: Box<Terms>,
        /// The owner that asks; `None` for the operator.
        by: Option<Origin>,
    },
    /// Ends it, if nothing lives in it.
    Delete {
        /// Its name.
        name: Namespace,
    },
}

/// A wish about an instance; the operator's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum InstanceCommand {
    /// Lets one in.
    Create {
        /// What its handles begin with; must be free.
        tenant: TenantKey,
        /// Where it is.
        origin: Origin,
        /// SHA-256 of its token's secret.
        token: Digest,
    },
    /// Ends its token; what it has published stays.
    Remove {
        /// Which.
        tenant: TenantKey,
    },
}

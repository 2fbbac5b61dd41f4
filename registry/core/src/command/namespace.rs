//! What may be asked about namespaces.
//! Data only: who may ask is decided in `apply`, from `by`.

use proto_types::{Namespace, Origin};
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

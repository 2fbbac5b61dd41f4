//! An agent as the operator's policies look at it: where it is kept, and what the skills of its card say.
//!
//! Decides what they are told. Must never tell where an agent runs.

use policy_core::Agent as Described;

use super::Agent;

impl Agent {
    /// What policies may look at.
    pub(crate) fn described(&self) -> Described<'_> {
        let described = Described {
            handle: self.handle.as_str(),
            namespace: self.scope.namespace.as_str(),
            visibility: self.scope.visibility.as_str(),
            attached: self.upstream().is_some(),
            ..Described::default()
        };
        described.with_card(&self.words)
    }
}

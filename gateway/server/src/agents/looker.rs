//! Who looks at the agents: a viewer, by the visibility of each (`proto_types::visibility`), or a caller that the operator of
//! this gateway has granted some of them, whatever their visibility. It must never show to the latter what is not named.

use std::collections::BTreeSet;
use std::sync::Arc;

use gateway_core::client::AgentScope;
use proto_types::Handle;
use proto_types::visibility::{Disclosure, Scope, Viewer};

use super::Agent;

/// Who looks.
#[derive(Clone, Debug)]
pub(crate) enum Looker {
    /// Who sees what the visibility of each agent says.
    By(Viewer),
    /// Who sees these agents and no others.
    Named(Arc<BTreeSet<Handle>>),
}

impl Looker {
    /// Whoever it is.
    pub(crate) const ANYBODY: Self = Self::By(Viewer::Anonymous);

    /// Who has been granted this.
    pub(crate) fn of(scope: &AgentScope) -> Self {
        match scope {
            AgentScope::Public => Self::ANYBODY,
            AgentScope::Named(named) => Self::Named(Arc::clone(named)),
            AgentScope::All => Self::By(Viewer::Operator),
        }
    }

    pub(super) const fn is_anybody(&self) -> bool {
        matches!(self, Self::By(Viewer::Anonymous))
    }

    /// How much of an agent it is shown.
    pub(super) fn disclosure(&self, agent: &Agent) -> Disclosure {
        match self {
            Self::By(viewer) => viewer.disclosure(&agent.scope),
            Self::Named(named) if named.contains(&agent.handle) => Disclosure::Whole,
            Self::Named(_) => Disclosure::Hidden,
        }
    }

    /// Whether it may see all of an agent, which is what lets it call one.
    pub(super) fn may_call(&self, agent: &Agent) -> bool {
        self.disclosure(agent) == Disclosure::Whole
    }

    /// Whether it may call each agent of this scope because of the scope.
    pub(super) fn may_call_all(&self, scope: &Scope) -> bool {
        match self {
            Self::By(viewer) => viewer.disclosure(scope) == Disclosure::Whole,
            Self::Named(_) => false,
        }
    }
}

impl From<Viewer> for Looker {
    fn from(viewer: Viewer) -> Self {
        Self::By(viewer)
    }
}

//! The agents as one viewer sees them, by `proto_types::visibility`. The answer for an
//! agent that is hidden must always be that for one that does not exist.

use std::sync::Arc;

use proto_types::Handle;
use proto_types::a2a::ProtocolVersion;
use proto_types::card::CardVersion;
use proto_types::visibility::{Disclosure, Viewer, redacted_card};
use serde_json::Value;

use super::{Agent, Agents, Tagged, is_whole};

/// A snapshot of the agents, and who looks at it.
pub(crate) struct Directory {
    agents: Arc<Agents>,
    viewer: Viewer,
}

impl Directory {
    pub(crate) fn new(agents: Arc<Agents>, viewer: Viewer) -> Self {
        Self { agents, viewer }
    }

    /// The agent, if this viewer may call it.
    pub(crate) fn callable(&self, handle: &Handle) -> Option<Arc<Agent>> {
        let agent = self.agents.find(handle)?;
        is_whole(&self.viewer, &agent.scope).then(|| Arc::clone(agent))
    }

    /// The agent that answers calls which name none, if this viewer may call it.
    pub(crate) fn default_agent(&self) -> Option<Arc<Agent>> {
        self.callable(self.agents.default.as_ref()?)
    }

    /// The card of an agent, as far as this viewer may see it.
    pub(crate) fn card(&self, handle: &Handle) -> Option<Tagged> {
        let agent = self.agents.find(handle)?;
        match self.viewer.disclosure(&agent.scope) {
            Disclosure::Hidden => None,
            Disclosure::Redacted => Some(Tagged::new(&Value::Object(redacted_card(&agent.words)))),
            Disclosure::Whole => Some(agent.card.clone()),
        }
    }

    /// The card of this instance, with what this viewer may call.
    pub(crate) fn instance_card(&self) -> Tagged {
        match self.viewer {
            Viewer::Anonymous => self
                .agents
                .open_card
                .get_or_init(|| self.agents.instance_card(&self.viewer))
                .clone(),
            _ => self.agents.instance_card(&self.viewer),
        }
    }

    /// What a call for a card is answered with: that of an agent which this viewer may call, or without a handle that of this
    /// instance. It is of 1.0 alone. One that its makers have signed is not said in the words of another `version`: then it is
    /// made of its words, like all others.
    pub(crate) fn extended_card(
        &self,
        handle: Option<&Handle>,
        version: ProtocolVersion,
    ) -> Option<Value> {
        let Some(handle) = handle else { return Some(self.agents.instance(&self.viewer).0) };
        // Whoever may call an agent may see all of its card.
        let agent = self.callable(handle)?;
        let is_own = version == ProtocolVersion::V10 && agent.signed == Some(CardVersion::V10);
        Some(match is_own {
            true => Value::Object(agent.words.clone()),
            false => self.agents.whole(handle, &agent.words, &agent.backend),
        })
    }
}

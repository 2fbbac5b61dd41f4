//! The agents as one looker sees them. The answer for an
//! agent that is hidden must always be that for one that does not exist.

use std::sync::Arc;

use gateway_core::federation::mesh::{MoreShown, ShownAgent};
use proto_types::Handle;
use proto_types::a2a::ProtocolVersion;
use proto_types::card::CardVersion;
use proto_types::visibility::{Disclosure, redacted_card};
use serde_json::Value;

use super::{Agent, Agents, Looker, Readers, Schemes, Tagged, text};

/// Agents that one list is made from. Arbitrary: a list shows fewer, and a larger directory is searched at the registry.
const SHOWN_MAX: usize = 4_096;

/// A snapshot of the agents, and who looks at it.
pub(crate) struct Directory {
    agents: Arc<Agents>,
    looker: Looker,
    /// What the instance's card declares besides.
    schemes: Arc<Schemes>,
}

impl Directory {
    pub(crate) fn new(agents: Arc<Agents>, looker: Looker, schemes: Arc<Schemes>) -> Self {
        Self { agents, looker, schemes }
    }

    /// The agent, if who looks may call it.
    pub(crate) fn callable(&self, handle: &Handle) -> Option<Arc<Agent>> {
        let agent = self.agents.find(handle)?;
        self.looker.may_call(agent).then(|| Arc::clone(agent))
    }

    /// The agent that answers calls which name none, if who looks may call it.
    pub(crate) fn default_agent(&self) -> Option<Arc<Agent>> {
        self.callable(self.agents.default.as_ref()?)
    }

    /// The card of an agent, as far as who looks may see it.
    pub(crate) fn card(&self, handle: &Handle, readers: Readers) -> Option<Tagged> {
        let agent = self.agents.find(handle)?;
        match self.looker.disclosure(agent) {
            Disclosure::Hidden => None,
            Disclosure::Redacted => Some(Tagged::new(&Value::Object(redacted_card(&agent.words)))),
            Disclosure::Whole => Some(self.agents.agent_card(agent, readers)),
        }
    }

    /// The agents of which who looks sees anything, by their handles. What is hidden counts for nothing.
    pub(crate) fn shown(&self) -> impl Iterator<Item = ShownAgent<'_>> {
        let agents = self.agents.by_handle.values();
        agents.filter_map(|agent| self.show(agent)).take(SHOWN_MAX)
    }

    fn show<'d>(&self, agent: &'d Agent) -> Option<ShownAgent<'d>> {
        let disclosure = self.looker.disclosure(agent);
        let more = MoreShown {
            kind: if agent.upstream().is_some() { "attached" } else { "hosted" },
            changed_at: agent.card.modified,
        };
        let name = text(&agent.words, "name", agent.handle.as_str());
        (disclosure > Disclosure::Hidden).then_some(ShownAgent {
            handle: &agent.handle,
            name,
            description: text(&agent.words, "description", name),
            visibility: agent.scope.visibility,
            more: (disclosure == Disclosure::Whole).then_some(more),
        })
    }

    /// The card of this instance, with what who looks may call.
    pub(crate) fn instance_card(&self, readers: Readers) -> Tagged {
        let made = || self.agents.instance_card(&self.looker, &self.schemes, readers);
        if !self.looker.is_anybody() {
            return made();
        }
        if !self.schemes.is_empty() {
            return self.schemes.open_card(&self.agents, readers, made);
        }
        let [usual, older] = &self.agents.open_cards;
        match readers {
            Readers::Usual => usual.get_or_init(made).clone(),
            Readers::V03 => older.get_or_init(made).clone(),
        }
    }

    /// What a call for a card is answered with: that of an agent which who looks may call, or without a handle that of this
    /// instance. It is of 1.0 alone. One that its makers have signed is not said in the words of another `version`: then it is
    /// made of its words, like all others.
    pub(crate) fn extended_card(
        &self,
        handle: Option<&Handle>,
        version: ProtocolVersion,
    ) -> Option<Value> {
        let Some(handle) = handle else {
            let mut card = self.agents.instance(&self.looker).0;
            self.schemes.declare_in(&mut card);
            return Some(card);
        };
        // Whoever may call an agent may see all of its card.
        let agent = self.callable(handle)?;
        let is_own = version == ProtocolVersion::V10 && agent.signed == Some(CardVersion::V10);
        Some(match is_own {
            true => Value::Object(agent.words.clone()),
            false => self.agents.whole(handle, &agent.words, &agent.backend),
        })
    }
}

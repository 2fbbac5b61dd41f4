//! Cards as they are served: with the members of A2A 0.3 beside those of 1.0, or without.
//!
//! Decides for whom a card is made. Must never change one that its makers have signed.

use proto_types::card::dual;
use serde_json::Value;

use super::{Agent, Agents, Looker, Schemes, Tagged};

/// Who reads a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readers {
    /// As `dual_cards` says.
    Usual,
    /// A client of 0.3, as far as that is known: cards have the members of both versions.
    V03,
}

impl Agents {
    /// The card of the instance as it is served.
    pub(super) fn instance_card(
        &self,
        looker: &Looker,
        schemes: &Schemes,
        readers: Readers,
    ) -> Tagged {
        let (mut card, newest) = self.instance(looker);
        schemes.declare_in(&mut card);
        self.tagged(&card, readers).with_parts_of(newest)
    }

    /// The card of an agent as who may call it is served it. A signed one says what its makers wrote, whoever reads. A card
    /// that is made for readers of 0.3 has no time of a change: at one URL it would stand for the other form too.
    pub(super) fn agent_card(&self, agent: &Agent, readers: Readers) -> Tagged {
        if readers == Readers::Usual || self.dual || agent.signed.is_some() {
            return agent.card.clone();
        }
        self.tagged(&self.whole(&agent.handle, &agent.words, &agent.backend), readers)
    }

    /// A card as it is served: with the members of 0.3, if cards have them here or for these readers.
    pub(super) fn tagged(&self, card: &Value, readers: Readers) -> Tagged {
        match (self.dual || readers == Readers::V03) && !card.is_null() {
            true => Tagged::new(&dual(card)),
            false => Tagged::new(card),
        }
    }
}

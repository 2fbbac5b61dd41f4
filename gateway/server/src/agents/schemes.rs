//! What the instance's card says of credentials besides a peer's token: API keys, and the identity providers.
//!
//! Decides how they are declared, each as an alternative. Must never be said in the card of an agent, which may be signed, and
//! whose callers the operator of this gateway does not choose alone. That anybody may call is not declared: it would be a
//! requirement without a member, and the signature of a card covers no such.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use gateway_core::client::Clients;
use proto_types::card::hosted;
use serde_json::{Map, Value, json};

use super::{Agents, Readers, Tagged};

/// The name of the scheme of API keys.
const KEY: &str = "key";
/// Its scope, and that of identity providers: a requirement without any would be empty.
const SCOPE: &str = "call";
/// Where an identity provider says what it is (OpenID Connect Discovery 1.0, section 4).
const DISCOVERY: &str = "/.well-known/openid-configuration";

/// Schemes by their names.
#[derive(Debug, Default)]
pub(crate) struct Schemes {
    schemes: Map<String, Value>,
    /// For each kind of readers.
    open_cards: [ArcSwapOption<OpenCard>; 2],
}

/// The card as anybody sees it, and the agents that it was made of.
#[derive(Debug)]
struct OpenCard {
    agents: Arc<Agents>,
    card: Tagged,
}

impl Schemes {
    /// Those of the callers that are let in.
    pub(crate) fn of(clients: &Clients) -> Self {
        let key = json!({"apiKeySecurityScheme": {"location": "header", "name": "X-API-Key"}});
        let key = clients.has_keys().then(|| (KEY.to_owned(), key));
        let users = clients.issuers().filter(|one| one.issuer.starts_with("https://"));
        let users = users.enumerate().map(|(at, one)| {
            let url = format!("{}{DISCOVERY}", one.issuer.trim_end_matches('/'));
            let scheme = json!({"openIdConnectSecurityScheme": {"openIdConnectUrl": url}});
            (format!("oidc{}", at + 1), scheme)
        });
        let schemes = key.into_iter().chain(users).collect();
        Self { schemes, open_cards: Default::default() }
    }

    /// Whether there is nothing to declare.
    pub(super) fn is_empty(&self) -> bool {
        self.schemes.is_empty()
    }

    /// Declares them in a card of ours, beside the token of a peer.
    pub(super) fn declare_in(&self, card: &mut Value) {
        if self.is_empty() || !card["securitySchemes"][hosted::SCHEME].is_object() {
            return;
        }
        for (name, scheme) in &self.schemes {
            card["securitySchemes"][name] = scheme.clone();
            if let Some(requirements) = card["securityRequirements"].as_array_mut() {
                requirements.push(json!({"schemes": {name: {"list": [SCOPE]}}}));
            }
        }
    }

    /// The card that anybody sees of these agents; made once.
    pub(super) fn open_card(
        &self,
        agents: &Arc<Agents>,
        readers: Readers,
        make: impl FnOnce() -> Tagged,
    ) -> Tagged {
        let [usual, older] = &self.open_cards;
        let place = match readers {
            Readers::Usual => usual,
            Readers::V03 => older,
        };
        if let Some(known) = &*place.load()
            && Arc::ptr_eq(&known.agents, agents)
        {
            return known.card.clone();
        }
        let card = make();
        let made = OpenCard { agents: Arc::clone(agents), card: card.clone() };
        place.store(Some(Arc::new(made)));
        card
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use gateway_core::client::{AgentScope, ApiKey, Grant, Issuer, Methods};
    use gateway_core::gcra::Quota;
    use proto_types::card::Card;
    use proto_types::{Digest, Origin};

    use super::super::Looker;
    use super::*;

    fn clients() -> Clients {
        let grant = || Grant {
            agents: AgentScope::Public,
            methods: Methods::parse(&[]).unwrap(),
            quota: Quota::new(1, 1).unwrap(),
        };
        let key = ApiKey {
            name: "ci".to_owned(),
            digest: Digest([1; 32]),
            grant: grant(),
            not_after: None,
        };
        let issuer = |issuer: &str| Issuer {
            issuer: issuer.into(),
            audience: "gateway".to_owned(),
            grant: grant(),
        };
        Clients::new([key], [issuer("https://idp.example/"), issuer("urn:other")], None)
    }

    #[test]
    fn the_instance_declares_each_way_in_as_an_alternative_in_both_versions() {
        let origin = Origin::parse("https://b.example").unwrap();
        for is_dual in [false, true] {
            let agents = Agents::new(origin.clone(), None, is_dual);
            let card =
                agents.instance_card(&Looker::ANYBODY, &Schemes::of(&clients()), Readers::Usual);
            let read = Card::parse(&card.body).unwrap();
            assert_eq!(read.view().security_schemes, ["fed", "key", "oidc1"]);
            let card: Value = serde_json::from_slice(&card.body).unwrap();
            let url = "https://idp.example/.well-known/openid-configuration";
            let scheme = &card["securitySchemes"]["oidc1"]["openIdConnectSecurityScheme"];
            assert_eq!(scheme["openIdConnectUrl"], url);
            assert_eq!(card["securityRequirements"].as_array().unwrap().len(), 3);
            let older = &card["securitySchemes"]["key"];
            assert_eq!(older["type"] == "apiKey" && older["in"] == "header", is_dual, "{older}");
        }
    }

    #[test]
    fn the_card_that_anybody_sees_is_made_once_for_the_agents_of_a_moment() {
        let origin = Origin::parse("https://b.example").unwrap();
        let schemes = Schemes::of(&clients());
        let [one, other] = [0; 2].map(|_| Arc::new(Agents::new(origin.clone(), None, false)));
        let mut made = 0;
        for (agents, times) in [(&one, 1), (&one, 1), (&other, 2), (&one, 3)] {
            schemes.open_card(agents, Readers::Usual, || {
                made += 1;
                Tagged::new(&json!({}))
            });
            assert_eq!(made, times);
        }
    }
}

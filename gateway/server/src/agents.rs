//! The agents as this gateway knows them, hosted or attached, and the cards it serves for them.
//!
//! Decides what a card says: the agent's own words, and where and how it is called here; a card that the makers of an attached
//! agent have signed says what they wrote. Must never let other words say where an agent is called or who may call it, nor
//! hand out an agent but through a [`Directory`], which knows who looks.

mod card;
mod directory;
mod interfaces;
mod tagged;

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use imbl::{OrdMap, OrdSet};
use proto_types::card::{CardVersion, dual};
use proto_types::visibility::{Disclosure, Scope, Viewer};
use proto_types::{Handle, Origin, Revision, Upstream, WallMs};
use serde_json::{Map, Value, json};

use self::card::{as_said, card, input_modes, text};
pub(crate) use self::directory::Directory;
pub(crate) use self::interfaces::INSTANCE_RPC;
use self::interfaces::{of_agent, of_attached_default, of_instance, of_tenant};
pub(crate) use self::tagged::Tagged;
use crate::clock;

/// An agent as the registry tells it.
#[derive(Clone, Debug)]
pub(crate) struct Deployed {
    pub(crate) handle: Handle,
    pub(crate) revision: Revision,
    /// When that was; not known of agents that were deployed before it was kept.
    pub(crate) changed_at: Option<WallMs>,
    /// Who may see it.
    pub(crate) scope: Scope,
    /// What its card says of it.
    pub(crate) words: Map<String, Value>,
    pub(crate) backend: Backend,
    /// The card as it is, of an attached agent whose makers have signed it.
    pub(crate) signed: Option<(CardVersion, Bytes)>,
}

/// Who answers the calls of an agent.
#[derive(Clone, Debug)]
pub(crate) enum Backend {
    /// Nodes of ours: a call is a task.
    Hosted,
    /// An A2A server of somebody else.
    Attached(Arc<Upstream>),
}

/// One agent.
#[derive(Clone, Debug)]
pub(crate) struct Agent {
    pub(crate) handle: Handle,
    revision: Revision,
    scope: Scope,
    words: Map<String, Value>,
    /// The media types that it takes, as its card and the skills in it say.
    pub(crate) input_modes: Vec<String>,
    backend: Backend,
    /// For which generation its card is written, if that is its makers' own.
    signed: Option<CardVersion>,
    card: Tagged,
}

impl Agent {
    /// Where its calls are handed on to, if it is attached.
    pub(crate) const fn upstream(&self) -> Option<&Arc<Upstream>> {
        match &self.backend {
            Backend::Hosted => None,
            Backend::Attached(upstream) => Some(upstream),
        }
    }
}

/// A snapshot of all agents. A copy shares all that is not changed in it.
#[derive(Clone, Debug)]
pub(crate) struct Agents {
    origin: Origin,
    by_handle: OrdMap<Handle, Arc<Agent>>,
    /// The same by who may see them: a list meets only what its viewer may see.
    by_scope: OrdMap<Scope, OrdSet<Handle>>,
    default: Option<Handle>,
    /// Whether cards have the members of A2A 0.3 beside those of 1.0.
    dual: bool,
    /// Since when this gateway serves them: no card of its own making is older.
    since: WallMs,
    /// The instance's card as anybody sees it, made when it is first asked for.
    open_card: OnceLock<Tagged>,
}

/// Skills that the instance's card lists; a directory has the others.
const SKILLS_MAX: usize = 256;

impl Agents {
    pub(crate) fn new(origin: Origin, default: Option<Handle>, dual: bool) -> Self {
        let (by_handle, by_scope) = (OrdMap::new(), OrdMap::new());
        let (since, open_card) = (clock::wall(), OnceLock::new());
        Self { origin, by_handle, by_scope, default, dual, since, open_card }
    }

    fn find(&self, handle: &Handle) -> Option<&Arc<Agent>> {
        self.by_handle.get(handle)
    }

    /// How many there are that anybody may call: what everybody may count.
    pub(crate) fn open_count(&self) -> usize {
        let open = self.by_scope.iter().filter(|(scope, _)| is_whole(&Viewer::Anonymous, scope));
        open.map(|(_, handles)| handles.len()).sum()
    }

    /// Where the calls of an attached agent are handed on to, whoever may see it.
    pub(crate) fn upstream(&self, handle: &Handle) -> Option<&Arc<Upstream>> {
        self.find(handle)?.upstream()
    }

    /// Takes over an agent as it is now; an older state than what is known changes nothing.
    pub(crate) fn put(&mut self, deployed: Deployed) {
        let Deployed { handle, revision, changed_at, scope, words, backend, signed } = deployed;
        if self.find(&handle).is_some_and(|known| known.revision > revision) {
            return;
        }
        self.remove(&handle);
        let (signed, card) = match signed {
            Some((version, card)) => (Some(version), Tagged::of(card)),
            None => (None, self.tagged(&self.whole(&handle, &words, &backend))),
        };
        let card = card.changed_at(changed_at.unwrap_or_default().max(self.since));
        let (input_modes, own) = (input_modes(&words), handle.clone());
        self.by_scope.entry(scope.clone()).or_default().insert(handle.clone());
        let agent =
            Agent { handle: own, revision, scope, words, input_modes, backend, signed, card };
        self.by_handle.insert(handle, Arc::new(agent));
    }

    /// These agents and no others.
    pub(crate) fn replaced(&self, agents: impl IntoIterator<Item = Deployed>) -> Self {
        let mut replaced = Self::new(self.origin.clone(), self.default.clone(), self.dual);
        agents.into_iter().for_each(|agent| replaced.put(agent));
        replaced
    }

    pub(crate) fn remove(&mut self, handle: &Handle) {
        self.open_card = OnceLock::new();
        let Some(gone) = self.by_handle.remove(handle) else { return };
        if let Some(handles) = self.by_scope.get_mut(&gone.scope) {
            handles.remove(handle);
            if handles.is_empty() {
                self.by_scope.remove(&gone.scope);
            }
        }
    }

    /// The first agents, by handle, that this viewer may call.
    fn listed(&self, viewer: &Viewer) -> Vec<&Arc<Agent>> {
        let mut first: BTreeSet<&Handle> = BTreeSet::new();
        for (_, handles) in self.by_scope.iter().filter(|(scope, _)| is_whole(viewer, scope)) {
            first.extend(handles.iter().take(SKILLS_MAX));
            while first.len() > SKILLS_MAX {
                first.pop_last();
            }
        }
        first.into_iter().filter_map(|handle| self.find(handle)).collect()
    }

    /// The card of an agent as who may call it sees it, of 1.0 alone.
    fn whole(&self, handle: &Handle, words: &Map<String, Value>, backend: &Backend) -> Value {
        card(words, &of_agent(&self.origin, handle), streams(words, backend))
    }

    /// The card of the instance as it is served.
    fn instance_card(&self, viewer: &Viewer) -> Tagged {
        let (card, newest) = self.instance(viewer);
        self.tagged(&card).with_parts_of(newest)
    }

    /// The card of the agent that answers calls which name none, if this viewer may call it; else that of
    /// the instance with the agents that this viewer may call. It is of 1.0 alone; beside it, when the newest of its parts was
    /// changed.
    fn instance(&self, viewer: &Viewer) -> (Value, WallMs) {
        let default = self.default.as_ref().and_then(|handle| self.find(handle));
        if let Some(agent) = default.filter(|agent| is_whole(viewer, &agent.scope)) {
            let newest = self.newest([agent].into_iter());
            let streams = streams(&agent.words, &agent.backend);
            let interfaces = match agent.backend {
                Backend::Hosted => of_instance(&self.origin),
                Backend::Attached(_) => of_attached_default(&self.origin, &agent.handle),
            };
            return (card(&agent.words, &interfaces, streams), newest);
        }
        let mut listed = self.listed(viewer);
        let newest = self.newest(listed.iter().copied());
        loop {
            // Each agent is called by its tenant (A2A 1.0, section 8.3.2). A card must
            // name an interface even where nobody can be called yet.
            let tenants = listed.iter().flat_map(|agent| of_tenant(&self.origin, &agent.handle));
            let mut interfaces: Vec<_> = tenants.collect();
            if interfaces.is_empty() {
                interfaces = of_instance(&self.origin);
            }
            // Many long names make no card, for it would be too long.
            let card = as_said(&self.words_of(&listed), &interfaces, true);
            if card.is_some() || listed.is_empty() {
                return (card.unwrap_or(Value::Null), newest);
            }
            listed.truncate(listed.len() / 2);
        }
    }

    /// A card as it is served: with the members of 0.3, if cards have them here.
    fn tagged(&self, card: &Value) -> Tagged {
        match self.dual && !card.is_null() {
            true => Tagged::new(&dual(card)),
            false => Tagged::new(card),
        }
    }

    /// What the instance's card says of these agents.
    fn words_of(&self, listed: &[&Arc<Agent>]) -> Map<String, Value> {
        let own = json!({
            "id": "federation",
            "name": "Agents",
            "description": "Calls the agent whose handle the request names as its tenant.",
            "tags": ["federation"],
        });
        let skill = |agent: &&Arc<Agent>| {
            json!({
                "id": agent.handle,
                "name": text(&agent.words, "name", agent.handle.as_str()),
                "description": text(&agent.words, "description", agent.handle.as_str()),
                "tags": ["agent"],
            })
        };
        let words = json!({
            "name": self.origin.host(),
            "description": "An Ecumene instance: agents behind one gateway.",
            "skills": std::iter::once(own).chain(listed.iter().map(skill)).collect::<Vec<_>>(),
        });
        words.as_object().cloned().unwrap_or_default()
    }

    /// When the newest of these cards was changed; what a viewer does not see does not count.
    fn newest<'a>(&self, agents: impl Iterator<Item = &'a Arc<Agent>>) -> WallMs {
        agents.filter_map(|agent| agent.card.modified).max().unwrap_or_default().max(self.since)
    }
}

/// Whether this viewer may see all of an agent, which is what lets it call one.
fn is_whole(viewer: &Viewer, scope: &Scope) -> bool {
    viewer.disclosure(scope) == Disclosure::Whole
}

/// Whether a call may have a stream: of tasks it may, and an attached agent says whether it does.
fn streams(words: &Map<String, Value>, backend: &Backend) -> bool {
    let said = words.get("capabilities").and_then(|said| said.get("streaming"));
    matches!(backend, Backend::Hosted) || said.and_then(Value::as_bool) == Some(true)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use gateway_core::form::{Answer, Form};
    use proto_types::Namespace;
    use proto_types::a2a::ProtocolVersion;
    use proto_types::visibility::{Admissions, Visibility};

    use super::*;

    fn agents() -> Agents {
        Agents::new(Origin::parse("https://b.example").unwrap(), None, false)
    }

    fn put(agents: &mut Agents, handle: &str, revision: u64, words: &Value) {
        put_for(agents, Visibility::Public, (handle, revision), words);
    }

    fn put_for(
        agents: &mut Agents,
        visibility: Visibility,
        (handle, revision): (&str, u64),
        words: &Value,
    ) {
        let words = words.as_object().unwrap().clone();
        let (handle, revision) = (Handle::parse(handle).unwrap(), Revision(revision));
        let changed_at = Some(WallMs(7));
        let scope = Scope { visibility, namespace: Namespace::parse("acme").unwrap(), owner: None };
        let (backend, signed) = (Backend::Hosted, None);
        agents.put(Deployed { handle, revision, changed_at, scope, words, backend, signed });
    }

    fn attach(agents: &mut Agents, handle: &str, card: &Value, is_signed: bool) {
        let upstream = Upstream::parse(&["http://a.example/rpc"], "JSONRPC", "1.0", "").unwrap();
        let signed = is_signed.then(|| (CardVersion::V10, Bytes::from(card.to_string())));
        agents.put(Deployed {
            handle: Handle::parse(handle).unwrap(),
            revision: Revision(1),
            changed_at: None,
            scope: Scope {
                visibility: Visibility::Public,
                namespace: Namespace::parse("acme").unwrap(),
                owner: None,
            },
            words: card.as_object().unwrap().clone(),
            backend: Backend::Attached(Arc::new(upstream)),
            signed,
        });
    }

    fn card_of(agents: &Agents, handle: &str) -> Value {
        let agent = agents.find(&Handle::parse(handle).unwrap()).unwrap();
        serde_json::from_slice(&agent.card.body).unwrap()
    }

    fn whole(agents: &Agents, handle: &str) -> Value {
        let agent = agents.find(&Handle::parse(handle).unwrap()).unwrap();
        agents.whole(&agent.handle, &agent.words, &agent.backend)
    }

    fn instance_card(agents: &Agents, viewer: &Viewer) -> Value {
        serde_json::from_slice(&agents.instance_card(viewer).body).unwrap()
    }

    #[test]
    fn a_card_has_the_agents_words_and_our_address() {
        let mut agents = agents();
        put(
            &mut agents,
            "echo",
            1,
            &json!({
                "name": "Echo", "version": "2.0.0", "skills": [{"id": "s", "name": "S", "description": "d", "tags": ["t"]}],
                "supportedInterfaces": [{"url": "https://evil.example"}], "securityRequirements": [],
            }),
        );
        let card = card_of(&agents, "echo");
        let called = card["supportedInterfaces"].as_array().unwrap().iter().map(|one| {
            let member = |name: &str| one[name].as_str().unwrap_or_default().to_owned();
            ["protocolBinding", "protocolVersion", "url", "tenant"].map(member)
        });
        let url = "https://b.example/agents/echo";
        let expected = [
            ["JSONRPC", "1.0", url, ""],
            ["HTTP+JSON", "1.0", url, ""],
            ["GRPC", "1.0", "b.example:443", "echo"],
            ["JSONRPC", "0.3", url, ""],
            ["HTTP+JSON", "0.3", url, ""],
        ];
        assert_eq!(called.collect::<Vec<_>>(), expected);
        assert_eq!(card["capabilities"]["extendedAgentCard"], true);
        assert_eq!((&card["name"], &card["version"]), (&json!("Echo"), &json!("2.0.0")));
        assert_eq!(card["skills"][0]["id"], "s");
        assert_eq!(card["securityRequirements"][0]["schemes"]["fed"]["list"][0], "federation");
        assert_eq!(card["description"], "Echo");
    }

    #[test]
    fn a_card_that_is_signed_is_served_as_it_is_and_any_other_has_our_address() {
        let skills = json!([{"id": "s", "name": "S", "description": "d", "tags": []}]);
        let own = json!({
            "name": "Far", "description": "d", "version": "1", "skills": skills,
            "url": "http://a.example/rpc", "capabilities": {"streaming": false},
        });
        let mut agents = agents();
        attach(&mut agents, "far", &own, false);
        let card = card_of(&agents, "far");
        assert_eq!(card["supportedInterfaces"][0]["url"], "https://b.example/agents/far");
        assert_eq!((&card["name"], card.get("url")), (&json!("Far"), None));
        let skill = &card["skills"][0];
        assert_eq!((&skill["id"], &skill["tags"]), (&json!("s"), &json!(["agent"])));
        assert_eq!(card["capabilities"]["streaming"], false);
        let far = Handle::parse("far").unwrap();
        assert_eq!(agents.upstream(&far).unwrap().urls[0].as_str(), "http://a.example/rpc");
        attach(&mut agents, "far", &own, true);
        assert_eq!(card_of(&agents, "far"), own);
        let directory = Directory::new(Arc::new(agents), Viewer::Operator);
        let asked = |version| directory.extended_card(Some(&far), version).unwrap();
        assert_eq!(asked(ProtocolVersion::V10), own);
        let older = asked(ProtocolVersion::V03);
        assert_eq!(older["supportedInterfaces"][0]["url"], "https://b.example/agents/far");
    }

    #[test]
    fn the_instance_card_has_the_interfaces_of_each_agent_by_its_tenant() {
        let mut agents = agents();
        let called = |agents: &Agents| {
            let card = instance_card(agents, &Viewer::Anonymous);
            let all = card["supportedInterfaces"].as_array().unwrap().clone();
            let rpc = all.into_iter().filter(|one| one["protocolBinding"] == "JSONRPC");
            rpc.map(|one| {
                assert_eq!(one["url"], "https://b.example/v1/a2a/jsonrpc");
                (one.get("tenant").cloned(), one["protocolVersion"].clone())
            })
            .collect::<Vec<_>>()
        };
        let own = [(None, json!("1.0")), (None, json!("0.3"))];
        assert_eq!(called(&agents), own);
        put(&mut agents, "echo", 1, &json!({}));
        put(&mut agents, "a/b", 2, &json!({}));
        let tenants = ["a/b", "echo"].map(|tenant| (Some(json!(tenant)), json!("1.0")));
        assert_eq!(called(&agents), tenants);
        agents.default = Some(Handle::parse("echo").unwrap());
        put(&mut agents, "echo", 3, &json!({}));
        assert_eq!(called(&agents), own, "who names no tenant calls the default agent");
    }

    #[test]
    fn the_card_of_an_attached_default_agent_names_it_where_there_are_tenants() {
        let mut agents = agents();
        agents.default = Some(Handle::parse("far").unwrap());
        let skills = json!([{"id": "s", "name": "S", "description": "d", "tags": ["t"]}]);
        attach(&mut agents, "far", &json!({"name": "Far", "skills": skills}), false);
        let card = instance_card(&agents, &Viewer::Anonymous);
        assert_eq!(card["name"], "Far");
        let called = card["supportedInterfaces"].as_array().unwrap().iter().map(|one| {
            let member = |name: &str| one[name].as_str().unwrap_or_default().to_owned();
            ["protocolBinding", "protocolVersion", "url", "tenant"].map(member)
        });
        let (rpc, plain) = ("https://b.example/v1/a2a/jsonrpc", "https://b.example/a2a");
        let expected = [
            ["JSONRPC", "1.0", rpc, "far"],
            ["HTTP+JSON", "1.0", plain, "far"],
            ["GRPC", "1.0", "b.example:443", "far"],
            ["JSONRPC", "0.3", rpc, ""],
            ["HTTP+JSON", "0.3", plain, ""],
        ];
        assert_eq!(called.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn an_instance_card_lists_as_many_agents_as_fit_into_a_card() {
        let mut agents = agents();
        let long = "x".repeat(500);
        for at in 0..SKILLS_MAX {
            put(&mut agents, &format!("{at:03}{long}"), 1, &json!({"name": long}));
        }
        let card = instance_card(&agents, &Viewer::Anonymous);
        let skills = card["skills"].as_array().unwrap().len();
        assert!((2..SKILLS_MAX).contains(&skills), "{skills}");
    }

    #[test]
    fn a_dual_card_has_the_members_of_0_3_too() {
        let mut agents = Agents::new(Origin::parse("https://b.example").unwrap(), None, true);
        put(&mut agents, "echo", 1, &json!({"name": "Echo"}));
        for answer in [whole(&agents, "echo"), agents.instance(&Viewer::Operator).0] {
            assert!(answer["supportedInterfaces"].is_array());
            assert_eq!(answer.get("url"), None, "a call is of one version");
        }
        for card in [card_of(&agents, "echo"), instance_card(&agents, &Viewer::Anonymous)] {
            assert_eq!(
                (&card["protocolVersion"], &card["preferredTransport"]),
                (&json!("0.3.0"), &json!("JSONRPC"))
            );
            assert!(card["url"].as_str().unwrap().starts_with("https://b.example/"), "{card}");
            assert!(card["supportedInterfaces"].is_array());
        }
    }

    #[test]
    fn a_card_is_shown_in_the_form_in_which_it_is_asked_for() {
        let mut agents = agents();
        put(&mut agents, "echo", 1, &json!({"name": "Echo"}));
        let answer = Answer::Card(whole(&agents, "echo"));
        assert_eq!(Form::V10.answer(&answer), card_of(&agents, "echo"));
        let older = Form::V03JsonRpc.answer(&answer);
        assert_eq!(older["url"], "https://b.example/agents/echo");
        assert_eq!(older["supportsAuthenticatedExtendedCard"], true);
        assert_eq!(older.get("supportedInterfaces"), None);
        let plain = Form::V03HttpJson.answer(&answer);
        assert_eq!(plain["url"], older["url"]);
        assert!(plain["securitySchemes"]["fed"]["httpAuthSecurityScheme"].is_object(), "{plain}");
    }

    #[test]
    fn the_instance_card_lists_agents_or_is_that_of_the_default_agent() {
        let mut several = agents();
        let card = |agents: &Agents| instance_card(agents, &Viewer::Anonymous);
        assert_eq!(card(&several)["skills"].as_array().unwrap().len(), 1);
        put(&mut several, "echo", 1, &json!({"name": "Echo"}));
        assert_eq!(card(&several)["skills"][1]["id"], "echo");
        several.default = Some(Handle::parse("echo").unwrap());
        put(&mut several, "echo", 2, &json!({"name": "Echo 2"}));
        assert_eq!((&card(&several)["name"], several.open_count()), (&json!("Echo 2"), 1));
    }

    #[test]
    fn the_instance_card_lists_to_each_viewer_what_it_may_call() {
        let mut agents = agents();
        for &visibility in Visibility::ALL {
            put_for(&mut agents, visibility, (visibility.as_str(), 1), &json!({"name": "N"}));
        }
        let origin = |name: &str| Origin::parse(&format!("https://{name}.example")).unwrap();
        let admissions =
            Admissions::new([(Namespace::parse("acme").unwrap(), vec![origin("guest")])]);
        let listed = |viewer: Viewer| {
            let card = instance_card(&agents, &viewer);
            let skills = card["skills"].as_array().unwrap().iter().skip(1);
            skills.map(|skill| skill["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(listed(Viewer::Anonymous), ["public"]);
        assert_eq!(listed(admissions.viewer(&origin("stranger"))), ["federated", "public"]);
        let all = ["federated", "private", "public", "redacted"];
        assert_eq!(listed(admissions.viewer(&origin("guest"))), all);
        assert_eq!(agents.open_count(), 1);
    }

    #[test]
    fn an_agent_that_becomes_hidden_leaves_every_list() {
        let mut agents = agents();
        put(&mut agents, "echo", 1, &json!({"name": "Echo"}));
        put_for(&mut agents, Visibility::Private, ("echo", 2), &json!({"name": "Echo"}));
        assert_eq!(agents.listed(&Viewer::Anonymous).len(), 0);
        assert_eq!(agents.listed(&Viewer::Operator).len(), 1);
        agents.remove(&Handle::parse("echo").unwrap());
        assert!(agents.by_scope.is_empty() && agents.by_handle.is_empty());
    }

    #[test]
    fn an_older_state_of_an_agent_changes_nothing() {
        let mut agents = agents();
        put(&mut agents, "echo", 2, &json!({"name": "new"}));
        put(&mut agents, "echo", 1, &json!({"name": "old"}));
        assert_eq!(card_of(&agents, "echo")["name"], "new");
    }
}

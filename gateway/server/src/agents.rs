//! The hosted agents as this gateway knows them, and the cards it serves for them.
//!
//! Decides what a card says: the agent's own words, and where and how it is called here. Must never
//! let an agent's words say where it is called or who may call it.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use gateway_core::path::Route;
use proto_types::card::{Hosted, Interface, Skill, hosted};
use proto_types::path::encode;
use proto_types::{Digest, Handle, Origin, Revision, WallMs};
use serde_json::{Map, Value, json};

use crate::clock;

/// A body with its strong tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tagged {
    pub(crate) body: Bytes,
    pub(crate) etag: String,
    /// When it was changed last, if that is known.
    pub(crate) modified: Option<WallMs>,
}

impl Tagged {
    pub(crate) fn new(value: &Value) -> Self {
        let body = value.to_string();
        Self { etag: Digest::of(body.as_bytes()).etag(), body: body.into(), modified: None }
    }

    pub(crate) fn changed_at(self, at: WallMs) -> Self {
        Self { modified: Some(at), ..self }
    }
}

/// An agent as the registry tells it.
#[derive(Clone, Debug)]
pub(crate) struct Deployed {
    pub(crate) handle: Handle,
    pub(crate) revision: Revision,
    /// When that was; not known of agents that were deployed before it was kept.
    pub(crate) changed_at: Option<WallMs>,
    /// What its card says of it.
    pub(crate) words: Map<String, Value>,
}

/// One hosted agent.
#[derive(Clone, Debug)]
pub(crate) struct Agent {
    pub(crate) handle: Handle,
    pub(crate) revision: Revision,
    /// What its card says of it.
    words: Map<String, Value>,
    /// The media types that it takes, as its card and the skills in it say.
    pub(crate) input_modes: Vec<String>,
    pub(crate) card: Tagged,
}

/// A snapshot of all agents. Cheap to share, copied to be changed.
#[derive(Clone, Debug)]
pub(crate) struct Agents {
    origin: Origin,
    by_handle: BTreeMap<Handle, Arc<Agent>>,
    default: Option<Handle>,
    /// Since when this gateway serves them: no card of its own making is older.
    since: WallMs,
    pub(crate) instance_card: Tagged,
}

/// Where this instance answers A2A calls.
pub(crate) const INSTANCE_RPC: &str = "/v1/a2a/jsonrpc";

/// Skills that the instance's card lists; a directory has the others.
const SKILLS_MAX: usize = 256;

impl Agents {
    pub(crate) fn new(origin: Origin, default: Option<Handle>) -> Self {
        let by_handle = BTreeMap::new();
        let since = clock::wall();
        let mut agents =
            Self { instance_card: Tagged::new(&Value::Null), origin, by_handle, default, since };
        agents.instance_card = agents.make_instance_card();
        agents
    }

    pub(crate) fn find(&self, handle: &Handle) -> Option<&Arc<Agent>> {
        self.by_handle.get(handle)
    }

    /// The agent that answers calls which name none.
    pub(crate) fn default_agent(&self) -> Option<&Arc<Agent>> {
        self.default.as_ref().and_then(|handle| self.find(handle))
    }

    pub(crate) fn len(&self) -> usize {
        self.by_handle.len()
    }

    /// Takes over an agent as it is now; an older state than what is known changes nothing.
    pub(crate) fn put(&mut self, deployed: Deployed) {
        let Deployed { handle, revision, changed_at, words } = deployed;
        if self.find(&handle).is_some_and(|known| known.revision > revision) {
            return;
        }
        let card = Tagged::new(&card(&words, &[self.interface(&handle)]));
        let card = card.changed_at(changed_at.unwrap_or(self.since));
        let input_modes = input_modes(&words);
        let agent = Agent { handle: handle.clone(), revision, words, input_modes, card };
        self.by_handle.insert(handle, Arc::new(agent));
        self.instance_card = self.make_instance_card();
    }

    pub(crate) fn remove(&mut self, handle: &Handle) {
        self.by_handle.remove(handle);
        self.instance_card = self.make_instance_card();
    }

    /// Where an agent is called: its own URL, with the handle encoded where it must be; or, for a
    /// handle from before such were refused, the instance's with the handle as tenant.
    fn interface(&self, handle: &Handle) -> Interface {
        let paths = [handle.to_string(), encode(handle.as_str())];
        let mut paths = paths.map(|segment| format!("/agents/{segment}")).into_iter();
        let named = Ok(Some(Route::AgentRpc(handle.clone())));
        let own = paths.find(|path| Route::find(path) == named);
        let tenant = own.is_none().then(|| handle.as_str());
        let path = own.as_deref().unwrap_or(INSTANCE_RPC);
        interface(&format!("{}{path}", self.origin.as_str()), tenant)
    }

    fn make_instance_card(&self) -> Tagged {
        let url = format!("{}{INSTANCE_RPC}", self.origin.as_str());
        if let Some(agent) = self.default_agent() {
            let card = Tagged::new(&card(&agent.words, &[interface(&url, None)]));
            return card.changed_at(self.newest([agent].into_iter()));
        }
        let hosted: Vec<_> = self.by_handle.values().take(SKILLS_MAX).collect();
        // Each agent is called at the instance's URL by its tenant (A2A 1.0, section 8.3.2). A card must
        // name an interface even where nobody can be called yet.
        let mut interfaces: Vec<_> =
            hosted.iter().map(|agent| interface(&url, Some(agent.handle.as_str()))).collect();
        if interfaces.is_empty() {
            interfaces.push(interface(&url, None));
        }
        let card = card(&self.words_of(&hosted), &interfaces);
        Tagged::new(&card).changed_at(self.newest(hosted.into_iter()))
    }

    /// What the instance's card says of these agents.
    fn words_of(&self, hosted: &[&Arc<Agent>]) -> Map<String, Value> {
        let own = json!({
            "id": "federation",
            "name": "Hosted agents",
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
            "description": "An Ecumene instance: hosted agents behind one gateway.",
            "skills": std::iter::once(own).chain(hosted.iter().map(skill)).collect::<Vec<_>>(),
        });
        words.as_object().cloned().unwrap_or_default()
    }

    /// When the newest of these cards was changed; what a viewer does not see does not count.
    fn newest<'a>(&self, agents: impl Iterator<Item = &'a Arc<Agent>>) -> WallMs {
        agents.filter_map(|agent| agent.card.modified).max().unwrap_or_default().max(self.since)
    }
}

fn interface(url: &str, tenant: Option<&str>) -> Interface {
    Interface { tenant: tenant.map(str::to_owned), ..Interface::json_rpc(url) }
}

/// The card of these words. Words that would make no card give way to plain ones: an agent that is
/// deployed must be found.
fn card(words: &Map<String, Value>, interfaces: &[Interface]) -> Value {
    let name = text(words, "name", "agent");
    let description = text(words, "description", name);
    let plain = Skill {
        id: "default".to_owned(),
        name: name.to_owned(),
        description: description.to_owned(),
        tags: vec!["agent".to_owned()],
        ..Skill::default()
    };
    let plain = [plain];
    let skills = words.get("skills").cloned().and_then(|said| serde_json::from_value(said).ok());
    let skills = skills.filter(|said: &Vec<Skill>| !said.is_empty());
    let hosted_with = |skills: &[Skill]| {
        hosted(&Hosted {
            name,
            description,
            version: text(words, "version", "1.0.0"),
            interfaces,
            input_modes: &modes(words, "defaultInputModes"),
            output_modes: &modes(words, "defaultOutputModes"),
            skills,
            streaming: true,
            federated: true,
        })
    };
    let said = skills.and_then(|said| hosted_with(&said).ok());
    said.or_else(|| hosted_with(&plain).ok()).unwrap_or(Value::Null)
}

/// A skill may take other types than the card says.
fn input_modes(words: &Map<String, Value>) -> Vec<String> {
    let skills = words.get("skills").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let own = skills.iter().filter_map(|skill| skill.get("inputModes")?.as_array()).flatten();
    let own = own.filter_map(Value::as_str).map(str::to_owned);
    modes(words, "defaultInputModes").into_iter().chain(own).collect()
}

fn text<'w>(words: &'w Map<String, Value>, member: &str, default: &'w str) -> &'w str {
    words.get(member).and_then(Value::as_str).filter(|text| !text.is_empty()).unwrap_or(default)
}

fn modes(words: &Map<String, Value>, member: &str) -> Vec<String> {
    let said = words.get(member).cloned().and_then(|said| serde_json::from_value(said).ok());
    let usable = |said: &Vec<String>| !said.is_empty() && said.iter().all(|mode| !mode.is_empty());
    said.filter(usable).unwrap_or_else(|| vec!["text/plain".to_owned()])
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn agents() -> Agents {
        Agents::new(Origin::parse("https://b.example").unwrap(), None)
    }

    fn put(agents: &mut Agents, handle: &str, revision: u64, words: &Value) {
        let words = words.as_object().unwrap().clone();
        let (handle, revision) = (Handle::parse(handle).unwrap(), Revision(revision));
        let changed_at = Some(WallMs(7));
        agents.put(Deployed { handle, revision, changed_at, words });
    }

    fn card_of(agents: &Agents, handle: &str) -> Value {
        let agent = agents.find(&Handle::parse(handle).unwrap()).unwrap();
        serde_json::from_slice(&agent.card.body).unwrap()
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
        assert_eq!(
            card["supportedInterfaces"],
            json!([{
                "url": "https://b.example/agents/echo", "protocolBinding": "JSONRPC", "protocolVersion": "1.0",
            }])
        );
        assert_eq!((&card["name"], &card["version"]), (&json!("Echo"), &json!("2.0.0")));
        assert_eq!(card["skills"][0]["id"], "s");
        assert_eq!(card["securityRequirements"][0]["schemes"]["fed"]["list"][0], "federation");
        assert_eq!(card["description"], "Echo");
    }

    #[test]
    fn an_agent_is_called_at_its_handle_as_one_segment() {
        let mut agents = agents();
        for (handle, path, tenant) in [
            ("urn:a:b", "/agents/urn:a:b", json!(null)),
            ("acme01/translator", "/agents/acme01%2Ftranslator", json!(null)),
            ("a%2Fb?c", "/agents/a%252Fb%3Fc", json!(null)),
            // From before such were refused.
            ("a/../b", "/v1/a2a/jsonrpc", json!("a/../b")),
        ] {
            put(&mut agents, handle, 1, &json!({}));
            let interface = &card_of(&agents, handle)["supportedInterfaces"][0];
            assert_eq!(interface["url"], format!("https://b.example{path}"));
            assert_eq!(interface["tenant"], tenant, "{handle}");
        }
    }

    #[test]
    fn the_instance_card_has_an_interface_with_the_tenant_of_each_agent() {
        let mut agents = agents();
        let interfaces = |agents: &Agents| {
            let card: Value = serde_json::from_slice(&agents.instance_card.body).unwrap();
            let all = card["supportedInterfaces"].as_array().unwrap().clone();
            assert!(all.iter().all(|one| one["url"] == "https://b.example/v1/a2a/jsonrpc"));
            all.iter().map(|one| one.get("tenant").cloned()).collect::<Vec<_>>()
        };
        assert_eq!(interfaces(&agents), [None]);
        put(&mut agents, "echo", 1, &json!({}));
        put(&mut agents, "a/b", 2, &json!({}));
        assert_eq!(interfaces(&agents), [Some(json!("a/b")), Some(json!("echo"))]);
        agents.default = Some(Handle::parse("echo").unwrap());
        put(&mut agents, "echo", 3, &json!({}));
        assert_eq!(interfaces(&agents), [None], "who names no tenant calls the default agent");
    }

    #[test]
    fn the_instance_card_lists_agents_or_is_that_of_the_default_agent() {
        let mut several = agents();
        let empty = several.instance_card.clone();
        put(&mut several, "echo", 1, &json!({"name": "Echo"}));
        assert_ne!(several.instance_card.etag, empty.etag);
        let card: Value = serde_json::from_slice(&several.instance_card.body).unwrap();
        assert_eq!(card["skills"][1]["id"], "echo");
        several.default = Some(Handle::parse("echo").unwrap());
        put(&mut several, "echo", 2, &json!({"name": "Echo 2"}));
        let card: Value = serde_json::from_slice(&several.instance_card.body).unwrap();
        assert_eq!((card["name"].as_str(), several.len()), (Some("Echo 2"), 1));
    }

    #[test]
    fn an_older_state_of_an_agent_changes_nothing() {
        let mut agents = agents();
        put(&mut agents, "echo", 2, &json!({"name": "new"}));
        put(&mut agents, "echo", 1, &json!({"name": "old"}));
        assert_eq!(card_of(&agents, "echo")["name"], "new");
    }
}

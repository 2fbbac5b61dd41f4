//! The agents as this gateway knows them, hosted or attached, and the cards it serves for them.
//!
//! Decides what a card says: the agent's own words, and where and how it is called here; a card that the makers of an attached
//! agent have signed says what they wrote. Must never let other words say where an agent is called or who may call it, nor
//! hand out an agent but through a [`Directory`], which knows who looks.

mod card;
mod described;
mod directory;
mod interfaces;
mod looker;
mod readers;
mod schemes;
mod tagged;

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use gateway_core::extensions;
use imbl::{OrdMap, OrdSet};
use proto_types::card::CardVersion;
use proto_types::visibility::Scope;
use proto_types::{Handle, Origin, Revision, Upstream, WallMs};
use serde_json::{Map, Value, json};

use self::card::{as_said, card, input_modes, text};
pub(crate) use self::directory::Directory;
pub(crate) use self::interfaces::INSTANCE_RPC;
use self::interfaces::{of_agent, of_attached_default, of_instance, of_tenant};
pub(crate) use self::looker::Looker;
pub(crate) use self::readers::Readers;
pub(crate) use self::schemes::Schemes;
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

    /// Whether the changes of its tasks are pushed.
    pub(crate) fn pushes(&self) -> bool {
        pushes(&self.words, &self.backend)
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
    /// The instance's card as anybody sees it, for each kind of readers made when it is first asked for.
    open_cards: [OnceLock<Tagged>; 2],
}

/// Skills that the instance's card lists; a directory has the others.
const SKILLS_MAX: usize = 256;

impl Agents {
    pub(crate) fn new(origin: Origin, default: Option<Handle>, dual: bool) -> Self {
        let (by_handle, by_scope) = (OrdMap::new(), OrdMap::new());
        let (since, open_cards) = (clock::wall(), Default::default());
        Self { origin, by_handle, by_scope, default, dual, since, open_cards }
    }

    fn find(&self, handle: &Handle) -> Option<&Arc<Agent>> {
        self.by_handle.get(handle)
    }

    /// How many there are that anybody may call: what everybody may count.
    pub(crate) fn open_count(&self) -> usize {
        let open = self.by_scope.iter().filter(|(scope, _)| Looker::ANYBODY.may_call_all(scope));
        open.map(|(_, handles)| handles.len()).sum()
    }

    /// Where the calls of an attached agent are handed on to, whoever may see it.
    pub(crate) fn upstream(&self, handle: &Handle) -> Option<&Arc<Upstream>> {
        self.find(handle)?.upstream()
    }

    /// Whether the changes of an agent's tasks are pushed, whoever may see it; also of one that is gone.
    pub(crate) fn pushes(&self, handle: &Handle) -> bool {
        self.find(handle).is_none_or(|agent| agent.pushes())
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
            None => (None, self.tagged(&self.whole(&handle, &words, &backend), Readers::Usual)),
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
        self.open_cards = Default::default();
        let Some(gone) = self.by_handle.remove(handle) else { return };
        if let Some(handles) = self.by_scope.get_mut(&gone.scope) {
            handles.remove(handle);
            if handles.is_empty() {
                self.by_scope.remove(&gone.scope);
            }
        }
    }

    /// The first agents, by handle, that who looks may call.
    fn listed(&self, looker: &Looker) -> Vec<&Arc<Agent>> {
        if let Looker::Named(named) = looker {
            return named.iter().filter_map(|handle| self.find(handle)).take(SKILLS_MAX).collect();
        }
        let mut first: BTreeSet<&Handle> = BTreeSet::new();
        for (_, handles) in self.by_scope.iter().filter(|(scope, _)| looker.may_call_all(scope)) {
            first.extend(handles.iter().take(SKILLS_MAX));
            while first.len() > SKILLS_MAX {
                first.pop_last();
            }
        }
        first.into_iter().filter_map(|handle| self.find(handle)).collect()
    }

    /// The card of an agent as who may call it sees it, of 1.0 alone.
    fn whole(&self, handle: &Handle, words: &Map<String, Value>, backend: &Backend) -> Value {
        let card = card(words, &of_agent(&self.origin, handle), streams(words, backend));
        declared(card, (words, backend))
    }

    /// The card of the agent that answers calls which name none, if who looks may call it; else that of
    /// the instance with the agents that it may call. It is of 1.0 alone; beside it, when the newest of its parts was
    /// changed.
    fn instance(&self, looker: &Looker) -> (Value, WallMs) {
        let default = self.default.as_ref().and_then(|handle| self.find(handle));
        if let Some(agent) = default.filter(|agent| looker.may_call(agent)) {
            return (self.as_default(agent), self.newest([agent].into_iter()));
        }
        let mut listed = self.listed(looker);
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
            let words = self.words_of(&listed);
            let card = as_said(&words, &interfaces, true);
            if card.is_some() || listed.is_empty() {
                let card = card.unwrap_or(Value::Null);
                return (declared(card, (&words, &Backend::Hosted)), newest);
            }
            listed.truncate(listed.len() / 2);
        }
    }

    /// The card of an agent as that of the instance.
    fn as_default(&self, agent: &Agent) -> Value {
        let interfaces = match agent.backend {
            Backend::Hosted => of_instance(&self.origin),
            Backend::Attached(_) => of_attached_default(&self.origin, &agent.handle),
        };
        let card = card(&agent.words, &interfaces, streams(&agent.words, &agent.backend));
        declared(card, (&agent.words, &agent.backend))
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

/// The card with the extensions that calls may use, of agents that our nodes run: those of an attached one are its own; and with
/// whether changes of tasks are pushed.
fn declared(mut card: Value, (words, backend): (&Map<String, Value>, &Backend)) -> Value {
    if card.is_null() {
        return card;
    }
    if matches!(backend, Backend::Hosted) {
        card["capabilities"]["extensions"] = extensions::declarations();
    }
    card["capabilities"]["pushNotifications"] = Value::Bool(pushes(words, backend));
    card
}

/// Whether the changes of its tasks are pushed: of one that our nodes run they are, unless its own words say no. An attached
/// agent keeps its tasks itself.
fn pushes(words: &Map<String, Value>, backend: &Backend) -> bool {
    let said = words.get("capabilities").and_then(|said| said.get("pushNotifications"));
    matches!(backend, Backend::Hosted) && said.and_then(Value::as_bool) != Some(false)
}

/// Whether a call may have a stream: of tasks it may, and an attached agent says whether it does.
fn streams(words: &Map<String, Value>, backend: &Backend) -> bool {
    let said = words.get("capabilities").and_then(|said| said.get("streaming"));
    matches!(backend, Backend::Hosted) || said.and_then(Value::as_bool) == Some(true)
}

#[cfg(test)]
mod tests;

//! The typed tables of the state: how an entity is keyed, encoded and listed.
//! They decide where an entity lies; they must never hide a value that does not decode.

mod conduct;
mod entities;
mod fleet;
mod foreign;
mod peers;

use std::marker::PhantomData;

use proto_types::tlog::Fact;
use proto_types::{Digest, EnvelopeId, Namespace, Origin};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::change::Write;
use crate::entry::{
    AgentEntry, CardEntry, EnvelopeEntry, GatewayEntry, InstanceEntry, JoinTokenEntry,
    LivenessEntry, MemberEntry, NamespaceEntry, NodeEntry, PartnerEntry, PeerEntry,
    ProvenanceEntry, RecordEntry, SearchEntry, Source, TaskEntry,
};
use crate::index;
use crate::layout::{self, END, state};
use crate::view::{Pair, Space, View, ViewError};

pub(crate) use self::conduct::REPORTERS_MAX;
pub use self::conduct::{EVIDENCE, REPORTERS, evidence_key};
pub use self::peers::{PEER_LOG, PEER_REQUESTS, peer_log_key, peer_request_key};

/// Peers by origin.
pub const PEERS: Table<PeerEntry> = Table::new(state::PEERS, "peer");
/// Records by handle, tombstones included.
pub const RECORDS: Table<RecordEntry> = Table::new(state::RECORDS, "record");
/// Cards by handle.
pub const CARDS: Table<CardEntry> = Table::new(state::CARDS, "card");
/// Hosted agents by handle.
pub const AGENTS: Table<AgentEntry> = Table::new(state::AGENTS, "agent");
/// Gateways by id.
pub const GATEWAYS: Table<GatewayEntry> = Table::new(state::GATEWAYS, "gateway");
/// Nodes by id.
pub const NODES: Table<NodeEntry> = Table::new(state::NODES, "node");
/// Tasks by id.
pub const TASKS: Table<TaskEntry> = Table::new(state::TASKS, "task");
/// Envelopes by [`envelope_key`].
pub const ENVELOPES: Table<EnvelopeEntry> = Table::new(state::ENVELOPES, "envelope");
/// Join tokens by the digest of the token.
pub const JOIN_TOKENS: Table<JoinTokenEntry> = Table::new(state::JOIN_TOKENS, "join token");
/// Members of the cluster that joined or left it, by number.
pub const MEMBERS: Table<MemberEntry> = Table::new(state::MEMBERS, "member");
/// Namespaces by name.
pub const NAMESPACES: Table<NamespaceEntry> = Table::new(state::NAMESPACES, "namespace");
/// What a search knows, by [`SearchEntry::key_of`].
pub const SEARCHES: Table<SearchEntry> = Table::new(state::SEARCHES, "search");
/// What the crawler last saw, by subject.
pub const LIVENESS: Table<LivenessEntry> = Table::new(state::LIVENESS, "liveness");
/// Registries that are pulled from, by name.
pub const PARTNERS: Table<PartnerEntry> = Table::new(state::PARTNERS, "partner");
/// Where imported entries came from, by kind and handle.
pub const PROVENANCE: Table<ProvenanceEntry> = Table::new(state::PROVENANCE, "provenance");

/// Instances that publish with a token of their own, by tenant key.
pub const INSTANCES: Table<InstanceEntry> = Table::new(state::INSTANCES, "instance");

/// What can be kept in a table.
pub trait Entity: Serialize + DeserializeOwned {
    /// Which kind of entry a search finds it as, if it can be found: the search follows every change of it.
    const SEARCHED: Option<Source> = None;

    /// What it is looked up by; unique in its table.
    fn key(&self) -> String;

    /// The derived keys that point at it, with their values. A function of the entity alone, so
    /// that they can be rebuilt.
    fn index(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        Vec::new()
    }

    /// The bodies it names. They are kept as long as it does; a body that no entity names is
    /// forgotten by the next compaction.
    fn bodies(&self) -> Vec<Digest>;

    /// What the transparency log says of it, without the time; `None` for what never enters it.
    fn fact(&self) -> Option<Fact> {
        None
    }
}

/// One kind of entity, laid out `shard | tag | namespace | 0 | id`.
#[derive(Debug)]
pub struct Table<T> {
    tag: u8,
    name: &'static str,
    entity: PhantomData<fn() -> T>,
}

impl<T: Entity> Table<T> {
    const fn new(tag: u8, name: &'static str) -> Self {
        Self { tag, name, entity: PhantomData }
    }

    /// What a refusal calls an entity of this table.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Which table it is, in keys.
    pub(crate) const fn tag(&self) -> u8 {
        self.tag
    }

    /// Where the entity of this id lies in `Space::State`.
    #[must_use]
    pub fn key(&self, id: &str) -> Vec<u8> {
        layout::key(self.tag, &[Namespace::DEFAULT.as_bytes(), END, id.as_bytes()])
    }

    /// The entity of this id, if there is one.
    ///
    /// # Errors
    /// The store failed, or what it holds does not decode.
    pub fn entry(&self, view: &dyn View, id: &str) -> Result<Option<T>, ViewError> {
        let value = view.value(Space::State, &self.key(id))?;
        value.map(|bytes| self.decode(&bytes)).transpose()
    }

    /// Every derived key of an entity, with its value: its own, and one for each body it names.
    #[must_use]
    pub fn derived(&self, entry: &T) -> Vec<Pair> {
        let id = entry.key();
        let named = entry.bodies();
        let refs = named.iter().map(|body| (index::body_ref(body, self.tag, &id), Vec::new()));
        entry.index().into_iter().chain(refs).collect()
    }

    /// The write that keeps an entity.
    #[must_use]
    pub fn put(&self, entry: &T) -> Write {
        let key = self.key(&entry.key());
        Write::Put { space: Space::State, key, value: encode(entry) }
    }

    /// The write that forgets an entity.
    #[must_use]
    pub fn delete(&self, id: &str) -> Write {
        Write::Delete { space: Space::State, key: self.key(id) }
    }

    /// Up to `limit` entities whose ids come after `after`, in the order of their ids.
    ///
    /// # Errors
    /// As [`Table::entry`].
    pub fn list(
        &self,
        view: &dyn View,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<T>, ViewError> {
        let first = self.key("");
        let from = after.map_or_else(|| first.clone(), |id| layout::after(&self.key(id)));
        let pairs = view.range(Space::State, &from, &layout::past(&first), limit)?;
        pairs.iter().map(|(_, value)| self.decode(value)).collect()
    }

    /// Up to `limit` entities whose ids start with `prefix`, in the order of their ids.
    ///
    /// # Errors
    /// As [`Table::entry`].
    pub fn starting(
        &self,
        view: &dyn View,
        prefix: &str,
        limit: usize,
    ) -> Result<Vec<T>, ViewError> {
        let from = self.key(prefix);
        let pairs = view.range(Space::State, &from, &layout::past(&from), limit)?;
        pairs.iter().map(|(_, value)| self.decode(value)).collect()
    }

    pub(crate) fn decode(&self, bytes: &[u8]) -> Result<T, ViewError> {
        decode(self.name, bytes)
    }
}

/// What an envelope is looked up by: ids are unique within their source only.
#[must_use]
pub fn envelope_key(source: &Origin, id: &EnvelopeId) -> String {
    format!("{}\0{}", source.as_str(), id.as_str())
}

/// Where the bytes of this digest lie in `Space::Bodies`.
#[must_use]
pub fn body_key(digest: &Digest) -> Vec<u8> {
    digest.as_bytes().to_vec()
}

/// MessagePack with member names, so that members can be added later.
pub(crate) fn encode<T: Serialize>(entry: &T) -> Vec<u8> {
    rmp_serde::to_vec_named(entry)
        .expect("entities are maps, lists, texts and numbers, which MessagePack can always hold")
}

/// Reads what `encode` wrote.
pub(crate) fn decode<T: DeserializeOwned>(
    table: &'static str,
    bytes: &[u8],
) -> Result<T, ViewError> {
    rmp_serde::from_slice(bytes)
        .map_err(|cause| ViewError::Corrupt { table, cause: cause.to_string() })
}

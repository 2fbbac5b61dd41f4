//! A namespace as it is stored. A handle is in the namespace that claims its longest prefix, so an entry's namespace
//! never depends on who wrote it.

use proto_types::{Namespace, Origin, Revision, words};
use serde::{Deserialize, Serialize};

use crate::visibility::{Scope, Scoped, Visibility};

/// A tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamespaceEntry {
    /// Its name.
    pub name: Namespace,
    /// What holds in it.
    pub terms: Terms,
    /// The revision that wrote this entry.
    pub revision: Revision,
}

/// What holds in a namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Terms {
    /// The peers that administrate it: they write in it, and change its eyes, trust and policy.
    pub owners: Vec<Origin>,
    /// The handles that are in it: those that start with one of these, unless another namespace
    /// claims a longer prefix. None for the default namespace.
    pub prefixes: Vec<String>,
    /// Who may see what is put without saying.
    pub visibility: Visibility,
    /// Which signatures are asked for.
    pub trust: TrustMode,
    /// How much it may keep.
    pub quotas: Quotas,
    /// What may be written.
    pub policy: Policy,
    /// Who may see what is not public, besides its owners.
    pub grants: Grants,
}

/// Which signatures a namespace asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TrustMode {
    /// None.
    #[default]
    Off,
    /// What is unsigned never replaces what is signed.
    Prefer,
    /// Only what an enrolled key has signed is taken.
    Require,
}

// The laxest first.
words!(TrustMode { Off = "off", Prefer = "prefer", Require = "require" });

/// How much a namespace may keep; `None` is without bound, but of bytes [`Quotas::BYTES_DEFAULT`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Quotas {
    /// Live records.
    pub records: Option<u64>,
    /// Cards.
    pub cards: Option<u64>,
    /// Agents.
    pub agents: Option<u64>,
    /// Bytes of their documents together: records, cards, and the cards of agents. Artifacts are no
    /// documents: nodes hold them, and one may be of many agents.
    pub bytes: Option<u64>,
}

impl Quotas {
    /// What a namespace may keep of which nobody has said otherwise: some millions of records. A member's disk has an
    /// end, and whoever may write is not asked how much of it is left.
    pub const BYTES_DEFAULT: u64 = 4 << 30;
}

/// How much a namespace keeps: counted in `apply`, so every member counts the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Live records.
    pub records: u64,
    /// Cards.
    pub cards: u64,
    /// Agents, but those that were written before agents were counted and not since.
    pub agents: u64,
    /// Bytes of their documents together.
    pub bytes: u64,
}

/// What may be written in a namespace; an empty list allows everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Policy {
    /// The hosts that `agentCardUrl` may name; `*.example.org` stands for every host below it.
    pub card_hosts: Vec<String>,
    /// The handles that may be used; `*` stands for any characters.
    pub handle_patterns: Vec<String>,
}

/// Who may see what is not public.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Grants {
    /// These peers.
    pub peers: Vec<Origin>,
    /// The owners of these namespaces.
    pub namespaces: Vec<Namespace>,
}

/// A namespace is known to those who see its private entries.
impl Scoped for NamespaceEntry {
    fn scope(&self) -> Scope {
        let (visibility, namespace) = (Visibility::Private, self.name.clone());
        Scope { visibility, namespace, owner: None }
    }
}

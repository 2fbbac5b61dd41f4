//! Namespaces: the tenants of the registry, what each may keep, and for whom.
//! Data only: it decides nothing. A handle is in the namespace that claims its longest prefix, so
//! where an entry belongs never depends on who wrote it.

use std::fmt;
use std::str::FromStr;

use proto_types::{Namespace, Origin, Revision};
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

impl TrustMode {
    /// Every value, the laxest first.
    pub const ALL: [Self; 3] = [Self::Off, Self::Prefer, Self::Require];

    /// The word that is shown and serialised.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Prefer => "prefer",
            Self::Require => "require",
        }
    }
}

impl fmt::Display for TrustMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is no trust mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("one of off, prefer, require")]
pub struct NotATrustMode;

impl FromStr for TrustMode {
    type Err = NotATrustMode;

    fn from_str(text: &str) -> Result<Self, NotATrustMode> {
        Self::ALL.into_iter().find(|known| known.as_str() == text).ok_or(NotATrustMode)
    }
}

/// How much a namespace may keep; `None` is without bound, but of bytes [`Quotas::BYTES_DEFAULT`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Quotas {
    /// Live records.
    pub records: Option<u64>,
    /// Cards.
    pub cards: Option<u64>,
    /// Hosted agents.
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
    /// Hosted agents, but those that were written before agents were counted and not since.
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

//! Who may see an entry of the directory (protocol.md, section 3).
//!
//! Decides in one place for every edge: lists, searches, reads, watches, calls and errors of the
//! registry and of every gateway. Must never depend on anything but who looks and the entry's scope, so that
//! a hidden entry answers like none at all.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::id::Namespace;
use crate::origin::Origin;

/// Who an entry is meant for.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Visibility {
    /// Everybody.
    #[default]
    Public,
    /// Everybody may know its name and description; the rest is as `Private`.
    Redacted,
    /// Every enrolled, active peer.
    Federated,
    /// Its owner, and whom its namespace admits.
    Private,
}

/// All that decides who sees an entry: the state keeps it with every entry and every change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Scope {
    /// Who it is meant for.
    pub visibility: Visibility,
    /// Whose grants count.
    pub namespace: Namespace,
    /// The owning peer.
    pub owner: Option<Origin>,
}

/// Who looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Viewer {
    /// Anybody.
    Anonymous,
    /// An enrolled, active peer.
    Peer(PeerViewer),
    /// The operator, and the machines that work for the registry: gateways and nodes.
    Operator,
}

/// A peer, and whose private entries it may see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerViewer {
    /// Its name.
    pub origin: Origin,
    /// The namespaces that it owns, or that admit it.
    pub namespaces: BTreeSet<Namespace>,
}

/// How much of an entry a viewer is shown. Ordered: more is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Disclosure {
    /// Nothing: to this viewer the entry does not exist.
    Hidden,
    /// Its name and description.
    Redacted,
    /// All of it, byte for byte.
    Whole,
}

impl Viewer {
    /// What this viewer is shown of an entry with this scope. Only what is shown whole may be called.
    #[must_use]
    pub fn disclosure(&self, scope: &Scope) -> Disclosure {
        let peer = match self {
            Self::Operator => return Disclosure::Whole,
            Self::Anonymous => None,
            Self::Peer(peer) => Some(peer),
        };
        let admitted = peer.is_some_and(|peer| {
            scope.owner.as_ref() == Some(&peer.origin) || peer.namespaces.contains(&scope.namespace)
        });
        match scope.visibility {
            Visibility::Public => Disclosure::Whole,
            _ if admitted => Disclosure::Whole,
            Visibility::Redacted => Disclosure::Redacted,
            Visibility::Federated if peer.is_some() => Disclosure::Whole,
            Visibility::Federated | Visibility::Private => Disclosure::Hidden,
        }
    }

    /// True if the entry exists to this viewer at all.
    #[must_use]
    pub fn sees(&self, scope: &Scope) -> bool {
        self.disclosure(scope) > Disclosure::Hidden
    }

    /// The peer that looks, if it is one.
    #[must_use]
    pub fn origin(&self) -> Option<&Origin> {
        match self {
            Self::Peer(peer) => Some(&peer.origin),
            Self::Anonymous | Self::Operator => None,
        }
    }
}

/// Which peers each namespace admits, for those who do not hold the registry's state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Admissions(BTreeMap<Origin, Arc<BTreeSet<Namespace>>>);

impl Admissions {
    /// From each namespace with all the peers that it admits.
    pub fn new(namespaces: impl IntoIterator<Item = (Namespace, Vec<Origin>)>) -> Self {
        let mut by_peer: BTreeMap<Origin, BTreeSet<Namespace>> = BTreeMap::new();
        for (namespace, admitted) in namespaces {
            for origin in admitted {
                by_peer.entry(origin).or_default().insert(namespace.clone());
            }
        }
        Self(by_peer.into_iter().map(|(origin, admitting)| (origin, admitting.into())).collect())
    }

    /// This enrolled, active peer as it looks at the directory.
    #[must_use]
    pub fn viewer(&self, origin: &Origin) -> Viewer {
        let namespaces = self.0.get(origin).map(|names| (**names).clone()).unwrap_or_default();
        Viewer::Peer(PeerViewer { origin: origin.clone(), namespaces })
    }
}

/// What is left of a card of which only name and description may be known. No member that is not named here is
/// let through, so that what cards may hold tomorrow stays hidden too.
#[must_use]
pub fn redacted_card(card: &Map<String, Value>) -> Map<String, Value> {
    let kept = ["name", "description"].into_iter().filter_map(|name| {
        let text = card.get(name)?.as_str()?;
        Some((name.to_owned(), Value::from(text)))
    });
    kept.collect()
}

// The widest audience first.
crate::words!(Visibility {
    Public = "public",
    Redacted = "redacted",
    Federated = "federated",
    Private = "private",
});

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::json;

    use super::*;

    fn origin(name: &str) -> Origin {
        Origin::parse(&format!("https://{name}.example")).unwrap()
    }

    fn namespace(name: &str) -> Namespace {
        Namespace::parse(name).unwrap()
    }

    fn peer(name: &str, namespaces: &[&str]) -> Viewer {
        let namespaces = namespaces.iter().map(|name| namespace(name)).collect();
        Viewer::Peer(PeerViewer { origin: origin(name), namespaces })
    }

    #[test]
    fn each_viewer_sees_what_the_protocol_says() {
        use Disclosure::{Hidden, Redacted, Whole};
        let viewers = [
            (Viewer::Anonymous, [Whole, Redacted, Hidden, Hidden]),
            (peer("stranger", &["other"]), [Whole, Redacted, Whole, Hidden]),
            (peer("owner", &[]), [Whole; 4]),
            (peer("guest", &["acme"]), [Whole; 4]),
            (Viewer::Operator, [Whole; 4]),
        ];
        for (viewer, expected) in viewers {
            let seen = Visibility::ALL.iter().map(|&visibility| {
                let (namespace, owner) = (namespace("acme"), Some(origin("owner")));
                viewer.disclosure(&Scope { visibility, namespace, owner })
            });
            assert_eq!(seen.collect::<Vec<_>>(), expected, "{viewer:?}");
        }
    }

    #[test]
    fn a_peer_looks_with_the_namespaces_that_admit_it() {
        let admitted = [
            (namespace("acme"), vec![origin("a"), origin("b")]),
            (namespace("other"), vec![origin("b")]),
        ];
        let admissions = Admissions::new(admitted);
        assert_eq!(admissions.viewer(&origin("a")), peer("a", &["acme"]));
        assert_eq!(admissions.viewer(&origin("b")), peer("b", &["acme", "other"]));
        assert_eq!(admissions.viewer(&origin("c")), peer("c", &[]));
    }

    #[test]
    fn nothing_but_name_and_description_remains_of_a_redacted_card() {
        let left = |card: Value| Value::Object(redacted_card(card.as_object().unwrap()));
        let whole = json!({"url": "https://a.example", "name": "N", "skills": [{"name": "x"}], "description": "D"});
        assert_eq!(left(whole), json!({"description": "D", "name": "N"}));
        assert_eq!(left(json!({"name": ["N"], "description": 1})), json!({}));
    }
}

//! What a caller sees of an entry (protocol.md, section 3).
//! It decides in one place for every list, search, read, watch and error; it must never depend on
//! anything but who looks and the entry's scope, so that a hidden entry answers like none at all.

use std::collections::BTreeSet;

use proto_types::{Namespace, Origin};

use crate::entry::{ChangeEvent, Scope, Visibility};

/// Who looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Viewer {
    /// Anybody.
    Anonymous,
    /// An enrolled, active peer.
    Peer(Eyes),
    /// The operator, and the machines that work for this registry: gateways and nodes.
    Operator,
}

/// A peer, and whose private entries it may see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Eyes {
    /// Its name.
    pub origin: Origin,
    /// The namespaces that it owns, or that admit it.
    pub privy: BTreeSet<Namespace>,
}

/// How much of an entry a viewer sees. Ordered: more is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sight {
    /// Nothing: to this viewer the entry does not exist.
    Hidden,
    /// Its name and description.
    Redacted,
    /// All of it, byte for byte.
    Whole,
}

impl Viewer {
    /// What this viewer sees of an entry with this scope.
    #[must_use]
    pub fn sight(&self, scope: &Scope) -> Sight {
        let eyes = match self {
            Self::Operator => return Sight::Whole,
            Self::Anonymous => None,
            Self::Peer(eyes) => Some(eyes),
        };
        let privy = eyes.is_some_and(|eyes| {
            scope.owner.as_ref() == Some(&eyes.origin) || eyes.privy.contains(&scope.namespace)
        });
        match scope.visibility {
            Visibility::Public => Sight::Whole,
            _ if privy => Sight::Whole,
            Visibility::Redacted => Sight::Redacted,
            Visibility::Federated if eyes.is_some() => Sight::Whole,
            Visibility::Federated | Visibility::Private => Sight::Hidden,
        }
    }

    /// True if the entry exists to this viewer at all.
    #[must_use]
    pub fn sees(&self, scope: &Scope) -> bool {
        self.sight(scope) > Sight::Hidden
    }

    /// Whether a change exists to this viewer, and if so, whether to it something is gone: what it
    /// loses sight of is gone like what was deleted. For kinds of things that have a scope.
    #[must_use]
    pub fn change(&self, change: &ChangeEvent) -> Option<bool> {
        if *self == Self::Operator {
            return Some(change.deleted);
        }
        let sees = |scope: &Option<Scope>| scope.as_ref().is_some_and(|scope| self.sees(scope));
        match (sees(&change.before), sees(&change.after)) {
            (_, true) => Some(false),
            (true, false) => Some(true),
            (false, false) => None,
        }
    }

    /// The peer that looks, if it is one.
    #[must_use]
    pub fn origin(&self) -> Option<&Origin> {
        match self {
            Self::Peer(eyes) => Some(&eyes.origin),
            Self::Anonymous | Self::Operator => None,
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn origin(name: &str) -> Origin {
        Origin::parse(&format!("https://{name}.example")).unwrap()
    }

    fn peer(name: &str, privy: &[&str]) -> Viewer {
        let privy = privy.iter().map(|name| Namespace::parse(name).unwrap()).collect();
        Viewer::Peer(Eyes { origin: origin(name), privy })
    }

    #[test]
    fn what_becomes_hidden_is_gone_and_what_was_never_seen_is_nothing() {
        let scope = |visibility| {
            let namespace = Namespace::default();
            Some(Scope { visibility, namespace, owner: None })
        };
        let seen = |before, after| {
            Viewer::Anonymous.change(&ChangeEvent {
                revision: proto_types::Revision(1),
                at: proto_types::WallMs(1),
                kind: crate::entry::ChangeKind::Record,
                id: "r".into(),
                deleted: false,
                before,
                after,
            })
        };
        use Visibility::{Private, Public, Redacted};
        assert_eq!(seen(None, scope(Public)), Some(false));
        assert_eq!(seen(scope(Public), scope(Redacted)), Some(false));
        assert_eq!(seen(scope(Public), scope(Private)), Some(true));
        assert_eq!(seen(scope(Private), scope(Public)), Some(false));
        assert_eq!(seen(scope(Private), scope(Private)), None);
        assert_eq!(seen(scope(Private), None), None);
        assert_eq!(seen(None, None), None);
    }

    #[test]
    fn each_viewer_sees_what_the_protocol_says() {
        use Sight::{Hidden, Redacted, Whole};
        let viewers = [
            (Viewer::Anonymous, [Whole, Redacted, Hidden, Hidden]),
            (peer("stranger", &["other"]), [Whole, Redacted, Whole, Hidden]),
            (peer("owner", &[]), [Whole; 4]),
            (peer("guest", &["acme"]), [Whole; 4]),
            (Viewer::Operator, [Whole; 4]),
        ];
        for (viewer, expected) in viewers {
            let seen = Visibility::ALL.map(|visibility| {
                let namespace = Namespace::parse("acme").unwrap();
                viewer.sight(&Scope { visibility, namespace, owner: Some(origin("owner")) })
            });
            assert_eq!(seen, expected, "{viewer:?}");
        }
    }
}

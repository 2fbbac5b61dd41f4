//! The audiences of an entry, as parts of keys. Entries are listed by audience, so that a walk meets only what its viewer
//! may see, and hidden entries neither cost nor show anything. It must never disagree with `viewer`; a test compares the
//! two.

use crate::layout::END;
use crate::viewer::{PeerViewer, Viewer};
use crate::visibility::{Scope, Visibility};

/// The audiences that know of an entry with this scope. Nobody is in the dark twice: each viewer
/// that sees the entry belongs to at least one of them.
pub(crate) fn listed_to(scope: &Scope) -> Vec<Vec<u8>> {
    match scope.visibility {
        Visibility::Public => vec![everybody()],
        Visibility::Redacted => vec![readers_of_names()],
        Visibility::Federated => vec![peers()],
        Visibility::Private => insiders(scope),
    }
}

/// The audiences that see all of an entry with this scope.
pub(crate) fn whole_to(scope: &Scope) -> Vec<Vec<u8>> {
    match scope.visibility {
        Visibility::Public => vec![everybody()],
        Visibility::Federated => vec![peers()],
        Visibility::Redacted | Visibility::Private => insiders(scope),
    }
}

/// The audiences whose lists this viewer reads; `None` for one that reads everything.
pub(crate) fn lists_of(viewer: &Viewer) -> Option<Vec<Vec<u8>>> {
    let mut audiences = whole_of(viewer)?;
    audiences.push(readers_of_names());
    Some(audiences)
}

/// The audiences of this viewer that see entries whole; `None` for one that sees everything.
pub(crate) fn whole_of(viewer: &Viewer) -> Option<Vec<Vec<u8>>> {
    match viewer {
        Viewer::Operator => None,
        Viewer::Anonymous => Some(vec![everybody()]),
        Viewer::Peer(PeerViewer { origin, namespaces }) => {
            let admitted = namespaces.iter().map(|name| named(b'n', name.as_str()));
            let open = [everybody(), peers(), named(b'o', origin.as_str())];
            Some(open.into_iter().chain(admitted).collect())
        }
    }
}

/// Those whom the namespace admits, and the owner.
fn insiders(scope: &Scope) -> Vec<Vec<u8>> {
    let owner = scope.owner.iter().map(|origin| named(b'o', origin.as_str()));
    std::iter::once(named(b'n', scope.namespace.as_str())).chain(owner).collect()
}

fn everybody() -> Vec<u8> {
    vec![b'p']
}

fn readers_of_names() -> Vec<u8> {
    vec![b'r']
}

fn peers() -> Vec<u8> {
    vec![b'f']
}

fn named(kind: u8, name: &str) -> Vec<u8> {
    [&[kind], name.as_bytes(), END].concat()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;
    use proto_types::{Namespace, Origin};

    use super::*;
    use crate::viewer::Disclosure;

    fn namespace(name: u8) -> Namespace {
        Namespace::parse(&format!("n{name}")).unwrap()
    }

    fn origin(name: u8) -> Origin {
        Origin::parse(&format!("https://o{name}.example")).unwrap()
    }

    fn any_viewer() -> impl Strategy<Value = Viewer> {
        let namespaces = prop::collection::btree_set((0_u8..3).prop_map(namespace), 0..3);
        prop_oneof![
            Just(Viewer::Anonymous),
            Just(Viewer::Operator),
            ((0_u8..3).prop_map(origin), namespaces)
                .prop_map(|(origin, namespaces)| Viewer::Peer(PeerViewer { origin, namespaces })),
        ]
    }

    fn any_scope() -> impl Strategy<Value = Scope> {
        let owner = prop::option::of((0_u8..3).prop_map(origin));
        (prop::sample::select(Visibility::ALL.to_vec()), (0_u8..3).prop_map(namespace), owner)
            .prop_map(|(visibility, namespace, owner)| Scope { visibility, namespace, owner })
    }

    proptest! {
        /// Caught: `whole_to` that gives the readers of names all of a redacted entry; `insiders`
        /// without the owner.
        #[test]
        fn audiences_and_sight_agree(viewer in any_viewer(), scope in any_scope()) {
            let meet = |of: Option<Vec<Vec<u8>>>, to: Vec<Vec<u8>>| {
                of.is_none_or(|of| of.iter().any(|audience| to.contains(audience)))
            };
            let disclosure = viewer.disclosure(&scope);
            let listed = meet(lists_of(&viewer), listed_to(&scope));
            prop_assert_eq!(listed, disclosure > Disclosure::Hidden);
            prop_assert_eq!(meet(whole_of(&viewer), whole_to(&scope)), disclosure == Disclosure::Whole);
        }
    }
}

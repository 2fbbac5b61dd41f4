//! The derived keys of a search entry: one for each term and each group of viewers. A viewer never walks over a key of an
//! entry or term that it may not see.

use proto_types::{Namespace, Origin};

use crate::layout::{END, Tag};
use crate::viewer::Viewer;
use crate::visibility::Visibility;

use super::entry::SearchEntry;
use super::query::Facet;
use super::terms::{Term, TermKind};

/// Namespaces of one viewer that a search goes through; beyond it the answer says that it is not complete. Arbitrary.
pub const NAMESPACES_MAX: usize = 32;

/// Search entries by what filters ask for and by group, in the order of handles.
pub(crate) const POSTINGS: Tag = Tag(20);
/// Search entries by word and by group, the most relevant first.
pub(crate) const RANKED: Tag = Tag(21);

/// The kind byte of facets, which are no terms.
const FACET: u8 = b'!';

/// Who walks over a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Group {
    /// Everybody.
    Public,
    /// Everybody, for what a redacted entry shows.
    Open,
    /// Every peer.
    Federated,
    /// The peers that this namespace admits.
    Namespace(Namespace),
    /// The owner.
    Owner(Origin),
    /// The operator, for everything that is not public.
    Operator,
}

impl Group {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Public => b"p".to_vec(),
            Self::Open => b"r".to_vec(),
            Self::Federated => b"f".to_vec(),
            Self::Operator => b"a".to_vec(),
            Self::Namespace(name) => [b"n", name.as_str().as_bytes(), END].concat(),
            Self::Owner(origin) => [b"o", origin.as_str().as_bytes(), END].concat(),
        }
    }

    /// The groups that this viewer belongs to, and whether these are all.
    pub(super) fn of_viewer(viewer: &Viewer) -> (Vec<Self>, bool) {
        let mut groups = vec![Self::Public];
        match viewer {
            Viewer::Anonymous => groups.push(Self::Open),
            Viewer::Operator => groups.push(Self::Operator),
            Viewer::Peer(peer) => {
                groups.extend([Self::Open, Self::Federated, Self::Owner(peer.origin.clone())]);
                let namespaces = peer.namespaces.iter().take(NAMESPACES_MAX);
                groups.extend(namespaces.cloned().map(Self::Namespace));
                return (groups, peer.namespaces.len() <= NAMESPACES_MAX);
            }
        }
        (groups, true)
    }

    /// The groups that see all of this entry.
    fn whole(entry: &SearchEntry) -> Vec<Self> {
        let scope = &entry.scope;
        let namespaces = || {
            let owner = scope.owner.clone().map(Self::Owner);
            owner.into_iter().chain([Self::Namespace(scope.namespace.clone()), Self::Operator])
        };
        match scope.visibility {
            Visibility::Public => vec![Self::Public],
            Visibility::Federated => vec![Self::Federated, Self::Operator],
            Visibility::Redacted | Visibility::Private => namespaces().collect(),
        }
    }
}

/// Every key of an entry.
pub(super) fn keys(entry: &SearchEntry) -> Vec<Vec<u8>> {
    let doc = SearchEntry::key_of(entry.source, &entry.handle).into_bytes();
    let mut keys = Vec::new();
    for group in Group::whole(entry) {
        keys.push([facet(Facet::of(entry), &group), doc.clone()].concat());
        keys.extend(entry.document.terms.iter().map(|term| key(&term, term.weight, &group, &doc)));
    }
    if entry.scope.visibility == Visibility::Redacted {
        let group = Group::Open;
        keys.push([facet(Facet::open(entry.source), &group), doc.clone()].concat());
        let open = entry.document.terms.iter().filter(|term| term.open > 0);
        keys.extend(open.map(|term| key(&term, term.open, &group, &doc)));
    }
    keys
}

fn key(term: &Term<'_>, weight: u8, group: &Group, doc: &[u8]) -> Vec<u8> {
    match term.kind {
        TermKind::Word => [ranked(term.text, group), vec![u8::MAX - weight], doc.to_vec()].concat(),
        kind => [named(kind, term.text, group), doc.to_vec()].concat(),
    }
}

/// What the keys of a name start with; the entries follow in the order of their handles.
pub(super) fn named(kind: TermKind, text: &str, group: &Group) -> Vec<u8> {
    POSTINGS.key(&[&[kind.byte()], text.as_bytes(), END, &group.bytes()])
}

/// What the keys of a facet start with, in the order of handles.
pub(super) fn facet(facet: Facet, group: &Group) -> Vec<u8> {
    POSTINGS.key(&[&[FACET], &facet.bytes(), END, &group.bytes()])
}

/// What the keys of a word start with; then come 255 less the weight, and the entry: the most relevant first.
pub(super) fn ranked(word: &str, group: &Group) -> Vec<u8> {
    RANKED.key(&[word.as_bytes(), END, &group.bytes()])
}

//! Random entries, viewers and queries for the search, and what it must find, worked out by looking at every entry.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use proptest::prelude::*;
use proto_types::card::Assurance;
use proto_types::{Handle, Namespace, WallMs};
use registry_core::entry::{Scope, SearchEntry, Source, Visibility};
use registry_core::search::{
    Bounds, Document, Facts, Hit, Page, Query, Search, Skill, TermKind, replace,
};
use registry_core::table::{Entity as _, SEARCHES};
use registry_core::view::Memory;
use registry_core::viewer::{Disclosure, PeerViewer, Viewer};

use crate::world::*;

const WORDS: [&str; 6] = ["alpha", "beta", "gamma", "delta", "Épsilon", "zeta"];
pub(crate) const WIDE: Bounds = Bounds { postings: usize::MAX, judged: usize::MAX, few: 512 };

pub(crate) fn namespace(name: u8) -> Namespace {
    Namespace::parse(&format!("space-{name}")).unwrap()
}

pub(crate) fn peer(name: u8, namespaces: &[u8]) -> Viewer {
    let namespaces = namespaces.iter().copied().map(namespace).collect();
    Viewer::Peer(PeerViewer { origin: origin(name), namespaces })
}

pub(crate) fn any_viewer() -> impl Strategy<Value = Viewer> {
    let namespaces = prop::sample::subsequence(vec![0_u8, 1, 2], 0..=2);
    prop_oneof![
        2 => Just(Viewer::Anonymous),
        3 => (0_u8..3, namespaces).prop_map(|(name, namespaces)| peer(name, &namespaces)),
        1 => Just(Viewer::Operator),
    ]
}

fn any_text(most: usize) -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(&WORDS[..]), 0..=most).prop_map(|it| it.join(" "))
}

fn any_document() -> impl Strategy<Value = Document> {
    let skill = (0_u8..4, any_text(2), any_text(4), any_text(1));
    let skills = prop::collection::vec(skill, 0..3);
    let named = prop::collection::vec(0_u8..3, 0..3);
    (any_text(3), any_text(8), skills, named).prop_map(|(name, description, skills, named)| {
        let ids: Vec<String> = skills.iter().map(|(id, ..)| format!("skill-{id}")).collect();
        let mut told = Vec::new();
        for ((_, name, description, tag), id) in skills.iter().zip(&ids) {
            told.push(Skill { id, name, description, tags: vec![tag] });
        }
        let named: Vec<String> = named.iter().map(|name| format!("cap-{name}")).collect();
        Document::of(&Facts {
            name: &name,
            description: &description,
            skills: told,
            capabilities: named.iter().map(String::as_str).collect(),
            modalities: vec!["text/plain"],
            bindings: vec!["JSONRPC"],
        })
    })
}

fn any_assurance() -> impl Strategy<Value = Assurance> {
    use Assurance::{DomainProven, Enrolled, SelfAsserted, Unsigned};
    prop::sample::select(vec![Unsigned, SelfAsserted, Enrolled, DomainProven])
}

pub(crate) fn any_scope() -> impl Strategy<Value = Scope> {
    let visibility = prop::sample::select(Visibility::ALL);
    (visibility, 0_u8..3, prop::option::of((0_u8..3).prop_map(origin))).prop_map(
        |(visibility, space, owner)| Scope { visibility, namespace: namespace(space), owner },
    )
}

pub(crate) fn any_entry() -> impl Strategy<Value = SearchEntry> {
    let end = prop::option::weighted(0.2, prop_oneof![Just(START), Just(START.plus_ms(1))]);
    let source = prop::sample::select(Source::ALL);
    let made = (any_document(), any_assurance(), end);
    // Handles of different lengths, one the start of another.
    (source, "[ab]{1,4}", any_scope(), made).prop_map(
        |(source, handle, scope, (document, assurance, valid_until))| SearchEntry {
            source,
            handle: Handle::parse(&handle).unwrap(),
            digest: digest(0),
            scope,
            assurance,
            valid_until,
            document,
        },
    )
}

pub(crate) fn any_query() -> impl Strategy<Value = Query> {
    let text = prop_oneof![2 => Just(String::new()), 3 => any_text(3)];
    let name = prop_oneof![
        (0_u8..4).prop_map(|id| (TermKind::Skill, format!("skill-{id}"))),
        (0_u8..3).prop_map(|id| (TermKind::Capability, format!("CAP-{id}"))),
        prop::sample::select(&WORDS[..]).prop_map(|tag| (TermKind::Tag, tag.to_owned())),
        Just((TermKind::Modality, "text".to_owned())),
        Just((TermKind::Binding, "jsonrpc".to_owned())),
    ];
    let names = prop::collection::vec(name, 0..3);
    let sources = prop::sample::subsequence(Source::ALL.to_vec(), 0..=2);
    let least = prop_oneof![2 => Just(Assurance::Unsigned), 1 => any_assurance()];
    (text, names, sources, least).prop_map(|(text, names, sources, least)| {
        let query =
            if text.is_empty() { Query::default() } else { Query::default().text(&text).unwrap() };
        let query = sources.into_iter().fold(query, Query::of).at_least(least);
        names.iter().fold(query, |query, (kind, name)| query.with(*kind, name).unwrap())
    })
}

/// Keeps entries one after the other; a later one of the same key replaces the earlier.
pub(crate) fn keep(memory: &mut Memory, entries: &[SearchEntry]) {
    for entry in entries {
        let kept = SEARCHES.entry(memory, &entry.key()).unwrap();
        let writes = replace(memory, kept.as_ref(), Some(entry)).unwrap();
        memory.commit(&writes);
    }
}

pub(crate) fn page(
    memory: &Memory,
    (query, viewer): (&Query, &Viewer),
    cursor: Option<&str>,
    limit: usize,
    bounds: Bounds,
) -> Page {
    Search { query, viewer, now: START, cursor, limit, bounds }.run(memory).unwrap()
}

/// Every page, one after the other; the last `truncated`s told whether one was.
pub(crate) fn pages(
    memory: &Memory,
    asked: (&Query, &Viewer),
    limit: usize,
    bounds: Bounds,
) -> (Vec<Hit>, bool) {
    let (mut hits, mut truncated, mut cursor) = (Vec::new(), false, None);
    for _ in 0..10_000 {
        let page = page(memory, asked, cursor.as_deref(), limit, bounds);
        assert!(page.hits.len() <= limit);
        hits.extend(page.hits);
        truncated |= page.truncated;
        cursor = page.next;
        if cursor.is_none() {
            return (hits, truncated);
        }
    }
    panic!("the pages do not end");
}

/// What the search must find, worked out without an index: by looking at every entry.
pub(crate) fn expected(memory: &Memory, query: &Query, viewer: &Viewer) -> Vec<(u32, String)> {
    let all = SEARCHES.list(memory, None, usize::MAX).unwrap();
    let public: Vec<_> =
        all.iter().filter(|it| it.scope.visibility == Visibility::Public).collect();
    let has = |it: &SearchEntry, kind, text: &str| it.document.terms.find(kind, text).is_some();
    let rarity = |word: &str| {
        let with = public.iter().filter(|it| has(it, TermKind::Word, word)).count() as f64;
        let rarity = (1.0 + (public.len() as f64 - with + 0.5) / (with + 0.5)).ln() * 1_000.0;
        (rarity.round() as u32).max(1)
    };
    let mut found: Vec<(u32, String)> = Vec::new();
    for entry in &all {
        let disclosure = viewer.disclosure(&entry.scope);
        let weigh = |kind, text: &str| {
            let term = entry.document.terms.find(kind, text)?;
            let weight = if disclosure == Disclosure::Whole { term.weight } else { term.open };
            (weight > 0).then_some(u32::from(weight))
        };
        let live = entry.valid_until.is_none_or(|until: WallMs| until > START);
        let facet = judged_facet(entry, query, disclosure);
        let named = query.names().all(|(kind, text)| weigh(kind, text).is_some());
        let points: Option<Vec<u32>> =
            query.words().map(|word| Some(weigh(TermKind::Word, word)? * rarity(word))).collect();
        if let Some(points) =
            points.filter(|_| disclosure > Disclosure::Hidden && live && facet && named)
        {
            found.push((points.iter().sum(), entry.key()));
        }
    }
    found.sort_by_key(|(points, key)| (Reverse(*points), key.clone()));
    found
}

/// The parts of a query that have no reader: its text form tells them.
fn judged_facet(entry: &SearchEntry, query: &Query, disclosure: Disclosure) -> bool {
    let sources: BTreeSet<Source> = query.sources().collect();
    let shown = disclosure == Disclosure::Whole || query.assurance() == Assurance::Unsigned;
    let enough = disclosure < Disclosure::Whole || entry.assurance >= query.assurance();
    shown && enough && (sources.is_empty() || sources.contains(&entry.source))
}

pub(crate) fn keys(hits: &[Hit]) -> Vec<(u32, String)> {
    hits.iter().map(|it| (it.points, SearchEntry::key_of(it.source, &it.handle))).collect()
}

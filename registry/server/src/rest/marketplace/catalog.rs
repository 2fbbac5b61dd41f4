//! The entries of the catalog: found by a search, made from a record and a card, as the caller sees them.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use deploy_service::Source;
use proto_types::card::Card;
use proto_types::{Handle, WallMs};
use proto_wire::registry::v1 as wire;
use registry_api::{Principal, Problem, decode};
use registry_core::entry::{SearchEntry, Source as Kind};
use registry_core::search::TermKind;
use registry_core::table::SEARCHES;
use registry_core::viewer::{Disclosure, Viewer};
use serde_json::{Map, Value, json};

use crate::member::{Member, Reading};
use crate::{lookup, search};

use super::CatalogQuery;
use super::shown::{self, Shown};

/// Entries of one catalog. It is made for each call; who wants more searches by pages.
const POOL_MAX: usize = 1_000;

/// Hits of one search; as many as a page has.
const PAGE: u32 = 100;

/// Searches of one catalog: twice what its entries take, as each may be a hit twice, by its card and by its record.
const SEARCHES_MAX: usize = 20;

/// Places of searches that a catalog takes: it is made of up to twenty, and of the documents of a page.
const PLACES: u64 = 8;

/// Tags that are told of a catalog. Arbitrary.
const TAGS_MAX: usize = 1_000;

/// The part that is asked for, of the entries that were found.
pub(super) struct Found {
    pub(super) agents: Vec<Value>,
    /// How many were found.
    pub(super) total: usize,
    pub(super) meta: Value,
    /// When.
    pub(super) at: WallMs,
}

/// What `say` makes of these entries of a catalog. All of it is done in places of searches, and of the documents no more
/// is read than those entries show.
pub(super) async fn catalog(
    member: &Arc<Member>,
    caller: (&Principal, Option<Source>),
    (query, entries): (CatalogQuery, Range<usize>),
    say: impl FnOnce(&Found) -> serde_json::Result<Vec<u8>> + Send + 'static,
) -> Result<(Reading, Vec<u8>), Problem> {
    let shared = Arc::clone(member);
    let work = move |reading: &Reading, viewer: &Viewer| {
        let maker = Maker { member: &shared, reading, viewer };
        say(&maker.found(&query, entries)?).map_err(Problem::internal)
    };
    search::aside(member, caller, (member.stale(), PLACES), work).await
}

/// Who makes a catalog: of which state, and with whose eyes.
struct Maker<'a> {
    member: &'a Member,
    reading: &'a Reading,
    viewer: &'a Viewer,
}

impl Maker<'_> {
    fn found(&self, query: &CatalogQuery, entries: Range<usize>) -> Result<Found, Problem> {
        let (mut hits, truncated) = self.hits(request(query))?;
        if query.sort.as_deref() != Some("handle") {
            hits.sort_by_cached_key(|hit| hit.name.to_lowercase());
        }
        let wanted = hits.iter().skip(entries.start).take(entries.len());
        let agents = wanted.map(|hit| self.agent(hit)).collect::<Result<Vec<_>, _>>()?;
        let (total, at) = (hits.len(), self.member.clock.now());
        let meta = json!({
            "registries": 1,
            "builtAt": at.to_rfc3339(),
            "sources": [{
                "registryId": ID, "name": name(self.member), "url": url(self.member), "ok": true,
                "agentCount": total, "fetchMs": 0,
            }],
            "cache": "none",
            "catalog": "live",
            "tags": self.tags(&hits)?,
            "truncated": truncated,
        });
        Ok(Found { agents, total, meta, at })
    }

    /// One hit of each handle, in the order of handles; true if there are more.
    fn hits(
        &self,
        mut request: wire::SearchAgentsRequest,
    ) -> Result<(Vec<wire::AgentHit>, bool), Problem> {
        let mut hits: BTreeMap<String, wire::AgentHit> = BTreeMap::new();
        let mut searches = 1;
        loop {
            let query = decode::search::query(&request)?;
            let page = search::found(&query, self.reading, self.viewer)?;
            for hit in page.hits {
                let known = hits.entry(hit.handle.clone()).or_insert_with(|| hit.clone());
                // A card says its name; a record has none.
                if known.name.is_empty() {
                    *known = hit;
                }
            }
            let full = hits.len() >= POOL_MAX || searches >= SEARCHES_MAX;
            if page.next.is_empty() || full {
                let truncated = page.truncated || !page.next.is_empty();
                return Ok((hits.into_values().collect(), truncated));
            }
            (request.cursor, searches) = (page.next, searches + 1);
        }
    }

    /// The tags by which cards among the hits are found. The search knows them; the cards are not read for it.
    fn tags(&self, hits: &[wire::AgentHit]) -> Result<BTreeSet<String>, Problem> {
        let mut tags = BTreeSet::new();
        for hit in hits {
            let handle: Handle = registry_api::field::read("handle", &hit.handle)?;
            let key = SearchEntry::key_of(Kind::Card, &handle);
            let known = SEARCHES.entry(&self.reading.view, &key)?;
            let whole = |it: &SearchEntry| self.viewer.disclosure(&it.scope) == Disclosure::Whole;
            let Some(known) = known.filter(whole) else { continue };
            let terms = known.document.terms.iter().filter(|term| term.kind == TermKind::Tag);
            tags.extend(terms.map(|term| term.text.to_owned()).take(TAGS_MAX - tags.len()));
        }
        Ok(tags)
    }

    /// One entry, from its record and the card that is kept under the same handle.
    fn agent(&self, hit: &wire::AgentHit) -> Result<Value, Problem> {
        let handle: Handle = registry_api::field::read("handle", &hit.handle)?;
        let mut entry = Shown::of(named(self.member, &handle));
        for (name, text) in [("name", &hit.name), ("description", &hit.description)] {
            if !text.is_empty() {
                entry.show(name, text.as_str().into());
            }
        }
        let (view, now) = (&self.reading.view, self.reading.time);
        let bounds = (now, shown::DOCUMENT_BYTES_MAX);
        if let Ok(Some(document)) = lookup::short_record(view, self.viewer, &handle, bounds)
            && let Some(document) = shown::short(&document)
            && let Ok(Value::Object(record)) = serde_json::from_slice(document)
        {
            entry.record(record);
        }
        if let Ok(Some(document)) = lookup::short_card(view, self.viewer, &handle, bounds.1)
            && let Some(document) = shown::short(&document)
            && let Ok(card) = Card::parse(document)
        {
            entry.card(&card);
        }
        Ok(entry.value())
    }
}

fn request(query: &CatalogQuery) -> wire::SearchAgentsRequest {
    let tags = query.tags.split(',').map(str::trim).filter(|tag| !tag.is_empty());
    wire::SearchAgentsRequest {
        text: query.q.trim().to_owned(),
        tags: tags.map(str::to_owned).collect(),
        kinds: vec![Kind::Card.to_string(), Kind::Record.to_string()],
        limit: PAGE,
        ..Default::default()
    }
}

/// The only registry of this catalog.
const ID: &str = "ecumene";

fn url(member: &Member) -> &str {
    member.origin.as_ref().map_or("", |origin| origin.as_str())
}

fn name(member: &Member) -> &str {
    member.origin.as_ref().map_or(ID, |origin| origin.host())
}

pub(super) fn named(member: &Member, handle: &Handle) -> Map<String, Value> {
    let said = [
        ("handle", handle.as_str()),
        ("registryId", ID),
        ("registryName", name(member)),
        ("registryUrl", url(member)),
    ];
    said.into_iter().map(|(name, text)| (name.to_owned(), text.into())).collect()
}

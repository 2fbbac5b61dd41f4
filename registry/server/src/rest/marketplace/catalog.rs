//! The entries of the catalog: found by a search, said from a record and a card.
//!
//! It decides which members of both are shown. It must never read an entry with other eyes than the
//! caller's.

use std::collections::{BTreeMap, BTreeSet};

use deploy_service::Source;
use proto_types::Handle;
use proto_types::card::Card;
use proto_wire::registry::v1 as wire;
use registry_api::{Principal, Problem};
use registry_core::viewer::{Disclosure, Viewer};
use serde_json::{Map, Value, json};

use crate::member::{Member, Reading};
use crate::{lookup, search};

use super::Asked;

/// Entries of one catalog. It is made for each call; who wants more searches by pages.
const POOL_MAX: usize = 1_000;

/// Hits of one search; as many as a page has.
const PAGE: u32 = 100;

/// The entries that were found, in their order.
pub(super) struct Found {
    pub(super) agents: Vec<Value>,
    truncated: bool,
}

impl Found {
    pub(super) fn meta(&self, member: &Member) -> Value {
        let tags = self.agents.iter().filter_map(|agent| agent["tags"].as_array()).flatten();
        let tags: BTreeSet<&str> = tags.filter_map(Value::as_str).collect();
        json!({
            "registries": 1,
            "builtAt": member.clock.now().to_rfc3339(),
            "sources": [{
                "registryId": ID, "name": name(member), "url": url(member), "ok": true,
                "agentCount": self.agents.len(), "fetchMs": 0,
            }],
            "cache": "none",
            "catalog": "live",
            "tags": tags,
            "truncated": self.truncated,
        })
    }
}

pub(super) async fn catalog(
    member: &Member,
    (caller, source): (&Principal, Option<Source>),
    asked: &Asked,
) -> Result<(Reading, Found), Problem> {
    let (reading, hits, truncated) = hits(member, (caller, source), request(asked)).await?;
    let viewer = caller.viewer(&reading.view)?;
    let agents = hits.iter().map(|hit| agent(member, &reading, &viewer, hit));
    let mut agents = agents.collect::<Result<Vec<_>, _>>()?;
    if asked.sort.as_deref() != Some("handle") {
        agents
            .sort_by_cached_key(|agent| agent["name"].as_str().unwrap_or_default().to_lowercase());
    }
    Ok((reading, Found { agents, truncated }))
}

fn request(asked: &Asked) -> wire::SearchAgentsRequest {
    let tags = asked.tags.split(',').map(str::trim).filter(|tag| !tag.is_empty());
    wire::SearchAgentsRequest {
        text: asked.q.trim().to_owned(),
        tags: tags.map(str::to_owned).collect(),
        kinds: vec!["card".to_owned(), "record".to_owned()],
        limit: PAGE,
        ..Default::default()
    }
}

/// One hit of each handle, in the order of handles; true if there are more.
async fn hits(
    member: &Member,
    caller: (&Principal, Option<Source>),
    mut request: wire::SearchAgentsRequest,
) -> Result<(Reading, Vec<wire::AgentHit>, bool), Problem> {
    let mut reading = member.stale();
    let mut hits: BTreeMap<String, wire::AgentHit> = BTreeMap::new();
    loop {
        let page;
        (reading, page) = search::page(member, caller, &request, reading).await?;
        for hit in page.hits {
            let known = hits.entry(hit.handle.clone()).or_insert_with(|| hit.clone());
            // A card says its name; a record has none.
            if known.name.is_empty() {
                *known = hit;
            }
        }
        if page.next.is_empty() || hits.len() >= POOL_MAX {
            let truncated = page.truncated || !page.next.is_empty();
            return Ok((reading, hits.into_values().collect(), truncated));
        }
        request.cursor = page.next;
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

/// Members of a record that the marketplace shows as they are.
const SHOWN: [&str; 11] = [
    "agentCardUrl",
    "meshDescriptorUrl",
    "documentationUrl",
    "sourceUrl",
    "version",
    "publishedAt",
    "updatedAt",
    "inputModalities",
    "outputModalities",
    "pricing",
    "buyerInputs",
];

/// One entry, from its record and the card that is kept under the same handle.
fn agent(
    member: &Member,
    reading: &Reading,
    viewer: &Viewer,
    hit: &wire::AgentHit,
) -> Result<Value, Problem> {
    let handle: Handle = registry_api::field::read("handle", &hit.handle)?;
    let mut shown = named(member, &handle);
    for (name, text) in [("name", &hit.name), ("description", &hit.description)] {
        if !text.is_empty() {
            shown.insert(name.to_owned(), text.as_str().into());
        }
    }
    let (view, now) = (&reading.view, reading.time);
    let record = lookup::record(view, viewer, &handle, now);
    if let Ok(record) = record.as_ref().map(|seen| &seen.document)
        && let Ok(Value::Object(mut record)) = serde_json::from_slice(record)
    {
        let members = SHOWN.iter().filter_map(|name| record.remove_entry(*name));
        shown.extend(members);
    }
    if let Ok(card) = lookup::card(view, viewer, &handle)
        && card.disclosure == Disclosure::Whole
        && let Ok(card) = Card::parse(&card.document)
    {
        shown.extend(of_card(&card));
    }
    Ok(Value::Object(shown))
}

fn of_card(card: &Card) -> Map<String, Value> {
    let view = card.view();
    let skills = view.skills.iter().map(|skill| {
        json!({
            "id": skill.id, "name": skill.name, "description": skill.description, "tags": skill.tags,
        })
    });
    let tags: BTreeSet<&str> =
        view.skills.iter().flat_map(|skill| &skill.tags).map(String::as_str).collect();
    let mut said = json!({
        "name": view.name,
        "description": view.description,
        "skills": skills.collect::<Vec<_>>(),
        "tags": tags,
    });
    if let Some(rpc) = view.interfaces.iter().find(|it| it.protocol_binding == "JSONRPC") {
        said["jsonRpcUrl"] = rpc.url.as_str().into();
        said["protocolVersion"] = rpc.protocol_version.as_str().into();
    }
    said.as_object().cloned().unwrap_or_default()
}

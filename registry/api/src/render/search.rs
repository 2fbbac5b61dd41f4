//! Hits as callers read them.
//!
//! It decides their words. It must never show of an entry what the hit does not hold.

use proto_wire::registry::v1 as wire;
use registry_core::search::{Hit, Page, Part};
use serde_json::{Value, json};

/// A page for gRPC; the parts of scores only if they were asked for.
#[must_use]
pub fn page(page: &Page, explain: bool) -> wire::SearchAgentsResponse {
    let word = |(word, documents, rarity): &(String, u64, u32)| wire::WordBasis {
        word: word.clone(),
        documents: *documents,
        rarity: *rarity,
    };
    wire::SearchAgentsResponse {
        hits: page.hits.iter().map(|found| hit(found, explain)).collect(),
        next: page.next.clone().unwrap_or_default(),
        truncated: page.truncated,
        basis: explain.then(|| wire::SearchBasis {
            documents: page.basis.documents,
            words: page.basis.words.iter().map(word).collect(),
            min_reputation: f64::from(page.basis.reputation) / 10.0,
            order: order(page).to_owned(),
        }),
    }
}

/// A search without words gives no scores, and walks the handles.
fn order(page: &Page) -> &'static str {
    if page.basis.words.is_empty() { "handle" } else { "relevance" }
}

fn hit(hit: &Hit, explain: bool) -> wire::AgentHit {
    let mut shown = wire::AgentHit {
        kind: hit.source.to_string(),
        handle: hit.handle.to_string(),
        name: hit.name.clone(),
        description: hit.summary.clone(),
        score: hit.points,
        ..wire::AgentHit::default()
    };
    if explain {
        shown.parts = hit.parts.iter().map(part).collect();
    }
    if let Some(whole) = &hit.whole {
        shown.assurance = whole.assurance.to_string();
        shown.digest = whole.digest.to_string();
        shown.visibility = whole.scope.visibility.to_string();
        shown.namespace = whole.scope.namespace.to_string();
        shown.owner = whole.scope.owner.as_ref().map(ToString::to_string).unwrap_or_default();
        shown.liveness = whole.liveness.to_string();
    }
    shown
}

fn part(part: &Part) -> wire::ScorePart {
    wire::ScorePart {
        word: part.word.clone(),
        weight: part.weight.into(),
        rarity: part.rarity,
        points: part.points(),
    }
}

/// The same for REST. What a caller does not see is absent, not empty.
#[must_use]
pub fn json(page: &wire::SearchAgentsResponse) -> Value {
    let mut body = json!({
        "hits": page.hits.iter().map(|hit| json_hit(hit, page.basis.is_some())).collect::<Vec<_>>(),
        "truncated": page.truncated,
    });
    if !page.next.is_empty() {
        body["next"] = page.next.as_str().into();
    }
    if let Some(basis) = &page.basis {
        let word = |word: &wire::WordBasis| json!({ "word": word.word, "documents": word.documents, "rarity": word.rarity });
        body["basis"] = json!({
            "order": basis.order,
            "documents": basis.documents,
            "words": basis.words.iter().map(word).collect::<Vec<_>>(),
        });
        if basis.min_reputation > 0.0 {
            body["basis"]["min_reputation"] = basis.min_reputation.into();
        }
    }
    body
}

fn json_hit(hit: &wire::AgentHit, explain: bool) -> Value {
    let mut shown = json!({
        "kind": hit.kind,
        "handle": hit.handle,
        "name": hit.name,
        "description": hit.description,
        "score": hit.score,
    });
    let members = [
        ("assurance", &hit.assurance),
        ("digest", &hit.digest),
        ("visibility", &hit.visibility),
        ("namespace", &hit.namespace),
        ("owner", &hit.owner),
        ("liveness", &hit.liveness),
    ];
    for (name, text) in members.into_iter().filter(|(_, text)| !text.is_empty()) {
        shown[name] = text.as_str().into();
    }
    if explain {
        let part = |part: &wire::ScorePart| json!({ "word": part.word, "weight": part.weight, "rarity": part.rarity, "points": part.points });
        shown["parts"] = hit.parts.iter().map(part).collect();
    }
    shown
}

//! Hits of a search as callers read them. They show no more of an entry than the hit holds.

use proto_wire::registry::v1 as wire;
use registry_core::search::{Hit, Page, Part};

/// A page; the parts of scores only if they were asked for.
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
        shown.liveness = whole.reachability.to_string();
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

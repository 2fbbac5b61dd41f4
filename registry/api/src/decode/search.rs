//! The words and names that a search reads in a document, and the query of a caller. A document is never refused: what
//! cannot be searched for is left out.

use proto_types::card::{self, Capabilities, View};
use proto_types::pilox::record::Record;
use proto_wire::registry::v1 as wire;
use registry_core::search::{Document, Facts, Query, QueryError, Skill, TermKind};
use serde_json::Value;

use crate::field;
use crate::problem::Problem;

/// Hits of a page if the caller names no number.
const PAGE_DEFAULT: usize = 20;

/// Hits of a page at most: each is judged whole.
const PAGE_MAX: u32 = 100;

/// As much text as a query may have: 8 words are shorter.
const TEXT_BYTES_MAX: usize = 1_024;

const PUSH_NOTIFICATIONS: &str = "push-notifications";

/// A search as its caller means it.
#[derive(Clone, Debug, PartialEq)]
pub struct SearchRequest {
    /// What is searched for.
    pub query: Query,
    /// Hits of a page.
    pub limit: usize,
    /// Where to go on.
    pub cursor: Option<String>,
    /// With the parts of each score.
    pub explain: bool,
}

/// Reads a search.
///
/// # Errors
/// `invalid-argument`.
pub fn query(request: &wire::SearchAgentsRequest) -> Result<SearchRequest, Problem> {
    let mut query = worded(request)?;
    for kind in &request.kinds {
        query = query.of(field::read("kinds", kind)?);
    }
    for class in &request.liveness {
        query = query.seen_as(field::read("liveness", class)?);
    }
    let least = field::optional("min_assurance", &request.min_assurance)?;
    query = query.at_least(least.unwrap_or_default());
    query = query.reputed(reputation(request.min_reputation)?);
    let limit = match request.limit {
        0 => PAGE_DEFAULT,
        limit @ 1..=PAGE_MAX => limit as usize,
        _ => return Err(Problem::argument("limit", format_args!("1 to {PAGE_MAX}"))),
    };
    let cursor = (!request.cursor.is_empty()).then(|| request.cursor.clone());
    Ok(SearchRequest { query, limit, cursor, explain: request.explain })
}

/// The words and names of a search.
fn worded(request: &wire::SearchAgentsRequest) -> Result<Query, Problem> {
    let mut query = Query::default();
    if !request.text.is_empty() {
        if request.text.len() > TEXT_BYTES_MAX {
            let why = format_args!("at most {TEXT_BYTES_MAX} bytes are allowed");
            return Err(Problem::argument("text", why));
        }
        query = query.text(&request.text).map_err(|why| Problem::argument("text", why))?;
    }
    let lists = [
        ("skills", TermKind::Skill, &request.skills),
        ("tags", TermKind::Tag, &request.tags),
        ("capabilities", TermKind::Capability, &request.capabilities),
        ("modalities", TermKind::Modality, &request.modalities),
        ("bindings", TermKind::Binding, &request.bindings),
    ];
    for (member, kind, names) in lists {
        let add = |query: Query, name: &String| query.with(kind, name);
        let added: Result<Query, QueryError> = names.iter().try_fold(query, add);
        query = added.map_err(|why| Problem::argument(member, why))?;
    }
    Ok(query)
}

/// In tenths. Anything between two would let a caller find out a score, step by step.
fn reputation(least: f64) -> Result<u8, Problem> {
    let is = |tenths: &u8| (f64::from(*tenths) / 10.0 - least).abs() < f64::EPSILON;
    let tenths = (0..=10).find(is);
    tenths.ok_or_else(|| Problem::argument("min_reputation", "0 to 1, in steps of 0.1"))
}

pub(super) fn of_card(view: &View) -> Document {
    let bindings = view.interfaces.iter().map(|interface| interface.protocol_binding.as_str());
    of_view(view, capabilities(&view.capabilities), bindings.collect())
}

/// Of an attached agent: how it is called at the gateway, which hands on no call to be called back.
pub(super) fn of_attached(view: &View) -> Document {
    let mut capabilities = capabilities(&view.capabilities);
    capabilities.retain(|name| *name != PUSH_NOTIFICATIONS);
    of_view(view, capabilities, vec!["JSONRPC"])
}

fn of_view(view: &View, capabilities: Vec<&str>, bindings: Vec<&str>) -> Document {
    let modes = view.skills.iter().flat_map(|skill| [&skill.input_modes, &skill.output_modes]);
    let modes = [&view.default_input_modes, &view.default_output_modes].into_iter().chain(modes);
    Document::of(&Facts {
        name: &view.name,
        description: &view.description,
        skills: view.skills.iter().map(skill).collect(),
        capabilities,
        modalities: modes.flatten().map(String::as_str).collect(),
        bindings,
    })
}

fn capabilities(said: &Capabilities) -> Vec<&str> {
    let flags = [
        (said.streaming, "streaming"),
        (said.push_notifications, PUSH_NOTIFICATIONS),
        (said.extended_agent_card, "extended-agent-card"),
    ];
    let flags = flags.into_iter().filter(|(has, _)| *has).map(|(_, name)| name);
    flags.chain(said.extensions.iter().map(|extension| extension.uri.as_str())).collect()
}

fn skill(said: &card::Skill) -> Skill<'_> {
    Skill {
        id: &said.id,
        name: &said.name,
        description: &said.description,
        tags: said.tags.iter().map(String::as_str).collect(),
    }
}

/// A record has no name; its capabilities are its words too.
pub(super) fn of_record(record: &Record) -> Document {
    let modes = record.input_modalities.iter().chain(&record.output_modalities);
    Document::of(&Facts {
        capabilities: record.capabilities.iter().map(String::as_str).collect(),
        modalities: modes.map(String::as_str).collect(),
        ..Facts::default()
    })
}

/// Of a deployment, whose words become a card at the gateway: it serves JSON-RPC, and streams.
pub(super) fn of_agent(words: &Value) -> Document {
    let text = |member| words.get(member).and_then(Value::as_str).unwrap_or_default();
    let list = |member| words.get(member).and_then(Value::as_array).into_iter().flatten();
    let skills: Vec<card::Skill> =
        list("skills").filter_map(|said| serde_json::from_value(said.clone()).ok()).collect();
    let modes = list("defaultInputModes").chain(list("defaultOutputModes"));
    let mut modes: Vec<&str> = modes.filter_map(Value::as_str).collect();
    if modes.is_empty() {
        modes.push("text/plain");
    }
    Document::of(&Facts {
        name: text("name"),
        description: text("description"),
        skills: skills.iter().map(skill).collect(),
        capabilities: vec!["streaming"],
        modalities: modes,
        bindings: vec!["JSONRPC"],
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use registry_core::search::{FILTERS_MAX, WORDS_MAX};
    use serde_json::json;

    use super::*;

    fn refused(request: wire::SearchAgentsRequest) -> String {
        let problem = query(&request).unwrap_err();
        assert_eq!(problem.status(), 400);
        problem.detail().split(':').next().unwrap_or_default().to_owned()
    }

    #[test]
    fn what_no_search_can_mean_is_refused_by_name() {
        use wire::SearchAgentsRequest as Request;
        let many = |count: usize| (0..count).map(|n| format!("n{n}")).collect::<Vec<_>>();
        let none = Request::default;
        assert_eq!(refused(Request { text: "-".into(), ..none() }), "text");
        assert_eq!(refused(Request { text: many(WORDS_MAX + 1).join(" "), ..none() }), "text");
        assert_eq!(refused(Request { text: "a ".repeat(1_000), ..none() }), "text");
        assert_eq!(refused(Request { tags: many(FILTERS_MAX + 1), ..none() }), "tags");
        assert_eq!(refused(Request { skills: vec![String::new()], ..none() }), "skills");
        assert_eq!(refused(Request { kinds: vec!["peer".into()], ..none() }), "kinds");
        assert_eq!(refused(Request { min_assurance: "high".into(), ..none() }), "min_assurance");
        assert_eq!(refused(Request { liveness: vec!["alive".into()], ..none() }), "liveness");
        for least in [f64::NAN, -0.1, 0.05, 0.55, 0.700_001, 1.1, f64::INFINITY] {
            let request = Request { min_reputation: least, ..none() };
            assert_eq!(refused(request), "min_reputation", "{least}");
        }
        assert_eq!(refused(Request { limit: 101, ..none() }), "limit");
        assert_eq!(query(&none()).unwrap().limit, 20);
        for tenths in 0..=10 {
            let request = Request { min_reputation: f64::from(tenths) / 10.0, ..none() };
            assert_eq!(query(&request).unwrap().query.reputation(), tenths);
        }
    }

    #[test]
    fn a_deployment_is_read_as_leniently_as_it_is_taken() {
        let words = json!({
            "name": "Echo", "description": 7, "defaultInputModes": ["text/plain", 1],
            "skills": [{"id": "echo", "name": "Say", "description": "d", "tags": ["t"]}, "no skill"],
        });
        let document = of_agent(&words);
        let has = |kind, text| document.terms.find(kind, text).is_some();
        assert!(has(TermKind::Word, "say") && has(TermKind::Skill, "echo"));
        assert!(has(TermKind::Binding, "jsonrpc") && has(TermKind::Modality, "text/plain"));
        assert_eq!((document.name.as_str(), document.summary.as_str()), ("Echo", ""));
        assert_eq!(of_agent(&json!([])).name, "");
    }
}

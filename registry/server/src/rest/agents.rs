//! Search over HTTP.
//!
//! It decides how a query string is read: a list is a parameter given several times, or names with
//! commas between them. It must never pass over a parameter that it does not know.

use axum::extract::{RawQuery, State};
use http::header::LINK;
use http::{HeaderValue, StatusCode};
use proto_wire::registry::v1 as wire;
use proto_wire::to_json;
use registry_api::{Code, Problem};
use serde_json::Value;

use crate::call::Caller;
use crate::{allowance, search};

use super::parameter::{AGE, CACHE_CONTROL, CONSISTENCY, Header, Parameter, REVISION};
use super::route::{Access, Route};
use super::{Answered, Shared, at, json, read, schemas};

/// A longer query string names more than a search takes.
const QUERY_BYTES_MAX: usize = 8_192;

const NAMES: &str = r#"{"type":"array","maxItems":16,"items":{"type":"string","minLength":1}}"#;

static TEXT: Parameter = Parameter::query(
    "q",
    "Words of name, description and skills, at most 8; an entry has all of them. With words the most \
     relevant entries come first, without them handles are in order.",
    r#"{"type":"string","minLength":1,"maxLength":1024}"#,
);
static SKILL: Parameter =
    Parameter::query("skill", "Ids or names of skills; an entry has all of them.", NAMES);
static TAG: Parameter = Parameter::query("tag", "Tags of skills; an entry has all of them.", NAMES);
static CAPABILITY: Parameter = Parameter::query(
    "capability",
    "What a record says it can do; of a card: streaming, push-notifications, extended-agent-card, or \
     the URI of an extension. An entry has all of them.",
    NAMES,
);
static MODALITY: Parameter = Parameter::query(
    "modality",
    "Media types, or modalities such as text, of input or output; an entry has all of them.",
    NAMES,
);
static BINDING: Parameter = Parameter::query(
    "binding",
    "Protocol bindings: jsonrpc, grpc, http+json, or a URI; an entry has all of them.",
    NAMES,
);
static KIND: Parameter = Parameter::query(
    "kind",
    "Kinds of entries; an entry is one of them.",
    r#"{"type":"array","items":{"type":"string","enum":["card","agent","record"]}}"#,
);
static REACHABILITY: Parameter = Parameter::query(
    "liveness",
    "How the agent of the record of the entry's handle was when it was last asked; it was one of these. \
     An entry that was never asked after is unknown.",
    r#"{"type":"array","items":{"type":"string","enum":["open","gated","not-speaking","wrong-transport","unreachable","unknown"]}}"#,
);
static MIN_ASSURANCE: Parameter = Parameter::query(
    "min_assurance",
    "What the entry's signature is worth at least.",
    r#"{"type":"string","enum":["unsigned","self-asserted","enrolled","domain-proven"]}"#,
);
static MIN_REPUTATION: Parameter = Parameter::query(
    "min_reputation",
    "The least score of the entry's owner, by what gateways have seen of it, in steps of 0.1. An entry that \
     no active peer owns has none.",
    r#"{"type":"number","enum":[0,0.1,0.2,0.3,0.4,0.5,0.6,0.7,0.8,0.9,1]}"#,
);
static LIMIT: Parameter = Parameter::query(
    "limit",
    "Hits of a page.",
    r#"{"type":"integer","minimum":1,"maximum":100,"default":20}"#,
);
static CURSOR: Parameter = Parameter::query(
    "cursor",
    "The `next` of the page before; it belongs to this very query.",
    r#"{"type":"string","minLength":1,"maxLength":1024}"#,
);
static EXPLAIN: Parameter = Parameter::query(
    "explain",
    "Says of each score what it is made of.",
    r#"{"type":"boolean","default":false}"#,
);

const FOUND: &[Header] = &[
    REVISION,
    AGE,
    CACHE_CONTROL,
    Header {
        name: "Link",
        about: "The next page, as `rel=\"next\"` (RFC 8288); absent at the end.",
        schema: r#"{"type":"string"}"#,
        required: false,
    },
];

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/v1/agents", find)
            .is("searchAgents", "search", "Searches cards, agents and records. What the caller may not see is not found, and changes nothing that is.")
            .access(Access::Optional)
            .costs(allowance::SEARCH)
            .takes(&[&TEXT, &SKILL, &TAG, &CAPABILITY, &MODALITY, &BINDING, &KIND, &REACHABILITY])
            .takes(&[&MIN_ASSURANCE, &MIN_REPUTATION, &LIMIT, &CURSOR, &EXPLAIN, &CONSISTENCY])
            .gives(200, "The hits, in order.", &schemas::AGENT_HITS, FOUND)
            .refuses(&[Code::Overloaded]),
    ]
}

pub(super) async fn find(
    State(member): Shared,
    RawQuery(query): RawQuery,
    caller: Caller,
) -> Answered {
    let call = caller.reader()?;
    let query = query.unwrap_or_default();
    let (request, consistency) = request(&query)?;
    let reading = read(&member, consistency.as_deref()).await?;
    let caller = (&call.principal, call.source);
    let (reading, page) = search::page(&member, caller, &request, reading).await?;
    let mut response = json(StatusCode::OK, &shown(&page));
    if !page.next.is_empty() {
        response.headers_mut().insert(LINK, next(&query, &page.next));
    }
    Ok(at(&reading, response))
}

/// A page in JSON. What a caller does not see is absent, not empty.
fn shown(page: &wire::SearchAgentsResponse) -> Value {
    let (mut body, explained) = (to_json(page), page.basis.is_some());
    for hit in body["hits"].as_array_mut().into_iter().flatten() {
        keep(hit, |name, value| match name {
            "name" | "description" => true,
            "parts" => explained,
            _ => *value != "",
        });
    }
    keep(&mut body["basis"], |name, value| name != "min_reputation" || *value != 0.0);
    keep(&mut body, |_, value| !value.is_null() && *value != "");
    body
}

/// Keeps those members of an object that are told.
fn keep(object: &mut Value, is_told: impl Fn(&str, &Value) -> bool) {
    if let Value::Object(members) = object {
        members.retain(|name, value| is_told(name, value));
    }
}

/// The link to the page after this one: the same query from another place.
fn next(query: &str, cursor: &str) -> HeaderValue {
    let kept = query.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("cursor="));
    let kept: String = kept.flat_map(|pair| [pair, "&"]).collect();
    // A query string that came in is visible ASCII; the only characters that would end the link are
    // percent-encoded here.
    let kept = kept.replace('<', "%3C").replace('>', "%3E");
    HeaderValue::from_str(&format!("</v1/agents?{kept}cursor={cursor}>; rel=\"next\""))
        .unwrap_or_else(|_| HeaderValue::from_static("</v1/agents>; rel=\"start\""))
}

/// The request that a query string is, and its consistency.
fn request(query: &str) -> Result<(wire::SearchAgentsRequest, Option<String>), Problem> {
    if query.len() > QUERY_BYTES_MAX {
        let why = format_args!("at most {QUERY_BYTES_MAX} bytes are allowed");
        return Err(Problem::argument("query", why));
    }
    let mut request = wire::SearchAgentsRequest::default();
    let (mut consistency, mut named) = (None, Vec::new());
    for (name, value) in form(query)? {
        let list = match name.as_str() {
            "skill" => &mut request.skills,
            "tag" => &mut request.tags,
            "capability" => &mut request.capabilities,
            "modality" => &mut request.modalities,
            "binding" => &mut request.bindings,
            "kind" => &mut request.kinds,
            "liveness" => &mut request.liveness,
            _ if named.contains(&name) => {
                return Err(Problem::argument("query", format_args!("duplicate field `{name}`")));
            }
            _ => {
                single(&mut request, &mut consistency, &name, &value)?;
                named.push(name);
                continue;
            }
        };
        list.extend(value.split(',').map(str::to_owned));
    }
    Ok((request, consistency))
}

fn single(
    request: &mut wire::SearchAgentsRequest,
    consistency: &mut Option<String>,
    name: &str,
    value: &str,
) -> Result<(), Problem> {
    let text = || match value {
        "" => Err(Problem::argument(name, "it is empty")),
        text => Ok(text.to_owned()),
    };
    match name {
        "q" => request.text = text()?,
        "min_assurance" => request.min_assurance = text()?,
        "cursor" => request.cursor = text()?,
        "consistency" => *consistency = Some(text()?),
        "min_reputation" => request.min_reputation = parsed(name, value)?,
        "explain" => request.explain = parsed(name, value)?,
        "limit" => {
            request.limit = parsed(name, value)?;
            if request.limit == 0 {
                return Err(Problem::argument(name, "1 to 100"));
            }
        }
        _ => return Err(Problem::argument("query", format_args!("unknown field `{name}`"))),
    }
    Ok(())
}

fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(
    name: &str,
    value: &str,
) -> Result<T, Problem> {
    value.parse().map_err(|why| Problem::argument(name, why))
}

/// The pairs of a query string (URL standard, application/x-www-form-urlencoded).
fn form(query: &str) -> Result<Vec<(String, String)>, Problem> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let read = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        Some((decoded(name)?, decoded(value)?))
    };
    let pairs: Option<Vec<_>> = pairs.map(read).collect();
    pairs.ok_or_else(|| Problem::argument("query", "it is not percent-encoded UTF-8"))
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let (digits, after) = rest.split_first_chunk::<2>()?;
                rest = after;
                let digit = |byte: u8| char::from(byte).to_digit(16);
                u8::try_from(digit(digits[0])? * 16 + digit(digits[1])?).ok()?
            }
            byte => *byte,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn lists_are_repeated_or_have_commas() {
        let (found, consistency) =
            request("q=a+b%C3%A9&tag=x,y&tag=z&binding=http%2Bjson&limit=7&consistency=strong")
                .unwrap();
        assert_eq!((found.text.as_str(), found.limit), ("a bé", 7));
        assert_eq!(found.tags, ["x", "y", "z"]);
        assert_eq!(found.bindings, ["http+json"]);
        assert_eq!(consistency.as_deref(), Some("strong"));
    }

    #[test]
    fn what_is_not_a_query_is_refused() {
        for bad in
            ["x=1", "q=", "q=a&q=b", "limit=x", "limit=0", "q=%4", "q=%zz", "q=%ff", "explain=yes"]
        {
            assert!(request(bad).is_err(), "{bad}");
        }
        assert!(request(&"tag=a&".repeat(2_000)).is_err());
        assert!(request("&&").is_ok());
    }

    #[test]
    fn what_is_not_told_of_a_page_is_absent() {
        let text = str::to_owned;
        let (kind, handle, name) = (text("card"), text("h"), text("N"));
        let hit = wire::AgentHit { kind, handle, name, score: 6, ..Default::default() };
        let page = wire::SearchAgentsResponse { hits: vec![hit.clone()], ..Default::default() };
        assert_eq!(
            shown(&page).to_string(),
            r#"{"hits":[{"description":"","handle":"h","kind":"card","name":"N","score":6}],"truncated":false}"#
        );
        let parts = vec![wire::ScorePart { word: text("w"), weight: 2, rarity: 3, points: 6 }];
        let words = vec![wire::WordBasis { word: text("w"), documents: 2, rarity: 3 }];
        let (documents, order, next) = (4, text("relevance"), text("n"));
        let basis = Some(wire::SearchBasis { documents, words, min_reputation: 0.5, order });
        let hits = vec![wire::AgentHit { assurance: text("enrolled"), parts, ..hit }];
        let page = wire::SearchAgentsResponse { hits, next, truncated: true, basis };
        assert_eq!(
            shown(&page).to_string(),
            r#"{"basis":{"documents":4,"min_reputation":0.5,"order":"relevance","words":[{"documents":2,"rarity":3,"word":"w"}]},"hits":[{"assurance":"enrolled","description":"","handle":"h","kind":"card","name":"N","parts":[{"points":6,"rarity":3,"weight":2,"word":"w"}],"score":6}],"next":"n","truncated":true}"#
        );
        let basis = Some(wire::SearchBasis::default());
        let page = wire::SearchAgentsResponse { basis, ..Default::default() };
        assert_eq!(shown(&page)["basis"].to_string(), r#"{"documents":0,"order":"","words":[]}"#);
    }

    #[test]
    fn the_link_repeats_the_query_from_another_place() {
        assert_eq!(
            next("q=a&cursor=old&tag=<b>", "new"),
            "</v1/agents?q=a&tag=%3Cb%3E&cursor=new>; rel=\"next\""
        );
        assert_eq!(next("", "new"), "</v1/agents?cursor=new>; rel=\"next\"");
    }
}

//! The catalog in the form of the Pilox marketplace: a list, a check of one record, a copy of all. The search decides
//! which entries there are, and the catalog shows no more of one than the search does to the same caller.

mod catalog;
mod shown;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use http::{StatusCode, Uri};
use proto_types::pilox::proof;
use proto_types::pilox::record::{self, ParsedRecord};
use registry_api::{Code, Problem, Role};
use registry_core::viewer::{Disclosure, Viewer};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::call::Caller;
use crate::{allowance, lookup};

use self::catalog::{Found, catalog, named};

use super::parameter::{HANDLE, Parameter, READ};
use super::route::{Access, Route};
use super::{Answered, Shared, at, bytes, handle, json, look, parameters, schemas, unkept};

/// Entries of a page at most, as the Pilox marketplace has it.
const LIMIT_MAX: usize = 200;

static Q: Parameter = Parameter::query(
    "q",
    "Words of name, description and skills, at most 1,024 bytes.",
    r#"{"type":"string"}"#,
);
static TAGS: Parameter = Parameter::query(
    "tags",
    "Tags with commas between them; an entry has all of them.",
    r#"{"type":"string"}"#,
);
static SORT: Parameter = Parameter::query(
    "sort",
    "The order: `handle`, or `name`, as which any other order of a Pilox marketplace is taken.",
    r#"{"type":"string","default":"name"}"#,
);
static LIMIT: Parameter = Parameter::query(
    "limit",
    "Entries of a page.",
    r#"{"type":"integer","minimum":1,"maximum":200,"default":50}"#,
);
static OFFSET: Parameter = Parameter::query(
    "offset",
    "Entries before the page.",
    r#"{"type":"integer","minimum":0,"default":0}"#,
);

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/marketplace", list)
            .is(
                "listMarketplace",
                "marketplace",
                "A page of the catalog, as the Pilox marketplace lists it.",
            )
            .access(Access::Optional)
            .costs(allowance::CATALOG)
            .takes(&[&Q, &TAGS, &SORT, &LIMIT, &OFFSET])
            .gives(200, "The page.", &schemas::MARKETPLACE, READ)
            .refuses(&[Code::Overloaded]),
        Route::get("/api/marketplace/catalog-export", export)
            .is("exportMarketplace", "marketplace", "The whole catalog, for mirrors.")
            .access(Access::Required("the operator's"))
            .costs(allowance::CATALOG)
            .takes(&[&Q, &TAGS, &SORT])
            .gives(200, "The catalog.", &schemas::MARKETPLACE_EXPORT, READ)
            .refuses(&[Code::Overloaded]),
        Route::get("/api/marketplace/{handle}/verify", verify)
            .is("verifyMarketplace", "marketplace", "Whether the proof of a record holds.")
            .access(Access::Optional)
            .costs(allowance::VERIFICATION)
            .takes(&[&HANDLE])
            .gives(200, "What was found.", &schemas::MARKETPLACE_VERIFIED, READ)
            .refuses(&[Code::NotFound, Code::RecordExpired]),
    ]
}

/// What is asked for. Members of the Pilox marketplace that make no difference here are passed over.
#[derive(Debug, Deserialize)]
struct CatalogQuery {
    #[serde(default)]
    q: String,
    #[serde(default)]
    tags: String,
    sort: Option<String>,
    limit: Option<usize>,
    #[serde(default)]
    offset: usize,
}

/// A page of the catalog.
#[derive(Serialize)]
struct Page<'a> {
    data: &'a [Value],
    total: usize,
    offset: usize,
    limit: usize,
    meta: &'a Value,
}

/// All of it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Export<'a> {
    schema: &'static str,
    exported_at: String,
    total: usize,
    meta: &'a Value,
    agents: &'a [Value],
}

impl<'a> Export<'a> {
    fn of(found: &'a Found) -> Self {
        Self {
            schema: "pilox-marketplace-catalog-export-v1",
            exported_at: found.at.to_rfc3339(),
            total: found.total,
            meta: &found.meta,
            agents: &found.agents,
        }
    }
}

async fn list(
    State(member): Shared,
    query: Result<Query<CatalogQuery>, QueryRejection>,
    caller: Caller,
) -> Answered {
    let call = caller.reader()?;
    let query = parameters(query)?;
    let limit = query.limit.unwrap_or(50);
    if !(1..=LIMIT_MAX).contains(&limit) {
        return Err(Problem::argument("limit", format_args!("1 to {LIMIT_MAX}")).into());
    }
    let offset = query.offset;
    let entries = offset..offset.saturating_add(limit);
    let (reading, body) =
        catalog(&member, (&call.principal, call.source), (query, entries), move |found| {
            let (data, meta) = (found.agents.as_slice(), &found.meta);
            serde_json::to_vec(&Page { data, total: found.total, offset, limit, meta })
        })
        .await?;
    Ok(at(&reading, unkept(bytes(body))))
}

async fn export(
    State(member): Shared,
    query: Result<Query<CatalogQuery>, QueryRejection>,
    caller: Caller,
) -> Answered {
    let call = caller.call()?;
    call.principal.require(&[Role::Operator])?;
    let all = (parameters(query)?, 0..usize::MAX);
    let (reading, body) = catalog(&member, (&call.principal, call.source), all, |found| {
        serde_json::to_vec(&Export::of(found))
    })
    .await?;
    Ok(at(&reading, unkept(bytes(body))))
}

async fn verify(State(member): Shared, target: Uri, caller: Caller) -> Answered {
    let handle = handle(&target)?;
    let (reading, viewer) = look(&member, caller, None).await?;
    let now = reading.time;
    let seen = lookup::record(&reading.view, &viewer, &handle, now)?;
    if seen.disclosure < Disclosure::Whole {
        return Err(Problem::not_found("record", handle.as_str()).into());
    }
    let parsed = record::parse(&seen.document).map_err(Problem::internal)?;
    let card = lookup::card(&reading.view, &viewer, &handle).is_ok();
    let (held, summary) = proof_of(&parsed);
    let mut body = named(&member, &handle);
    let more = json!({
        "schema": parsed.brand.record_schema(),
        "schemaOk": true,
        "proof": held,
        "proofSummary": summary,
        "agentCard": { "fetched": card, "parsed": card },
        "verifiedAt": now.to_rfc3339(),
        "publicAccess": viewer == Viewer::Anonymous,
        "assurance": seen.entry.assurance.as_str(),
    });
    body.extend(more.as_object().cloned().unwrap_or_default());
    Ok(at(&reading, json(StatusCode::OK, &Value::Object(body))))
}

/// What a Pilox marketplace says of a record's proof.
fn proof_of(parsed: &ParsedRecord) -> (Value, &'static str) {
    match (proof::verify(parsed), &parsed.proof) {
        (Ok(_), None) => (json!({ "ok": true }), "none"),
        (Ok(proof::ProofState::Absent), _) => (json!({ "ok": true }), "unsigned"),
        (Ok(_), _) => (json!({ "ok": true }), "valid"),
        (Err(why), _) => (json!({ "ok": false, "reason": why.code() }), "invalid"),
    }
}

//! The audit over HTTP, for operators: exported line by line, and forgotten once it was.
//!
//! It decides how much one answer holds. It must never show a line to anybody but an operator.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, Request, State};
use axum::response::Response;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use proto_types::Digest;
use proto_types::audit::AuditLine;
use registry_api::identity::Role;
use registry_api::{Code, Problem};
use registry_core::command::{Command, LogCommand, TruncateAudit};
use registry_core::query;
use registry_core::view::View;
use serde::Deserialize;
use serde_json::json;

use super::parameter::{Header, Parameter, REVISION, UNKEPT};
use super::route::{Access, Content, Route};
use super::{Answered, Shared, at, json, json_body, parameters, schemas};
use crate::call::Caller;
use crate::member::{Member, Reading};

/// Lines of one answer: at most about 2 MiB.
const LINES: usize = 1_000;

static SINCE: Parameter = Parameter::query(
    "since",
    "The number of the last line that the caller has; the answer begins after it.",
    r#"{"type":"integer","minimum":0,"default":0}"#,
);

static PREV: Parameter = Parameter::query(
    "prev",
    "The digest of line `since`, as the next line's `prev` says it. An export that goes on states it: a number alone \
     does not tell that the line is of a history that a restore has ended.",
    r#"{"type":"string","pattern":"^sha256:[0-9a-f]{64}$"}"#,
);

/// Answers of an export.
const EXPORTED: &[Header] = &[REVISION];

pub(super) fn routes() -> Vec<Route> {
    let lines = Content { media: "application/x-ndjson", schema: &schemas::TEXT };
    vec![
        Route::get("/v1/audit", export)
            .is("exportAudit", "audit", "Lines of the audit, a JSON object each, bound to the line before by `prev`. At most 1,000; an empty answer is the end. It begins with the first line that was not forgotten.")
            .access(Access::Required("the operator's"))
            .takes(&[&SINCE, &PREV])
            .answers(200, "Lines, the oldest first.", &[lines], EXPORTED)
            .refuses(&[Code::Compacted]),
        Route::post("/v1/audit/truncate", truncate)
            .is("truncateAudit", "audit", "Forgets lines up to a number. They should be exported before; the last line always stays.")
            .access(Access::Required("the operator's"))
            .body(&schemas::AUDIT_TRUNCATION)
            .gives(200, "They are gone.", &schemas::AUDIT_TRUNCATION, UNKEPT),
    ]
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExportQuery {
    #[serde(default)]
    since: u64,
    prev: Option<Digest>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Truncation {
    through: u64,
}

pub(super) async fn export(
    State(member): Shared,
    query: Result<Query<ExportQuery>, QueryRejection>,
    caller: Caller,
) -> Answered {
    caller.call()?.principal.require(&[Role::Operator])?;
    let query = parameters(query)?;
    let reading = reached(&member, query.since).await?;
    let lines = query::audit_lines(&reading.view, query.since, LINES)?;
    if let Some(prev) = query.prev {
        continues(&reading.view, lines.first(), (query.since, prev))?;
    }
    let mut text = String::new();
    for line in &lines {
        text.push_str(&serde_json::to_string(line).map_err(Problem::internal)?);
        text.push('\n');
    }
    let mut response = Response::new(text.into());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(at(&reading, response))
}

/// A state whose audit has reached this line. One that nobody has is of before a restore: others have its number now.
async fn reached(member: &Member, since: u64) -> Result<Reading, Problem> {
    let mut reading = member.stale();
    if since > query::audit_end(&reading.view)?.lines {
        reading = member.strong().await?;
    }
    let last = query::audit_end(&reading.view)?.lines;
    if since <= last {
        return Ok(reading);
    }
    let why = format_args!("line {since} is not written, the last is {last}: export anew");
    Err(Problem::new(Code::FutureRevision, why).with("line", last))
}

/// Holds if the caller's last line is the one before these. After a restore another line has its number.
fn continues(
    view: &dyn View,
    next: Option<&AuditLine>,
    (since, has): (u64, Digest),
) -> Result<(), Problem> {
    let end = query::audit_end(view)?;
    let (before, prev) = next.map_or((end.lines, end.digest), |line| (line.seq - 1, line.prev));
    if before > since {
        let why = format_args!("the lines after {since} up to {before} are forgotten");
        return Err(Problem::new(Code::Compacted, why).with("line", before));
    }
    if prev == has {
        return Ok(());
    }
    let why = format_args!("line {since} of this history has the digest {prev}: export anew");
    Err(Problem::new(Code::FutureRevision, why).with("line", end.lines))
}

pub(super) async fn truncate(State(member): Shared, caller: Caller, request: Request) -> Answered {
    caller.call()?.principal.require(&[Role::Operator])?;
    let body = json_body(request).await?;
    let truncation: Truncation =
        serde_json::from_slice(&body).map_err(|why| Problem::argument("body", why))?;
    member
        .write_command(Command::Log(LogCommand::TruncateAudit(TruncateAudit {
            through: truncation.through,
        })))
        .await?;
    Ok(json(StatusCode::OK, &json!({ "through": truncation.through })))
}

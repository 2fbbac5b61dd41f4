//! The changes after a revision, with patience.
//!
//! It decides how long a caller may wait. Deletions are changes like others.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use deploy_service::units::Duration;
use http::{HeaderMap, StatusCode};
use registry_api::{Code, Problem, render};
use registry_core::entry::ChangeEvent;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::grpc::{Cursor, await_changes};

use super::parameter::{Parameter, UNKEPT};
use super::route::{Access, Route};
use super::{Answered, Shared, caller, json, parameters, schemas};

/// The longest that proxies are commonly set to wait.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// Changes of one answer at most, and by default.
const LIMIT: usize = 256;

static SINCE: Parameter = Parameter::query(
    "since",
    "The last revision that was seen; 0 for the beginning.",
    r#"{"type":"integer","minimum":0,"default":0}"#,
);

static WAIT: Parameter = Parameter::query(
    "wait",
    "How long to wait for a first change, with its unit; at most 60s.",
    r#"{"type":"string","pattern":"^[0-9]{1,5}(us|ms|s)$","examples":["30s"]}"#,
);

static KINDS: Parameter = Parameter::query(
    "kinds",
    "Only these kinds, separated by commas: peer, record, card, agent, gateway, node, task, \
     envelope. The last four need a credential.",
    r#"{"type":"string","examples":["peer,record"]}"#,
);

static LIMIT_OF_PAGE: Parameter = Parameter::query(
    "limit",
    "Changes of one answer.",
    r#"{"type":"integer","minimum":1,"maximum":256,"default":256}"#,
);

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/v1/changes", changes)
            .is("listChanges", "changes", "Changes after a revision, in order, deletions included.")
            .access(Access::Optional)
            .takes(&[&SINCE, &WAIT, &KINDS, &LIMIT_OF_PAGE])
            .gives(200, "What has changed.", &schemas::CHANGES, UNKEPT)
            .refuses(&[Code::TooManyStreams]),
    ]
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    #[serde(default)]
    since: u64,
    wait: Option<Duration>,
    /// Separated by commas.
    kinds: Option<String>,
    limit: Option<usize>,
}

/// `next` is where to go on; it moves past changes that the caller did not ask for.
pub(super) async fn changes(
    State(member): Shared,
    query: Result<Query<Asked>, QueryRejection>,
    headers: HeaderMap,
) -> Answered {
    let caller = caller(&member, &headers).await?;
    let asked = parameters(query)?;
    let wait = asked.wait.unwrap_or(Duration::from_secs(0));
    if wait > WAIT_MAX {
        return Err(Problem::argument("wait", format_args!("at most {WAIT_MAX}")).into());
    }
    let limit = asked.limit.unwrap_or(LIMIT);
    if !(1..=LIMIT).contains(&limit) {
        return Err(Problem::argument("limit", format_args!("1 to {LIMIT}")).into());
    }
    let kinds: Vec<String> =
        asked.kinds.iter().flat_map(|kinds| kinds.split(',')).map(Into::into).collect();
    let mut cursor = Cursor::new(&caller, asked.since, &kinds)?;
    let _seat = member.wait_seat()?;
    let until = Instant::now() + wait.std();
    let page = await_changes(&member, &mut cursor, limit, until).await?;
    let changes: Vec<Value> = page.iter().map(line).collect();
    Ok(json(StatusCode::OK, &json!({ "changes": changes, "next": cursor.since.0 })))
}

fn line(change: &ChangeEvent) -> Value {
    json!({
        "revision": change.revision.0,
        "atMs": change.at.0,
        "kind": render::directory::kind_name(change.kind),
        "id": change.id,
        "deleted": change.deleted,
    })
}

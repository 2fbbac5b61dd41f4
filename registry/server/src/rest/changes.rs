//! The changes after a revision as JSON: with patience (long poll), or as a stream of events. Deletions are changes like
//! others.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, Request, State};
use deploy_service::units::Duration;
use http::header::ACCEPT;
use http::{HeaderMap, StatusCode};
use registry_api::{Code, Problem};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::allowance::Account;
use crate::call::Caller;
use crate::cursor;
use crate::follow::{self, Cursor, await_changes};
use crate::holder::Place;
use crate::member::Member;

use super::parameter::{Parameter, UNKEPT};
use super::route::{Access, Content, Route};
use super::{Answered, Shared, events, json, parameters, schemas};

/// The longest that proxies are commonly set to wait.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// An answer waits for this long until its source can pay for what was read. Arbitrary.
const PAID_WITHIN: std::time::Duration = std::time::Duration::from_secs(5);

/// Changes of one answer at most, and by default.
const LIMIT: usize = 256;

static SINCE: Parameter = Parameter::query(
    "since",
    "The last revision that was seen; 0 for the beginning. It is of one cluster epoch (`ecumene-epoch`): after a restore every revision is above those of before, and a cursor of before is answered 410.",
    r#"{"type":"integer","minimum":0,"maximum":9007199254740991,"default":0}"#,
);

static WAIT: Parameter = Parameter::query(
    "wait",
    "How long to wait for a first change, with its unit; at most 60s. Not for a stream of events.",
    r#"{"type":"string","pattern":"^[0-9]{1,4}ms$|^[0-5]?[0-9]s$|^60s$","examples":["10ms"]}"#,
);

static KINDS: Parameter = Parameter::query(
    "kinds",
    "Only these kinds, separated by commas: peer, record, card, agent, namespace, liveness, gateway, \
     node, task, envelope, policy, reputation. All but the first six need a credential, the last the operator's.",
    r#"{"type":"string","pattern":"^[a-z]+(,[a-z]+){0,15}$","examples":["peer,record"]}"#,
);

static PREFIX: Parameter = Parameter::query(
    "prefix",
    "Only changes of entries whose id begins so.",
    r#"{"type":"string","minLength":1,"maxLength":512,"pattern":"^[!-~]+$"}"#,
);

static NAMESPACE: Parameter = Parameter::query(
    "namespace",
    "Only changes of entries that are, or were, in this namespace.",
    r#"{"type":"string","minLength":1,"maxLength":63,"pattern":"^[a-z0-9-]+$"}"#,
);

static LIMIT_OF_PAGE: Parameter = Parameter::query(
    "limit",
    "Changes of one answer. Not for a stream of events.",
    r#"{"type":"integer","minimum":1,"maximum":256,"default":256}"#,
);

static LAST_EVENT_ID: Parameter = Parameter::header(
    "Last-Event-ID",
    "The id of the last event that was seen, which is a revision; it goes before `since`.",
    r#"{"type":"string","pattern":"^[0-9]{1,16}$"}"#,
);

pub(super) fn routes() -> Vec<Route> {
    let contents = [
        Content { media: "application/json", schema: &schemas::CHANGES },
        Content { media: events::MEDIA, schema: &schemas::TEXT },
    ];
    vec![
        Route::get("/v1/changes", changes)
            .is("listChanges", "changes", "Changes after a revision, in order, deletions included. With `Accept: text/event-stream` they come as server-sent events, each with its revision as id; comments keep the connection alive, and a watcher that takes nothing for 10 s is cut, to resume with `Last-Event-ID`.")
            .access(Access::Optional)
            .takes(&[&SINCE, &WAIT, &KINDS, &PREFIX, &NAMESPACE, &LIMIT_OF_PAGE, &LAST_EVENT_ID])
            .answers(200, "What has changed.", &contents, UNKEPT)
            .refuses(&[Code::TooManyStreams, Code::Compacted]),
    ]
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangesQuery {
    #[serde(default)]
    since: u64,
    wait: Option<Duration>,
    /// Separated by commas.
    kinds: Option<String>,
    prefix: Option<String>,
    namespace: Option<String>,
    limit: Option<usize>,
}

impl ChangesQuery {
    fn cursor(
        &self,
        caller: &registry_api::Principal,
        since: u64,
        account: Account,
    ) -> Result<Cursor, Problem> {
        let given = |name: &str, text: &Option<String>| match text.as_deref() {
            Some("") => Err(Problem::argument(name, "it is empty")),
            text => Ok(text.unwrap_or_default().to_owned()),
        };
        let kinds = given("kinds", &self.kinds)?;
        let query = follow::WatchQuery {
            since,
            kinds: kinds.split(',').filter(|kind| !kind.is_empty()).map(Into::into).collect(),
            prefix: given("prefix", &self.prefix)?,
            namespace: given("namespace", &self.namespace)?,
        };
        Cursor::new(caller, &query, account)
    }
}

/// `next` is where to go on; it moves past changes that the caller did not ask for.
pub(super) async fn changes(
    State(member): Shared,
    query: Result<Query<ChangesQuery>, QueryRejection>,
    caller: Caller,
    request: Request,
) -> Answered {
    let (head, _) = request.into_parts();
    let call = caller.reader()?;
    let query = parameters(query)?;
    let since = events::last_id(&head.headers)?.unwrap_or(query.since);
    let cursor = query.cursor(&call.principal, since, Account::of(&head.extensions))?;
    let place = || member.wait_place(&call.principal, call.source);
    if !wants_events(&head.headers) {
        return page(&member, &query, cursor, place).await;
    }
    if query.wait.is_some() || query.limit.is_some() {
        let why = "wait and limit are not for a stream of events";
        return Err(Problem::argument("wait", why).into());
    }
    events::open(&member, cursor, place()?).await
}

/// The first change that comes until the time is over, and those that are there with it.
async fn page(
    member: &Member,
    query: &ChangesQuery,
    mut cursor: Cursor,
    place: impl FnOnce() -> Result<Place, Problem>,
) -> Answered {
    let wait = query.wait.unwrap_or(Duration::from_secs(0));
    if wait > WAIT_MAX {
        return Err(Problem::argument("wait", format_args!("at most {WAIT_MAX}")).into());
    }
    let limit = query.limit.unwrap_or(LIMIT);
    if !(1..=LIMIT).contains(&limit) {
        return Err(Problem::argument("limit", format_args!("1 to {LIMIT}")).into());
    }
    let _place = place()?;
    cursor::reached(member, cursor.since).await?;
    let until = Instant::now() + wait.std();
    let page = await_changes(member, &mut cursor, limit, until).await?;
    // What its source cannot pay for is not told: it asks for it again.
    if !cursor.settle(member, Instant::now() + PAID_WITHIN).await? {
        cursor.pay()?;
    }
    let changes: Vec<Value> = page.iter().map(events::line).collect();
    Ok(json(StatusCode::OK, &json!({ "changes": changes, "next": cursor.since.0 })))
}

/// Whether the caller takes a stream of events.
fn wants_events(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let mut medias = accepted.flat_map(|list| list.split(','));
    medias.any(|media| {
        let essence = media.split(';').next().unwrap_or_default().trim();
        essence.eq_ignore_ascii_case(events::MEDIA)
    })
}

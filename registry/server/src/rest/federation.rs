//! What other registries may take: a list of entries, and their changes. Entries that everybody may see are offered; of
//! other registries' entries only those that were agreed to travel on.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use http::StatusCode;
use proto_types::{Handle, Namespace, Origin, Revision};
use registry_api::{Code, Problem, field};
use registry_core::entry::{ChangeEvent, ChangeKind, ImportKind, Scope, Scoped};
use registry_core::query;
use registry_core::view::View;
use registry_core::viewer::{Disclosure, Viewer};
use serde::Deserialize;
use serde_json::{Value, json};

use super::parameter::{Parameter, UNKEPT};
use super::route::Route;
use super::{Answered, Shared, json as answer, parameters, schemas};
use crate::{allowance, cursor};

/// With whose eyes entries are listed: a page must not end at a handle that is hidden.
const ANYBODY: Viewer = Viewer::Anonymous;

/// Entries or changes of one page at most, and by default.
const LIMIT: usize = 256;

static KIND: Parameter = Parameter::query(
    "kind",
    "Which list: record or card.",
    r#"{"type":"string","enum":["record","card"],"default":"record"}"#,
);

static AFTER: Parameter = Parameter::query(
    "after",
    "The `nextAfter` of the page before.",
    r##"{"anyOf":[{"$ref":"#/components/schemas/Handle"},{"const":""}]}"##,
);

static SINCE: Parameter = Parameter::query(
    "since",
    "The last revision that was dealt with.",
    r#"{"type":"integer","minimum":0,"default":0}"#,
);

static LIMIT_OF_PAGE: Parameter = Parameter::query(
    "limit",
    "Entries of one page.",
    r#"{"type":"integer","minimum":1,"maximum":256,"default":256}"#,
);

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/v1/federation/entries", entries)
            .is("listOfferedEntries", "federation", "The entries that other registries may take, by handle.")
            .costs_by_page(allowance::ENTRIES, LIMIT)
            .takes(&[&KIND, &AFTER, &LIMIT_OF_PAGE])
            .gives(200, "A page.", &schemas::OFFERED, UNKEPT),
        Route::get("/v1/federation/changes", changes)
            .is("listOfferedChanges", "federation", "How the entries that other registries may take have changed after a revision. An entry without a digest is gone.")
            .costs_by_page(allowance::ENTRIES, LIMIT)
            .takes(&[&SINCE, &LIMIT_OF_PAGE])
            .gives(200, "A page.", &schemas::OFFERED, UNKEPT)
            .refuses(&[Code::Compacted]),
    ]
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Listing {
    kind: Option<String>,
    #[serde(default)]
    after: String,
    limit: Option<usize>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangesQuery {
    #[serde(default)]
    since: u64,
    limit: Option<usize>,
}

pub(super) async fn entries(
    State(member): Shared,
    query: Result<Query<Listing>, QueryRejection>,
) -> Answered {
    let query = parameters(query)?;
    let after: Option<Handle> = field::optional("after", &query.after)?;
    let limit = limit(query.limit)?;
    let reading = member.stale();
    let view = &reading.view;
    let kind = query.kind.as_deref().map(|kind| field::read("kind", kind)).transpose()?;
    let kind = kind.unwrap_or(ImportKind::Record);
    let handles = match kind {
        ImportKind::Record => query::records_listed(view, &ANYBODY, after.as_ref(), limit)?,
        ImportKind::Card => query::cards_listed(view, &ANYBODY, after.as_ref(), limit)?,
    };
    let mut offered = Vec::new();
    for handle in &handles {
        offered.extend(line(view, (kind, handle), &[])?);
    }
    let next = field::next(&handles, limit, Handle::as_str);
    let head = reading.revision.0;
    let epoch = query::cluster_epoch(view)?;
    let page = json!({ "entries": offered, "epoch": epoch, "head": head, "nextAfter": next });
    Ok(answer(StatusCode::OK, &page))
}

pub(super) async fn changes(
    State(member): Shared,
    query: Result<Query<ChangesQuery>, QueryRejection>,
) -> Answered {
    let query = parameters(query)?;
    let limit = limit(query.limit)?;
    let since = Revision(query.since);
    let reading = cursor::reached(&member, since).await?;
    let events = query::changes(&reading.view, since, limit)?;
    let next = events.last().map_or(since, |event| event.revision);
    let mut offered: Vec<Value> = Vec::new();
    for (at, event) in events.iter().enumerate() {
        let same = |other: &&ChangeEvent| (other.kind, &other.id) == (event.kind, &event.id);
        // An entry is told once, where it changed last.
        if !events[at + 1..].iter().any(|later| same(&later)) {
            let all: Vec<_> = events[..=at].iter().filter(same).collect();
            offered.extend(changed(&reading.view, event, &all)?);
        }
    }
    let head = reading.revision.0;
    let epoch = query::cluster_epoch(&reading.view)?;
    let page = json!({ "entries": offered, "epoch": epoch, "head": head, "next": next.0 });
    Ok(answer(StatusCode::OK, &page))
}

fn limit(requested: Option<usize>) -> Result<usize, Problem> {
    match requested.unwrap_or(LIMIT) {
        limit @ 1..=LIMIT => Ok(limit),
        _ => Err(Problem::argument("limit", format_args!("1 to {LIMIT}"))),
    }
}

fn changed(
    view: &dyn View,
    event: &ChangeEvent,
    all: &[&ChangeEvent],
) -> Result<Option<Value>, Problem> {
    let kind = match event.kind {
        ChangeKind::Record => ImportKind::Record,
        ChangeKind::Card => ImportKind::Card,
        _ => return Ok(None),
    };
    let handle: Handle = field::read("handle", &event.id)?;
    line(view, (kind, &handle), all)
}

/// An entry as it now is.
struct Entry {
    digest: String,
    revision: u64,
    owner: Option<Origin>,
    scope: Scope,
}

/// What is offered of an entry; with its changes also that it is gone, if it was open before one of
/// them. `None` for what is not offered.
fn line(
    view: &dyn View,
    (kind, handle): (ImportKind, &Handle),
    changes: &[&ChangeEvent],
) -> Result<Option<Value>, Problem> {
    let provenance = query::provenance(view, kind, handle)?;
    if provenance.as_ref().is_some_and(|kept| !kept.may_travel()) {
        return Ok(None);
    }
    let entry = entry(view, kind, handle)?.filter(|entry| is_open(&entry.scope));
    let mut befores = changes.iter().filter_map(|change| change.before.as_ref());
    let namespace: Namespace = match (&entry, befores.rfind(|scope| is_open(scope))) {
        (Some(entry), _) => entry.scope.namespace.clone(),
        (None, Some(scope)) => scope.namespace.clone(),
        (None, None) => return Ok(None),
    };
    let changed = changes.last().map(|change| change.revision.0);
    let mut line = shown(kind, handle, entry.as_ref(), &namespace);
    line["revision"] = entry.map(|entry| entry.revision).or(changed).into();
    if let Some(kept) = provenance {
        line["home"] = kept.home.as_str().into();
        line["homeRevision"] = kept.home_revision.into();
        line["homeEpoch"] = kept.home_epoch.into();
        line["hops"] = kept.hops.into();
        line["hopsMax"] = kept.hops_max.into();
    }
    Ok(Some(line))
}

fn shown(kind: ImportKind, handle: &Handle, entry: Option<&Entry>, namespace: &Namespace) -> Value {
    json!({
        "kind": kind.as_str(),
        "handle": handle.as_str(),
        "digest": entry.map(|entry| &entry.digest),
        "namespace": namespace.as_str(),
        "owner": entry.and_then(|entry| entry.owner.as_ref()).map(Origin::as_str),
    })
}

fn entry(view: &dyn View, kind: ImportKind, handle: &Handle) -> Result<Option<Entry>, Problem> {
    Ok(match kind {
        ImportKind::Record => query::record(view, handle)?.and_then(|record| {
            let digest = record.digest?.to_string();
            let (revision, scope) = (record.revision.0, record.scope());
            Some(Entry { digest, revision, owner: record.owner, scope })
        }),
        ImportKind::Card => query::card(view, handle)?.map(|card| {
            let (digest, revision) = (card.digest.to_string(), card.revision.0);
            let scope = card.scope();
            Entry { digest, revision, owner: card.owner, scope }
        }),
    })
}

/// Whether anybody may see all of it.
fn is_open(scope: &Scope) -> bool {
    Viewer::Anonymous.disclosure(scope) == Disclosure::Whole
}

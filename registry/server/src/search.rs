//! Searches for REST and gRPC alike: one place where a request becomes a page.
//!
//! It decides how many run at once, and that they run beside the calls that wait for the network:
//! a search may read thousands of keys. It must never search with other eyes than the caller's.

use deploy_service::Source;
use proto_wire::registry::v1 as wire;
use registry_api::{Code, Principal, Problem, decode, render};
use registry_core::search::{Bounds, CursorError, Search, SearchError};
use registry_core::view::View;
use tokio::task;

use crate::holder;
use crate::member::{Member, Reading};

/// Searches at once; more are refused. Each takes a few ms of a core, so that a full house empties
/// within a client's patience.
pub(crate) const SEARCHES_MAX: u64 = 64;

/// The page that a request asks for, and the state it was read from.
pub(crate) async fn page(
    member: &Member,
    (caller, source): (&Principal, Option<Source>),
    request: &wire::SearchAgentsRequest,
    reading: Reading,
) -> Result<(Reading, wire::SearchAgentsResponse), Problem> {
    let asked = decode::search::query(request)?;
    let of = (Code::Overloaded, "searches");
    let _place = holder::place(&member.searches, (caller, source), of)?;
    let (viewer, now) = (caller.viewer(&reading.view)?, reading.time);
    let view = reading.view.clone();
    let found = task::spawn_blocking(move || {
        let search = Search {
            query: &asked.query,
            viewer: &viewer,
            now,
            cursor: asked.cursor.as_deref(),
            limit: asked.limit,
            bounds: Bounds::default(),
        };
        answer(&search, &view, asked.explain)
    });
    let page = found.await.map_err(Problem::internal)??;
    Ok((reading, page))
}

fn answer(
    search: &Search<'_>,
    view: &dyn View,
    explain: bool,
) -> Result<wire::SearchAgentsResponse, Problem> {
    match search.run(view) {
        Ok(page) => Ok(render::search::page(&page, explain)),
        Err(SearchError::Cursor(why @ CursorError::Epoch)) => {
            Err(Problem::new(Code::FutureRevision, why))
        }
        Err(SearchError::Cursor(why)) => Err(Problem::argument("cursor", why)),
        Err(SearchError::View(error)) => Err(error.into()),
    }
}

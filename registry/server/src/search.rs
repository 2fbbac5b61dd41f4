//! Searches for REST and gRPC alike: a request becomes a page, as its caller sees it. A search may read thousands of
//! keys, so a bounded number runs at once, beside the threads of the network.

use deploy_service::{Pool, Source};
use proto_types::Shares;
use proto_wire::registry::v1 as wire;
use registry_api::decode::search::SearchRequest;
use registry_api::{Code, Principal, Problem, decode, render};
use registry_core::search::{Bounds, CursorError, Search, SearchError};
use registry_core::view::View;
use registry_core::viewer::Viewer;
use tokio::task;

use crate::holder::{self, Place, Places};
use crate::member::{Member, Reading};

/// Searches at once; more are refused. Each takes a few ms of a core, so that a full house empties
/// within a client's patience.
const SEARCHES_MAX: u64 = 64;

/// The places of searches.
pub(crate) fn places() -> Places {
    Pool::new(Shares::new(SEARCHES_MAX))
}

/// So many places for a caller's search.
fn place(
    searches: &Places,
    amount: u64,
    caller: (&Principal, Option<Source>),
) -> Result<Place, Problem> {
    holder::several(searches, amount, caller, (Code::Overloaded, "searches"))
}

/// The page that a request asks for, and the state it was read from.
pub(crate) async fn page(
    member: &Member,
    caller: (&Principal, Option<Source>),
    request: &wire::SearchAgentsRequest,
    reading: Reading,
) -> Result<(Reading, wire::SearchAgentsResponse), Problem> {
    let query = decode::search::query(request)?;
    aside(member, caller, (reading, 1), move |reading, viewer| found(&query, reading, viewer)).await
}

/// Does a caller's work beside the network's threads, in so many places of searches. They are held for as long as the
/// work goes on, also when its caller has gone.
pub(crate) async fn aside<T: Send + 'static>(
    member: &Member,
    (caller, source): (&Principal, Option<Source>),
    (reading, places): (Reading, u64),
    work: impl FnOnce(&Reading, &Viewer) -> Result<T, Problem> + Send + 'static,
) -> Result<(Reading, T), Problem> {
    let place = place(&member.searches, places, (caller, source))?;
    let viewer = caller.viewer(&reading.view)?;
    let done = task::spawn_blocking(move || {
        let _place = place;
        let done = work(&reading, &viewer)?;
        Ok::<_, Problem>((reading, done))
    });
    done.await.map_err(Problem::internal)?
}

/// The page of a search. It reads thousands of keys: not for a thread of the network.
pub(crate) fn found(
    request: &SearchRequest,
    reading: &Reading,
    viewer: &Viewer,
) -> Result<wire::SearchAgentsResponse, Problem> {
    let search = Search {
        query: &request.query,
        viewer,
        now: reading.time,
        cursor: request.cursor.as_deref(),
        limit: request.limit,
        bounds: Bounds::default(),
    };
    answer(&search, &reading.view, request.explain)
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

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use registry_api::identity::PeerCaller;

    use super::*;

    #[test]
    fn one_callers_searches_leave_room_for_anothers_and_for_the_operator() {
        let searches = places();
        let from = |text: &str| Some(Source::of(text.parse().unwrap()));
        let peer = |name: &str| {
            let origin = format!("https://{name}.example").parse().unwrap();
            Principal::Peer(PeerCaller { origin, token: None })
        };
        let search = |caller: &Principal, source| place(&searches, 1, (caller, source));
        let all_of = |caller: Principal, source| -> Vec<_> {
            std::iter::from_fn(|| search(&caller, source).ok()).take(64).collect()
        };
        let stranger = all_of(Principal::Anonymous, from("192.0.2.1"));
        assert_eq!(stranger.len(), 24, "half of what is open");
        let greedy = all_of(peer("a"), from("192.0.2.1"));
        assert_eq!(greedy.len(), 12, "a peer is none of those who come from the same address");
        let refused = search(&peer("a"), from("198.51.100.1")).unwrap_err();
        assert_eq!(refused.code(), Code::ShareReached, "another address is no other peer");
        for (caller, source) in [(peer("b"), "192.0.2.1"), (Principal::Anonymous, "192.0.2.2")] {
            assert!(search(&caller, from(source)).is_ok(), "{caller:?}");
        }
        let crowd: Vec<_> = (2..100)
            .map(|last| all_of(Principal::Anonymous, from(&format!("192.0.2.{last}"))))
            .collect();
        let held = crowd.iter().map(Vec::len).sum::<usize>() + stranger.len() + greedy.len();
        assert_eq!(held, 48, "all but the kept part");
        let refused = search(&Principal::Anonymous, from("198.51.100.2")).unwrap_err();
        assert_eq!(refused.code(), Code::Overloaded, "there is none for anybody");
        assert!(search(&Principal::Operator, from("192.0.2.1")).is_ok());
        let catalog = |caller: &Principal| place(&searches, 8, (caller, from("192.0.2.1")));
        assert!(catalog(&Principal::Anonymous).is_err() && catalog(&Principal::Operator).is_ok());
    }
}

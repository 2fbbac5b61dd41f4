//! The store of requests to be enrolled: kept, counted, and forgotten when void. The counters always equal what is
//! stored.

use proto_types::Origin;

use crate::counter::{PEER_REQUESTS as WAITING, PEER_REQUESTS_OF_HOSTS as OF_HOSTS};
use crate::draft::{Draft, Step};
use crate::index;

use super::entry::PeerRequest;
use super::table::{self, PEER_REQUESTS};

/// Requests of an origin of either kind. A stranger may claim an origin that is not its own: room for the owner beside it.
/// Arbitrary.
pub(crate) const REQUESTS_OF_ORIGIN_MAX: usize = 4;

/// Void requests forgotten with each new one: more go than come.
const SWEEP_MAX: usize = 64;

/// Has a request wait.
pub(crate) fn keep(draft: &mut Draft<'_>, request: &PeerRequest) -> Step<()> {
    for counter in counters(request) {
        let waiting = draft.count(counter)?;
        draft.set_count(counter, waiting + 1);
    }
    draft.replace(&PEER_REQUESTS, None, request);
    Ok(())
}

/// The requests of an origin, of either kind.
pub(crate) fn of_origin(draft: &Draft<'_>, origin: &Origin) -> Step<Vec<PeerRequest>> {
    let before_all = format!("{}\0", origin.as_str());
    let page = PEER_REQUESTS.list(draft.view(), Some(&before_all), 2 * REQUESTS_OF_ORIGIN_MAX)?;
    Ok(page.into_iter().filter(|request| request.candidate.origin == *origin).collect())
}

/// Has it wait no more.
pub(crate) fn forget(draft: &mut Draft<'_>, request: &PeerRequest) -> Step<()> {
    for counter in counters(request) {
        let waiting = draft.count(counter)?;
        draft.set_count(counter, waiting.saturating_sub(1));
    }
    draft.remove(&PEER_REQUESTS, request);
    Ok(())
}

/// Forgets every request of an origin: it has been let in.
pub(crate) fn forget_all(draft: &mut Draft<'_>, origin: &Origin) -> Step<()> {
    for request in of_origin(draft, origin)? {
        forget(draft, &request)?;
    }
    Ok(())
}

/// Forgets requests that nobody has decided in time, a bounded part of them. Answers whether there may be more.
pub(crate) fn sweep(draft: &mut Draft<'_>) -> Step<bool> {
    let (from, to) = table::peer_requests_void(draft.now());
    let keys = index::ids(draft.view(), (&from, &to), SWEEP_MAX)?;
    for key in &keys {
        if let Some(void) = draft.entry(&PEER_REQUESTS, key)? {
            forget(draft, &void)?;
        }
    }
    Ok(keys.len() == SWEEP_MAX)
}

/// What a request is counted under.
fn counters(request: &PeerRequest) -> impl Iterator<Item = &'static str> {
    [(WAITING, true), (OF_HOSTS, request.domain)].into_iter().filter(|row| row.1).map(|row| row.0)
}

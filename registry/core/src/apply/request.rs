//! Peers that wait to be let in.
//! Decides how many may wait and for how long; must never let one in by itself, nor let strangers
//! fill the state, nor keep an owner out for requests that proved nothing: those whose host was asked, and did not vouch
//! for them, make room.

use proto_types::{Digest, Origin};

use crate::change::{Refusal, Reply};
use crate::counter::{PEER_REQUESTS as WAITING, PEER_REQUESTS_OF_HOSTS as OF_HOSTS};
use crate::entry::{Approval, Candidate, PeerRequest, PeerStatus};
use crate::index;
use crate::table::{PEER_REQUESTS, PEERS, peer_request_key};

use super::bound::{self, DAY_MS};
use super::draft::{Draft, Outcome, Stop};
use super::peer;

/// What nobody has looked at for a week will not be looked at.
const LIFE_MS: u64 = 7 * DAY_MS;

/// Requests that wait for an operator, and as many that wait for their host: neither can fill the others' places. Each is
/// a few KiB; an operator does not read more. Arbitrary.
const REQUESTS_MAX: u64 = 1_000;

/// Requests of an origin of either kind. A stranger may claim an origin that is not its own: room for the owner beside it.
/// Arbitrary.
const REQUESTS_OF_ORIGIN_MAX: usize = 4;

/// Void requests forgotten with each new one: more go than come.
const SWEEP_MAX: usize = 64;

pub(super) fn request(draft: &mut Draft<'_>, candidate: &Candidate, domain: bool) -> Outcome {
    let origin = &candidate.origin;
    peer::check_keys(&candidate.keys)?;
    if let Some(kept) = draft.entry(&PEERS, origin.as_str())? {
        let returns = kept.status == PeerStatus::Tombstoned && !domain;
        if !returns {
            return Err(bound::conflict("peer", origin.as_str()).into());
        }
    }
    sweep(draft)?;
    let id = candidate.id();
    if draft.entry(&PEER_REQUESTS, &peer_request_key(origin, &id))?.is_some() {
        return Ok(Reply::Done(draft.revision()));
    }
    make_room(draft, origin, domain)?;
    if let Some(founding) = &candidate.founding {
        draft.require_body(&founding.body)?;
    }
    let (now, candidate) = (draft.now(), candidate.clone());
    let (expires_at, ask_at) = (now.plus_ms(LIFE_MS), domain.then_some(now));
    let request =
        PeerRequest { candidate, id, domain, requested_at: now, expires_at, ask_at, asked: 0 };
    for counter in counters(&request) {
        let waiting = draft.count(counter)?;
        draft.set_count(counter, waiting + 1);
    }
    draft.replace(&PEER_REQUESTS, None, &request);
    // A wish is no fact of the directory: watchers do not see it, so it has no revision.
    Ok(Reply::Done(draft.revision()))
}

/// Lets a request in, or forgets it.
pub(super) fn decide(
    draft: &mut Draft<'_>,
    origin: &Origin,
    id: &Digest,
    approval: Option<&Approval>,
) -> Outcome {
    let request = draft.existing(&PEER_REQUESTS, &peer_request_key(origin, id))?;
    if request.expires_at <= draft.now() {
        return Err(Refusal::Expired { expired_ms: request.expires_at.0 }.into());
    }
    match approval {
        Some(Approval::Domain(_)) if !request.domain => {
            Err(bound::invalid("approval", "the request did not ask for it").into())
        }
        Some(approval) => peer::enrol(draft, &request.candidate, approval),
        None => {
            forget(draft, &request)?;
            Ok(Reply::Done(draft.revision()))
        }
    }
}

/// Forgets every request of an origin: it has been let in.
pub(super) fn forget_all(draft: &mut Draft<'_>, origin: &Origin) -> Result<(), Stop> {
    for request in of_origin(draft, origin)? {
        forget(draft, &request)?;
    }
    Ok(())
}

/// Holds if one more of its kind may wait. Where there is no place, one that its host has not vouched for makes room.
fn make_room(draft: &mut Draft<'_>, origin: &Origin, domain: bool) -> Result<(), Stop> {
    let same = of_origin(draft, origin)?.into_iter().filter(|request| request.domain == domain);
    let same: Vec<_> = same.collect();
    if same.len() >= REQUESTS_OF_ORIGIN_MAX {
        let bound = REQUESTS_OF_ORIGIN_MAX as u64;
        let unproven = same.iter().max_by_key(|request| request.asked);
        let unproven = unproven.filter(|request| request.asked > 0);
        forget(draft, unproven.ok_or_else(|| bound::full("requests of an origin", bound))?)?;
    }
    let of_hosts = draft.count(OF_HOSTS)?;
    let waiting = if domain { of_hosts } else { draft.count(WAITING)?.saturating_sub(of_hosts) };
    if waiting >= REQUESTS_MAX {
        let unproven = if domain { unproven(draft)? } else { None };
        let full = || bound::full("requests to be enrolled", REQUESTS_MAX);
        forget(draft, &unproven.ok_or_else(full)?)?;
    }
    Ok(())
}

/// A request whose host was asked and has not vouched for it: it is asked again later only.
fn unproven(draft: &Draft<'_>) -> Result<Option<PeerRequest>, Stop> {
    let (from, to) = index::request_domains_asked(draft.now());
    let found = index::ids(draft.view(), (&from, &to), 1)?.pop();
    found.map(|key| draft.existing(&PEER_REQUESTS, &key)).transpose()
}

/// What a request is counted under.
fn counters(request: &PeerRequest) -> impl Iterator<Item = &'static str> {
    [(WAITING, true), (OF_HOSTS, request.domain)].into_iter().filter(|row| row.1).map(|row| row.0)
}

fn of_origin(draft: &Draft<'_>, origin: &Origin) -> Result<Vec<PeerRequest>, Stop> {
    let before_all = format!("{}\0", origin.as_str());
    let page = PEER_REQUESTS.list(draft.view(), Some(&before_all), 2 * REQUESTS_OF_ORIGIN_MAX)?;
    Ok(page.into_iter().filter(|request| request.candidate.origin == *origin).collect())
}

fn forget(draft: &mut Draft<'_>, request: &PeerRequest) -> Result<(), Stop> {
    for counter in counters(request) {
        let waiting = draft.count(counter)?;
        draft.set_count(counter, waiting.saturating_sub(1));
    }
    draft.remove(&PEER_REQUESTS, request);
    Ok(())
}

/// Forgets requests that nobody has decided in time.
pub(super) fn sweep(draft: &mut Draft<'_>) -> Result<(), Stop> {
    let (from, to) = index::peer_requests_void(draft.now());
    for key in index::ids(draft.view(), (&from, &to), SWEEP_MAX)? {
        if let Some(void) = draft.entry(&PEER_REQUESTS, &key)? {
            forget(draft, &void)?;
        }
    }
    Ok(())
}

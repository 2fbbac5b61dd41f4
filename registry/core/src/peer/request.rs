//! Requests to be enrolled: how many may wait, and for how long. A request never lets a peer in by itself.
//!
//! Strangers can neither fill the state nor keep an owner out. When there is no room, a request goes whose host was asked
//! and did not vouch, or one of the source that has the most; of one origin, where no source has more, the oldest.

use std::collections::BTreeMap;

use proto_types::{Digest, WallMs};

use crate::bound::{self, DAY_MS};
use crate::change::{Refusal, Reply};
use crate::counter::{PEER_REQUESTS as WAITING, PEER_REQUESTS_OF_HOSTS as OF_HOSTS};
use crate::draft::{Draft, Outcome, Step};
use crate::index;

use super::command::{DecideEnrolment, RequestEnrolment};
use super::enrol;
use super::entry::{Approval, PeerRequest, PeerStatus};
use super::table::{self, PEER_REQUESTS, PEERS, peer_request_key};
use super::waiting::{self, REQUESTS_OF_ORIGIN_MAX};

/// What nobody has looked at for a week will not be looked at.
const LIFE_MS: u64 = 7 * DAY_MS;

/// Requests that wait for an operator, and as many that wait for their host: neither can fill the others' places. Each is
/// a few KiB; an operator does not read more. Arbitrary.
const REQUESTS_MAX: u64 = 1_000;

/// An address or the network that it belongs to, in its text form.
const SOURCE_BYTES_MAX: usize = 64;

pub(crate) fn request(draft: &mut Draft<'_>, command: &RequestEnrolment) -> Outcome {
    let RequestEnrolment { candidate, domain, source } = command;
    if let Some(source) = source {
        bound::text("source", source, SOURCE_BYTES_MAX)?;
    }
    let origin = &candidate.origin;
    enrol::check_keys(&candidate.keys)?;
    if let Some(kept) = draft.entry(&PEERS, origin.as_str())? {
        let returns = kept.status == PeerStatus::Tombstoned && !*domain;
        if !returns {
            return Err(bound::conflict("peer", origin.as_str()).into());
        }
    }
    waiting::sweep(draft)?;
    let id = candidate.id();
    if draft.entry(&PEER_REQUESTS, &peer_request_key(origin, &id))?.is_some() {
        return Ok(Reply::Done(draft.revision()));
    }
    let request = requested(draft.now(), command, id);
    make_room(draft, &request)?;
    if let Some(founding) = &candidate.founding {
        draft.require_body(&founding.body)?;
    }
    waiting::keep(draft, &request)?;
    // A request is no fact of the directory: watchers do not see it, so it has no revision.
    Ok(Reply::Done(draft.revision()))
}

fn requested(now: WallMs, command: &RequestEnrolment, id: Digest) -> PeerRequest {
    let RequestEnrolment { candidate, domain, source } = command.clone();
    PeerRequest {
        candidate,
        id,
        domain,
        requested_at: now,
        expires_at: now.plus_ms(LIFE_MS),
        ask_at: domain.then_some(now),
        asked: 0,
        source,
    }
}

/// Lets a request in, or forgets it.
pub(crate) fn decide(draft: &mut Draft<'_>, command: &DecideEnrolment) -> Outcome {
    let key = peer_request_key(&command.origin, &command.id);
    let request = draft.existing(&PEER_REQUESTS, &key)?;
    if request.expires_at <= draft.now() {
        return Err(Refusal::Expired { expired_ms: request.expires_at.0 }.into());
    }
    match &command.approval {
        Some(Approval::Domain(_)) if !request.domain => {
            Err(bound::invalid("approval", "the request did not ask for it").into())
        }
        Some(approval) => enrol::enrol(draft, &request.candidate, approval),
        None => {
            waiting::forget(draft, &request)?;
            Ok(Reply::Done(draft.revision()))
        }
    }
}

/// Holds if one more of its kind may wait. Where there is no place, one that its host has not vouched for makes room, or
/// the newest one of the source that has the most.
fn make_room(draft: &mut Draft<'_>, newcomer: &PeerRequest) -> Step<()> {
    let domain = newcomer.domain;
    let same = waiting::of_origin(draft, &newcomer.candidate.origin)?.into_iter();
    let same: Vec<_> = same.filter(|request| request.domain == domain).collect();
    if same.len() >= REQUESTS_OF_ORIGIN_MAX {
        let full = || bound::full("requests of an origin", REQUESTS_OF_ORIGIN_MAX as u64);
        waiting::forget(draft, &weakest(same, newcomer).ok_or_else(full)?)?;
    }
    let of_hosts = draft.count(OF_HOSTS)?;
    let places = if domain { of_hosts } else { draft.count(WAITING)?.saturating_sub(of_hosts) };
    if places >= REQUESTS_MAX {
        let full = || bound::full("requests to be enrolled", REQUESTS_MAX);
        let weakest = weakest_of_all(draft, newcomer)?.ok_or_else(full)?;
        waiting::forget(draft, &weakest)?;
    }
    Ok(())
}

/// Which of the requests of one origin makes room: of the source that has the most, or one whose host was asked and did not
/// vouch. Where each source has one, and no host is ever asked, the oldest does: a few addresses would keep the owner out
/// for a week.
fn weakest(mut same: Vec<PeerRequest>, newcomer: &PeerRequest) -> Option<PeerRequest> {
    same.sort_by_key(|request| (request.asked, request.requested_at));
    let source = newcomer.source.as_deref();
    let known = || same.iter().filter_map(|request| Some((request.source.as_deref()?, request)));
    if let Some(crowding) = crowding(known(), source) {
        return Some(crowding.clone());
    }
    if let Some(asked) = same.iter().rfind(|request| gives_way(request, &same, newcomer)) {
        return Some(asked.clone());
    }
    let is_new = source.is_some() && known().all(|(held, _)| Some(held) != source);
    let oldest = known().next().filter(|_| is_new && !newcomer.domain);
    oldest.map(|(_, request)| request.clone())
}

/// Whether a host was asked about this request in vain, and its source has more of the origin's places than the
/// newcomer's. Whoever is no more modest would take the place of the owner, whose host may answer the next time. A source
/// may always replace its own.
fn gives_way(request: &PeerRequest, same: &[PeerRequest], newcomer: &PeerRequest) -> bool {
    let held = |source: &Option<String>| same.iter().filter(|it| it.source == *source).count();
    let is_own = request.source.is_none() || request.source == newcomer.source;
    let is_fewer = newcomer.source.is_some() && held(&newcomer.source) < held(&request.source);
    request.asked > 0 && (is_own || is_fewer)
}

/// Which of all requests of a kind makes room.
fn weakest_of_all(draft: &Draft<'_>, newcomer: &PeerRequest) -> Step<Option<PeerRequest>> {
    let unproven = if newcomer.domain { unproven(draft)? } else { None };
    if unproven.is_some() {
        return Ok(unproven);
    }
    let all = usize::try_from(REQUESTS_MAX).unwrap_or(usize::MAX);
    let held = table::peer_requests_of_sources(draft.view(), newcomer.domain, all)?;
    let held = held.iter().map(|(source, key)| (source.as_str(), key));
    let key = crowding(held, newcomer.source.as_deref());
    key.map(|key| draft.existing(&PEER_REQUESTS, key)).transpose()
}

/// The last request of the source that has the most, where the newcomer's source still has fewer with one more. Of each
/// source the oldest comes first. Nobody gives way to a source that is not known.
fn crowding<'s, T>(held: impl Iterator<Item = (&'s str, T)>, newcomer: Option<&str>) -> Option<T> {
    let newcomer = newcomer?;
    let mut by_source: BTreeMap<&str, (u64, T)> = BTreeMap::new();
    for (source, newest) in held {
        let count = by_source.get(source).map_or(0, |(count, _)| *count);
        by_source.insert(source, (count + 1, newest));
    }
    let own = by_source.get(newcomer).map_or(0, |(count, _)| *count);
    let (most, newest) = by_source.into_values().max_by_key(|(count, _)| *count)?;
    (most > own + 1).then_some(newest)
}

/// A request whose host was asked and has not vouched for it: it is asked again later only.
fn unproven(draft: &Draft<'_>) -> Step<Option<PeerRequest>> {
    let (from, to) = table::request_domains_asked(draft.now());
    let found = index::ids(draft.view(), (&from, &to), 1)?.pop();
    found.map(|key| draft.existing(&PEER_REQUESTS, &key)).transpose()
}

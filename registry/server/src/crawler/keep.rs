//! The writes after a visit: a change of reachability, a newer manifest, a newer signed card. Both documents are believed
//! only with the signature of an enrolled key, as any publisher's.

use proto_types::{Digest, Handle, Origin};
use registry_api::decode::card::Terms;
use registry_api::identity::PeerCaller;
use registry_api::{Principal, Problem, decode};
use registry_core::command::{FederationCommand, Proposal, SetReachability};
use registry_core::entry::{ReachabilityEntry, Subject};
use registry_core::query;

use crate::member::Member;

use super::log;
use super::probe::{Sighting, Target};

/// How old a sighting may grow before it is confirmed in the state; the core takes no more than one
/// an hour. Six hours are 46 writes a second with a million records.
const REFRESH_MS: u64 = 6 * 60 * 60 * 1_000;

/// Writes what is new. Failures are logged: the next visit finds the same again.
pub(super) async fn keep(member: &Member, target: &Target, seen: Sighting) {
    let (class, why) = (seen.class, seen.why.to_owned());
    if is_news(member, target, &seen) {
        let (subject, prober) = (target.subject.clone(), member.registry.id());
        let command =
            FederationCommand::SetReachability(SetReachability { subject, class, prober, why })
                .into();
        settle("liveness is not noted", member.write_command(command).await.map(drop));
    }
    if let Some(document) = &seen.manifest {
        let proposal = manifest(member, &target.owner, document);
        write(member, "the manifest of a peer", proposal).await;
    }
    if let (Some(document), Subject::Record(handle)) = (&seen.card_bytes, &target.subject) {
        let proposal = card(member, handle, document, target).await;
        write(member, "the card of a record", proposal).await;
    }
}

fn is_news(member: &Member, target: &Target, seen: &Sighting) -> bool {
    let view = member.registry.view().0;
    let kept: Result<Option<ReachabilityEntry>, _> = match &target.subject {
        Subject::Record(handle) => query::reachability(&view, handle),
        Subject::Peer(origin) => query::peer_reachability(&view, origin),
    };
    let now = member.clock.now();
    let same =
        |kept: ReachabilityEntry| kept.class == seen.class && now.since(kept.seen_at) < REFRESH_MS;
    !kept.is_ok_and(|kept| kept.is_some_and(same))
}

/// A manifest of this very peer; what is kept already is no news.
fn manifest(
    member: &Member,
    origin: &Origin,
    document: &[u8],
) -> Result<Option<Proposal>, Problem> {
    let view = member.registry.view().0;
    let kept = query::peer(&view, origin)?.and_then(|peer| peer.manifest);
    if kept.is_some_and(|kept| kept.digest == Digest::of(document)) {
        return Ok(None);
    }
    decode::manifest::put(document, &view, member.clock.now()).map(Some)
}

/// A card that its owner has signed; what is kept already is no news.
async fn card(
    member: &Member,
    handle: &Handle,
    document: &[u8],
    target: &Target,
) -> Result<Option<Proposal>, Problem> {
    let view = member.registry.view().0;
    let kept = query::card(&view, handle)?;
    if kept.is_some_and(|kept| kept.digest == Digest::of(document)) {
        return Ok(None);
    }
    let terms = Terms { owner: target.owner.as_str(), visibility: "" };
    // It lies where the owner's record says that its card is: that is the owner's own word.
    let owner = Principal::Peer(PeerCaller { origin: target.owner.clone(), token: None });
    let card = decode::card::parse(&owner, handle.as_str(), document, &terms)?;
    let put = decode::card::authorize(&card, &owner, &view)?;
    let now = member.clock.now();
    let question = member.admission_policy.check(&put, card.raw(), None, now)?;
    drop(view);
    member.admission_policy.ask_policy_engine(question).await?;
    Ok(Some(put.proposal))
}

async fn write(member: &Member, what: &str, proposal: Result<Option<Proposal>, Problem>) {
    match proposal {
        Ok(None) => {}
        Ok(Some(proposal)) => settle(what, member.write(proposal).await.map(drop)),
        Err(problem) => settle(what, Err(problem)),
    }
}

/// A refusal is the far side's doing and of no interest to the operator.
fn settle(what: &str, outcome: Result<(), Problem>) {
    match outcome {
        Ok(()) => {}
        Err(problem) if problem.status() < 500 => {
            tracing::debug!(code = %problem.code(), detail = problem.detail(), "{what}: refused");
        }
        Err(problem) => log(what, &problem),
    }
}

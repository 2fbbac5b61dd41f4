//! The leader's work about peers: it asks hosts whether they vouch, and raises the alarm over manifests that have
//! expired. Only hosts of peers that are enrolled or have proven their keys are asked (attack case 24), a bounded number
//! at once.

mod domain;

use std::collections::BTreeSet;
use std::sync::Arc;

use deploy_service::units::Duration;
use futures_util::future::join_all;
use registry_api::Problem;
use registry_core::command::{Command, NoteDomain, PeerCommand};
use registry_core::query::{self, DomainsDue};
use registry_fetch::Fetcher;
use tokio::time::{MissedTickBehavior, interval};

use crate::member::Member;

use self::domain::{DomainAnswer, Subject, ask};

/// Hosts of peers, and of requests, that are asked in one pass.
const HOSTS_MAX: usize = 8;

/// Expired manifests that are told one by one; a metric counts on.
const ALARMS_MAX: usize = 1_000;

/// Looks after peers whenever this member leads, until the member stops. Without a fetcher no host
/// is asked.
pub(crate) async fn lead(member: Arc<Member>, fetcher: Option<Fetcher>, every: Duration) {
    let mut look = interval(every.std());
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut expired = BTreeSet::new();
    loop {
        tokio::select! {
            () = member.shutdown.triggered() => return,
            _ = look.tick() => {}
        }
        if !member.registry.is_leader() {
            continue;
        }
        if let Err(problem) = pass(&member, fetcher.as_ref(), &mut expired).await {
            let (code, cause) = (problem.code(), problem.cause());
            tracing::warn!(%code, cause, "a pass over the peers ended early");
        }
    }
}

async fn pass(
    member: &Member,
    fetcher: Option<&Fetcher>,
    expired: &mut BTreeSet<String>,
) -> Result<(), Problem> {
    let now = member.clock.now();
    let due = {
        let view = member.registry.view().0;
        alarm(query::expired_manifests(&view, now, ALARMS_MAX)?, expired);
        match fetcher {
            Some(_) => query::domains_due(&view, now, HOSTS_MAX)?,
            None => DomainsDue::default(),
        }
    };
    let Some(fetcher) = fetcher else { return Ok(()) };
    let subjects = due.peers.iter().map(Subject::of_peer);
    let subjects: Vec<_> = subjects.chain(due.requests.iter().map(Subject::of_request)).collect();
    let answers = join_all(subjects.iter().map(|subject| ask(fetcher, subject, now))).await;
    for (subject, answer) in subjects.into_iter().zip(answers) {
        note(member, subject, answer).await?;
    }
    Ok(())
}

async fn note(member: &Member, subject: Subject<'_>, answer: DomainAnswer) -> Result<(), Problem> {
    let proven = match answer {
        DomainAnswer::Vouched(method) => Some(method),
        DomainAnswer::Silent => None,
        DomainAnswer::NotAsked => return Ok(()),
    };
    let Subject { origin, request, .. } = subject;
    tracing::info!(%origin, ?proven, pending = request.is_some(), "a host was asked to vouch");
    let origin = origin.clone();
    let command = PeerCommand::NoteDomain(NoteDomain { origin, request, proven });
    match member.write_command(Command::Peer(command)).await {
        // The peer has changed meanwhile: it is due again, or not any more.
        Err(problem) if problem.status() < 500 => Ok(()),
        other => other.map(drop),
    }
}

/// Tells of each manifest once when it expires.
fn alarm(found: Vec<String>, known: &mut BTreeSet<String>) {
    let found: BTreeSet<_> = found.into_iter().collect();
    for origin in found.difference(known) {
        tracing::warn!(origin, "the peer's manifest has expired; the last good one is kept");
    }
    *known = found;
}

//! Reachability: while this member leads, it asks enrolled peers and the agents of owned records how they are, and keeps
//! their signed manifests and cards fresh.
//!
//! It must never ask a host because of a request that came in (attack case 24): it reads the committed state alone, and
//! only active peers, and records that an enrolled key has signed, are asked.
//!
//! `crawler/table.rs` decides who is due, `crawler/probe.rs` fetches the card and calls it harmlessly through
//! `registry-fetch`, `crawler/judge.rs` decides the class, and `crawler/keep.rs` writes what is news. Records, watches
//! and searches show it to callers that see all of the record (docs/decisions/0019-fetch-from-strangers.md).

mod judge;
mod keep;
mod probe;
mod table;

use std::sync::Arc;
use std::time::Duration;

use registry_api::Problem;
use registry_core::entry::PeerStatus;
use registry_core::query;
use registry_core::view::View;
use registry_fetch::Fetcher;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::config::Crawler as Settings;
use crate::member::Member;
use crate::random;

use self::probe::{Sighting, Target};
use self::table::Table;

/// Peers or records read in one step of the scan.
const PAGE: usize = 1_000;

/// How often it is looked who is due, at most and at least.
const TICK: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// Crawls whenever this member leads, until it stops.
pub(crate) async fn lead(member: Arc<Member>, fetcher: Fetcher, settings: Settings) {
    if !settings.enabled {
        return;
    }
    while member.until_leads(true).await {
        tokio::select! {
            _ = member.until_leads(false) => {}
            () = while_leading(&member, &fetcher, &settings) => {}
        }
    }
}

/// Never ends; dropping it ends its requests.
async fn while_leading(member: &Member, fetcher: &Fetcher, settings: &Settings) {
    let started = Instant::now();
    let now_ms = || u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let mut table = Table::new(settings, random::seed());
    let mut asking: JoinSet<(String, Sighting)> = JoinSet::new();
    let mut tick = interval((settings.every.std() / 4).clamp(TICK.0, TICK.1));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = tick.tick() => {
                if let Err(problem) = scan(member, &mut table, now_ms()) {
                    log("the crawler cannot read the state", &problem);
                }
            }
            Some(Ok((key, sighting))) = asking.join_next() => {
                if let Some(target) = table.settle(&key, &sighting, now_ms()) {
                    keep::keep(member, &target, sighting).await;
                }
            }
        }
        let room = settings.probes_max.saturating_sub(asking.len());
        for (key, target) in table.due(now_ms(), room) {
            let fetcher = fetcher.clone();
            asking.spawn(async move { (key, probe::probe(&fetcher, &target).await) });
        }
    }
}

/// One step of the walk over peers and records; it starts again at the end.
fn scan(member: &Member, table: &mut Table, now_ms: u64) -> Result<(), Problem> {
    let view = member.registry.view().0;
    if table.walk.peers {
        let page = query::peers(&view, table.walk.peer.as_ref(), PAGE)?;
        table.walk.peer = page.last().map(|peer| peer.origin.clone());
        table.walk.peers = page.len() == PAGE;
        let active = page.into_iter().filter(|peer| peer.status == PeerStatus::Active);
        active.for_each(|peer| table.offer(Target::peer(peer.origin), now_ms));
        return Ok(());
    }
    let page = query::records(&view, table.walk.record.as_ref(), PAGE)?;
    table.walk.record = page.last().map(|record| record.handle.clone());
    let whole = page.len() < PAGE;
    for record in page {
        let Some(owner) = record.owner.filter(|owner| is_active(&view, owner)) else { continue };
        table.offer(Target::record(record.handle, record.agent_card_url, owner), now_ms);
    }
    if whole {
        table.round_done();
    }
    Ok(())
}

fn is_active(view: &dyn View, origin: &proto_types::Origin) -> bool {
    let peer = query::peer(view, origin);
    peer.is_ok_and(|peer| peer.is_some_and(|peer| peer.status == PeerStatus::Active))
}

fn log(what: &str, problem: &Problem) {
    tracing::warn!(code = %problem.code(), detail = problem.detail(), cause = problem.cause(), "{what}");
}

//! The leader's work for the fleet: leases, placement, deadlines. It stops as soon as it hears that it leads no more, and
//! relies on no effect that it may have missed: a sweep finds each again.

use std::sync::Arc;
use std::time::Duration;

use registry_api::Problem;
use registry_core::change::Effect;
use tokio::sync::broadcast;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::member::Member;

use super::{Fleet, failed, keeper, placer};

/// How often everything is looked at again, at most and at least; between them a quarter lease.
const SWEEP: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// Leads the fleet whenever this member leads the cluster, until the member stops.
pub(crate) async fn lead(member: Arc<Member>) {
    let mut effects = member.registry.subscribe_effects();
    while member.until_leads(true).await {
        tokio::select! {
            goes_on = member.until_leads(false) => {
                if !goes_on {
                    break;
                }
            }
            () = while_leading(&member, &mut effects) => {}
        }
        member.fleet.end();
        tracing::info!("the fleet is led elsewhere");
    }
    member.fleet.end();
}

async fn while_leading(member: &Member, effects: &mut broadcast::Receiver<Effect>) {
    while let Err(problem) = keeper::begin(member).await {
        failed("cannot read the nodes", &problem);
        tokio::time::sleep(SWEEP.1).await;
    }
    tracing::info!("this member leads the fleet");
    let mut sweep = interval((member.fleet.ttl / 4).clamp(SWEEP.0, SWEEP.1));
    sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut looked = Instant::now();
    loop {
        let all = tokio::select! {
            _ = sweep.tick() => true,
            () = member.fleet.wake.notified() => false,
            effect = effects.recv() => note(&member.fleet, effect),
        };
        // Effects that wait already are part of this pass.
        let all = std::iter::from_fn(|| effects.try_recv().ok())
            .fold(all, |all, effect| note(&member.fleet, Ok(effect)) | all);
        hear_first(member, &mut looked);
        if let Err(problem) = pass(member, all).await {
            failed("a pass over the fleet ended early", &problem);
        }
    }
}

/// A leader that has not looked for half a lease was stopped, or its machine was: what it did not hear in that time says
/// nothing about who is there.
fn hear_first(member: &Member, looked: &mut Instant) {
    let (now, ttl) = (Instant::now(), member.fleet.ttl);
    if now - *looked > ttl / 2 {
        tracing::warn!(away = ?(now - *looked), "this member was stopped: every node has a lease to be heard");
        member.fleet.table().excuse(now + ttl);
    }
    *looked = now;
}

/// One look at the fleet: everything, or what has changed.
async fn pass(member: &Member, all: bool) -> Result<(), Problem> {
    let now = Instant::now();
    if all {
        keeper::expire_leases(member, now).await?;
        keeper::expire_tasks(member).await?;
        keeper::settle_states(member).await?;
    }
    placer::place(member).await?;
    let touched = member.fleet.take_touched();
    let nodes = match all {
        true => member.fleet.table().all().map(|(node, _)| node.clone()).collect(),
        false => touched,
    };
    placer::tell(member, &nodes, now)
}

/// Notes whom an effect concerns; true if effects were lost and everything must be looked at.
fn note(fleet: &Fleet, effect: Result<Effect, broadcast::error::RecvError>) -> bool {
    match effect {
        Ok(Effect::TaskAssigned(_, node, _)) => {
            fleet.touch(node);
            false
        }
        Ok(Effect::TaskCancelRequested(task, node, _)) => {
            if let Some(live) = fleet.table().live(&node) {
                live.cancel_anew(&task);
            }
            fleet.touch(node);
            false
        }
        Ok(Effect::TaskPending(_) | Effect::TaskEnded(_) | Effect::EnvelopeReady(_)) => false,
        Err(_) => true,
    }
}

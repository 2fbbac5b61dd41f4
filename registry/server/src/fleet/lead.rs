//! The leader's work for the fleet: leases, placement, deadlines. It stops as soon as it hears that it leads no more, and
//! relies on no effect that it may have missed: a sweep finds each again.

use std::sync::Arc;
use std::time::Duration;

use proto_types::NodeId;
use registry_api::Problem;
use registry_core::change::Effect;
use tokio::sync::broadcast;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::member::Member;

use super::live::Live;
use super::{Fleet, Touched, failed, keeper, orders, placer};

/// How often everything is looked at again, at most and at least; between them a quarter lease.
const SWEEP: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// How much one pass looks at; each of these includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Look {
    /// The tasks that were noted.
    Noted,
    /// And those that wait, but for what no node could run: a slot is free, or there is one more.
    Waiting,
    /// And what no node could run: the nodes have changed.
    Nodes,
    /// All.
    All,
}

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
        let look = tokio::select! {
            _ = sweep.tick() => Look::All,
            () = member.fleet.wake.notified() => Look::Nodes,
            () = member.fleet.orders_due.notified() => Look::Noted,
            effect = effects.recv() => note(&member.fleet, effect),
        };
        // Effects that wait already are part of this pass.
        let look = std::iter::from_fn(|| effects.try_recv().ok())
            .fold(look, |look, effect| look.max(note(&member.fleet, Ok(effect))));
        hear_first(member, &mut looked);
        if let Err(problem) = pass(member, look).await {
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

/// One look at the fleet. What is committed is told before anything else is: that waits for the log.
async fn pass(member: &Member, look: Look) -> Result<(), Problem> {
    let now = Instant::now();
    if look == Look::All {
        member.fleet.picks().forget();
        keeper::expire_leases(member, now).await?;
        keeper::expire_tasks(member).await?;
        keeper::settle_states(member).await?;
    }
    let mut touched = member.fleet.take_touched();
    if look == Look::All {
        let whole = |(node, _): (&NodeId, &Live)| (node.clone(), Touched::Whole);
        touched = member.fleet.table().all().map(whole).collect();
    }
    orders::tell(member, touched, now)?;
    if look >= Look::Waiting {
        placer::place(member, look >= Look::Nodes).await?;
    }
    Ok(())
}

/// Notes whom an effect concerns, and what has to be looked at for it; everything if effects were lost.
fn note(fleet: &Fleet, effect: Result<Effect, broadcast::error::RecvError>) -> Look {
    match effect {
        Ok(Effect::TaskAssigned(task, node, _)) => {
            fleet.touch_task(node, task);
            Look::Noted
        }
        Ok(Effect::TaskCancelRequested(task, node, _)) => {
            if let Some(live) = fleet.table().live(&node) {
                live.cancel_anew(&task);
            }
            fleet.touch_task(node, task);
            Look::Noted
        }
        Ok(Effect::TaskPending(_) | Effect::TaskEnded(_)) => Look::Waiting,
        Ok(Effect::EnvelopeReady(_)) => Look::Noted,
        Err(_) => Look::All,
    }
}

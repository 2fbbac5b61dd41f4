//! The leader's housekeeping: it has the core forget what is older than retention keeps, and ends changes of the cluster
//! that a former leader left half-done.

use std::sync::Arc;

use deploy_service::wait_until;
use proto_types::WallMs;
use registry_api::Problem;
use registry_core::change::Reply;
use registry_core::command::{Command, Compact};
use registry_core::query;
use registry_raft::ChangeError;
use tokio::time::{MissedTickBehavior, interval};

use crate::config::Retention;
use crate::member::{Member, unexpected};

/// Commands of one round; what is left over waits for the next.
const STEPS_MAX: usize = 64;

/// Runs until the member stops.
pub(crate) async fn keep(member: Arc<Member>, retention: Retention) {
    let mut ticks = interval(retention.every.std());
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (id, mut leadership) = (member.registry.id(), member.registry.leadership());
    let mut leads = false;
    loop {
        tokio::select! {
            () = member.shutdown.triggered() => return,
            _ = ticks.tick() => {}
            // A leader begins with it: the first entry of a cluster epoch says when it began.
            Ok(now) = wait_until(&mut leadership, |now| (now.leader == Some(id)) != leads) => {
                leads = now.leader == Some(id);
            }
        }
        if member.registry.is_leader() {
            round(&member, &retention).await;
        }
    }
}

async fn round(member: &Member, retention: &Retention) {
    match member.registry.settle().await {
        Ok(()) | Err(ChangeError::InProgress | ChangeError::NotLeader { .. }) => {}
        Err(error) => tracing::warn!(%error, "a change of the cluster stays unfinished"),
    }
    if let Err(problem) = forget(member, retention).await {
        let (code, detail) = (problem.code(), problem.detail());
        tracing::warn!(%code, detail, cause = problem.cause(), "nothing was forgotten");
    }
}

async fn forget(member: &Member, retention: &Retention) -> Result<(), Problem> {
    for _ in 0..STEPS_MAX {
        let Some(command) = due(member, retention)? else { return Ok(()) };
        match member.write_command(command).await? {
            Reply::Compacted { more: true, .. } => {}
            Reply::Compacted { compacted, more: false } => {
                tracing::debug!(%compacted, "what is past was forgotten");
                return Ok(());
            }
            other => return Err(unexpected(&other)),
        }
    }
    Ok(())
}

/// The command that forgets what is too old; `None` on a state that holds nothing yet.
fn due(member: &Member, retention: &Retention) -> Result<Option<Command>, Problem> {
    let view = member.registry.view().0;
    let (now, newest) = (query::clock(&view)?, query::revision(&view)?);
    if newest.0 == 0 {
        return Ok(None);
    }
    // The state's own time: a leader whose clock runs ahead must not forget too early.
    let before = |kept: std::time::Duration| -> WallMs {
        now.minus_ms(u64::try_from(kept.as_millis()).unwrap_or(u64::MAX))
    };
    let changes_through = query::revision_at(&view, before(retention.changes.std()))?;
    Ok(Some(Command::Compact(Compact {
        changes_through,
        tasks_until: before(retention.tasks.std()),
    })))
}

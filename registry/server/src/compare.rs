//! The comparison of a follower's state with the leader's, by the digests that `registry-raft` rolls on with each entry
//! (`machine/marks.rs`). A member whose state differs is not ready and gives no strong answer; one that lags is not taken
//! for one that differs.

use std::sync::Arc;
use std::time::Duration;

use deploy_service::Readiness;
use registry_raft::{Compared, StateMark};

use crate::member::Member;

/// From one comparison to the next: a call of a few bytes to the leader. Arbitrary.
const EVERY: Duration = Duration::from_secs(2);

/// Compares until the process is told to stop.
pub(crate) async fn run(member: Arc<Member>, readiness: Readiness) {
    let same = readiness.condition("state");
    same.set(true);
    let mut tick = tokio::time::interval(EVERY);
    loop {
        tokio::select! {
            () = member.shutdown.triggered() => return,
            _ = tick.tick() => {}
        }
        let Some(leader) = leaders_mark(&member).await else { continue };
        let before = member.registry.diverged().is_some();
        if member.registry.compare(&leader) == Compared::Differs && !before {
            let why = member.registry.diverged().unwrap_or_default();
            tracing::error!(why, "this member's state is not the leader's; rebuild the member");
        }
        same.set(member.registry.diverged().is_none());
    }
}

async fn leaders_mark(member: &Member) -> Option<StateMark> {
    let (id, url) = member.registry.leader()?;
    if id == member.registry.id() {
        return None;
    }
    member.line.mark(&url).await
}

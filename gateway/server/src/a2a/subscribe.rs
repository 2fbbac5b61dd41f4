//! SubscribeToTask: who has lost the stream of a task, or was never told of one, follows it from where it stands.
//!
//! Decides that a task which has ended is followed no more (A2A 1.0, section 3.1.6), while one that waits for its caller is, and
//! when its node is asked to push its events here too. Who goes on after an event (docs/extensions.md) hears of the end, too. Must never depend on that, nor wait for it: a node that pushes nothing
//! makes events late, and loses none of the outcome.

use std::sync::Arc;

use gateway_core::extensions::{Numbering, Position, Rest};
use gateway_core::params::Named;
use gateway_core::{CallError, Caller, Failure};
use proto_types::TaskId;
use proto_types::task::ASSIGNED;
use proto_wire::registry::v1 as wire;
use tokio::task::JoinSet;

use crate::agents::Agent;
use crate::gateway::Gateway;
use crate::secrets;

use super::send::{Submitted, bytes_of};
use super::task::{find, view};

/// How a node is asked for the events of a task, under each of its lease epochs once.
pub(super) struct Subscription {
    request: wire::FollowTaskRequest,
    /// The epoch that it was asked under last; 0 is none.
    epoch: u64,
    /// While it is asked: under which epoch it was, or 0 if it did not come to that.
    asking: JoinSet<u64>,
}

impl Subscription {
    pub(super) fn new(gateway: &Gateway, caller: &Caller, id: &TaskId, secret: String) -> Self {
        let (id, owner) = (id.as_str().to_owned(), caller.as_str().to_owned());
        let reply_to = Some(gateway.reply_to(secret));
        let request = wire::FollowTaskRequest { id, owner, reply_to, after: None };
        Self { request, epoch: 0, asking: JoinSet::new() }
    }

    /// Begins to ask the node that runs the task, unless it was asked, for the events after `at` if they are numbered. To be
    /// called whenever the task was looked at: what failed is tried again then.
    pub(super) fn renew(
        &mut self,
        gateway: &Arc<Gateway>,
        task: &wire::Task,
        at: Option<Position>,
    ) {
        while let Some(asked) = self.asking.try_join_next() {
            self.epoch = asked.unwrap_or(0);
        }
        if task.state != ASSIGNED || self.epoch == task.epoch || !self.asking.is_empty() {
            return;
        }
        let after = at.map(|Position { epoch, sequence }| wire::EventPosition { epoch, sequence });
        let request = wire::FollowTaskRequest { after, ..self.request.clone() };
        let (gateway, epoch) = (Arc::clone(gateway), task.epoch);
        self.asking.spawn(async move {
            let asked = gateway.registry.follow_task(request).await.map(|_| epoch);
            asked.unwrap_or_else(|error| {
                tracing::debug!(%error, "a node is not asked for the events of a task");
                0
            })
        });
    }
}

/// A task that has not ended, and who follows it; of one that has, who goes on after an event and was not told its end.
pub(super) async fn subscribe(
    gateway: &Arc<Gateway>,
    caller: &Caller,
    (agent, named): (Option<&Agent>, &Named),
    numbering: Option<Numbering>,
) -> Result<Submitted, Failure> {
    let id = named.task.as_ref().ok_or(Failure::Call(CallError::TaskNotFound))?;
    let secret = secrets::random();
    // Before it is read: the report of a change must find who waits.
    let waiter = gateway.waiting.open(id, secret.clone(), caller.owner())?;
    let found = find(gateway, caller, agent, Some(id)).await?;
    let unread = waiter.room.take(bytes_of(&found))?;
    let (task, epoch) = (view(&found)?, found.epoch);
    let goes_on = numbering.filter(|numbering| numbering.after.is_some());
    let rest = goes_on.map_or(Rest::Nothing, |numbering| numbering.rest(epoch, task.state));
    if task.state.is_terminal() && rest == Rest::Nothing {
        return Err(Failure::Call(CallError::TaskEnded));
    }
    let mut subscription = Subscription::new(gateway, caller, id, secret);
    subscription.renew(gateway, &found, numbering.map(|it| it.start(epoch, task.state)));
    Ok(Submitted::before((task, epoch), waiter, unread, subscription))
}

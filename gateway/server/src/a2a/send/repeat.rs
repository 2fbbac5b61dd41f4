//! SendMessage of who asks for the same task whenever the same message is sent (docs/extensions.md).
//!
//! Decides what of a task that may have been there is looked at before it is told. Must never cancel a task because its caller
//! has left: that will send its message again.

use std::sync::Arc;

use gateway_core::extensions::Numbering;
use gateway_core::params::Send;
use gateway_core::{Caller, Failure};
use proto_wire::registry::v1 as wire;

use crate::a2a::binding::Binding;
use crate::a2a::place::repeatable;
use crate::a2a::submit::begin_once;
use crate::a2a::subscribe::Subscription;
use crate::agents::Agent;
use crate::gateway::Gateway;

use super::{Ready, Submitted, bytes_of};

/// Submits a message as the task that it begins, or has begun if it was sent before; its token is spent. Nobody's leaving ends
/// the task: who has lost the answer sends the message again.
pub(in crate::a2a) async fn begin_or_find(
    gateway: &Arc<Gateway>,
    (caller, agent): (&Caller, &Agent),
    send: Send,
    (stream, numbering): (Option<&Binding>, Option<Numbering>),
) -> Result<Submitted, Failure> {
    let place = repeatable((caller, agent), &send);
    let id = place.task.clone();
    let (message, ready) = Ready::prepare(gateway, (caller, agent), send, place, stream)?;
    // Its messages may be others by now.
    let message = wire::SubmitTaskRequest { omit_input: false, ..message };
    let secret = message.reply_to.as_ref().map(|to| to.secret.clone());
    let task = begin_once(gateway, caller, (&id, message)).await?;
    let mut subscription = secret.map(|secret| Subscription::new(gateway, caller, &id, secret));
    let submitted = ready.found(&task)?;
    let at = numbering.map(|numbering| numbering.start(submitted.epoch, submitted.task.state));
    // A node that pushes its events here already, because the task began here, does no more.
    if let Some(subscription) = &mut subscription {
        subscription.renew(gateway, &task, at);
    }
    Ok(Submitted { subscription, ..submitted })
}

impl Ready {
    /// The same of a task that may have gone on since, and ended: all of it counts that a stream tells first.
    fn found(mut self, task: &wire::Task) -> Result<Submitted, Failure> {
        if self.unread.take().is_some() {
            self.unread = Some(self.waiter.room.take(bytes_of(task))?);
        }
        self.with(task)
    }
}

//! The beginning of a stream: what its caller is told first, and what it has already.
//!
//! Decides whether the task is told before anything that comes of it. Must never leave it out for who lacks something.

use std::sync::Arc;
use std::time::Duration;

use axum::response::Response;
use futures_util::stream;
use gateway_core::extensions::{Numbering, Rest};
use gateway_core::{Caller, Failure};
use proto_types::a2a::StreamResponse;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::a2a::binding::Binding;
use crate::a2a::follow::Pace;
use crate::a2a::frames::{Frame, Frames};
use crate::a2a::numbered::Numbered;
use crate::a2a::send::Submitted;
use crate::a2a::told::ToldArtifacts;
use crate::gateway::Gateway;

use super::Follow;

/// An agent that answers with a message does it at once: for so long the task is not told, because a stream holds one or
/// the other. Any event of the agent, and any end but a message, tells the task before.
const MESSAGE_WAIT: Duration = Duration::from_millis(500);

/// The answer to a caller that follows a task, with ids if it wants them.
pub(in crate::a2a) fn answer(
    gateway: &Arc<Gateway>,
    caller: &Caller,
    (binding, numbering): (Binding, Option<Numbering>),
    submitted: Submitted,
) -> Result<Response, Failure> {
    let follow = begin((gateway, caller), (&binding, numbering), submitted)?;
    let frames = stream::unfold(follow, |mut follow| async move {
        follow.next().await.map(|frame| (frame, follow))
    });
    Ok(binding.stream(frames))
}

/// Follows a task from where its caller has it.
fn begin(
    (gateway, caller): (&Arc<Gateway>, &Caller),
    (binding, numbering): (&Binding, Option<Numbering>),
    mut submitted: Submitted,
) -> Result<Follow, Failure> {
    let (rest, epoch) = (submitted.rest(numbering), submitted.epoch);
    // Who subscribes to a task that waits for its caller is told this turn, and follows the one that comes next.
    let is_subscribed = submitted.is_subscribed;
    let waits = is_subscribed && rest != Rest::End && submitted.task.state.is_interrupted();
    let known = waits.then(|| ToldArtifacts::all(&submitted.task.outcome.artifacts));
    let ended = match rest {
        Rest::End => submitted.unread.take().map(|unread| (submitted.task.clone(), unread)),
        _ => None,
    };
    let mut follow = Follow::new((gateway, caller), (binding.clone(), numbering), submitted)?;
    if let Some(told) = known {
        follow.over = false;
        follow.turn += 1;
        follow.told = told;
    }
    if let Some((task, unread)) = ended {
        follow.tell_end((&task, Some(epoch)), unread);
    }
    // What was there before its caller asked for it is told first of all.
    if follow.over || is_subscribed {
        follow.open();
    }
    Ok(follow)
}

/// What a stream tells first, unless its caller has it; and the numbers of its events, if they have any.
fn first(
    binding: &Binding,
    numbering: Option<Numbering>,
    of: &mut Submitted,
) -> Result<(Option<Frame>, Option<Numbered>), Failure> {
    let start = numbering.map(|numbering| numbering.start(of.epoch, of.task.state));
    let mut numbered = start.map(|at| Numbered::new(&of.task.id, at));
    let rest = of.rest(numbering);
    // Only its end is told, and what room there is counts for that.
    if rest == Rest::End {
        return Ok((None, numbered));
    }
    let field = numbered.as_ref().map_or_else(String::new, Numbered::field);
    // A message that was sent before may have been answered with one.
    let first = of.task.message().map(StreamResponse::Message);
    let first = first.unwrap_or_else(|| StreamResponse::Task(of.task.task(of.history_length)));
    let mut unsent = Some(Frame::event((binding, field.as_str()), &first, of.unread.take())?);
    if rest != Rest::Whole
        && let Some(numbered) = &mut numbered
    {
        numbered.hold(unsent.take());
    }
    Ok((unsent, numbered))
}

impl Follow {
    fn new(
        (gateway, caller): (&Arc<Gateway>, &Caller),
        (binding, numbering): (Binding, Option<Numbering>),
        mut of: Submitted,
    ) -> Result<Self, Failure> {
        let (unsent, numbered) = first(&binding, numbering, &mut of)?;
        let Submitted { task, waiter, unheard, subscription, .. } = of;
        let (now, mut pace) = (Instant::now(), Pace::of(gateway, &task));
        Ok(Self {
            gateway: Arc::clone(gateway),
            caller: caller.clone(),
            binding,
            waiter,
            ready: Frames::default(),
            told: ToldArtifacts::default(),
            numbered,
            ask: now + pace.pause(false),
            pace,
            lookups: JoinSet::new(),
            subscription,
            beat: now + gateway.heartbeat(),
            end: now + gateway.patience(),
            over: task.is_over(),
            turn: task.turns.len(),
            open_at: now + MESSAGE_WAIT,
            unsent,
            unheard,
            task: task.bare(),
        })
    }
}

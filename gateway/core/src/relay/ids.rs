//! The ids of a call and of its answer: the caller's on one side, the upstream's on the other.
//!
//! Decides where ids stand. Must never let one pass as it is: an id of the upstream means nothing to a caller, and one of
//! another caller's nothing to the upstream. The ids of messages stay: whoever speaks chooses them, and they open nothing.

use proto_types::a2a::{Message, SendMessageResponse, StreamResponse, Task, TaskStatus};

use super::{Answered, Outgoing};
use crate::sealed::{Sealer, TooLong};
use crate::upstream::ReplicaTag;

/// The call names a task that its caller was never told of at this agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the caller knows no such task of this agent")]
pub struct UnknownTask;

/// A call with the ids that the upstream knows, and the replica that has made the task that the call names: it is to be
/// asked, and its answer is to be sealed with this tag, whichever replica has given it, so that the task keeps its id.
///
/// # Errors
/// See [`UnknownTask`].
pub fn sealed_in(
    sealer: &Sealer,
    mut outgoing: Outgoing,
) -> Result<(Outgoing, Option<ReplicaTag>), UnknownTask> {
    let made_by = match &mut outgoing {
        Outgoing::Send(request) | Outgoing::Stream(request) => {
            message_in(sealer, &mut request.message)?
        }
        Outgoing::Get(request) => Some(task_in(sealer, &mut request.id)?),
        Outgoing::Cancel(request) => Some(task_in(sealer, &mut request.id)?),
        Outgoing::Subscribe(request) => Some(task_in(sealer, &mut request.id)?),
        Outgoing::List(request) => {
            request.context_id = request.context_id.as_deref().map(|id| sealer.context_in(id));
            None
        }
    };
    Ok((outgoing, made_by))
}

/// An answer with the ids that the caller knows.
///
/// # Errors
/// An id of the upstream is too long.
pub fn sealed_out(
    sealer: &Sealer,
    replica: ReplicaTag,
    mut answered: Answered,
) -> Result<Answered, TooLong> {
    let out = Out { sealer, replica };
    match &mut answered {
        Answered::Message(SendMessageResponse::Message(message)) => out.message(message)?,
        Answered::Message(SendMessageResponse::Task(task)) | Answered::Task(task) => {
            out.task(task)?;
        }
        Answered::Tasks(page) => page.tasks.iter_mut().try_for_each(|task| out.task(task))?,
    }
    Ok(answered)
}

/// An event with the ids that the caller knows.
///
/// # Errors
/// An id of the upstream is too long.
pub fn event_sealed_out(
    sealer: &Sealer,
    replica: ReplicaTag,
    mut event: StreamResponse,
) -> Result<StreamResponse, TooLong> {
    let out = Out { sealer, replica };
    match &mut event {
        StreamResponse::Task(task) => out.task(task)?,
        StreamResponse::Message(message) => out.message(message)?,
        StreamResponse::StatusUpdate(update) => {
            out.task_id(&mut update.task_id)?;
            out.context_id(&mut update.context_id)?;
            out.status(&mut update.status)?;
        }
        StreamResponse::ArtifactUpdate(update) => {
            out.task_id(&mut update.task_id)?;
            out.context_id(&mut update.context_id)?;
        }
    }
    Ok(event)
}

fn message_in(sealer: &Sealer, message: &mut Message) -> Result<Option<ReplicaTag>, UnknownTask> {
    if let Some(context) = &mut message.context_id {
        *context = sealer.context_in(context);
    }
    for task in &mut message.reference_task_ids {
        task_in(sealer, task)?;
    }
    message.task_id.as_mut().map(|task| task_in(sealer, task)).transpose()
}

fn task_in(sealer: &Sealer, id: &mut String) -> Result<ReplicaTag, UnknownTask> {
    let (replica, own) = sealer.task_in(id).ok_or(UnknownTask)?;
    *id = own;
    Ok(replica)
}

/// What replaces the ids of one answer.
struct Out<'a> {
    sealer: &'a Sealer,
    replica: ReplicaTag,
}

impl Out<'_> {
    fn task(&self, task: &mut Task) -> Result<(), TooLong> {
        self.task_id(&mut task.id)?;
        if let Some(context) = &mut task.context_id {
            self.context_id(context)?;
        }
        self.status(&mut task.status)?;
        task.history.iter_mut().try_for_each(|message| self.message(message))
    }

    fn status(&self, status: &mut TaskStatus) -> Result<(), TooLong> {
        status.message.iter_mut().try_for_each(|message| self.message(message))
    }

    fn message(&self, message: &mut Message) -> Result<(), TooLong> {
        if let Some(context) = &mut message.context_id {
            self.context_id(context)?;
        }
        let mut named = message.task_id.iter_mut().chain(&mut message.reference_task_ids);
        named.try_for_each(|task| self.task_id(task))
    }

    fn task_id(&self, id: &mut String) -> Result<(), TooLong> {
        *id = self.sealer.task_out(self.replica, id)?;
        Ok(())
    }

    fn context_id(&self, id: &mut String) -> Result<(), TooLong> {
        *id = self.sealer.context_out(id)?;
        Ok(())
    }
}
